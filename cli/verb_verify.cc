// muster verify and repair: one task for each device, and what was found.
#include <algorithm>
#include <set>

#include "cli/event_stream.h"
#include "cli/findings.h"
#include "cli/interrupt.h"
#include "cli/job_spec.h"
#include "cli/progress_line.h"
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
// When nothing has run for so long, people want to know why.
constexpr Duration kStuckWorthAWord = 3s;
constexpr size_t kLeftOutShown = 5;
constexpr const char* kUndeclared =
    " is plugged in but undeclared: declare it in the inventory, or add a selector to allow";

// Why a sweep leaves this device out, or nothing: a person has it, or there is nothing to check.
std::string left_out_because(const DeviceInfo& device) {
  const std::string by = device.health_who.empty() ? "" : " by " + device.health_who;
  if (device.undeclared && !device.allowed) return "undeclared";
  if (device.spec.strategy.empty()) return "no strategy";
  if (device.health == DeviceHealth::locked) return "locked" + by;
  if (device.health == DeviceHealth::needs_human) return "needs a person";
  const bool by_person =
      device.health == DeviceHealth::quarantined && device.health_who != "broker";
  return by_person ? "quarantined" + by : "";
}

std::vector<std::string> choose_by_name(const std::vector<DeviceInfo>& known,
                                        const std::vector<std::string>& wanted) {
  std::map<std::string, const DeviceInfo*> by_name;
  std::vector<std::string> names;
  for (const DeviceInfo& device : known) {
    by_name[device.spec.name] = &device;
    names.push_back(device.spec.name);
  }
  std::vector<std::string> chosen;
  std::set<std::string> seen;
  std::vector<std::string> wrong;
  for (const std::string& name : wanted) {
    const auto at = by_name.find(name);
    if (at == by_name.end()) {
      wrong.push_back("no device is named " + quote_text(name) + suggestion(name, names));
    } else if (at->second->undeclared && !at->second->allowed) {
      wrong.push_back("device " + name + kUndeclared);
    } else if (at->second->draining) {
      wrong.push_back("device " + name + " is not in the inventory any more");
    } else if (at->second->health == DeviceHealth::locked) {
      const DeviceInfo& device = *at->second;
      wrong.push_back(printable("device " + name + " is locked by " + device.health_who + ": " +
                                device.health_reason + "; muster device unlock " + name));
    } else if (seen.insert(name).second) {
      chosen.push_back(name);
    }
  }
  if (!wrong.empty()) throw Failure{kExitUsageError, join(wrong, "\n"), "see: muster device ls"};
  return chosen;
}

std::vector<std::string> choose_sweep(const std::vector<DeviceInfo>& known, Output& output) {
  std::vector<std::string> chosen;
  std::vector<std::string> left_out;
  for (const DeviceInfo& device : known) {
    const std::string reason = left_out_because(device);
    if (reason.empty()) {
      chosen.push_back(device.spec.name);
    } else {
      left_out.push_back(printable(device.spec.name + " (" + reason + ")"));
    }
  }
  if (left_out.empty()) return chosen;
  const std::string count = counted(left_out.size(), "device");
  const bool more = left_out.size() > kLeftOutShown;
  left_out.resize(std::min(left_out.size(), kLeftOutShown));
  const std::string names = join(left_out, ", ") + (more ? ", ..." : "");
  if (chosen.empty()) {
    throw Failure{kExitUsageError, "nothing to do: " + count + " left out: " + names,
                  "name the devices to have them verified anyway"};
  }
  output.talk(count + " left out: " + names);
  return chosen;
}

