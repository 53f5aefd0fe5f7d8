#include "io/task_file.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"
#include "core/work.h"
#include "io/codec.h"
#include "io/job_file.h"
#include "json/task_schema.h"

namespace muster {
namespace {

std::vector<std::string> all_keys() {
  std::vector<std::string> keys = {
      "version",  "kind",     "guid",   "name",     "device",    "selector",   "devices",
      "pool",     "priority", "before", "timeouts", "retry",     "depends_on", "tags",
      "coverage", "metadata", "matrix", "array",    "each_line", "at_once",    "wait_for_capacity"};
  keys.insert(keys.end(), job_keys().begin(), job_keys().end());
  return keys;
}

const KeyTable kTask = {
    "a task", all_keys(), {"targets", "fallback", "idempotent", "secrets", "notify"}};
const KeyTable kDependency = {"a dependency", {"job", "guid", "result"}};
const KeyTable kDevice = {"a device of a task", {"name", "selector", "with"}};
const KeyTable kBefore = {"before", {"verify", "level", "repair", "repair_budget"}};
const KeyTable kTimeouts = {
    "timeouts", {"queue", "run", "silence", "grace", "finally", "deadline"}, {"io"}};
const KeyTable kRetry = {"retry", {"infra", "test", "crash_limit"}, {"elsewhere", "reverify"}};

bool is_env_name(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_part) &&
         !(name.front() >= '0' && name.front() <= '9');
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// What a document says of the tasks it depends on, before names are known to be of this file.
struct WantedDependency {
  std::string job;  // or a GUID, when no task of the file is called so
  Mark at;
  bool must_pass = true;
};

// Reads one document.
class TaskReader {
 public:
  TaskReader(const YamlNode& node, const Words& words, const FileScope& scope)
      : reader_(node, kTask, scope), scope_(scope), words_(words) {}

  std::vector<WantedDependency> take_wanted() { return std::move(wanted_); }

  bool leaves_devices() const {
    for (const char* key : {"device", "selector", "devices", "run", "shell", "steps"}) {
      if (reader_.has(key)) return false;
    }
    return task_.kind == TaskKind::job && reader_.has("source");
  }

  TaskSpec read() {
    reader_.check_header({"job", "verify"});
    task_.kind = reader_.string("kind") == "verify" ? TaskKind::verify : TaskKind::job;
    read_identity();
    read_devices();
    read_before();
    task_.pool = reader_.name("pool", "pool");
    read_priority();
    read_limits();
    task_.wait_for_capacity = reader_.boolean("wait_for_capacity", false);
    read_dependencies();
    read_metadata();
    const Work work = task_.kind == TaskKind::verify ? read_verify() : Work(read_job_work());
    if (scope_.has_errors()) return std::move(task_);
    task_.work = encode_work(work);
    if (task_.work.size() > kWorkBytesMax) {
      scope_.error(reader_.node().at, "the command and its environment are larger than " +
                                          std::to_string(kWorkBytesMax >> 10) + " KiB");
    }
    return std::move(task_);
  }

 private:
  void read_identity() {
    task_.guid = reader_.string("guid");
    if (reader_.has("guid")) {
      if (const std::optional<std::string> reason = invalid_guid(task_.guid)) {
        reader_.error("guid", *reason);
      }
    }
    task_.name = reader_.string("name");
    if (task_.name.empty()) task_.name = std::filesystem::path(scope_.file()).stem().string();
    if (const std::optional<std::string> reason = invalid_task_name(task_.name)) {
      reader_.error("name", *reason);
    }
  }

