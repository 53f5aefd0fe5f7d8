#include "io/job_file.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/duration_text.h"
#include "core/git_url.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/tag_choice.h"
#include "io/task_file.h"

namespace muster {
namespace {

const KeyTable kSource = {"a source", {"dir", "git", "ref", "path", "tags"}};
const KeyTable kEnv = {"env", {"set", "pass"}};
const KeyTable kStep = {"a step",
                        {"id", "run", "shell", "timeout", "uninterruptible", "results", "measure"}};
const KeyTable kFinally = {"a step of finally", {"id", "run", "shell", "timeout"}};
const KeyTable kResults = {"results", {"junit", "gtest"}};
const KeyTable kLimit = {"a limit", {"min", "max", "unit"}};
const KeyTable kExpect = {"expect", {"tests"}};

// Reads what a job does. `task_` has every key of the document.
class JobReader {
 public:
  explicit JobReader(const ObjectReader& task) : task_(task), scope_(task.scope()) {}

  JobWork read() {
    check_ways();
    read_source();
    read_cwd();
    read_what_runs();
    read_env();
    job_.artifacts = patterns("artifacts");
    read_limits();
    if (const YamlNode* node = task_.map("expect")) {
      const ObjectReader expect(*node, kExpect, scope_);
      job_.expect_tests = static_cast<uint32_t>(expect.integer("tests", {1, 10'000'000}, 0));
    }
    read_keep();
    job_.pty = task_.boolean("pty", false);
    return std::move(job_);
  }

 private:
  void check_ways() const {
    const int runs = task_.has("run") + task_.has("shell") + task_.has("steps");
    if (runs == 0 && !task_.has("source")) {
      scope_.error(task_.node().at,
                   "a job needs one of \"run\", \"shell\", \"steps\" and \"source\"");
    }
    if (runs > 1) {
      scope_.error(task_.node().at,
                   "a job has one of \"run\", \"shell\" and \"steps\", and this has " +
                       std::to_string(runs) + " of them");
    }
    if (task_.has("results") && task_.has("steps")) {
      task_.error("results",
                  "belongs to a step here: results of \"run\", \"shell\" or the jobs of a "
                  "source stand beside them, those of steps in the step");
    }
  }

  void read_source() {
    const YamlNode* node = task_.map("source");
    if (node == nullptr) return;
    const ObjectReader source(*node, kSource, scope_);
    if (source.has("git") == source.has("dir")) {
      scope_.error(node->at, "a source is \"dir\" or \"git\"");
    }
    const std::string path = source.string("path");
    const std::vector<std::string> tags = source.strings("tags");
    if (source.has("path") && source.has("tags")) {
      source.error("tags", "jobs are chosen by \"path\" or by \"tags\", not by both");
    }
    for (const std::string& term : tags) {
      if (const auto reason = invalid_tag_term(term)) source.error("tags", *reason);
    }
    if (runs_something() && (source.has("path") || source.has("tags"))) {
      scope_.error(node->at,
                   "\"path\" and \"tags\" choose jobs of .vcsjob; this job says itself "
                   "what it runs");
    }
    if (source.has("git")) {
      job_.source = GitSource{read_url(source), read_ref(source), path, tags};
      return;
    }
    if (source.has("ref"))
      source.error("ref", "is of a git repository; this source is a directory");
    TreeSource tree{"", path, tags};
    if (source.has("dir")) {
      const std::string dir = source.string("dir", Need::required);
      if (!dir.empty()) tree.dir = scope_.resolve(dir);
    }
    job_.source = std::move(tree);
  }

  // A path that begins with "." is meant relative to the file's folder.
  std::string read_url(const ObjectReader& source) const {
    const std::string url = source.string("git", Need::required);
    if (url.starts_with("./") || url.starts_with("../")) return scope_.resolve(url);
    if (url.empty()) return url;
    if (const auto reason = invalid_git_url(url)) source.error("git", *reason);
    return url;
  }

  static std::string read_ref(const ObjectReader& source) {
    const std::string ref = source.string("ref");
    if (const auto reason = invalid_git_ref(ref)) source.error("ref", *reason);
    return ref;
  }

  bool runs_something() const {
    return task_.has("run") || task_.has("shell") || task_.has("steps");
  }
  bool has_tree() const { return !std::holds_alternative<CommandSource>(job_.source); }
  bool is_git() const { return std::holds_alternative<GitSource>(job_.source); }

  void read_cwd() {
    if (!task_.has("cwd")) return;
    const std::string cwd = task_.string("cwd", Need::required);
    job_.cwd = is_git() ? cwd : scope_.resolve(cwd);
  }

