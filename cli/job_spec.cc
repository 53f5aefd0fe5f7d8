#include "cli/job_spec.h"

#include <filesystem>

#include "cli/values.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/selector.h"
#include "core/work.h"
#include "io/codec.h"
#include "io/task_file.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

std::string absolute_path(const std::string& path, const std::string& cwd) {
  const std::string normal = (fs::path(cwd) / path).lexically_normal().string();
  return normal.size() > 1 && normal.ends_with('/') ? normal.substr(0, normal.size() - 1) : normal;
}

// The last part of a path, cut to what a task's name may be.
std::string short_name(const std::string& path) {
  const std::string base = fs::path(path).filename().string();
  return cut_text(sanitize_utf8(base.empty() ? path : base), kNameLengthMax);
}

Result<DeviceRequest> read_device(const std::string& text) {
  DeviceRequest request;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    request.name = text;
  } else {
    request.role = text.substr(0, equals);
    request.name = text.substr(equals + 1);
    if (const auto reason = invalid_name(request.role, "role"))
      return Error{"--device: " + *reason};
  }
  if (const auto reason = invalid_name(request.name, "device")) {
    return Error{"--device: " + *reason};
  }
  return request;
}

Result<Done> apply_devices(const RunOptions& options, TaskSpec& task) {
  if (options.devices.empty() && options.selectors.empty()) return Done{};
  task.devices.clear();
  for (const std::string& text : options.devices) {
    Result<DeviceRequest> request = read_device(text);
    if (!request) return Error{request.error()};
    task.devices.push_back(std::move(*request));
  }
  for (const std::string& text : options.selectors) {
    const Result<Selector> selector = Selector::parse(text);
    if (!selector) return Error{"--selector: " + selector.error()};
    if (selector->empty()) return Error{"--selector: is empty; name at least one key"};
    task.devices.push_back({"", "", selector->canonical()});
  }
  return Done{};
}

// `has_before`: the task says itself what is done before it runs.
Result<Done> apply_before(const RunOptions& options, bool has_before, TaskSpec& task) {
  const bool asked = options.verify || options.no_repair;
  if (task.kind != TaskKind::job || task.devices.empty()) {
    if (!asked) return Done{};
    return Error{task.kind != TaskKind::job
                     ? "--verify and --no-repair are for jobs, not for verify tasks"
                     : "--verify and --no-repair are about devices: name some with --device or "
                       "--selector"};
  }
  if (!has_before) task.before = usual_before();
  if (options.verify) {
    if (task.before.verify == VerifyFirst::none) task.before = usual_before();
    task.before.verify = *options.verify;
  }
  if (task.before.verify == VerifyFirst::none) task.before = Before{};
  if (options.no_repair) task.before.repair = false;
  return Done{};
}

Result<Done> apply_work(const RunOptions& options, const std::string& cwd, TaskSpec& task) {
  if (options.env.empty() && options.env_pass.empty() && options.cwd.empty()) return Done{};
  Result<Work> work = decode_work(task.work);
  if (!work) return Error{work.error()};
  auto* job = std::get_if<JobWork>(&*work);
  if (job == nullptr)
    return Error{"--env, --pass-env and --cwd are for jobs, not for verify tasks"};
  for (const auto& [name, value] : options.env) {
    if (const auto reason = invalid_env_name(name)) return Error{"--env: " + *reason};
    job->env.insert_or_assign(name, value);
  }
  for (const std::string& name : options.env_pass) {
    if (const auto reason = invalid_env_name(name)) return Error{"--pass-env: " + *reason};
    job->env_pass.push_back(name);
  }
  if (!options.cwd.empty()) job->cwd = absolute_path(options.cwd, cwd);
  task.work = encode_work(*work);
  return Done{};
}

}  // namespace