std::vector<std::string> choose_devices(Session& session, const VerifyOptions& options) {
  const std::string& text = options.devices.selector;
  if (!text.empty()) {
    const Result<Selector> selector = Selector::parse(text);
    const std::string verb = options.repair ? "repair" : "verify";
    if (!selector) {
      throw Failure{kExitUsageError, selector.error(), "see: muster " + verb + " --help"};
    }
  }
  const std::vector<DeviceInfo> known = session.devices(text);
  if (known.empty()) {
    throw Failure{
        kExitUsageError,
        text.empty() ? "there are no devices" : "no device matches " + quote_text(text),
        text.empty() ? "declare some: muster inventory apply FILE" : "see: muster device ls"};
  }
  return options.devices.names.empty() ? choose_sweep(known, session.output())
                                       : choose_by_name(known, options.devices.names);
}

std::string found_json(const Verification& one) {
  return one.result.task.spec.kind == TaskKind::repair ? repair_json(one.device, one.result)
                                                       : verification_json(one.device, one.result);
}

void print_end(Output& output, const Verification& verification) {
  if (output.format() == Format::jsonl) {
    output.print(found_json(verification) + "\n");
  } else if (output.format() == Format::quiet) {
    output.print(verification.result.task.spec.guid + "\n");
  }
}

int print_all(Output& output, const std::vector<Verification>& all, bool repair) {
  if (output.is_human()) {
    output.print(render_verifications(all, output.look()));
    output.talk(render_verification_summary(all));
  } else if (output.format() == Format::json) {
    std::vector<std::string> items;
    for (const Verification& one : all) items.push_back(found_json(one));
    output.print(list_json(repair ? "repair" : "verification", items) + "\n");
  }
  std::vector<TaskInfo> tasks;
  for (const Verification& one : all) tasks.push_back(one.result.task);
  return worst_exit_status(tasks);
}

// Says once on stderr why nothing runs.
class StuckWord {
 public:
  explicit StuckWord(Session& session) : session_(session), moved_us_(boot_us()) {}

  void note(const Findings& findings) {
    const Verification* waiting = findings.stuck();
    if (waiting == nullptr) moved_us_ = boot_us();
    const bool due = boot_us() - moved_us_ > kStuckWorthAWord.count();
    if (said_ || waiting == nullptr || !due || !session_.output().is_human()) return;
    said_ = true;
    std::variant<Message, ClientError> answer =
        session_.broker().ask(ExplainTask{waiting->result.task.spec.guid}, 2s);
    const auto* message = std::get_if<Message>(&answer);
    const auto* explanation = message ? std::get_if<Explanation>(message) : nullptr;
    if (explanation == nullptr) return;
    const std::string text = render_explanation(*explanation);
    session_.output().talk(printable(waiting->device) + " " + text.substr(0, text.size() - 1));
  }

 private:
  Session& session_;
  int64_t moved_us_;
  bool said_ = false;
};

}  // namespace

int do_verb(Session& session, const VerifyOptions& options) {
  Output& output = session.output();
  const std::vector<std::string> devices = choose_devices(session, options);
  std::vector<TaskSpec> tasks;
  for (const std::string& device : devices) tasks.push_back(make_verify_task(options, device));
  sign_tasks(tasks);

  // Everything about the tasks comes after what is in the log now.
  const BrokerStatus status = session.ask_for<BrokerStatus>(AskStatus{});
  EventStream stream(session, status.head + 1, status.log_id, EventStream::Patience::wait);
  const std::vector<SubmitResult> results = submit_tasks(session, tasks);
  const std::vector<std::string> guids = accepted_or_throw(results);
  if (options.detach) {
    show_submissions(output, results);
    return kExitOk;
  }

  InterruptGuard guard;
  Findings findings(options.repair ? TaskKind::repair : TaskKind::verify, devices, guids);
  ProgressLine line(output);
  StuckWord stuck(session);
  while (!findings.done()) {
    line.show(findings.progress());
    for (const NumberedEvent& numbered : stream.next(kTick)) {
      if (const Verification* ended = findings.take(numbered.event)) print_end(output, *ended);
    }
    stuck.note(findings);
    if (InterruptGuard::pending() == 0) continue;
    say_tasks_go_on(output, guids);
    return InterruptGuard::exit_status();
  }
  return print_all(output, findings.all(), options.repair);
}

}  // namespace muster