  // Without a directory of its own a command runs in an empty workspace, where no relative path
  // leads anywhere: its program is meant relative to the file's folder.
  std::vector<std::string> read_argv(const ObjectReader& node) const {
    if (node.has("shell")) return {"/bin/sh", "-c", node.string("shell", Need::required)};
    std::vector<std::string> argv = node.command("run", Need::required);
    return has_tree() || !job_.cwd.empty() ? argv : resolve_program(std::move(argv), scope_);
  }

  void read_what_runs() {
    if (const YamlNode* steps = task_.list("steps")) {
      job_.steps = read_steps("steps", *steps, kStep);
      if (job_.steps.empty()) task_.error("steps", "a job needs at least one step");
    } else if (task_.has("run") || task_.has("shell")) {
      read_single();
    } else {
      job_.results = read_results(task_);
    }
    if (const YamlNode* finally = task_.list("finally")) {
      job_.finally = read_steps("finally", *finally, kFinally);
    }
    std::set<std::string> ids;
    for (const auto* steps : {&job_.steps, &job_.finally}) {
      for (const JobStep& step : *steps) {
        if (!ids.insert(step.id).second && !step.id.empty()) {
          task_.error(steps == &job_.steps ? "steps" : "finally",
                      "two steps are called \"" + step.id + "\"");
        }
      }
    }
  }

  // A command alone is no step, so that its records have the task's name; with results, or in a
  // tree, it is the only one.
  void read_single() {
    JobStep step;
    step.id = "run";
    step.argv = read_argv(task_);
    step.results = read_results(task_);
    if (step.results.empty() && !has_tree()) {
      job_.source = CommandSource{std::move(step.argv)};
    } else {
      job_.steps.push_back(std::move(step));
    }
  }

  std::vector<JobStep> read_steps(std::string_view key, const YamlNode& list,
                                  const KeyTable& keys) const {
    std::vector<JobStep> steps;
    if (list.items.size() > kStepsMax) {
      task_.error(key, "there are at most " + std::to_string(kStepsMax) + " of them");
      return steps;
    }
    for (const YamlNode& item : list.items) {
      const ObjectReader node(item, keys, scope_);
      JobStep step;
      step.id = node.name("id", "step", Need::required);
      if (node.has("run") == node.has("shell")) {
        scope_.error(item.at, "a step needs one of \"run\" and \"shell\"");
      } else {
        step.argv = read_argv(node);
      }
      step.timeout = node.duration("timeout", Duration{0});
      step.uninterruptible = node.boolean("uninterruptible", false);
      step.results = read_results(node);
      read_measures(node, step);
      steps.push_back(std::move(step));
    }
    return steps;
  }

  std::vector<ResultFiles> read_results(const ObjectReader& owner) const {
    std::vector<ResultFiles> found;
    const YamlNode* node = owner.map("results");
    if (node == nullptr) return found;
    const ObjectReader results(*node, kResults, scope_);
    for (const auto& [key, format] : {std::pair{"junit", ResultFileFormat::junit},
                                      std::pair{"gtest", ResultFileFormat::gtest}}) {
      const YamlNode* value = results.value(key);
      if (value == nullptr) continue;
      const bool is_list = value->kind == YamlNode::Kind::list;
      if (is_list && value->items.empty()) results.error(key, "a pattern of files is missing");
      for (const std::string& pattern :
           is_list ? read_scalars(*value, "a pattern", scope_)
                   : std::vector{read_scalar(*value, "a pattern", scope_).value_or("")}) {
        if (pattern.empty() && format == ResultFileFormat::junit) {
          results.error(key, "a pattern of files is missing");
        }
        check_pattern(results, key, pattern);
        found.push_back({format, pattern});
      }
    }
    if (found.empty()) owner.error("results", "name files: junit or gtest");
    return found;
  }

  void read_measures(const ObjectReader& owner, JobStep& step) const {
    for (const auto& [table, pattern] : owner.string_map("measure")) {
      check_word(owner, "measure", table, "table");
      if (pattern.empty())
        owner.error("measure", "table \"" + table + "\" has no pattern of files");
      check_pattern(owner, "measure", pattern);
      step.measures.push_back({table, pattern});
    }
  }

  // Names of tables and columns become SQL identifiers.
  static void check_word(const ObjectReader& owner, std::string_view key, const std::string& word,
                         const std::string& noun) {
    const bool plain = !word.empty() && word.size() <= 63 && !(word[0] >= '0' && word[0] <= '9') &&
                       std::all_of(word.begin(), word.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_';
                       });
    if (plain) return;
    owner.error(key, "\"" + word + "\" is no name of a " + noun +
                         ": letters, digits and \"_\", at most 63, no digit first");
  }

