#include "collectors/ledger_writer.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "io/event_json.h"
#include "io/ledger_schema.h"
#include "io/ledger_text.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

SqlValue some(std::string_view text) {
  if (text.empty()) return SqlNull{};
  return text;
}

// The worker that an event came from or speaks of, or empty.
struct WorkerOf {
  std::string_view operator()(const BrokerStarted&) const { return {}; }
  std::string_view operator()(const InventoryApplied&) const { return {}; }
  std::string_view operator()(const WorkerJoined& event) const { return event.worker; }
  std::string_view operator()(const WorkerLost& event) const { return event.worker; }
  std::string_view operator()(const TaskSubmitted&) const { return {}; }
  std::string_view operator()(const AttemptLeased& event) const { return event.worker; }
  std::string_view operator()(const AttemptReported& event) const { return event.origin.worker; }
  std::string_view operator()(const AttemptEnded& event) const { return event.origin.worker; }
  std::string_view operator()(const ReportRefused& event) const { return event.origin.worker; }
  std::string_view operator()(const CancelRequested&) const { return {}; }
  std::string_view operator()(const TaskEnded&) const { return {}; }
  std::string_view operator()(const DeviceJudged&) const { return {}; }
  std::string_view operator()(const DeviceListed& event) const { return event.worker; }
  std::string_view operator()(const DeviceUnlisted& event) const { return event.worker; }
  std::string_view operator()(const TaskRetried&) const { return {}; }
  std::string_view operator()(const DaemonLogged&) const { return {}; }
  std::string_view operator()(const AccessRefused&) const { return {}; }
  std::string_view operator()(const DrainChanged& event) const { return event.worker; }
};

// The measurement that an event reports, and its report; or null.
const AttemptReported* measured(const Event& event) {
  const auto* report = std::get_if<AttemptReported>(&event.body);
  const bool is_row = report != nullptr && std::holds_alternative<Measurement>(report->body);
  return is_row ? report : nullptr;
}

MeasureRow row_of(const AttemptReported& report, uint64_t seq) {
  return {seq, report.token.guid, report.token.attempt, report.time,
          &std::get<Measurement>(report.body)};
}

}  // namespace

Result<std::unique_ptr<LedgerWriter>> LedgerWriter::open(std::unique_ptr<SqlStore> store) {
  std::unique_ptr<LedgerWriter> writer(new LedgerWriter(std::move(store)));
  if (Result<Done> done = migrate_ledger(*writer->store_); !done.ok()) {
    return ledger_error(done.error());
  }
  if (Result<Done> done = finish_reset_ledger(*writer->store_); !done.ok()) {
    return ledger_error(done.error());
  }
  if (Result<Done> done = writer->prepare(); !done.ok()) return ledger_error(done.error());
  return writer;
}

Result<Done> LedgerWriter::prepare() {
  SqlStore& store = *store_;
  Result<std::unique_ptr<SqlStatement>> select =
      store.prepare("SELECT log_id, seq FROM position" + std::string(for_update(store.dialect())));
  if (!select.ok()) return Error{select.error()};
  select_position_ = std::move(*select);
  events_ = store.make_inserter("events", {"seq", "time_us", "type", "guid", "worker", "json"});
  device_attempts_ = store.make_inserter("device_attempts", {"device", "seq", "guid", "attempt"});
  results_ = store.make_inserter("results", {"seq", "guid", "attempt", "suite", "name", "outcome",
                                             "duration_us", "time_us", "message"});
  health_ = store.make_inserter("device_health", {"device", "seq", "time_us", "health", "reason",
                                                  "who", "guid", "until_us", "failures"});
  sources_ =
      store.make_inserter("sources", {"seq", "guid", "attempt", "time_us", "url", "ref", "sha"});
  artifacts_ = store.make_inserter(
      "artifacts", {"seq", "guid", "attempt", "time_us", "name", "url", "bytes", "sha256"});
  set_position_ = store.make_inserter("position", {"only", "log_id", "seq"});
  tasks_.open(store);
  if (Result<Done> done = devices_.open(store); !done.ok()) return done;
  if (Result<Done> done = measures_.open(store); !done.ok()) return done;
  Result<SinkPosition> position = read_position();
  if (!position.ok()) return Error{position.error()};
  position_ = std::move(*position);
  return Done{};
}

Result<SinkPosition> LedgerWriter::read_position() {
  SinkPosition position;
  select_position_->start({});
  if (select_position_->next()) {
    position = {std::string(select_position_->text(0)),
                static_cast<uint64_t>(select_position_->integer(1))};
  }
  if (DbStatus status = select_position_->finish(); !status.ok()) return Error{status.reason};
  return position;
}

DbStatus LedgerWriter::write(std::span<const SequencedEvent> events, const SinkPosition& position) {
  write_rows(undelivered(events, position_.cursor), position);
  if (failure_.ok()) position_ = position;
  return failure_;
}

DbStatus LedgerWriter::write_again(std::span<const SequencedEvent> events) {
  write_rows(events, position_);
  return failure_;
}

bool LedgerWriter::may_come_late(const Event& event) {
  const auto* report = std::get_if<AttemptReported>(&event.body);
  if (report != nullptr) return !std::holds_alternative<AttemptStarted>(report->body);
  return std::holds_alternative<DeviceJudged>(event.body) ||
         std::holds_alternative<BrokerStarted>(event.body) ||
         std::holds_alternative<WorkerJoined>(event.body) ||
         std::holds_alternative<WorkerLost>(event.body) ||
         std::holds_alternative<ReportRefused>(event.body);
}

