// The rows that events make in the ledger, in either kind of store (io/sql.h). schemas/sql says
// what the tables are for.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectors/ledger_devices.h"
#include "collectors/ledger_tasks.h"
#include "collectors/sink.h"
#include "io/measure_tables.h"
#include "io/sql.h"

namespace muster {

// An open ledger. After the first failure nothing more is written: open another.
class LedgerWriter {
 public:
  // Migrates it.
  static Result<std::unique_ptr<LedgerWriter>> open(std::unique_ptr<SqlStore> store);

  // How far it has come.
  const SinkPosition& position() const { return position_; }

  // Rows and position in one transaction; what was written before is left out. A failure too when
  // somebody else has written meanwhile. DbFault::constraint: the store refuses what an event says.
  DbStatus write(std::span<const SequencedEvent> events, const SinkPosition& position);

  // Whether an event makes only rows of its own, which later events do not change.
  static bool may_come_late(const Event& event);
  // The rows of such, whether or not they have come before; the position stays. Fails as write
  // does.
  DbStatus write_again(std::span<const SequencedEvent> events);

  // The rows that an event makes beside its own. One overload for each type.
  void add(const BrokerStarted&, const SequencedEvent&) {}
  void add(const InventoryApplied& event, const SequencedEvent& at) {
    note(devices_.add(event, at.seq, at.event.time));
  }
  void add(const WorkerJoined&, const SequencedEvent&) {}
  void add(const WorkerLost&, const SequencedEvent&) {}
  void add(const TaskSubmitted& event, const SequencedEvent& at) {
    tasks_.add(event, at.seq, at.event.time);
  }
  void add(const AttemptLeased& event, const SequencedEvent& at);
  void add(const AttemptReported& event, const SequencedEvent& at);
  void add(const AttemptEnded& event, const SequencedEvent& at) {
    tasks_.add(event, at.event.time);
  }
  void add(const ReportRefused&, const SequencedEvent&) {}
  void add(const CancelRequested& event, const SequencedEvent&) { tasks_.add(event); }
  void add(const TaskEnded& event, const SequencedEvent& at) { tasks_.add(event, at.event.time); }
  void add(const DeviceJudged& event, const SequencedEvent& at);
  void add(const DeviceListed& event, const SequencedEvent& at) {
    note(devices_.add(event, at.seq, at.event.time));
  }
  void add(const DeviceUnlisted& event, const SequencedEvent&) { note(devices_.add(event)); }
  void add(const TaskRetried& event, const SequencedEvent& at) { tasks_.add(event, at.event.time); }
  void add(const DaemonLogged&, const SequencedEvent&) {}
  void add(const AccessRefused&, const SequencedEvent&) {}
  void add(const DrainChanged&, const SequencedEvent&) {}

 private:
  explicit LedgerWriter(std::unique_ptr<SqlStore> store) : store_(std::move(store)) {}
  Result<Done> prepare();
  Result<SinkPosition> read_position();
  void check_position();
  void write_rows(std::span<const SequencedEvent> events, const SinkPosition& position);
  Result<Done> make_room(std::span<const SequencedEvent> events);
  void add_all(std::span<const SequencedEvent> events);
  void add_event(const SequencedEvent& at);
  void add_result(const AttemptReported& event, const CaseResult& result, uint64_t seq);
  void add_source(const AttemptReported& event, const SourceFetched& source, uint64_t seq);
  void add_artifact(const AttemptReported& event, const Artifact& artifact, uint64_t seq);
  std::string_view text(std::string_view text);
  std::string_view guid(std::string_view text);
  std::string_view name(std::string_view text);
  void note(DbStatus status) {
    if (failure_.ok()) failure_ = std::move(status);
  }
  void flush();

  std::unique_ptr<SqlStore> store_;  // before what it has made
  LedgerTasks tasks_;
  LedgerDevices devices_;
  MeasureTables measures_;
  SinkPosition position_;
  DbStatus failure_;
  std::deque<std::string> texts_;
  std::unique_ptr<SqlStatement> select_position_;
  std::unique_ptr<SqlInserter> events_;
  std::unique_ptr<SqlInserter> device_attempts_;
  std::unique_ptr<SqlInserter> results_;
  std::unique_ptr<SqlInserter> health_;
  std::unique_ptr<SqlInserter> sources_;
  std::unique_ptr<SqlInserter> artifacts_;
  std::unique_ptr<SqlInserter> set_position_;
};

}  // namespace muster
