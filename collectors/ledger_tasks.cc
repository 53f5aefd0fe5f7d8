#include "collectors/ledger_tasks.h"

#include <iterator>
#include <optional>

#include "io/event_json.h"
#include "io/ledger_text.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

constexpr size_t kEndingColumns = 6;  // outcome, cause, status, exit_code, signal, message

// Columns that events change, in the order of the enums.
constexpr const char* kTaskColumns[] = {"submitted_us", "state",      "verdict",   "outcome",
                                        "cause",        "status",     "exit_code", "signal",
                                        "message",      "started_us", "ended_us",  "retry_us",
                                        "cancelling",   "attempts",   "worker",    "devices"};
enum TaskColumn : size_t {
  kSubmitted,
  kState,
  kVerdict,
  kTaskEnding,
  kTaskStarted = kTaskEnding + kEndingColumns,
  kTaskEnded,
  kRetry,
  kCancelling,
  kAttempts,
  kWorker,
  kDevices,
};

constexpr const char* kAttemptColumns[] = {"outcome", "cause",   "status",     "exit_code",
                                           "signal",  "message", "started_us", "ended_us",
                                           "log_url", "argv"};
enum AttemptColumn : size_t {
  kAttemptEnding,
  kAttemptStarted = kAttemptEnding + kEndingColumns,
  kAttemptEnded,
  kLogUrl,
  kArgv,
};

static_assert(std::size(kTaskColumns) == kDevices + 1);
static_assert(std::size(kAttemptColumns) == kArgv + 1);
static_assert(std::size(kTaskColumns) <= ColumnChanges::kMax);

SqlValue time_or_null(Instant time) {
  if (time == kNever) return SqlNull{};
  return to_us(time);
}

SqlValue text_or_null(std::string_view text) {
  if (text.empty()) return SqlNull{};
  return text;
}

SqlValue number_or_null(const std::optional<int32_t>& number) {
  if (!number) return SqlNull{};
  return int64_t{*number};
}

// UPDATE table SET the changed columns WHERE; their values are added to `values`.
template <size_t kCount>
std::string update_of(const char* table, const char* const (&columns)[kCount],
                      const ColumnChanges& changes, std::vector<SqlValue>& values) {
  std::string sql = "UPDATE " + quote_identifier(table) + " SET ";
  for (size_t i = 0; i < kCount; ++i) {
    if ((changes.mask() >> i & 1U) == 0) continue;
    if (!values.empty()) sql += ", ";
    sql += quote_identifier(columns[i]) + " = ?";
    values.push_back(changes.value(i));
  }
  return sql + " WHERE ";
}

}  // namespace

void LedgerTasks::open(SqlStore& store) {
  store_ = &store;
  tasks_.clear();
  attempts_.clear();
  texts_.clear();
  updates_.clear();
  std::vector<std::string> columns = {"seq",       "guid", "kind",     "name", "parent",
                                      "submitter", "pool", "priority", "spec", "work"};
  columns.insert(columns.end(), std::begin(kTaskColumns), std::end(kTaskColumns));
  insert_tasks_ = store.make_inserter("tasks", columns);
  columns = {"guid", "attempt", "worker", "incarnation", "devices", "leased_us"};
  columns.insert(columns.end(), std::begin(kAttemptColumns), std::end(kAttemptColumns));
  insert_attempts_ = store.make_inserter("attempts", columns);
}

std::string_view LedgerTasks::text(std::string_view text) {
  return ledger_text(text, texts_, kSqlGuidMax);
}

std::string_view LedgerTasks::keep(std::string text) {
  texts_.push_back(std::move(text));
  return texts_.back();
}

void LedgerTasks::add(const TaskSubmitted& event, uint64_t seq, Instant time) {
  if (!event.spec) return;
  Task& row = task(event.spec->guid);
  row = Task{event.spec.get(), seq};
  row.changes.set(kSubmitted, to_us(time));
  row.changes.set(kState, to_string(TaskState::queued));
  row.changes.set(kAttempts, int64_t{0});
  row.is_state_known = true;
}

