#include "tests/transcripts/describe.h"

#include <utility>
#include <variant>
#include <vector>

namespace muster {
namespace {

// Builds "a b=c [d e]" piece by piece.
class Line {
 public:
  Line& word(std::string_view text) {
    if (!text.empty()) {
      if (!text_.empty()) text_ += ' ';
      text_ += text;
    }
    return *this;
  }
  Line& pair(std::string_view key, std::string_view value) {
    return word(std::string(key) + "=" + std::string(value));
  }
  Line& pair(std::string_view key, uint64_t value) { return pair(key, std::to_string(value)); }
  // Left out when `value` is empty.
  Line& text(std::string_view key, std::string_view value) {
    return value.empty() ? *this : pair(key, "\"" + std::string(value) + "\"");
  }
  Line& flag(std::string_view name, bool on) { return on ? word(name) : *this; }
  template <typename Items, typename Render>
  Line& list(std::string_view key, const Items& items, const Render& render) {
    if (items.empty()) return *this;
    Line inner;
    for (const auto& item : items) inner.word(render(item));
    return word((key.empty() ? "" : std::string(key) + "=") + "[" + inner.take() + "]");
  }
  Line& names(std::string_view key, const std::vector<std::string>& names) {
    return list(key, names, [](const std::string& name) { return name; });
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string describe_origin(const Origin& origin) {
  if (origin.worker.empty()) return "by broker";
  const uint64_t incarnation = origin.seq >> 32;
  return "by " + origin.worker + ":" + std::to_string(incarnation) + "." +
         std::to_string(origin.seq & 0xffffffff);
}

std::string describe_seq(uint64_t seq) {
  return seq == 0 ? "0" : std::to_string(seq >> 32) + "." + std::to_string(seq & 0xffffffff);
}

std::string describe_body(const AttemptStarted& started) {
  return Line().word("started").text("log", started.log_url).take();
}
std::string describe_body(const Record& record) {
  return Line().word(record.status).word(record.operation).text("", record.message).take();
}
std::string describe_body(const CaseResult& result) {
  return Line()
      .word(to_string(result.outcome))
      .word(result.suite + ":" + result.name)
      .text("message", result.message)
      .take();
}
std::string describe_body(const Progress& progress) {
  return Line().word("progress").pair("percent", progress.percent).text("", progress.text).take();
}
std::string describe_body(const SourceFetched& source) {
  return Line().word("source").text("url", source.url).text("sha", source.sha).take();
}
std::string describe_body(const Shout& shout) {
  return Line().word("shout").text("", shout.json).take();
}
std::string describe_body(const Measurement& measurement) {
  return Line()
      .word("measurement")
      .text("table", measurement.table)
      .pair("columns", measurement.row.size())
      .take();
}
std::string describe_body(const Artifact& artifact) {
  return Line().word("artifact").text("name", artifact.name).pair("bytes", artifact.bytes).take();
}
std::string describe_body(const CallFailed& call) {
  return Line().word("call_failed").word(call.method).text("error", call.error).take();
}
std::string describe_body(const CallMade& call) {
  return Line().word("call_made").word(call.method).take();
}
std::string describe_body(const Ending& ending) { return "ending " + describe(ending); }

std::string describe_report(const Report& report) {
  return describe_seq(report.seq) + ":" + describe(report.token) + ":" +
         std::visit([](const auto& body) { return describe_body(body); }, report.body);
}

struct EventText {
  Instant zero;
  Line& line;

  void operator()(const BrokerStarted& event) { line.pair("epoch", event.epoch); }
  void operator()(const InventoryApplied& event) {
    line.pair("by", event.who)
        .list("devices", event.inventory->devices,
              [](const DeviceSpec& device) { return device.name + "@" + device.worker; })
        .list("stacks", event.inventory->stacks, [](const StackSpec& stack) { return stack.name; })
        .names("allow", event.inventory->allow);
  }
  void operator()(const WorkerJoined& event) {
    line.word(event.worker)
        .pair("inc", event.incarnation)
        .pair("slots", event.slots)
        .names("pools", event.pools);
  }
  void operator()(const WorkerLost& event) {
    line.word(event.worker).pair("inc", event.incarnation).text("reason", event.reason);
  }
  void operator()(const TaskSubmitted& event) {
    line.word(event.spec->guid).word(to_string(event.spec->kind));
    if (event.spec->depends_on.empty()) return;
    line.list("after", event.spec->depends_on, [](const Dependency& dependency) {
      return dependency.guid + (dependency.must_pass ? "" : "?");
    });
  }
  void operator()(const AttemptLeased& event) {
    line.word(describe(event.token))
        .word(event.worker)
        .pair("inc", event.incarnation)
        .names("", event.devices);
  }
  void operator()(const AttemptReported& event) {
    line.word(describe(event.token))
        .word(std::visit([](const auto& body) { return describe_body(body); }, event.body))
        .word(describe_origin(event.origin));
  }
  void operator()(const AttemptEnded& event) {
    line.word(describe(event.token)).word(describe(event.ending));
    if (event.verdict == Verdict::none) {
      line.pair("retry", describe(event.retry_at, zero));
    } else {
      line.pair("verdict", to_string(event.verdict));
    }
    line.word(describe_origin(event.origin));
  }
  void operator()(const ReportRefused& event) {
    line.word(describe(event.token))
        .text("reason", event.reason)
        .word(describe_origin(event.origin));
  }
  void operator()(const CancelRequested& event) {
    line.word(event.guid).text("reason", event.reason).pair("by", event.who);
  }
  void operator()(const TaskRetried& event) {
    line.word(event.guid).text("reason", event.reason).pair("by", event.who);
  }
  void operator()(const DaemonLogged& event) {
    line.word(event.daemon).word(to_string(event.line.level)).text("", event.line.text);
  }
  void operator()(const AccessRefused& event) {
    line.word(event.name.empty() ? "-" : event.name).text("what", event.what);
    line.text("reason", event.reason).pair("count", event.count);
  }
  void operator()(const DeviceJudged& event) {
    line.word(event.device).word(to_string(event.health)).text("reason", event.reason);
    line.pair("by", event.who).pair("failures", event.failures);
    if (event.job_failures > 0) line.pair("job_failures", event.job_failures);
    if (!event.guid.empty()) line.pair("guid", event.guid);
    if (event.until != kNever) line.pair("until", describe(event.until, zero));
  }
  void operator()(const DeviceListed& event) {
    line.word(event.worker).word(event.device.name).pair("lister", event.device.lister);
  }
  void operator()(const DrainChanged& event) {
    line.word(event.worker.empty() ? "broker" : event.worker)
        .word(event.draining ? "drains" : "resumes")
        .pair("by", event.who)
        .text("reason", event.reason);
  }
  void operator()(const DeviceUnlisted& event) { line.word(event.worker).word(event.name); }
  void operator()(const TaskEnded& event) {
    line.word(event.guid).word(describe(event.ending)).pair("verdict", to_string(event.verdict));
  }
};

std::string describe_change(const TaskChange& change) {
  Line line;
  line.word(change.guid).word(to_string(change.state));
  if (change.attempt != 0) line.pair("attempt", change.attempt);
  if (!change.worker.empty()) line.pair("on", change.worker);
  line.text("log", change.log_url);
  if (change.verdict != Verdict::none) line.pair("verdict", to_string(change.verdict));
  return "(" + line.take() + ")";
}

std::string describe_assignment(const Assignment& assignment) {
  Line line;
  line.word(describe(AttemptToken{assignment.spec->guid, assignment.attempt}));
  for (const DeviceSpec& device : assignment.devices) line.word("on " + device.name);
  line.text("strategy", assignment.strategy);
  line.list("used", assignment.used,
            [](const ActionUse& use) { return use.tag + ":" + std::to_string(use.count); });
  return assignment.devices.empty() && assignment.strategy.empty() ? line.take()
                                                                   : "(" + line.take() + ")";
}

std::string describe_stop(const StopOrder& stop) {
  Line line;
  line.word(describe(stop.token))
      .word(stop.reason == StopReason::cancelled ? "cancelled" : "fenced")
      .text("text", stop.text);
  return "(" + line.take() + ")";
}

std::string describe_attempt(const AttemptInfo& attempt) {
  Line line;
  line.pair("attempt", attempt.attempt).word(attempt.worker).names("", attempt.devices);
  if (attempt.ending) line.word(describe(*attempt.ending));
  return "(" + line.take() + ")";
}

struct MessageText {
  Instant zero;
  Line& line;

  void operator()(const Hello& hello) {
    line.word("hello").word(to_string(hello.role)).word(hello.name);
  }
  void operator()(const Welcome& welcome) {
    line.word("welcome")
        .pair("protocol", welcome.protocol)
        .pair("epoch", welcome.epoch)
        .pair("head", welcome.head)
        .pair("beat", describe(welcome.beat));
  }
  void operator()(const Refused& refused) {
    line.word("refused").word(to_string(refused.code)).text("reason", refused.reason);
  }
  void operator()(const Unimplemented& message) {
    line.word("unimplemented").pair("tag", message.tag);
  }
  void operator()(const Beat&) { line.word("beat"); }
  void operator()(const Submit& submit) {
    line.word("submit").flag("watch", submit.watch);
    for (const TaskSpecPtr& spec : submit.tasks) line.word(spec->guid);
  }
  void operator()(const SubmitReply& reply) {
    line.word("submit_reply");
    for (const SubmitResult& result : reply.results) {
      line.word(result.guid).flag("known", result.known).text("refused", result.refused);
      line.flag("unavailable", result.code == RefusalCode::unavailable);
      line.flag("accepted", !result.known && result.refused.empty());
    }
  }
  void operator()(const Watch& watch) { line.word("watch").names("", watch.guids); }
  void operator()(const TaskNews& news) {
    line.word("news").names("unknown", news.unknown);
    for (const TaskChange& change : news.changes) line.word(describe_change(change));
  }
  void operator()(const Cancel& cancel) { line.word("cancel").names("", cancel.guids); }
  void operator()(const CancelReply& reply) {
    line.word("cancel_reply");
    for (const CancelResult& result : reply.results) {
      line.word(result.guid).text("refused", result.refused).flag("done", result.refused.empty());
    }
  }
  void operator()(const RetryTasks& retry) { line.word("retry_tasks").names("", retry.guids); }
  void operator()(const RetryTasksReply& reply) {
    line.word("retry_tasks_reply");
    for (const RetryTasksResult& result : reply.results) {
      line.word(result.guid).text("refused", result.refused).flag("done", result.refused.empty());
    }
  }
  void operator()(const TellLog& tell) { line.word("tell_log").pair("lines", tell.lines.size()); }
  void operator()(const TellLogReply& reply) {
    line.word("tell_log_reply").pair("through", describe_seq(reply.through));
  }
  void operator()(const ApplyInventory&) { line.word("apply_inventory"); }
  void operator()(const InventoryReply& reply) {
    line.word("inventory_reply")
        .pair("added", reply.devices_added)
        .pair("changed", reply.devices_changed)
        .pair("removed", reply.devices_removed);
  }
  void operator()(const Sync& sync) {
    line.word("sync").pair("n", sync.number).pair("inc", sync.incarnation);
    line.pair("unacked", describe_seq(sync.unacked_first) + ".." + describe_seq(sync.unacked_last));
    line.list("reports", sync.reports, describe_report);
    if (!sync.full) return;
    line.word("full").pair("slots", sync.slots).pair("credit", sync.credit);
    line.list("held", sync.held, [](const HeldAttempt& held) {
      return describe(held.token) + (held.running ? ":running" : ":waiting");
    });
  }
  void operator()(const Desired& desired) {
    line.word("desired")
        .pair("epoch", desired.epoch)
        .pair("n", desired.number)
        .pair("sync", desired.sync_number)
        .pair("lease", describe(desired.lease))
        .pair("acked", describe_seq(desired.acked))
        .list("run", desired.run, describe_assignment)
        .list("stop", desired.stop, describe_stop);
  }
  void operator()(const Fetch& fetch) {
    line.word("fetch").pair("from", fetch.from).pair("wait", describe(fetch.wait));
  }
  void operator()(const Blocks& blocks) {
    line.word("blocks").pair("head", blocks.head).pair("count", blocks.blocks.size());
  }
  void operator()(const ListTasks&) { line.word("list_tasks"); }
  void operator()(const TaskList& list) {
    line.word("task_list").pair("total", list.total);
    for (const TaskInfo& info : list.tasks) line.word(info.spec.guid).word(to_string(info.state));
  }
  void operator()(const ShowTask& show) { line.word("show_task").word(show.guid); }
  void operator()(const TaskInfo& info) {
    line.word("task").word(info.spec.guid).word(to_string(info.state));
    if (info.verdict != Verdict::none) line.pair("verdict", to_string(info.verdict));
    if (info.not_before != kNever) line.pair("not_before", describe(info.not_before, zero));
    line.text("cancelling", info.cancelling);
    for (const AttemptInfo& attempt : info.attempts) line.word(describe_attempt(attempt));
    if (info.ending) line.word("ended " + describe(*info.ending));
  }
  void operator()(const ExplainTask& explain) { line.word("explain_task").word(explain.guid); }
  void operator()(const Explanation& explanation) {
    line.word("explanation")
        .word(explanation.guid)
        .word(to_string(explanation.state))
        .pair("ahead", explanation.ahead)
        .text("estimate", explanation.estimate > Duration(0) ? describe(explanation.estimate) : "")
        .text("summary", explanation.summary)
        .list("reasons", explanation.reasons,
              [](const std::string& reason) { return "\"" + reason + "\""; });
  }
  void operator()(const ListDevices&) { line.word("list_devices"); }
  void operator()(const DeviceList& list) {
    line.word("device_list");
    for (const DeviceInfo& device : list.devices) {
      Line inner;
      inner.word(device.spec.name).word(to_string(device.state)).word(to_string(device.health));
      inner.text("reason", device.health_reason);
      if (!device.held_by.guid.empty()) inner.pair("held_by", describe(device.held_by));
      inner.names("stacks", device.stacks).flag("undeclared", device.undeclared);
      line.word("(" + inner.take() + ")");
    }
  }
  void operator()(const ListWorkers&) { line.word("list_workers"); }
  void operator()(const WorkerList& list) {
    line.word("worker_list");
    for (const WorkerInfo& worker : list.workers) {
      Line inner;
      inner.word(worker.name).word(worker.present ? "present" : "absent");
      inner.pair("inc", worker.incarnation).pair("slots", worker.slots).pair("held", worker.held);
      inner.pair("heard", describe(worker.last_heard, zero));
      inner.pair("lease_until", describe(worker.lease_until, zero));
      line.word("(" + inner.take() + ")");
    }
  }
  void operator()(const AskStatus&) { line.word("ask_status"); }
  void operator()(const ChangeDevices& change) {
    line.word("change_devices").word(to_string(change.change)).names("", change.names);
  }
  void operator()(const ChangeDevicesReply& reply) {
    line.word("change_devices_reply");
    for (const ChangeDevicesReply::Outcome& outcome : reply.results) {
      line.word(outcome.name).text("refused", outcome.refused).text("already", outcome.already);
      line.flag("done", outcome.refused.empty() && outcome.already.empty());
    }
  }
  void operator()(const Drain& drain) {
    line.word("drain").flag("resume", drain.resume).names("", drain.workers);
  }
  void operator()(const DrainReply& reply) {
    line.word("drain_reply");
    for (const DrainReply::Outcome& outcome : reply.results) {
      line.word(outcome.name.empty() ? "broker" : outcome.name).pair("held", outcome.held);
      line.text("refused", outcome.refused).text("already", outcome.already);
    }
  }
  void operator()(const AskInventory&) { line.word("ask_inventory"); }
  void operator()(const AskLog&) { line.word("ask_log"); }
  void operator()(const LogState& state) {
    line.word("log_state").pair("tail", state.tail).pair("head", state.head);
    line.pair("limit", state.limit).pair("readers", state.readers.size());
  }
  void operator()(const TrimLog& trim) {
    line.word("trim_log").pair("before", trim.before).flag("dry_run", trim.dry_run);
  }
  void operator()(const TrimLogReply& reply) {
    line.word("trim_log_reply").pair("before", reply.before).text("held_by", reply.held_by);
  }
  void operator()(const ForgetReader& forget) { line.word("forget_reader").word(forget.name); }
  void operator()(const CurrentInventory& current) {
    line.word("inventory")
        .list("devices", current.inventory->devices,
              [](const DeviceSpec& device) { return device.name; });
  }
  void operator()(const BrokerStatus& status) {
    line.word("status")
        .pair("epoch", status.epoch)
        .pair("head", status.head)
        .pair("queued", status.queued)
        .pair("leased", status.leased)
        .pair("ended", status.ended)
        .pair("workers", status.workers_present)
        .pair("devices", status.devices)
        .pair("refused", status.refused_messages)
        .flag("disk_low", status.disk_low);
  }
};

}  // namespace

std::string describe(Duration duration) {
  if (duration.count() % 1'000'000 == 0) return std::to_string(duration.count() / 1'000'000) + "s";
  if (duration.count() % 1'000 == 0) return std::to_string(duration.count() / 1'000) + "ms";
  return std::to_string(duration.count()) + "us";
}

std::string describe(Instant instant, Instant zero) {
  return instant == kNever ? "never" : describe(instant - zero);
}

std::string describe(const AttemptToken& token) {
  return token.guid + "/" + std::to_string(token.attempt);
}

std::string describe(const Ending& ending) {
  Line line;
  line.word(to_string(ending.outcome)).word(to_string(ending.cause)).word(to_string(ending.status));
  if (ending.exit_code) line.pair("exit", std::to_string(*ending.exit_code));
  if (ending.signal) line.pair("signal", std::to_string(*ending.signal));
  if (!ending.message.empty()) line.word("\"" + ending.message + "\"");
  return line.take();
}

std::string describe(const Event& event, Instant zero) {
  Line line;
  line.word(event_type(event));
  std::visit(EventText{zero, line}, event.body);
  return line.take();
}

std::string describe(const Envelope& envelope, Instant zero) {
  Line line;
  if (envelope.request != 0) line.word("#" + std::to_string(envelope.request));
  std::visit(MessageText{zero, line}, envelope.message);
  return line.take();
}

}  // namespace muster