  void read_devices() {
    const int ways = reader_.has("device") + reader_.has("selector") + reader_.has("devices");
    if (ways > 1) {
      scope_.error(reader_.node().at,
                   "a task names its devices by one of \"device\", \"selector\" and \"devices\"");
    }
    if (reader_.has("device") || reader_.has("selector")) {
      task_.devices.push_back({"", reader_.name("device", "device"), reader_.selector("selector")});
    }
    if (const YamlNode* devices = read_roles()) {
      for (const YamlEntry& entry : devices->entries) read_role(entry);
      for (const YamlEntry& entry : devices->entries) check_with(entry);
    }
    if (task_.devices.size() > kDevicesPerTaskMax) {
      reader_.error("devices",
                    "a task has at most " + std::to_string(kDevicesPerTaskMax) + " devices");
    }
    if (task_.kind == TaskKind::verify && task_.devices.size() != 1) {
      scope_.error(reader_.node().at,
                   "a verify task is for one device: give \"device\" or "
                   "\"selector\"");
    }
  }

  // An empty list is the plain way to say that there are none.
  const YamlNode* read_roles() const {
    const YamlNode* devices = reader_.value("devices");
    const bool none =
        devices != nullptr && devices->kind == YamlNode::Kind::list && devices->items.empty();
    return none ? nullptr : reader_.map("devices");
  }

  void read_role(const YamlEntry& entry) {
    if (const std::optional<std::string> reason = invalid_name(entry.key, "role")) {
      scope_.error(entry.at, *reason);
    }
    const ObjectReader device(entry.value, kDevice, scope_);
    DeviceRequest request{entry.key, device.name("name", "device"), device.selector("selector"),
                          device.name("with", "role")};
    const bool is_map = entry.value.kind == YamlNode::Kind::map;
    if (is_map && !device.has("name") && !device.has("selector")) {
      scope_.error(entry.at, "role \"" + entry.key + "\" needs \"name\" or \"selector\"");
    }
    task_.devices.push_back(std::move(request));
  }

  void check_with(const YamlEntry& entry) const {
    const YamlNode* with = entry.value.find("with");
    if (with == nullptr || with->text.empty()) return;
    std::vector<std::string> others;
    for (const DeviceRequest& request : task_.devices) {
      if (request.role != entry.key) others.push_back(request.role);
    }
    if (std::find(others.begin(), others.end(), with->text) != others.end()) return;
    scope_.error(with->at, with->text == entry.key
                               ? "a device cannot be in a stack with itself"
                               : "no other device of the task has the role \"" + with->text + "\"" +
                                     suggestion(with->text, others));
  }

  void read_before() {
    if (task_.kind != TaskKind::job) {
      if (reader_.has("before")) {
        reader_.error("before", "only a job has its devices verified before it runs");
      }
      return;
    }
    const bool may_have_devices = !task_.devices.empty() || leaves_devices();
    if (may_have_devices) task_.before = usual_before();
    const YamlNode* node = reader_.map("before");
    if (node == nullptr) return;
    const ObjectReader before(*node, kBefore, scope_);
    if (!may_have_devices) {
      reader_.error("before", "is about the devices of a job, and this one has none");
    }
    task_.before.verify =
        parse_verify_first(before.choice("verify", {"fresh", "none", "always"})).value();
    task_.before.level = before.name("level", "level");
    task_.before.repair = before.choice("repair", {"auto", "never"}) == "auto";
    task_.before.repair_budget = before.duration("repair_budget", task_.before.repair_budget);
    if (task_.before.verify != VerifyFirst::none) return;
    for (const char* key : {"level", "repair", "repair_budget"}) {
      if (before.has(key) && before.string(key) != "never") {
        before.error(key, "means nothing when devices are not verified (verify: none)");
      }
    }
    task_.before = Before{};
  }

  void read_priority() {
    static const std::map<std::string, uint32_t> kWords = {
        {"low", 10}, {"medium", 50}, {"high", 90}};
    const YamlNode* priority = reader_.value("priority");
    const auto word = priority == nullptr ? kWords.end() : kWords.find(priority->text);
    task_.priority =
        word != kWords.end()
            ? word->second
            : static_cast<uint32_t>(reader_.integer("priority", {0, kPriorityMax}, task_.priority));
  }

