// muster run: one job as a task, with its console log.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cli/awaited_log.h"
#include "cli/end_report.h"
#include "cli/interrupt.h"
#include "cli/job_spec.h"
#include "cli/render_task.h"
#include "cli/source_roles.h"
#include "cli/submit.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "core/work.h"
#include "io/task_file.h"
#include "io/vcsjob.h"

namespace muster {
namespace {

// After so long in the queue people want to know why.
constexpr Duration kQueueWorthAWord = 3s;
// How long nothing of the log of an attempt that has ended may come.
constexpr Duration kLogPatience = 10s;

std::string working_directory() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::current_path(error);
  if (error) {
    throw Failure{kExitLocal, "cannot tell the current directory: " + error.message(),
                  "change to one that exists"};
  }
  return path.string();
}

// A tree on this machine is looked at before anything is submitted. One that is not here may still
// be on the worker.
// The result is the devices that its jobs ask for.
std::vector<DeviceRequest> check_tree(const RunOptions& options, const std::string& cwd,
                                      Output& output) {
  const std::string dir = (std::filesystem::path(cwd) / options.source).lexically_normal();
  const VcsJobFile file = load_vcsjob(dir);
  if (file.missing) {
    throw Failure{kExitUsageError, dir + " has no .vcsjob file",
                  "name a directory that has one, or a job file, or a command after --"};
  }
  return roles_or_throw(file, TreeSource{dir, options.path, options.tags}, output);
}

// The options of one task of an array: its words stand in the command and its environment.
RunOptions with_words(const RunOptions& options, const Words& words) {
  RunOptions one = options;
  for (std::string& word : one.command) word = replace_words(word, words);
  for (auto& [name, value] : one.env) value = replace_words(value, words);
  one.name = replace_words(one.name, words);
  one.cwd = replace_words(one.cwd, words);
  one.guid = replace_words(one.guid, words);
  if (!one.guid.empty() && one.guid == options.guid) one.guid += "/" + words.at("array.index");
  return one;
}

// A slip would run as it is written.
void refuse_unknown_words(const RunOptions& options, const Words& words) {
  std::vector<std::string> texts = options.command;
  for (const auto& [name, value] : options.env) texts.push_back(value);
  texts.insert(texts.end(), {options.name, options.cwd, options.guid});
  for (const std::string& text : texts) {
    const std::optional<std::string> reason = unknown_word(text, words);
    if (reason) throw Failure{kExitUsageError, *reason, "--array and --each-line give words"};
  }
}

TaskSpec make_task(const RunOptions& options, const std::string& cwd,
                   const std::vector<DeviceRequest>& roles) {
  if (!options.command.empty()) return make_command_task(options, cwd);
  TaskSpec task = make_tree_task(options, cwd);
  if (options.devices.empty() && options.selectors.empty()) {
    task.devices = roles;
    if (!roles.empty()) task.before = usual_before();
  }
  return task;
}

void apply_or_throw(const RunOptions& options, const std::string& cwd, TaskSpec& task,
                    bool has_before = false) {
  if (const Result<Done> done = apply_flags(options, cwd, task, has_before); !done) {
    throw Failure{kExitUsageError, done.error(), "see: muster run --help"};
  }
}

// A command or a directory, once or for each number or line.
std::vector<TaskSpec> make_own_tasks(const RunOptions& options, const ArrayFlags& array,
                                     Output& output) {
  const std::string cwd = working_directory();
  std::vector<DeviceRequest> roles;
  if (options.command.empty()) roles = check_tree(options, cwd, output);
  std::vector<TaskSpec> tasks;
  const std::vector<Words> cells = array_words(array);
  refuse_unknown_words(options, cells.front());
  for (const Words& words : cells) {
    const RunOptions one = words.empty() ? options : with_words(options, words);
    TaskSpec task = make_task(one, cwd, roles);
    apply_or_throw(one, cwd, task);
    set_words(task, words);
    tasks.push_back(std::move(task));
  }
  sign_tasks(tasks);
  if (!array.indexes.empty() || !array.lines.empty()) group_tasks(tasks, 0, tasks.size());
  return tasks;
}

LoadedTasks make_tasks(const RunOptions& options, Output& output) {
  ArrayFlags array;
  array.indexes = options.array;
  if (!options.each_line.empty()) {
    Result<std::vector<std::string>> lines = read_each_line(options.each_line);
    if (!lines) throw Failure{kExitUsageError, "--each-line: " + lines.error(), ""};
    array.lines = std::move(*lines);
  }
  struct stat status {};
  if (!options.command.empty() ||
      (::stat(options.source.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) {
    return {make_own_tasks(options, array, output), {}, {}};
  }
  if (!options.path.empty() || !options.tags.empty()) {
    throw Failure{kExitUsageError, options.source + " is not a directory",
                  "--path and --tags choose jobs of a directory with .vcsjob"};
  }
  const bool given = !options.devices.empty() || !options.selectors.empty();
  LoadedTasks loaded =
      load_tasks({options.source}, array, given ? Roles::given : Roles::learned, output);
  if (!options.guid.empty() && loaded.tasks.size() > 1) {
    throw Failure{
        kExitUsageError,
        "--guid names one task; " + options.source + " has " + std::to_string(loaded.tasks.size()),
        ""};
  }
  for (size_t i = 0; i < loaded.tasks.size(); ++i) {
    RunOptions one = options;
    if (!one.name.empty() && loaded.tasks.size() > 1) one.name += " " + std::to_string(i + 1);
    apply_or_throw(one, working_directory(), loaded.tasks[i], loaded.left_devices[i]);
  }
  return loaded;
}

After choose_after(const RunOptions& options, size_t task_count, const Output& output) {
  if (options.after == After::follow && (!output.is_human() || task_count > 1)) {
    throw Failure{kExitUsageError, "--follow shows the console log of one task on stdout",
                  "leave out -o, or use --wait"};
  }
  if (options.after != After::unsaid) return options.after;
  const bool follows = output.stdout_is_terminal() && output.is_human() && task_count == 1;
  return follows ? After::follow : After::wait;
}

// The waiting half of `run`: shows what happens and answers Ctrl-C.
class RunWatch {
 public:
  RunWatch(Session& session, std::vector<std::string> guids, bool follow)
      : session_(session),
        output_(session.output()),
        guids_(std::move(guids)),
        follow_(follow),
        report_(session, guids_.size(), follow) {}

  int run() {
    InterruptGuard guard;
    submitted_us_ = boot_us();
    WatchHooks hooks;
    hooks.change = [this](const TaskChange& change) { take(change); };
    hooks.idle = [this] { return idle(); };
    const WatchResult result = watch_tasks(session_, guids_, std::nullopt, hooks);
    if (result.end == WatchEnd::ended) return report_.finish();
    return InterruptGuard::exit_status();
  }

 private:
  void take(const TaskChange& change) {
    const bool is_one = guids_.size() == 1;
    if (is_one) queued_ = change.state == TaskState::queued;
    if (follow_) follow_log(change);
    if (change.state == TaskState::ended) {
      report_.add(task_after_watch(session_, change));
    } else if (is_one && output_.is_human()) {
      output_.talk(render_change(change, output_.talk_look()));
    }
    if (!is_one) {
      output_.progress(std::to_string(report_.tasks().size()) + " of " +
                       counted(guids_.size(), "task") + " ended");
    }
  }

  void follow_log(const TaskChange& change) {
    if (log_) log_->print_new();
    if (!change.log_url.empty() && change.log_url != log_url_) {
      finish_log(change.guid);
      log_url_ = change.log_url;
      AttemptInfo attempt;
      attempt.attempt = change.attempt;
      attempt.log_url = log_url_;
      log_.emplace(session_, change.guid, std::move(attempt), 0);
      if (log_->is_hopeless()) {
        output_.talk(log_->why());
        return log_.reset();
      }
      log_->print_new();
    }
    if (change.state == TaskState::ended) finish_log(change.guid);
  }

  // What the attempt said last may still be on its way into the archive.
  void finish_log(const std::string& guid) {
    if (log_ && !log_->print_rest(kLogPatience)) {
      const std::string& why = log_->why();
      output_.talk((why.empty() ? "the end of the log is not in the archive yet" : why) +
                   "; later: muster log " + printable(guid) + " --attempt " +
                   std::to_string(log_->attempt().attempt) + " --offset " +
                   std::to_string(log_->offset()));
    }
    log_.reset();
  }

  bool idle() {
    if (log_) log_->print_new();
    explain_queue();
    return InterruptGuard::pending() == 0 || !leaves();
  }

  void explain_queue() {
    const bool due = boot_us() - submitted_us_ > kQueueWorthAWord.count();
    if (!queued_ || explained_ || !due || !output_.is_human()) return;
    explained_ = true;
    std::variant<Message, ClientError> answer =
        session_.broker().ask(ExplainTask{guids_.front()}, 2s);
    const auto* message = std::get_if<Message>(&answer);
    const auto* explanation = message ? std::get_if<Explanation>(message) : nullptr;
    if (explanation == nullptr) return;
    const std::string text = render_explanation(*explanation);
    output_.talk(text.substr(0, text.size() - 1));
  }

  // True when the process is to end now; what is left running is said on stderr.
  bool leaves() {
    if (!output_.interactive() || InterruptGuard::pending() == SIGTERM) {
      say_tasks_go_on(output_, guids_);
      return true;
    }
    output_.talk("");
    std::cerr << (guids_.size() == 1 ? "Cancel task" : "Cancel tasks")
              << " before leaving? (y)es / (N)o / (c)ontinue: " << std::flush;
    const char answer = read_answer();
    if (answer == 'c') {
      InterruptGuard::forget();
      return false;
    }
    if (answer == 'y') {
      session_.ask_for<CancelReply>(Cancel{guids_, "interrupted by Ctrl-C", Session::user()});
      output_.talk("cancelled; it ends as soon as its worker has stopped it");
    } else {
      say_tasks_go_on(output_, guids_);
    }
    return true;
  }

  // The first letter of a line, in lower case. Another Ctrl-C is a no.
  static char read_answer() {
    char text[64];
    const ssize_t size = ::read(STDIN_FILENO, text, sizeof text);
    if (size <= 0) return 'n';
    return static_cast<char>(text[0] | 0x20);
  }

  Session& session_;
  Output& output_;
  std::vector<std::string> guids_;
  bool follow_;
  EndReport report_;
  std::optional<AwaitedLog> log_;
  std::string log_url_;
  int64_t submitted_us_ = 0;
  bool queued_ = false;
  bool explained_ = false;
};

}  // namespace

int do_verb(Session& session, const RunOptions& options) {
  Output& output = session.output();
  const LoadedTasks loaded = make_tasks(options, output);
  const After after = choose_after(options, loaded.tasks.size(), output);
  const std::vector<SubmitResult> results = submit_tasks(session, loaded.tasks);
  const std::vector<std::string> guids = accepted_or_throw(
      results, loaded.tasks.size() == 1 ? std::vector<std::string>() : loaded.places);
  if (after == After::detach) {
    show_submissions(output, results);
    return kExitOk;
  }
  if (output.is_human() && guids.size() == 1) output.talk("task " + printable(guids.front()));
  return RunWatch(session, guids, after == After::follow).run();
}

}  // namespace muster
