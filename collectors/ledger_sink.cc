#include "collectors/ledger_sink.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "collectors/ledger_devices.h"
#include "core/task.h"
#include "io/event_json.h"
#include "io/ledger_schema.h"
#include "io/measure_json.h"
#include "io/sqlite.h"

namespace muster {
namespace {

// Large transactions come fast: 16 MB are folded back at once.
constexpr uint32_t kCheckpointPages = 4'000;
// The ends of the indexes stay in memory: 32 MB.
constexpr const char* kCacheSize = "PRAGMA cache_size = -32768";

Statement& bind_time(Statement& statement, int index, Instant time) {
  return time == kNever ? statement.bind_null(index) : statement.bind(index, to_us(time));
}

Statement& bind_some(Statement& statement, int index, std::string_view text) {
  return text.empty() ? statement.bind_null(index) : statement.bind(index, text);
}

Statement& bind_some(Statement& statement, int index, const std::optional<int32_t>& number) {
  return number ? statement.bind(index, int64_t{*number}) : statement.bind_null(index);
}

// Binds outcome, cause, status, exit_code, signal and message from `index` on.
Statement& bind_ending(Statement& statement, int index, const Ending& ending) {
  statement.bind(index, to_string(ending.outcome));
  statement.bind(index + 1, to_string(ending.cause));
  statement.bind(index + 2, static_cast<int64_t>(ending.status));
  bind_some(statement, index + 3, ending.exit_code);
  bind_some(statement, index + 4, ending.signal);
  return statement.bind(index + 5, ending.message);
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
};

}  // namespace

// An open ledger and its statements. After the first failure nothing more is written.
class LedgerSink::Writer {
 public:
  static Result<std::unique_ptr<Writer>> open(const std::string& file);

  Result<SinkPosition> read_position();
  Result<Done> write(std::span<const SequencedEvent> events, const SinkPosition& position);
  // Empties every table and begins with the first event again.
  Result<Done> forget();

  // The rows that an event makes beside its own. One overload for each type.
  void add(const BrokerStarted&, const SequencedEvent&) {}
  void add(const InventoryApplied& event, const SequencedEvent& at) {
    note(devices_.add(event, at.seq, at.event.time));
  }
  void add(const WorkerJoined&, const SequencedEvent&) {}
  void add(const WorkerLost&, const SequencedEvent&) {}
  void add(const TaskSubmitted& event, const SequencedEvent& at);
  void add(const AttemptLeased& event, const SequencedEvent& at);
  void add(const AttemptReported& event, const SequencedEvent& at);
  void add(const AttemptEnded& event, const SequencedEvent& at);
  void add(const ReportRefused&, const SequencedEvent&) {}
  void add(const CancelRequested& event, const SequencedEvent& at);
  void add(const TaskEnded& event, const SequencedEvent& at);
  void add(const DeviceJudged& event, const SequencedEvent& at);
  void add(const DeviceListed& event, const SequencedEvent& at) {
    note(devices_.add(event, at.seq, at.event.time));
  }
  void add(const DeviceUnlisted& event, const SequencedEvent&) { note(devices_.add(event)); }
  void add(const TaskRetried& event, const SequencedEvent& at);
  void add(const DaemonLogged&, const SequencedEvent&) {}

 private:
  explicit Writer(Database db) : db_(std::move(db)) {}
  Result<Done> prepare();
  void add_event(const SequencedEvent& at);
  void add_started(const AttemptReported& event, const AttemptStarted& started);
  void add_result(const AttemptReported& event, const CaseResult& result, uint64_t seq);
  // The columns that every row of a report begins with; the next is number 5.
  static Statement& bind_report(Statement& statement, const AttemptReported& event, uint64_t seq);
  void add_source(const AttemptReported& event, const SourceFetched& source, uint64_t seq);
  void add_artifact(const AttemptReported& event, const Artifact& artifact, uint64_t seq);
  void add_measurement(const AttemptReported& event, const Measurement& measurement, uint64_t seq);
  void end_task(std::string_view guid, const Ending& ending, Verdict verdict, Instant time);
  void run(Statement& statement) { note(statement.run()); }
  void note(DbStatus status) {
    if (failure_.ok()) failure_ = std::move(status);
  }