  void read_limits() {
    if (const YamlNode* node = reader_.map("timeouts")) {
      const ObjectReader timeouts(*node, kTimeouts, scope_);
      task_.timeouts.queue = timeouts.duration("queue", task_.timeouts.queue);
      task_.timeouts.run = timeouts.duration("run", task_.timeouts.run);
      task_.timeouts.silence = timeouts.duration("silence", task_.timeouts.silence);
      task_.timeouts.grace = timeouts.duration("grace", task_.timeouts.grace);
      task_.timeouts.finally = timeouts.duration("finally", task_.timeouts.finally);
      task_.timeouts.deadline = timeouts.duration("deadline", task_.timeouts.deadline);
    }
    if (const YamlNode* node = reader_.map("retry")) {
      const ObjectReader retry(*node, kRetry, scope_);
      const IntegerRange range{0, kRetryMax};
      task_.retry.infra = static_cast<uint32_t>(retry.integer("infra", range, task_.retry.infra));
      task_.retry.test = static_cast<uint32_t>(retry.integer("test", range, task_.retry.test));
      task_.retry.crash_limit = static_cast<uint32_t>(
          retry.integer("crash_limit", {0, kCrashLimitMax}, task_.retry.crash_limit));
    }
    if (reader_.has("at_once")) {
      task_.at_once = static_cast<uint32_t>(reader_.integer("at_once", {1, kArrayTasksMax}, 1));
    }
  }

  Work read_verify() const {
    for (const std::string& key : job_keys()) {
      if (!reader_.has(key)) continue;
      reader_.error(
          key, "a verify task runs the device's strategy; \"" + key + "\" belongs to kind: job");
    }
    return VerifyWork{};
  }

  // What the document itself sets goes before the words that it is one of many by.
  JobWork read_job_work() const {
    JobWork job = read_job(reader_);
    std::map<std::string, std::string> env = words_environment(words_);
    job.env.merge(env);
    return job;
  }

  void read_dependencies() {
    const YamlNode* list = reader_.list("depends_on");
    if (list == nullptr) return;
    if (list->items.size() > kDependenciesMax) {
      reader_.error("depends_on",
                    "a task depends on at most " + std::to_string(kDependenciesMax) + " others");
      return;
    }
    for (const YamlNode& item : list->items) {
      if (item.kind == YamlNode::Kind::scalar) {
        wanted_.push_back({item.text, item.at, true});
        continue;
      }
      const ObjectReader dependency(item, kDependency, scope_);
      const bool must_pass = dependency.choice("result", {"ok", "any"}) == "ok";
      if (dependency.has("job") == dependency.has("guid")) {
        scope_.error(item.at, "a dependency names a \"job\" of this file or a \"guid\"");
      } else if (dependency.has("job")) {
        wanted_.push_back({dependency.string("job", Need::required), item.at, must_pass});
      } else {
        const std::string guid = dependency.string("guid", Need::required);
        if (const auto reason = invalid_guid(guid)) dependency.error("guid", *reason);
        add_dependency(task_.depends_on, {guid, must_pass});
      }
    }
  }

  void read_metadata() {
    task_.metadata = reader_.string_map("metadata");
    if (task_.metadata.contains("")) reader_.error("metadata", "a key is empty");
    for (const char* key : {"tags", "coverage"}) {
      std::string text;
      for (const std::string& word : reader_.strings(key)) text += (text.empty() ? "" : ",") + word;
      if (!text.empty()) task_.metadata.emplace(key, text);
    }
    size_t bytes = 0;
    for (const auto& [key, value] : task_.metadata) bytes += key.size() + value.size();
    if (task_.metadata.size() > kMetadataMax || bytes > kMetadataBytesMax) {
      reader_.error("metadata", "a task has at most " + std::to_string(kMetadataMax) +
                                    " pairs of metadata, of " +
                                    std::to_string(kMetadataBytesMax >> 10) + " KiB in all");
    }
  }