void LedgerTasks::add(const AttemptLeased& event, Instant time) {
  const AttemptToken& token = event.token;
  const std::string_view devices = keep(names_to_json(event.devices));
  attempts_[{text(token.guid), token.attempt}] = Attempt{&event, time, devices};
  Task& row = task(token.guid);
  row.changes.set(kState, to_string(TaskState::leased));
  row.changes.set(kAttempts, int64_t{token.attempt});
  row.changes.set(kWorker, ledger_text(event.worker, texts_));
  row.changes.set(kDevices, devices);
  row.changes.set(kTaskStarted, SqlNull{});
  row.changes.set(kRetry, SqlNull{});
  row.is_state_known = true;
}

void LedgerTasks::add_started(const AttemptReported& event, const AttemptStarted& started) {
  const AttemptToken& token = event.token;
  ColumnChanges& attempt = attempts_[{text(token.guid), token.attempt}].changes;
  attempt.set(kAttemptStarted, time_or_null(event.time));
  attempt.set(kLogUrl, text_or_null(ledger_text(started.log_url, texts_)));
  attempt.set(kArgv, SqlNull{});
  if (!started.argv.empty()) attempt.set(kArgv, keep(names_to_json(started.argv)));
  Task& row = task(token.guid);
  row.changes.set(kState, to_string(TaskState::running));
  row.changes.set(kTaskStarted, time_or_null(event.time));
  row.is_state_known = true;
}

void LedgerTasks::set_ending(ColumnChanges& changes, size_t first, const Ending& ending) {
  changes.set(first, to_string(ending.outcome));
  changes.set(first + 1, to_string(ending.cause));
  changes.set(first + 2, static_cast<int64_t>(ending.status));
  changes.set(first + 3, number_or_null(ending.exit_code));
  changes.set(first + 4, number_or_null(ending.signal));
  changes.set(first + 5, ledger_text(ending.message, texts_));
}

void LedgerTasks::add(const AttemptEnded& event, Instant time) {
  const Ending& ending = event.ending;
  ColumnChanges& attempt = attempts_[{text(event.token.guid), event.token.attempt}].changes;
  if (ending.started != kNever) attempt.set(kAttemptStarted, to_us(ending.started));
  attempt.set(kAttemptEnded, to_us(ending.finished == kNever ? time : ending.finished));
  set_ending(attempt, kAttemptEnding, ending);
  if (event.verdict != Verdict::none) return end(event.token.guid, ending, event.verdict, time);
  Task& row = task(event.token.guid);
  row.changes.set(kState, to_string(TaskState::queued));
  row.changes.set(kRetry, time_or_null(event.retry_at));
  row.is_state_known = true;
}

void LedgerTasks::add(const CancelRequested& event) {
  Task& row = task(event.guid);
  const SqlValue& state = row.changes.value(kState);
  const auto* word = std::get_if<std::string_view>(&state);
  if (word != nullptr && *word == to_string(TaskState::ended)) return;
  row.cancel_unless_ended = true;
  row.cancelling = ledger_text(event.reason, texts_);
}

void LedgerTasks::add(const TaskEnded& event, Instant time) {
  end(event.guid, event.ending, event.verdict, time);
}

void LedgerTasks::end(std::string_view guid, const Ending& ending, Verdict verdict, Instant time) {
  Task& row = task(guid);
  row.changes.set(kState, to_string(TaskState::ended));
  row.changes.set(kVerdict, to_string(verdict));
  if (ending.started != kNever) row.changes.set(kTaskStarted, to_us(ending.started));
  row.changes.set(kTaskEnded, to_us(time));
  set_ending(row.changes, kTaskEnding, ending);
  row.changes.set(kRetry, SqlNull{});
  row.changes.set(kCancelling, SqlNull{});
  row.cancel_unless_ended = false;
  row.is_state_known = true;
}

void LedgerTasks::add(const TaskRetried& event, Instant time) {
  Task& row = task(event.guid);
  row.changes.set(kSubmitted, to_us(time));
  row.changes.set(kState, to_string(TaskState::queued));
  for (const size_t column : {size_t{kVerdict}, size_t{kTaskStarted}, size_t{kTaskEnded}}) {
    row.changes.set(column, SqlNull{});
  }
  for (size_t i = 0; i < kEndingColumns; ++i) row.changes.set(kTaskEnding + i, SqlNull{});
  row.is_state_known = true;
}