TaskSpec make_command_task(const RunOptions& options, const std::string& cwd) {
  CommandSource source{options.command};
  // Without --cwd the command runs in an empty workspace, where no relative path leads anywhere.
  std::string& program = source.argv.front();
  const bool is_relative = program.find('/') != std::string::npos && !program.starts_with('/');
  if (is_relative && options.cwd.empty()) program = absolute_path(program, cwd);
  TaskSpec task;
  task.name = short_name(program);
  JobWork job;
  job.source = std::move(source);
  task.work = encode_work(job);
  return task;
}

TaskSpec make_tree_task(const RunOptions& options, const std::string& cwd) {
  const std::string dir = absolute_path(options.source, cwd);
  TaskSpec task;
  task.name = short_name(options.path.empty() ? dir : options.path);
  if (!options.tags.empty()) task.name = cut_text(join(options.tags, ","), kNameLengthMax);
  JobWork job;
  job.source = TreeSource{dir, options.path, options.tags};
  task.work = encode_work(job);
  return task;
}

void set_words(TaskSpec& task, const Words& words) {
  Result<Work> work = decode_work(task.work);
  auto* job = work ? std::get_if<JobWork>(&*work) : nullptr;
  if (words.empty() || job == nullptr) return;
  for (const auto& [name, value] : words_environment(words)) job->env.insert_or_assign(name, value);
  task.work = encode_work(*work);
  const std::string& index = words.at("array.index");
  if (task.name.find(index) == std::string::npos) task.name += " " + index;
}

Result<Done> apply_flags(const RunOptions& options, const std::string& cwd, TaskSpec& task,
                         bool has_before) {
  has_before = has_before || !task.devices.empty();
  if (const Result<Done> done = apply_devices(options, task); !done) return done;
  if (const Result<Done> done = apply_before(options, has_before, task); !done) return done;
  if (const Result<Done> done = apply_work(options, cwd, task); !done) return done;
  if (!options.guid.empty()) {
    if (const auto reason = invalid_guid(options.guid)) return Error{"--guid: " + *reason};
    task.guid = options.guid;
  }
  if (!options.name.empty()) {
    if (!is_utf8(options.name)) return Error{"--name: is not UTF-8"};
    if (const auto reason = invalid_task_name(options.name)) return Error{"--name: " + *reason};
    task.name = options.name;
  }
  if (options.pool) {
    if (const auto reason = invalid_name(*options.pool, "pool")) return Error{"--pool: " + *reason};
    task.pool = *options.pool;
  }
  if (options.priority) task.priority = *options.priority;
  if (options.timeout) task.timeouts.run = *options.timeout;
  if (options.silence) task.timeouts.silence = *options.silence;
  if (options.queue_timeout) task.timeouts.queue = *options.queue_timeout;
  if (options.grace) task.timeouts.grace = *options.grace;
  if (options.retry_infra) task.retry.infra = *options.retry_infra;
  if (options.retry_test) task.retry.test = *options.retry_test;
  if (options.crash_limit) task.retry.crash_limit = *options.crash_limit;
  if (options.deadline) task.timeouts.deadline = *options.deadline;
  if (options.at_once) {
    const bool is_array = !options.array.empty() || !options.each_line.empty();
    if (!is_array && task.group.empty()) {
      return Error{"--at-once is for the tasks of an array: give --array or --each-line"};
    }
    task.at_once = *options.at_once;
  }
  if (options.wait_for_capacity) task.wait_for_capacity = true;
  return Done{};
}

TaskSpec make_verify_task(const VerifyOptions& options, const std::string& device) {
  TaskSpec task;
  task.kind = options.repair ? TaskKind::repair : TaskKind::verify;
  task.name = device;
  task.devices.push_back({"", device, ""});
  if (options.priority) task.priority = *options.priority;
  if (options.timeout) task.timeouts.run = *options.timeout;
  task.timeouts.queue =
      options.queue_timeout.value_or(options.timeout.value_or(kVerifyQueueTimeout));
  task.work = options.repair ? encode_work(RepairWork{options.reason})
                             : encode_work(VerifyWork{options.level});
  return task;
}

}  // namespace muster
