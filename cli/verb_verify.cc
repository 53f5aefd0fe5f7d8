// muster verify: one verify task for each device, and what their checks found.
#include <algorithm>

#include "cli/event_stream.h"
#include "cli/interrupt.h"
#include "cli/job_spec.h"
#include "cli/render_result.h"
#include "cli/render_task.h"
#include "cli/submit.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "core/selector.h"
#include "core/suggest.h"

namespace muster {
namespace {

constexpr Duration kTick = 500ms;
constexpr size_t kNamesShown = 3;

std::vector<std::string> choose_devices(Session& session, const VerifyOptions& options) {
  ListDevices question;
  question.selector = options.selector;
  std::vector<std::string> known;
  for (const DeviceInfo& device : session.ask_for<DeviceList>(question).devices) {
    known.push_back(device.spec.name);
  }
  if (known.empty()) {
    const bool by_selector = !options.selector.empty();
    throw Failure{
        kExitUsageError,
        by_selector ? "no device matches " + quote_text(options.selector) : "there are no devices",
        by_selector ? "see: muster device ls" : "declare some: muster inventory apply FILE"};
  }
  if (options.devices.empty()) return known;
  std::vector<std::string> chosen;
  std::vector<std::string> unknown;
  for (const std::string& name : options.devices) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      unknown.push_back("no device is named " + quote_text(name) + suggestion(name, known));
    } else if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) {
      chosen.push_back(name);
    }
  }
  if (!unknown.empty())
    throw Failure{kExitUsageError, join(unknown, "\n"), "see: muster device ls"};
  return chosen;
}

// Folds the event stream into what each verification found.
class Findings {
 public:
  Findings(const std::vector<std::string>& devices, const std::vector<std::string>& guids) {
    for (size_t i = 0; i < devices.size(); ++i) {
      Verification verification;
      verification.device = devices[i];
      verification.result.task.spec.guid = guids[i];
      verification.result.task.spec.kind = TaskKind::verify;
      verification.result.task.spec.name = devices[i];
      index_[guids[i]] = i;
      all_.push_back(std::move(verification));
    }
  }

  // The verification that ended with this event, or nullptr.
  const Verification* take(const Event& event) {
    const auto at = index_.find(std::string(event_guid(event)));
    if (at == index_.end()) return nullptr;
    Verification& verification = all_[at->second];
    TaskInfo& task = verification.result.task;
    if (task.state == TaskState::ended) return nullptr;
    if (const auto* leased = std::get_if<AttemptLeased>(&event.body)) {
      task.state = TaskState::leased;
      task.attempt_count = leased->token.attempt;
      verification.result.cases.clear();  // an earlier attempt's findings are history
    } else if (const auto* said = std::get_if<AttemptReported>(&event.body)) {
      take_report(*said, verification.result);
    } else if (const auto* attempt = std::get_if<AttemptEnded>(&event.body)) {
      if (attempt->verdict == Verdict::none) {
        task.state = TaskState::queued;
      } else {
        end(task, attempt->ending, attempt->verdict);
      }
    } else if (const auto* ended = std::get_if<TaskEnded>(&event.body)) {
      end(task, ended->ending, ended->verdict);
    }
    return task.state == TaskState::ended ? &verification : nullptr;
  }

  bool done() const { return ended_ == all_.size(); }
  const std::vector<Verification>& all() const { return all_; }

  // "verifying: 3 of 10 done; running: a, b, ..."
  std::string progress() const {
    std::vector<std::string> running;
    for (const Verification& verification : all_) {
      const TaskState state = verification.result.task.state;
      if (state == TaskState::leased || state == TaskState::running) {
        running.push_back(printable(verification.device));
      }
    }
    std::string text =
        "verifying: " + std::to_string(ended_) + " of " + counted(all_.size(), "device") + " done";
    if (running.empty()) return text;
    const bool more = running.size() > kNamesShown;
    running.resize(std::min(running.size(), kNamesShown));
    return text + "; running: " + join(running, ", ") + (more ? ", ..." : "");
  }

 private:
  static void take_report(const AttemptReported& said, TaskResult& result) {
    if (std::holds_alternative<AttemptStarted>(said.body)) result.task.state = TaskState::running;
    if (const auto* one = std::get_if<CaseResult>(&said.body)) result.cases.push_back(*one);
  }

  void end(TaskInfo& task, const Ending& ending, Verdict verdict) {
    task.state = TaskState::ended;
    task.ending = ending;
    task.verdict = verdict;
    ++ended_;
  }

  std::vector<Verification> all_;
  std::map<std::string, size_t> index_;
  size_t ended_ = 0;
};

void print_end(Output& output, const Verification& verification) {
  if (output.format() == Format::jsonl) {
    output.print(verification_json(verification.device, verification.result) + "\n");
  } else if (output.format() == Format::quiet) {
    output.print(verification.result.task.spec.guid + "\n");
  }
}

int print_all(Output& output, const std::vector<Verification>& all) {
  if (output.is_human()) {
    output.print(render_verifications(all, output.look()));
    output.talk(render_verification_summary(all));
  } else if (output.format() == Format::json) {
    std::vector<std::string> items;
    for (const Verification& one : all) items.push_back(verification_json(one.device, one.result));
    output.print(list_json("verification", items) + "\n");
  }
  std::vector<TaskInfo> tasks;
  for (const Verification& one : all) tasks.push_back(one.result.task);
  return worst_exit_status(tasks);
}

}  // namespace

int do_verb(Session& session, const VerifyOptions& options) {
  Output& output = session.output();
  if (!options.selector.empty()) {
    const Result<Selector> selector = Selector::parse(options.selector);
    if (!selector) throw Failure{kExitUsageError, selector.error(), "see: muster verify --help"};
  }
  const std::vector<std::string> devices = choose_devices(session, options);
  std::vector<TaskSpec> tasks;
  for (const std::string& device : devices) tasks.push_back(make_verify_task(options, device));
  sign_tasks(tasks);

  // Everything about the tasks comes after what is in the log now.
  EventStream stream(session, session.ask_for<BrokerStatus>(AskStatus{}).head + 1,
                     EventStream::Patience::wait);
  const std::vector<SubmitResult> results = submit_tasks(session, tasks);
  const std::vector<std::string> guids = accepted_or_throw(results);
  if (options.detach) {
    show_submissions(output, results);
    return kExitOk;
  }

  InterruptGuard guard;
  Findings findings(devices, guids);
  while (!findings.done()) {
    output.progress(findings.progress());
    for (const NumberedEvent& numbered : stream.next(kTick)) {
      if (const Verification* ended = findings.take(numbered.event)) print_end(output, *ended);
    }
    if (InterruptGuard::pending() == 0) continue;
    say_tasks_go_on(output, guids);
    return InterruptGuard::exit_status();
  }
  return print_all(output, findings.all());
}

}  // namespace muster