  ObjectReader reader_;
  const FileScope& scope_;
  const Words& words_;
  TaskSpec task_;
  std::vector<WantedDependency> wanted_;
};

// Reads the documents of one file and joins them.
class FileReader {
 public:
  FileReader(const FileScope& scope, const ArrayFlags& flags, TaskFile& file)
      : scope_(scope), flags_(flags), file_(file) {}

  void read(const std::vector<YamlNode>& documents) {
    if (documents.empty() && !scope_.has_errors()) scope_.error({}, "is empty");
    if (documents.size() > kSubmitTasksMax) {
      scope_.error(documents[kSubmitTasksMax].at,
                   "a file holds at most " + std::to_string(kSubmitTasksMax) + " documents");
      return;
    }
    for (const YamlNode& document : documents) read_document(document);
    for (const auto& [task, wanted] : wanted_) join(task, wanted);
    refuse_cycles();
  }

 private:
  void read_document(const YamlNode& document) {
    const size_t first = file_.tasks.size();
    const size_t errors = scope_.errors();
    const YamlNode* guid = document.find("guid");
    bool named = guid != nullptr && !guid->text.empty() && !invalid_guid(guid->text);
    bool is_many = false;
    expand_document(document, scope_, flags_, [&](const TaskCell& cell) {
      is_many = is_many || !cell.words.empty();
      // One that is another for each of them names none that all have.
      named = named && replace_words(guid->text, cell.words) == guid->text;
      read_cell(cell);
      file_.at.push_back(document.at);
      // Of many tasks all would say the same.
      return scope_.errors() == errors;
    });
    const size_t end = file_.tasks.size();
    if (end > kArrayTasksMax) {
      scope_.error(document.at, "a file is at most " + std::to_string(kArrayTasksMax) + " tasks");
    }
    if (!is_many) {
      if (document.find("at_once") != nullptr) {
        scope_.error(document.find("at_once")->at,
                     "\"at_once\" is for the tasks of array, matrix or each_line");
      }
      return;
    }
    for (size_t i = first; i < end && named; ++i) file_.tasks[i].group = guid->text;
    if (!named) file_.groups.emplace_back(first, end);
  }

  void read_cell(const TaskCell& cell) {
    TaskReader reader(cell.document, cell.words, scope_);
    const size_t at = file_.tasks.size();
    file_.tasks.push_back(reader.read());
    file_.leaves_devices.push_back(reader.leaves_devices());
    for (WantedDependency& wanted : reader.take_wanted())
      wanted_.emplace_back(at, std::move(wanted));
    by_name_[file_.tasks.back().name].push_back(at);
    // The cells of a document are also meant by the name that it gives all of them.
    if (const YamlNode* name = cell.document.find("name"); !cell.words.empty() && name != nullptr) {
      const std::string suffix = file_.tasks.back().name;
      const size_t blank = suffix.rfind(' ');
      if (blank != std::string::npos) by_name_[suffix.substr(0, blank)].push_back(at);
    }
    refuse_same_guid(cell.document);
  }

  void refuse_same_guid(const YamlNode& document) {
    const YamlNode* guid = document.find("guid");
    if (guid == nullptr || guid->text.empty()) return;
    const auto [first, is_new] = guids_.emplace(guid->text, guid->at);
    if (is_new) return;
    scope_.error(guid->at, "this guid is that of the task in line " +
                               std::to_string(first->second.line) + "; each task needs its own");
  }

  void join(size_t task, const WantedDependency& wanted) {
    const auto found = by_name_.find(wanted.job);
    if (found == by_name_.end()) {
      if (!invalid_guid(wanted.job)) {
        add_dependency(file_.tasks[task].depends_on, {wanted.job, wanted.must_pass});
        return;
      }
      std::vector<std::string> names;
      for (const auto& [name, places] : by_name_) names.push_back(name);
      scope_.error(wanted.at, "no task of this file is called \"" + wanted.job + "\"" +
                                  suggestion(wanted.job, names));
      return;
    }
    if (found->second.size() > kDependenciesMax) {
      scope_.error(wanted.at,
                   "a task depends on at most " + std::to_string(kDependenciesMax) + " others");
      return;
    }
    for (const size_t on : found->second) {
      if (on == task) {
        scope_.error(wanted.at, "a task cannot depend on itself");
      } else {
        add({task, on, wanted.must_pass});
      }
    }
  }

