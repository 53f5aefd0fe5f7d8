#include "core/event.h"

#include <gtest/gtest.h>

#include <memory>

namespace muster {
namespace {

const AttemptToken kToken{"guid:of:token", 3};

TaskSpecPtr spec_named(const std::string& guid) {
  TaskSpec spec;
  spec.guid = guid;
  return std::make_shared<const TaskSpec>(spec);
}

struct EventRow {
  EventBody body;
  const char* type;
  const char* guid;
};

TEST(Event, TypeAndGuid) {
  const std::vector<EventRow> rows = {
      {BrokerStarted{}, "broker_started", ""},
      {InventoryApplied{std::make_shared<const Inventory>(), "me"}, "inventory_applied", ""},
      {WorkerJoined{}, "worker_joined", ""},
      {WorkerLost{}, "worker_lost", ""},
      {TaskSubmitted{spec_named("guid:of:spec")}, "task_submitted", "guid:of:spec"},
      {TaskSubmitted{}, "task_submitted", ""},
      {AttemptLeased{kToken, "w", 1, {}}, "attempt_leased", "guid:of:token"},
      {AttemptReported{{}, kToken, {}, AttemptStarted{}}, "attempt_started", "guid:of:token"},
      {AttemptReported{{}, kToken, {}, Record{}}, "record", "guid:of:token"},
      {AttemptReported{{}, kToken, {}, CaseResult{}}, "result", "guid:of:token"},
      {AttemptEnded{{}, kToken, {}, Verdict::none, {}}, "attempt_ended", "guid:of:token"},
      {ReportRefused{{}, kToken, "stale"}, "report_refused", "guid:of:token"},
      {CancelRequested{"guid:of:cancel", "", ""}, "cancel_requested", "guid:of:cancel"},
      {TaskEnded{"guid:of:task", {}, Verdict::error}, "task_ended", "guid:of:task"},
      {TaskRetried{"guid:of:task", "", "", ""}, "task_retried", "guid:of:task"},
      {AttemptReported{{}, kToken, {}, CallMade{}}, "call_made", "guid:of:token"},
      {DaemonLogged{}, "daemon_logged", ""},
      {AccessRefused{}, "access_refused", ""},
      {DrainChanged{}, "drain_changed", ""},
  };
  for (const EventRow& row : rows) {
    const Event event{Instant{}, row.body};
    EXPECT_EQ(event_type(event), row.type);
    EXPECT_EQ(event_guid(event), row.guid) << row.type;
  }
}

TEST(Event, MetadataAreThoseOfTheTask) {
  auto spec = std::make_shared<TaskSpec>();
  EXPECT_EQ(event_metadata({Instant{}, TaskSubmitted{spec}}), nullptr);
  spec->metadata = {{"build", "42"}};
  EXPECT_EQ(event_metadata({Instant{}, TaskSubmitted{spec}}), &spec->metadata);
  EXPECT_EQ(event_metadata({Instant{}, TaskSubmitted{}}), nullptr);
  const Event bare{Instant{}, CancelRequested{"guid", "", ""}};
  EXPECT_EQ(event_metadata(bare), nullptr);
  Event told = bare;
  told.metadata = std::make_shared<const Metadata>();
  EXPECT_EQ(told, bare) << "no pairs are no metadata";
  EXPECT_EQ(event_metadata(told), nullptr);
  told.metadata = MetadataPtr(spec, &spec->metadata);
  EXPECT_EQ(event_metadata(told), &spec->metadata);
  EXPECT_NE(told, bare);
}

}  // namespace
}  // namespace muster