  Database db_;
  LedgerDevices devices_;
  DbStatus failure_;
  uint64_t cursor_ = 0;
  Statement insert_event_;
  Statement insert_task_;
  Statement insert_attempt_;
  Statement insert_device_attempt_;
  Statement insert_result_;
  Statement lease_task_;
  Statement start_attempt_;
  Statement start_task_;
  Statement end_attempt_;
  Statement requeue_task_;
  Statement cancel_task_;
  Statement end_task_;
  Statement retry_task_;
  Statement insert_health_;
  Statement insert_source_;
  Statement insert_artifact_;
  Statement insert_measurement_;
  Statement set_position_;
};

Result<std::unique_ptr<LedgerSink::Writer>> LedgerSink::Writer::open(const std::string& file) {
  DatabaseOptions options;
  options.checkpoint_pages = kCheckpointPages;
  std::variant<Database, DbStatus> opened = Database::open(file, options);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return ledger_error(failed->reason);
  std::unique_ptr<Writer> writer(new Writer(std::move(std::get<Database>(opened))));
  if (Result<Done> done = migrate_ledger(writer->db_); !done.ok())
    return ledger_error(done.error());
  if (DbStatus status = writer->db_.execute(kCacheSize); !status.ok())
    return ledger_error(status.reason);
  if (Result<Done> done = writer->prepare(); !done.ok()) return ledger_error(done.error());
  return writer;
}

Result<Done> LedgerSink::Writer::prepare() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&insert_event_, "INSERT OR REPLACE INTO events VALUES (?,?,?,?,?,?)"},
      {&insert_task_,
       "INSERT OR REPLACE INTO tasks (seq, guid, kind, name, parent, submitter, pool, priority,"
       " state, submitted_us, attempts, spec, work) VALUES (?,?,?,?,?,?,?,?,'queued',?,0,?,?)"},
      {&insert_attempt_,
       "INSERT OR REPLACE INTO attempts (guid, attempt, worker, incarnation, devices, leased_us)"
       " VALUES (?,?,?,?,?,?)"},
      {&insert_device_attempt_, "INSERT OR REPLACE INTO device_attempts VALUES (?,?,?,?)"},
      {&insert_result_, "INSERT OR REPLACE INTO results VALUES (?,?,?,?,?,?,?,?,?)"},
      {&lease_task_,
       "UPDATE tasks SET state = 'leased', attempts = ?, worker = ?, devices = ?,"
       " started_us = NULL, retry_us = NULL WHERE guid = ?"},
      {&start_attempt_,
       "UPDATE attempts SET started_us = ?, log_url = ?, argv = ? WHERE guid = ? AND attempt = ?"},
      {&start_task_, "UPDATE tasks SET state = 'running', started_us = ? WHERE guid = ?"},
      {&end_attempt_,
       "UPDATE attempts SET started_us = coalesce(?, started_us), ended_us = ?, outcome = ?,"
       " cause = ?, status = ?, exit_code = ?, signal = ?, message = ?"
       " WHERE guid = ? AND attempt = ?"},
      {&requeue_task_, "UPDATE tasks SET state = 'queued', retry_us = ? WHERE guid = ?"},
      {&cancel_task_, "UPDATE tasks SET cancelling = ? WHERE guid = ? AND state <> 'ended'"},
      {&end_task_,
       "UPDATE tasks SET state = 'ended', verdict = ?, started_us = coalesce(?, started_us),"
       " ended_us = ?, outcome = ?, cause = ?, status = ?, exit_code = ?, signal = ?, message = ?,"
       " retry_us = NULL, cancelling = NULL WHERE guid = ?"},
      {&retry_task_,
       "UPDATE tasks SET state = 'queued', verdict = NULL, submitted_us = ?, started_us = NULL,"
       " ended_us = NULL, outcome = NULL, cause = NULL, status = NULL, exit_code = NULL,"
       " signal = NULL, message = NULL WHERE guid = ?"},
      {&insert_health_, "INSERT OR REPLACE INTO device_health VALUES (?,?,?,?,?,?,?,?,?)"},
      {&insert_source_, "INSERT OR REPLACE INTO sources VALUES (?,?,?,?,?,?,?)"},
      {&insert_artifact_, "INSERT OR REPLACE INTO artifacts VALUES (?,?,?,?,?,?,?,?)"},
      {&insert_measurement_, "INSERT OR REPLACE INTO measurements VALUES (?,?,?,?,?,?)"},
      {&set_position_, "INSERT OR REPLACE INTO position VALUES (1, ?, ?)"},
  };
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = db_.prepare(sql);
    if (!prepared.ok()) return ledger_error(prepared.error());
    *statement = std::move(*prepared);
  }
  return devices_.open(db_);
}

