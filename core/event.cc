#include "core/event.h"

namespace muster {
namespace {

struct TypeName {
  std::string_view operator()(const BrokerStarted&) const { return "broker_started"; }
  std::string_view operator()(const InventoryApplied&) const { return "inventory_applied"; }
  std::string_view operator()(const WorkerJoined&) const { return "worker_joined"; }
  std::string_view operator()(const WorkerLost&) const { return "worker_lost"; }
  std::string_view operator()(const TaskSubmitted&) const { return "task_submitted"; }
  std::string_view operator()(const AttemptLeased&) const { return "attempt_leased"; }
  std::string_view operator()(const AttemptReported& event) const {
    return std::visit(*this, event.body);
  }
  std::string_view operator()(const AttemptStarted&) const { return "attempt_started"; }
  std::string_view operator()(const Record&) const { return "record"; }
  std::string_view operator()(const CaseResult&) const { return "result"; }
  std::string_view operator()(const Progress&) const { return "progress"; }
  std::string_view operator()(const SourceFetched&) const { return "source_fetched"; }
  std::string_view operator()(const Shout&) const { return "shout"; }
  std::string_view operator()(const Measurement&) const { return "measurement"; }
  std::string_view operator()(const Artifact&) const { return "artifact"; }
  std::string_view operator()(const CallFailed&) const { return "call_failed"; }
  std::string_view operator()(const CallMade&) const { return "call_made"; }
  std::string_view operator()(const AttemptEnded&) const { return "attempt_ended"; }
  std::string_view operator()(const ReportRefused&) const { return "report_refused"; }
  std::string_view operator()(const CancelRequested&) const { return "cancel_requested"; }
  std::string_view operator()(const TaskEnded&) const { return "task_ended"; }
  std::string_view operator()(const DeviceJudged&) const { return "device_judged"; }
  std::string_view operator()(const DeviceListed&) const { return "device_listed"; }
  std::string_view operator()(const DeviceUnlisted&) const { return "device_unlisted"; }
  std::string_view operator()(const DrainChanged&) const { return "drain_changed"; }
  std::string_view operator()(const TaskRetried&) const { return "task_retried"; }
  std::string_view operator()(const DaemonLogged&) const { return "daemon_logged"; }
  std::string_view operator()(const AccessRefused&) const { return "access_refused"; }
};

struct GuidOf {
  std::string_view operator()(const BrokerStarted&) const { return {}; }
  std::string_view operator()(const InventoryApplied&) const { return {}; }
  std::string_view operator()(const WorkerJoined&) const { return {}; }
  std::string_view operator()(const WorkerLost&) const { return {}; }
  std::string_view operator()(const TaskSubmitted& event) const {
    return event.spec ? std::string_view(event.spec->guid) : std::string_view();
  }
  std::string_view operator()(const AttemptLeased& event) const { return event.token.guid; }
  std::string_view operator()(const AttemptReported& event) const { return event.token.guid; }
  std::string_view operator()(const AttemptEnded& event) const { return event.token.guid; }
  std::string_view operator()(const ReportRefused& event) const { return event.token.guid; }
  std::string_view operator()(const CancelRequested& event) const { return event.guid; }
  std::string_view operator()(const TaskEnded& event) const { return event.guid; }
  std::string_view operator()(const DeviceJudged& event) const { return event.guid; }
  std::string_view operator()(const DeviceListed&) const { return {}; }
  std::string_view operator()(const DeviceUnlisted&) const { return {}; }
  std::string_view operator()(const DrainChanged&) const { return {}; }
  std::string_view operator()(const TaskRetried& event) const { return event.guid; }
  std::string_view operator()(const DaemonLogged&) const { return {}; }
  std::string_view operator()(const AccessRefused&) const { return {}; }
};

}  // namespace

std::string_view event_type(const Event& event) { return std::visit(TypeName{}, event.body); }

std::string_view event_guid(const Event& event) { return std::visit(GuidOf{}, event.body); }

const Metadata* event_metadata(const Event& event) {
  const Metadata* metadata = event.metadata.get();
  if (const auto* submitted = std::get_if<TaskSubmitted>(&event.body)) {
    metadata = submitted->spec ? &submitted->spec->metadata : nullptr;
  }
  return metadata == nullptr || metadata->empty() ? nullptr : metadata;
}

bool Event::operator==(const Event& other) const {
  const Metadata none;
  const Metadata& mine = metadata ? *metadata : none;
  return time == other.time && body == other.body &&
         mine == (other.metadata ? *other.metadata : none);
}

}  // namespace muster
