// muster run: one job as a task, with its console log.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cli/archive_client.h"
#include "cli/end_report.h"
#include "cli/interrupt.h"
#include "cli/job_spec.h"
#include "cli/log_tail.h"
#include "cli/render_task.h"
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
constexpr Duration kQueueWorthAWord = 10s;
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

[[noreturn]] void throw_problems(const FileProblems& problems, Output& output) {
  const std::string text = problems.to_text();
  output.talk(text.substr(0, text.find_last_not_of('\n') + 1));
  throw Failure{kExitUsageError, counted(problems.errors(), "error") + "; nothing was submitted",
                ""};
}

// A tree on this machine is looked at before anything is submitted. One that is not here may still
// be on the worker.
void check_tree(const RunOptions& options, const std::string& cwd, Output& output) {
  const std::string dir = (std::filesystem::path(cwd) / options.source).lexically_normal();
  const VcsJobFile file = load_vcsjob(dir);
  if (file.missing) {
    throw Failure{kExitUsageError, dir + " has no .vcsjob file",
                  "name a directory that has one, or a job file, or a command after --"};
  }
  if (file.unreadable) throw_problems(file.problems, output);
  const VcsJobChoice choice = choose_vcsjobs(file, TreeSource{dir, options.path, options.tags});
  if (choice.status != StatusCode::ok) {
    throw Failure{kExitUsageError, dir + "/.vcsjob: " + choice.message, ""};
  }
}

std::vector<TaskSpec> make_tasks(const RunOptions& options, Output& output) {
  const std::string cwd = working_directory();
  std::vector<TaskSpec> tasks;
  struct stat status {};
  if (!options.command.empty()) {
    tasks.push_back(make_command_task(options, cwd));
  } else if (::stat(options.source.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    check_tree(options, cwd, output);
    tasks.push_back(make_tree_task(options, cwd));
  } else {
    if (!options.path.empty() || !options.tags.empty()) {
      throw Failure{kExitUsageError, options.source + " is not a directory",
                    "--path and --tags choose jobs of a directory with .vcsjob"};
    }
    TaskFile file = load_task_file(options.source);
    if (file.problems.has_errors()) throw_problems(file.problems, output);
    tasks = std::move(file.tasks);
  }
  if (!options.guid.empty() && tasks.size() > 1) {
    throw Failure{
        kExitUsageError,
        "--guid names one task; " + options.source + " has " + std::to_string(tasks.size()), ""};
  }
  for (TaskSpec& task : tasks) {
    if (const Result<Done> done = apply_flags(options, cwd, task); !done) {
      throw Failure{kExitUsageError, done.error(), "see: muster run --help"};
    }
  }
  return tasks;
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
    if (tail_) tail_->print_new(output_);
    if (!change.log_url.empty() && change.log_url != log_url_) {
      finish_log();
      log_url_ = change.log_url;
      AttemptInfo attempt;
      attempt.attempt = change.attempt;
      attempt.log_url = log_url_;
      Result<LogTail> opened = open_log(session_, change.guid, attempt, 0);
      if (!opened) return output_.talk(opened.error());
      tail_ = std::move(*opened);
      tail_->print_new(output_);
    }
    if (change.state == TaskState::ended) finish_log();
  }

  // What the attempt said last may still be on its way into the archive.
  void finish_log() {
    if (tail_ && !tail_->print_rest(output_, kLogPatience)) {
      output_.talk("the end of the log is not in the archive yet; later: muster log");
    }
    tail_.reset();
  }

  bool idle() {
    if (tail_) tail_->print_new(output_);
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
    if (explanation != nullptr) output_.talk("  " + printable(explanation->summary));
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
  std::optional<LogTail> tail_;
  std::string log_url_;
  int64_t submitted_us_ = 0;
  bool queued_ = false;
  bool explained_ = false;
};

}  // namespace

int do_verb(Session& session, const RunOptions& options) {
  Output& output = session.output();
  std::vector<TaskSpec> tasks = make_tasks(options, output);
  const After after = choose_after(options, tasks.size(), output);
  sign_tasks(tasks);
  const std::vector<SubmitResult> results = submit_tasks(session, tasks);
  const std::vector<std::string> guids = accepted_or_throw(results);
  if (after == After::detach) {
    show_submissions(output, results);
    return kExitOk;
  }
  if (output.is_human() && guids.size() == 1) output.talk("task " + printable(guids.front()));
  return RunWatch(session, guids, after == After::follow).run();
}

}  // namespace muster