Result<SinkPosition> LedgerSink::Writer::read_position() {
  Result<Statement> select = db_.prepare("SELECT log_id, seq FROM position");
  if (!select.ok()) return ledger_error(select.error());
  SinkPosition position;
  if (select->next()) {
    position = {std::string(select->text(0)), static_cast<uint64_t>(select->integer(1))};
  }
  if (DbStatus status = select->finish(); !status.ok()) return ledger_error(status.reason);
  cursor_ = position.cursor;
  return position;
}

Result<Done> LedgerSink::Writer::forget() {
  Result<Statement> select = db_.prepare(
      "SELECT 'DELETE FROM \"' || name || '\"' FROM sqlite_master"
      " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN "
      "('position', 'schema_version')");
  if (!select.ok()) return ledger_error(select.error());
  std::vector<std::string> statements = {"UPDATE position SET seq = 0"};
  while (select->next()) statements.emplace_back(select->text(0));
  if (DbStatus status = select->finish(); !status.ok()) return ledger_error(status.reason);
  Transaction transaction(db_);
  if (!transaction.status().ok()) return ledger_error(transaction.status().reason);
  for (const std::string& sql : statements) {
    if (DbStatus status = db_.execute(sql.c_str()); !status.ok())
      return ledger_error(status.reason);
  }
  if (DbStatus status = transaction.commit(); !status.ok()) return ledger_error(status.reason);
  return Done{};
}

Result<Done> LedgerSink::Writer::write(std::span<const SequencedEvent> events,
                                       const SinkPosition& position) {
  Transaction transaction(db_);
  failure_ = transaction.status();
  for (const SequencedEvent& at : undelivered(events, cursor_)) {
    add_event(at);
    std::visit([&](const auto& event) { add(event, at); }, at.event.body);
    if (!failure_.ok()) return ledger_error(failure_.reason);
  }
  set_position_.bind(1, position.log_id).bind(2, static_cast<int64_t>(position.cursor));
  run(set_position_);
  if (!failure_.ok()) return ledger_error(failure_.reason);
  if (DbStatus status = transaction.commit(); !status.ok()) return ledger_error(status.reason);
  cursor_ = position.cursor;
  return Done{};
}

void LedgerSink::Writer::add_event(const SequencedEvent& at) {
  const std::string json = event_to_json(at.seq, at.event);
  insert_event_.bind(1, static_cast<int64_t>(at.seq));
  insert_event_.bind(2, to_us(at.event.time));
  insert_event_.bind(3, event_type(at.event));
  bind_some(insert_event_, 4, event_guid(at.event));
  bind_some(insert_event_, 5, std::visit(WorkerOf{}, at.event.body));
  insert_event_.bind(6, json);
  run(insert_event_);
}