  // Those of one task stand together.
  void add(const FileDependency& added) {
    for (auto known = file_.dependencies.rbegin();
         known != file_.dependencies.rend() && known->task == added.task; ++known) {
      if (known->on != added.on) continue;
      known->must_pass = known->must_pass || added.must_pass;
      return;
    }
    file_.dependencies.push_back(added);
  }

  // Takes away tasks that depend on none that is left, until nothing changes.
  void refuse_cycles() const {
    std::vector<size_t> waits_for(file_.tasks.size(), 0);
    std::vector<std::vector<size_t>> dependants(file_.tasks.size());
    for (const FileDependency& dependency : file_.dependencies) {
      ++waits_for[dependency.task];
      dependants[dependency.on].push_back(dependency.task);
    }
    std::vector<size_t> free;
    for (size_t i = 0; i < waits_for.size(); ++i) {
      if (waits_for[i] == 0) free.push_back(i);
    }
    size_t left = waits_for.size();
    while (!free.empty()) {
      const size_t task = free.back();
      free.pop_back();
      --left;
      for (const size_t dependant : dependants[task]) {
        if (--waits_for[dependant] == 0) free.push_back(dependant);
      }
    }
    if (left == 0) return;
    const auto in_cycle =
        std::find_if(waits_for.begin(), waits_for.end(), [](size_t count) { return count > 0; });
    scope_.error({}, "the tasks of this file wait for each other, \"" +
                         file_.tasks[static_cast<size_t>(in_cycle - waits_for.begin())].name +
                         "\" among them");
  }

  const FileScope& scope_;
  const ArrayFlags& flags_;
  TaskFile& file_;
  std::vector<std::pair<size_t, WantedDependency>> wanted_;
  std::map<std::string, std::vector<size_t>> by_name_;
  std::map<std::string, Mark> guids_;
};

}  // namespace

std::optional<std::string> invalid_task_name(const std::string& name) {
  if (name.size() <= kNameLengthMax && !has_control(name)) return std::nullopt;
  return "a task's name is one line of at most " + std::to_string(kNameLengthMax) + " bytes";
}

std::optional<std::string> invalid_env_name(const std::string& name) {
  if (!is_env_name(name)) {
    return "\"" + cut_text(name, kNameLengthMax) + "\" is not the name of an environment variable";
  }
  if (name.starts_with("MUSTER_") || name.starts_with("VCSJOB_")) {
    return name + " is set by muster itself";
  }
  return std::nullopt;
}

TaskFile load_task_file(const std::string& path, const ArrayFlags& flags) {
  TaskFile file;
  const FileScope scope(path, file.problems);
  FileReader(scope, flags, file).read(load_yaml(scope));
  return file;
}

TaskFile parse_task_file(const std::string& text, const std::string& path,
                         const ArrayFlags& flags) {
  TaskFile file;
  const FileScope scope(path, file.problems);
  FileReader(scope, flags, file).read(parse_yaml(text, scope));
  return file;
}

std::vector<NamedKeyTable> task_file_keys() {
  std::vector<NamedKeyTable> tables = {{"task", &kTask},        {"device", &kDevice},
                                       {"before", &kBefore},    {"timeouts", &kTimeouts},
                                       {"retry", &kRetry},      {"dependency", &kDependency},
                                       {"shell", &shell_keys()}};
  for (const NamedKeyTable& table : job_file_keys()) tables.push_back(table);
  return tables;
}

std::string_view task_file_schema() { return kTaskSchema; }

}  // namespace muster