void LedgerWriter::write_rows(std::span<const SequencedEvent> events,
                              const SinkPosition& position) {
  failure_ = {};
  if (Result<Done> done = make_room(events); !done.ok()) {
    return note({DbFault::broken, done.error()});
  }
  SqlTransaction transaction(*store_);
  note(transaction.status());
  if (failure_.ok()) check_position();
  if (failure_.ok()) add_all(events);
  if (failure_.ok()) {
    note(set_position_->add(
        {int64_t{1}, std::string_view(position.log_id), static_cast<int64_t>(position.cursor)}));
  }
  if (failure_.ok()) flush();
  if (failure_.ok()) note(transaction.commit());
  texts_.clear();
}

// A commit whose answer was lost may have been one, and a second collector may be at work.
void LedgerWriter::check_position() {
  const Result<SinkPosition> position = read_position();
  if (!position.ok()) return note({DbFault::broken, position.error()});
  if (*position == position_) return;
  note({DbFault::broken, store_->place() + ": somebody else has written it, up to event " +
                             std::to_string(position->cursor) + "; this collector was at " +
                             std::to_string(position_.cursor)});
}

// Tables and columns for the measurements among them.
Result<Done> LedgerWriter::make_room(std::span<const SequencedEvent> events) {
  std::vector<MeasureRow> rows;
  for (const SequencedEvent& at : events) {
    if (const AttemptReported* report = measured(at.event)) rows.push_back(row_of(*report, at.seq));
  }
  if (rows.empty()) return Done{};
  // What this knows of the tables holds as long as nobody else has written.
  check_position();
  if (!failure_.ok()) return Error{failure_.reason};
  return measures_.make_room(rows);
}

void LedgerWriter::add_all(std::span<const SequencedEvent> events) {
  for (const SequencedEvent& at : events) {
    add_event(at);
    std::visit([&](const auto& event) { add(event, at); }, at.event.body);
    if (!failure_.ok()) return;
  }
}

void LedgerWriter::flush() {
  note(tasks_.write());
  note(devices_.flush());
  note(measures_.flush());
  for (SqlInserter* table : {events_.get(), device_attempts_.get(), results_.get(), health_.get(),
                             sources_.get(), artifacts_.get(), set_position_.get()}) {
    if (failure_.ok()) note(table->flush());
  }
}

std::string_view LedgerWriter::text(std::string_view text) { return ledger_text(text, texts_); }

std::string_view LedgerWriter::guid(std::string_view text) {
  return ledger_text(text, texts_, kSqlGuidMax);
}

std::string_view LedgerWriter::name(std::string_view text) {
  return ledger_text(text, texts_, kSqlNameMax);
}

void LedgerWriter::add_event(const SequencedEvent& at) {
  const std::string json = event_to_json(at.seq, at.event);
  note(events_->add({static_cast<int64_t>(at.seq), to_us(at.event.time), event_type(at.event),
                     some(guid(event_guid(at.event))),
                     some(text(std::visit(WorkerOf{}, at.event.body))), std::string_view(json)}));
}

void LedgerWriter::add(const AttemptLeased& event, const SequencedEvent& at) {
  tasks_.add(event, at.event.time);
  for (const std::string& device : event.devices) {
    note(device_attempts_->add({name(device), static_cast<int64_t>(at.seq), guid(event.token.guid),
                                int64_t{event.token.attempt}}));
  }
}

void LedgerWriter::add(const AttemptReported& event, const SequencedEvent& at) {
  if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
    tasks_.add_started(event, *started);
  } else if (const auto* result = std::get_if<CaseResult>(&event.body)) {
    add_result(event, *result, at.seq);
  } else if (const auto* source = std::get_if<SourceFetched>(&event.body)) {
    add_source(event, *source, at.seq);
  } else if (const auto* artifact = std::get_if<Artifact>(&event.body)) {
    add_artifact(event, *artifact, at.seq);
  } else if (std::holds_alternative<Measurement>(event.body)) {
    MeasureRow row = row_of(event, at.seq);
    row.guid = guid(row.guid);
    note(measures_.add(row));
  }
}

void LedgerWriter::add_result(const AttemptReported& event, const CaseResult& result,
                              uint64_t seq) {
  note(results_->add({static_cast<int64_t>(seq), guid(event.token.guid),
                      int64_t{event.token.attempt}, text(result.suite), text(result.name),
                      to_string(result.outcome), result.duration.count(), to_us(event.time),
                      text(result.message)}));
}

void LedgerWriter::add_source(const AttemptReported& event, const SourceFetched& source,
                              uint64_t seq) {
  note(sources_->add({static_cast<int64_t>(seq), guid(event.token.guid),
                      int64_t{event.token.attempt}, to_us(event.time), text(source.url),
                      text(source.ref), text(source.sha)}));
}

void LedgerWriter::add_artifact(const AttemptReported& event, const Artifact& artifact,
                                uint64_t seq) {
  const auto bytes = static_cast<int64_t>(std::min<uint64_t>(artifact.bytes, INT64_MAX));
  note(artifacts_->add({static_cast<int64_t>(seq), guid(event.token.guid),
                        int64_t{event.token.attempt}, to_us(event.time), text(artifact.name),
                        text(artifact.url), bytes, text(artifact.sha256)}));
}

void LedgerWriter::add(const DeviceJudged& event, const SequencedEvent& at) {
  SqlValue until = SqlNull{};
  if (event.until != kNever) until = to_us(event.until);
  note(health_->add({name(event.device), static_cast<int64_t>(at.seq), to_us(at.event.time),
                     to_string(event.health), text(event.reason), text(event.who),
                     some(guid(event.guid)), until, int64_t{event.failures}}));
}

}  // namespace muster