void LedgerSink::Writer::add(const TaskSubmitted& event, const SequencedEvent& at) {
  if (!event.spec) return;
  const TaskSpec& spec = *event.spec;
  const std::string json = task_spec_to_json(spec);
  insert_task_.bind(1, static_cast<int64_t>(at.seq));
  insert_task_.bind(2, spec.guid).bind(3, to_string(spec.kind)).bind(4, spec.name);
  bind_some(insert_task_, 5, spec.parent);
  insert_task_.bind(6, spec.submitter);
  bind_some(insert_task_, 7, spec.pool);
  insert_task_.bind(8, int64_t{spec.priority});
  insert_task_.bind(9, to_us(at.event.time)).bind(10, json).bind_blob(11, spec.work);
  run(insert_task_);
}

void LedgerSink::Writer::add(const AttemptLeased& event, const SequencedEvent& at) {
  const AttemptToken& token = event.token;
  const std::string devices = names_to_json(event.devices);
  insert_attempt_.bind(1, token.guid).bind(2, int64_t{token.attempt}).bind(3, event.worker);
  insert_attempt_.bind(4, static_cast<int64_t>(event.incarnation)).bind(5, devices);
  insert_attempt_.bind(6, to_us(at.event.time));
  run(insert_attempt_);
  lease_task_.bind(1, int64_t{token.attempt}).bind(2, event.worker).bind(3, devices);
  lease_task_.bind(4, token.guid);
  run(lease_task_);
  for (const std::string& device : event.devices) {
    insert_device_attempt_.bind(1, device).bind(2, static_cast<int64_t>(at.seq));
    insert_device_attempt_.bind(3, token.guid).bind(4, int64_t{token.attempt});
    run(insert_device_attempt_);
  }
}

void LedgerSink::Writer::add(const AttemptReported& event, const SequencedEvent& at) {
  if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
    add_started(event, *started);
  } else if (const auto* result = std::get_if<CaseResult>(&event.body)) {
    add_result(event, *result, at.seq);
  } else if (const auto* source = std::get_if<SourceFetched>(&event.body)) {
    add_source(event, *source, at.seq);
  } else if (const auto* artifact = std::get_if<Artifact>(&event.body)) {
    add_artifact(event, *artifact, at.seq);
  } else if (const auto* measurement = std::get_if<Measurement>(&event.body)) {
    add_measurement(event, *measurement, at.seq);
  }
}

Statement& LedgerSink::Writer::bind_report(Statement& statement, const AttemptReported& event,
                                           uint64_t seq) {
  statement.bind(1, static_cast<int64_t>(seq)).bind(2, event.token.guid);
  return statement.bind(3, int64_t{event.token.attempt}).bind(4, to_us(event.time));
}

void LedgerSink::Writer::add_source(const AttemptReported& event, const SourceFetched& source,
                                    uint64_t seq) {
  bind_report(insert_source_, event, seq).bind(5, source.url).bind(6, source.ref);
  insert_source_.bind(7, source.sha);
  run(insert_source_);
}

void LedgerSink::Writer::add_artifact(const AttemptReported& event, const Artifact& artifact,
                                      uint64_t seq) {
  bind_report(insert_artifact_, event, seq).bind(5, artifact.name).bind(6, artifact.url);
  const uint64_t bytes = std::min<uint64_t>(artifact.bytes, INT64_MAX);
  insert_artifact_.bind(7, static_cast<int64_t>(bytes)).bind(8, artifact.sha256);
  run(insert_artifact_);
}

void LedgerSink::Writer::add_measurement(const AttemptReported& event,
                                         const Measurement& measurement, uint64_t seq) {
  const std::string row = measure_row_to_json(measurement);
  bind_report(insert_measurement_, event, seq).bind(5, measurement.table).bind(6, row);
  run(insert_measurement_);
}

void LedgerSink::Writer::add_started(const AttemptReported& event, const AttemptStarted& started) {
  const std::string argv = started.argv.empty() ? std::string() : names_to_json(started.argv);
  bind_time(start_attempt_, 1, event.time);
  bind_some(start_attempt_, 2, started.log_url);
  bind_some(start_attempt_, 3, argv);
  start_attempt_.bind(4, event.token.guid).bind(5, int64_t{event.token.attempt});
  run(start_attempt_);
  bind_time(start_task_, 1, event.time).bind(2, event.token.guid);
  run(start_task_);
}