DbStatus LedgerTasks::write() {
  DbStatus status;
  for (auto& [guid, row] : tasks_) {
    if (row.cancel_unless_ended && row.is_state_known) row.changes.set(kCancelling, row.cancelling);
    if (status.ok() && row.spec != nullptr) status = insert_task(guid, row);
  }
  for (const auto& [key, row] : attempts_) {
    if (status.ok() && row.leased != nullptr) status = insert_attempt(key, row);
  }
  if (status.ok()) status = insert_tasks_->flush();
  if (status.ok()) status = insert_attempts_->flush();
  for (const auto& [guid, row] : tasks_) {
    if (status.ok() && row.spec == nullptr) status = update_task(guid, row);
  }
  for (const auto& [key, row] : attempts_) {
    if (status.ok() && row.leased == nullptr) status = update_attempt(key, row);
  }
  tasks_.clear();
  attempts_.clear();
  texts_.clear();
  return status;
}

DbStatus LedgerTasks::insert_task(std::string_view guid, const Task& task) {
  const TaskSpec& spec = *task.spec;
  const std::string json = task_spec_to_json(spec);
  std::vector<SqlValue> values = {static_cast<int64_t>(task.seq),
                                  guid,
                                  to_string(spec.kind),
                                  ledger_text(spec.name, texts_),
                                  text_or_null(text(spec.parent)),
                                  ledger_text(spec.submitter, texts_),
                                  text_or_null(ledger_text(spec.pool, texts_)),
                                  int64_t{spec.priority},
                                  std::string_view(json),
                                  SqlBlob{spec.work}};
  for (size_t i = 0; i < std::size(kTaskColumns); ++i) values.push_back(task.changes.value(i));
  return insert_tasks_->add(values);
}

DbStatus LedgerTasks::insert_attempt(const AttemptKey& key, const Attempt& attempt) {
  std::vector<SqlValue> values = {key.first,
                                  int64_t{key.second},
                                  ledger_text(attempt.leased->worker, texts_),
                                  static_cast<int64_t>(attempt.leased->incarnation),
                                  attempt.devices,
                                  to_us(attempt.time)};
  for (size_t i = 0; i < std::size(kAttemptColumns); ++i) {
    values.push_back(attempt.changes.value(i));
  }
  return insert_attempts_->add(values);
}

DbStatus LedgerTasks::update_task(std::string_view guid, const Task& task) {
  std::vector<SqlValue> values;
  std::string sql = "UPDATE tasks SET cancelling = ? WHERE state <> 'ended' AND guid = ?";
  if (task.changes.mask() == 0) {
    if (!task.cancel_unless_ended) return {};
    values.emplace_back(task.cancelling);
  } else {
    sql = update_of("tasks", kTaskColumns, task.changes, values) + "guid = ?";
  }
  values.emplace_back(guid);
  const Result<SqlStatement*> update = update_statement(sql);
  return update.ok() ? (*update)->run(values) : DbStatus{DbFault::broken, update.error()};
}

DbStatus LedgerTasks::update_attempt(const AttemptKey& key, const Attempt& attempt) {
  std::vector<SqlValue> values;
  const std::string sql =
      update_of("attempts", kAttemptColumns, attempt.changes, values) + "guid = ? AND attempt = ?";
  values.emplace_back(key.first);
  values.emplace_back(int64_t{key.second});
  const Result<SqlStatement*> update = update_statement(sql);
  return update.ok() ? (*update)->run(values) : DbStatus{DbFault::broken, update.error()};
}

// Few are different: one for each way in which events come together.
Result<SqlStatement*> LedgerTasks::update_statement(const std::string& sql) {
  std::unique_ptr<SqlStatement>& statement = updates_[sql];
  if (!statement) {
    Result<std::unique_ptr<SqlStatement>> prepared = store_->prepare(sql);
    if (!prepared.ok()) {
      updates_.erase(sql);
      return Error{prepared.error()};
    }
    statement = std::move(*prepared);
  }
  return statement.get();
}

}  // namespace muster
