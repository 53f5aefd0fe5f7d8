#include "cli/render_event.h"

#include "cli/render_device.h"
#include "cli/render_task.h"
#include "cli/values.h"
#include "core/duration_text.h"
#include "core/job_rules.h"

namespace muster {
namespace {

std::string attempt_text(const AttemptToken& token) {
  return "attempt " + std::to_string(token.attempt) + ": ";
}

// A measured value. Text is as it is: it needs no quotes here.
std::string cell_text(const MeasureValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : describe(value);
}

// What happened, in words, without time, type and GUID.
struct Describe {
  std::string operator()(const BrokerStarted& event) const {
    return "epoch " + std::to_string(event.epoch) + ", version " + event.version;
  }
  std::string operator()(const InventoryApplied& event) const {
    return "lab " + event.inventory->lab + ", " +
           counted(event.inventory->devices.size(), "device") + ", by " + event.who;
  }
  std::string operator()(const WorkerJoined& event) const {
    return event.worker + ", " + counted(event.slots, "slot") + ", lab " + event.lab;
  }
  std::string operator()(const WorkerLost& event) const {
    return event.worker + ": " + event.reason;
  }
  std::string operator()(const TaskSubmitted& event) const {
    return task_label(event.spec->kind, event.spec->name) + ", by " + event.spec->submitter;
  }
  std::string operator()(const AttemptLeased& event) const {
    std::string text = attempt_text(event.token) + "on " + event.worker;
    if (!event.devices.empty()) text += " with " + join(event.devices, ", ");
    return text;
  }
  std::string operator()(const AttemptReported& event) const {
    return attempt_text(event.token) + std::visit(*this, event.body);
  }
  std::string operator()(const AttemptStarted& event) const {
    return event.argv.empty() ? event.log_url : join(event.argv, " ");
  }
  std::string operator()(const Record& event) const {
    std::string text = event.status;
    if (!event.operation.empty()) text += " " + event.operation;
    if (!event.message.empty()) text += ": " + event.message;
    return text;
  }
  std::string operator()(const CaseResult& event) const {
    std::string text = event.suite.empty() ? event.name : event.suite + "." + event.name;
    text += " " + std::string(to_string(event.outcome)) + ", " + format_duration(event.duration);
    if (!event.message.empty()) text += ": " + event.message;
    return text;
  }
  std::string operator()(const Progress& event) const {
    return std::to_string(event.percent) + "% " + event.text;
  }
  std::string operator()(const SourceFetched& event) const {
    return event.url + (event.ref.empty() ? "" : " " + event.ref) + " at " + event.sha;
  }
  std::string operator()(const Shout& event) const { return event.json; }
  std::string operator()(const Measurement& event) const {
    std::string text = event.table;
    for (const auto& [column, value] : event.row) {
      text += " " + column + "=" + cell_text(value);
    }
    return text;
  }
  std::string operator()(const Artifact& event) const {
    return event.name + ", " + std::to_string(event.bytes) + " bytes, " + event.url;
  }
  std::string operator()(const CallFailed& event) const {
    return event.method + " of " + event.peer + ": " + event.error;
  }
  std::string operator()(const CallMade& event) const {
    return event.method + " of " + event.peer + " " + event.arguments;
  }
  std::string operator()(const AttemptEnded& event) const {
    std::string text = attempt_text(event.token) + ending_text(event.ending);
    if (event.verdict == Verdict::none) return text + "; next try at " + short_time(event.retry_at);
    return text + "; verdict " + std::string(to_string(event.verdict));
  }
  std::string operator()(const ReportRefused& event) const {
    return attempt_text(event.token) + "from " + event.origin.worker + ": " + event.reason;
  }
  std::string operator()(const CancelRequested& event) const {
    return event.reason + ", by " + event.who;
  }
  std::string operator()(const TaskEnded& event) const {
    return ending_text(event.ending) + "; verdict " + std::string(to_string(event.verdict));
  }
  std::string operator()(const DeviceJudged& event) const {
    std::string text = event.device + " is " + std::string(to_string(event.health));
    if (!event.reason.empty()) text += ": " + event.reason;
    if (event.until != kNever) text += "; left alone until " + short_time(event.until);
    return text + ", by " + event.who;
  }
  std::string operator()(const DeviceListed& event) const {
    return event.device.name + " by " + event.device.lister + " of " + event.worker;
  }
  std::string operator()(const DeviceUnlisted& event) const {
    return event.name + " by " + event.worker;
  }
  std::string operator()(const DrainChanged& event) const {
    const std::string whose = event.worker.empty() ? "the broker" : event.worker;
    return whose + (event.draining ? " takes no new work" : " takes work again") +
           (event.reason.empty() ? "" : ": " + event.reason) + ", by " + event.who;
  }
  std::string operator()(const TaskRetried& event) const {
    return (event.reason.empty() ? "" : event.reason + ", ") + "by " + event.who;
  }
  std::string operator()(const DaemonLogged& event) const {
    std::string text =
        event.daemon + " " + std::string(to_string(event.line.level)) + ": " + event.line.text;
    if (event.line.left_out > 0) {
      text += " (after " + counted(event.line.left_out, "line") + " that only its log has)";
    }
    return text;
  }
  std::string operator()(const AccessRefused& event) const {
    const std::string key = event.key.empty() ? "no key" : "key " + event.key.substr(0, 8) + "...";
    std::string text = (event.name.empty() ? key : event.name) +
                       (event.address.empty() ? "" : " from " + event.address) + ", " + event.what +
                       ": " + event.reason;
    if (event.count > 1) text += " (" + std::to_string(event.count) + " times)";
    return text;
  }
};

std::string padded(std::string text, size_t width, bool right) {
  const size_t missing = width > text.size() ? width - text.size() : 0;
  return right ? std::string(missing, ' ') + text : text + std::string(missing, ' ');
}

}  // namespace

std::string event_text(const Event& event) { return std::visit(Describe{}, event.body); }

Color event_color(const Event& event) {
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    return outcome_color(ended->ending.outcome);
  }
  if (const auto* ended = std::get_if<TaskEnded>(&event.body)) {
    return outcome_color(ended->ending.outcome);
  }
  if (const auto* judged = std::get_if<DeviceJudged>(&event.body)) {
    return health_color(judged->health);
  }
  return std::holds_alternative<WorkerLost>(event.body) ? Color::doubt : Color::none;
}

std::string render_event(uint64_t seq, const Event& event, const Look& look) {
  std::string out = short_time(event.time) + " " + padded(std::to_string(seq), 7, true) + "  " +
                    padded(std::string(event_type(event)), 17, false) + "  ";
  if (const std::string_view guid = event_guid(event); !guid.empty()) out += printable(guid) + "  ";
  const std::string text = printable(event_text(event));
  return out + paint(text, event_color(event), look) + "\n";
}

}  // namespace muster