  static void check_pattern(const ObjectReader& owner, std::string_view key,
                            const std::string& pattern) {
    const bool climbs = pattern == ".." || pattern.starts_with("../") || pattern.ends_with("/..") ||
                        pattern.find("/../") != std::string::npos;
    if (pattern.starts_with('/') || climbs) {
      owner.error(key, "\"" + pattern + "\" leads out of the job's directory");
    }
  }

  std::vector<std::string> patterns(std::string_view key) const {
    std::vector<std::string> list = task_.strings(key);
    for (const std::string& pattern : list) {
      if (pattern.empty()) task_.error(key, "an empty pattern matches nothing");
      check_pattern(task_, key, pattern);
    }
    return list;
  }

  void read_limits() {
    const YamlNode* node = task_.map("measure");
    if (node == nullptr) return;
    for (const YamlEntry& entry : node->entries) {
      const size_t dot = entry.key.find('.');
      MeasureLimit limit;
      limit.table = entry.key.substr(0, dot);
      limit.column = dot == std::string::npos ? "" : entry.key.substr(dot + 1);
      const ObjectReader reader(entry.value, kLimit, scope_);
      if (dot == std::string::npos) {
        scope_.error(entry.at, "a limit is of a column: write TABLE.COLUMN");
      } else {
        check_word(task_, "measure", limit.table, "table");
        check_word(task_, "measure", limit.column, "column");
      }
      limit.min = read_real(reader, "min");
      limit.max = read_real(reader, "max");
      limit.unit = reader.string("unit");
      if (!reader.has("min") && !reader.has("max") && entry.value.kind == YamlNode::Kind::map) {
        scope_.error(entry.at, "a limit needs \"min\" or \"max\"");
      }
      if (limit.min && limit.max && *limit.min > *limit.max) {
        scope_.error(entry.at, "\"min\" is above \"max\"");
      }
      job_.limits.push_back(std::move(limit));
    }
  }

  static std::optional<double> read_real(const ObjectReader& reader, std::string_view key) {
    const YamlNode* node = reader.value(key);
    if (node == nullptr) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(node->text.c_str(), &end);
    const bool is_number = !node->quoted && !node->text.empty() && *end == '\0';
    if (is_number && std::isfinite(value)) return value;
    reader.error(key, std::string(key) + " must be a number, not " + describe(*node));
    return std::nullopt;
  }

  void read_keep() {
    if (!task_.has("keep")) return;
    const std::string text = task_.string("keep");
    const size_t blank = std::min(text.find(' '), text.size());
    const std::string word = text.substr(0, blank);
    if (word == "on_failure") job_.keep = Keep::on_failure;
    if (word == "always") job_.keep = Keep::always;
    const bool known = word == "never" || job_.keep != Keep::never;
    const Result<Duration> time = blank == text.size()
                                      ? Result<Duration>(job_.keep_for)
                                      : parse_duration(std::string_view(text).substr(blank + 1));
    if (known && time && *time <= kTimeoutMax) {
      job_.keep_for = *time;
      return;
    }
    if (!known) {
      task_.error("keep", "\"" + text +
                              "\" is none of never, on_failure and always, with a time if "
                              "you like: on_failure 24h");
    } else {
      task_.error("keep",
                  time ? "a workspace is kept for " + format_duration(kTimeoutMax) + " at most"
                       : time.error());
    }
  }

  void read_env() {
    const YamlNode* node = task_.map("env");
    if (node == nullptr) return;
    const ObjectReader env(*node, kEnv, scope_);
    job_.env = env.string_map("set");
    job_.env_pass = env.strings("pass");
    const auto check = [&](std::string_view key, const std::string& name) {
      if (const auto reason = invalid_env_name(name)) env.error(key, *reason);
    };
    for (const auto& [name, value] : job_.env) check("set", name);
    for (const std::string& name : job_.env_pass) check("pass", name);
  }

  const ObjectReader& task_;
  const FileScope& scope_;
  JobWork job_;
};

}  // namespace

const std::vector<std::string>& job_keys() {
  static const std::vector<std::string> keys = {
      "run",     "shell",  "source", "steps", "finally", "results", "artifacts",
      "measure", "expect", "keep",   "pty",   "env",     "cwd"};
  return keys;
}

JobWork read_job(const ObjectReader& task) { return JobReader(task).read(); }

std::vector<NamedKeyTable> job_file_keys() {
  return {{"source", &kSource},   {"env", &kEnv},     {"step", &kStep},    {"finally", &kFinally},
          {"results", &kResults}, {"limit", &kLimit}, {"expect", &kExpect}};
}

}  // namespace muster