void LedgerSink::Writer::add_result(const AttemptReported& event, const CaseResult& result,
                                    uint64_t seq) {
  insert_result_.bind(1, static_cast<int64_t>(seq));
  insert_result_.bind(2, event.token.guid).bind(3, int64_t{event.token.attempt});
  insert_result_.bind(4, result.suite).bind(5, result.name).bind(6, to_string(result.outcome));
  insert_result_.bind(7, result.duration.count()).bind(8, to_us(event.time));
  insert_result_.bind(9, result.message);
  run(insert_result_);
}

void LedgerSink::Writer::add(const AttemptEnded& event, const SequencedEvent& at) {
  const Ending& ending = event.ending;
  const Instant finished = ending.finished == kNever ? at.event.time : ending.finished;
  bind_time(end_attempt_, 1, ending.started);
  bind_time(end_attempt_, 2, finished);
  bind_ending(end_attempt_, 3, ending);
  end_attempt_.bind(9, event.token.guid).bind(10, int64_t{event.token.attempt});
  run(end_attempt_);
  if (event.verdict != Verdict::none) {
    end_task(event.token.guid, ending, event.verdict, at.event.time);
  } else {
    bind_time(requeue_task_, 1, event.retry_at).bind(2, event.token.guid);
    run(requeue_task_);
  }
}

void LedgerSink::Writer::add(const CancelRequested& event, const SequencedEvent&) {
  cancel_task_.bind(1, event.reason).bind(2, event.guid);
  run(cancel_task_);
}

void LedgerSink::Writer::add(const TaskEnded& event, const SequencedEvent& at) {
  end_task(event.guid, event.ending, event.verdict, at.event.time);
}

void LedgerSink::Writer::add(const DeviceJudged& event, const SequencedEvent& at) {
  insert_health_.bind(1, event.device).bind(2, static_cast<int64_t>(at.seq));
  insert_health_.bind(3, to_us(at.event.time)).bind(4, to_string(event.health));
  insert_health_.bind(5, event.reason).bind(6, event.who);
  bind_some(insert_health_, 7, event.guid);
  bind_time(insert_health_, 8, event.until).bind(9, int64_t{event.failures});
  run(insert_health_);
}

void LedgerSink::Writer::add(const TaskRetried& event, const SequencedEvent& at) {
  retry_task_.bind(1, to_us(at.event.time)).bind(2, event.guid);
  run(retry_task_);
}

void LedgerSink::Writer::end_task(std::string_view guid, const Ending& ending, Verdict verdict,
                                  Instant time) {
  end_task_.bind(1, to_string(verdict));
  bind_time(end_task_, 2, ending.started);
  end_task_.bind(3, to_us(time));
  bind_ending(end_task_, 4, ending).bind(10, guid);
  run(end_task_);
}

LedgerSink::LedgerSink(std::string file) : file_(std::move(file)) {}
LedgerSink::~LedgerSink() = default;

Result<SinkPosition> LedgerSink::open() {
  writer_.reset();
  Result<std::unique_ptr<Writer>> writer = Writer::open(file_);
  if (!writer.ok()) return ledger_error(writer.error());
  Result<SinkPosition> position = (*writer)->read_position();
  if (position.ok()) writer_ = std::move(*writer);
  return position;
}

Delivery LedgerSink::deliver(std::span<const SequencedEvent> events, const SinkPosition& position) {
  if (!writer_) return Delivery::away(file_ + ": the ledger is not open");
  const Result<Done> done = writer_->write(events, position);
  if (!done.ok()) writer_.reset();
  return Delivery::of(done);
}

Result<Done> LedgerSink::rewind(uint64_t cursor) {
  if (cursor != 0) return only_from_the_beginning(*this);
  if (const Result<SinkPosition> position = open(); !position.ok()) return Error{position.error()};
  Result<Done> done = writer_->forget();
  writer_.reset();
  return done;
}

}  // namespace muster
