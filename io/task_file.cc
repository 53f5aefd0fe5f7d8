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

namespace muster {
namespace {

const KeyTable kTask = {
    "a task",
    {"version", "kind", "guid", "name", "device", "selector", "devices", "pool", "priority",
     "before", "timeouts", "retry", "run", "shell", "source", "env", "cwd", "wait_for_capacity"},
    {"tags", "coverage", "targets", "fallback", "idempotent", "secrets", "matrix", "steps",
     "finally", "measure", "expect", "results", "notify", "depends_on", "metadata"}};
const KeyTable kDevice = {"a device of a task", {"name", "selector", "with"}};
const KeyTable kBefore = {"before", {"verify", "level", "repair", "repair_budget"}};
const KeyTable kTimeouts = {"timeouts", {"queue", "run", "silence", "grace"}, {"finally", "io"}};
const KeyTable kRetry = {"retry", {"infra", "test"}, {"elsewhere", "reverify"}};
const KeyTable kSource = {"a source", {"dir", "path", "tags"}, {"git", "ref"}};
const KeyTable kEnv = {"env", {"set", "pass"}};

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

// Reads one document.
class TaskReader {
 public:
  TaskReader(const YamlNode& node, const FileScope& scope)
      : reader_(node, kTask, scope), scope_(scope) {}

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
    const Work work = task_.kind == TaskKind::verify ? read_verify() : Work(read_job());
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
    if (const YamlNode* devices = reader_.map("devices")) {
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
    if (!task_.devices.empty()) task_.before = usual_before();
    const YamlNode* node = reader_.map("before");
    if (node == nullptr) return;
    const ObjectReader before(*node, kBefore, scope_);
    if (task_.devices.empty()) {
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
    }
    if (const YamlNode* node = reader_.map("retry")) {
      const ObjectReader retry(*node, kRetry, scope_);
      const IntegerRange range{0, kRetryMax};
      task_.retry.infra = static_cast<uint32_t>(retry.integer("infra", range, task_.retry.infra));
      task_.retry.test = static_cast<uint32_t>(retry.integer("test", range, task_.retry.test));
    }
  }

  Work read_verify() const {
    for (const char* key : {"run", "shell", "source", "env", "cwd"}) {
      if (!reader_.has(key)) continue;
      reader_.error(key, "a verify task runs the device's strategy; \"" + std::string(key) +
                             "\" belongs to kind: job");
    }
    return VerifyWork{};
  }

  JobWork read_job() {
    JobWork job;
    const int ways = reader_.has("run") + reader_.has("shell") + reader_.has("source");
    if (ways != 1) {
      scope_.error(reader_.node().at,
                   "a job needs exactly one of \"run\", \"shell\" and \"source\"");
    }
    if (reader_.has("cwd")) job.cwd = scope_.resolve(reader_.string("cwd", Need::required));
    if (reader_.has("source")) {
      job.source = read_source();
    } else {
      job.source = CommandSource{read_argv(job.cwd.empty())};
    }
    read_env(job);
    return job;
  }

  // Without a cwd the command runs in an empty workspace, where no relative path leads anywhere.
  std::vector<std::string> read_argv(bool resolve) const {
    if (reader_.has("shell")) return {"/bin/sh", "-c", reader_.string("shell", Need::required)};
    std::vector<std::string> argv = reader_.command("run");
    return resolve ? resolve_program(std::move(argv), scope_) : argv;
  }

  TreeSource read_source() const {
    TreeSource tree;
    const YamlNode* node = reader_.map("source");
    if (node == nullptr) return tree;
    const ObjectReader source(*node, kSource, scope_);
    const std::string dir = source.string("dir", Need::required);
    if (!dir.empty()) tree.dir = scope_.resolve(dir);
    tree.path = source.string("path");
    tree.tags = source.strings("tags");
    if (source.has("path") && source.has("tags")) {
      source.error("tags", "jobs are chosen by \"path\" or by \"tags\", not by both");
    }
    return tree;
  }

  void read_env(JobWork& job) const {
    const YamlNode* node = reader_.map("env");
    if (node == nullptr) return;
    const ObjectReader env(*node, kEnv, scope_);
    job.env = env.string_map("set");
    job.env_pass = env.strings("pass");
    for (const auto& [name, value] : job.env) check_env_name(env, "set", name);
    for (const std::string& name : job.env_pass) check_env_name(env, "pass", name);
  }

  static void check_env_name(const ObjectReader& env, std::string_view key,
                             const std::string& name) {
    if (const std::optional<std::string> reason = invalid_env_name(name)) env.error(key, *reason);
  }

  ObjectReader reader_;
  const FileScope& scope_;
  TaskSpec task_;
};

void refuse_same_guids(const std::vector<YamlNode>& documents, const FileScope& scope) {
  std::map<std::string, Mark> seen;
  for (const YamlNode& document : documents) {
    const YamlNode* guid = document.find("guid");
    if (guid == nullptr || guid->text.empty()) continue;
    const auto [first, is_new] = seen.emplace(guid->text, guid->at);
    if (is_new) continue;
    scope.error(guid->at, "this guid is that of the task in line " +
                              std::to_string(first->second.line) + "; each task needs its own");
  }
}

void read_tasks(const std::vector<YamlNode>& documents, const FileScope& scope, TaskFile& file) {
  if (documents.empty() && !scope.has_errors()) scope.error({}, "is empty");
  if (documents.size() > kSubmitTasksMax) {
    scope.error(documents[kSubmitTasksMax].at,
                "a file holds at most " + std::to_string(kSubmitTasksMax) + " tasks");
    return;
  }
  for (const YamlNode& document : documents) {
    file.tasks.push_back(TaskReader(document, scope).read());
    file.at.push_back(document.at);
  }
  refuse_same_guids(documents, scope);
}

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

TaskFile load_task_file(const std::string& path) {
  TaskFile file;
  const FileScope scope(path, file.problems);
  read_tasks(load_yaml(scope), scope, file);
  return file;
}

TaskFile parse_task_file(const std::string& text, const std::string& path) {
  TaskFile file;
  const FileScope scope(path, file.problems);
  read_tasks(parse_yaml(text, scope), scope, file);
  return file;
}

std::vector<NamedKeyTable> task_file_keys() {
  return {{"task", &kTask},   {"device", &kDevice}, {"before", &kBefore}, {"timeouts", &kTimeouts},
          {"retry", &kRetry}, {"source", &kSource}, {"env", &kEnv},       {"shell", &shell_keys()}};
}

}  // namespace muster
