#include "io/ledger.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "io/event_json.h"
#include "io/ledger_schema.h"
#include "io/measure_json.h"
#include "io/sqlite.h"
#include "io/word.h"

namespace muster {
namespace {

constexpr uint32_t kRowsMax = 1'000'000;  // of one answer, whatever is asked for

constexpr std::string_view kSelectTask =
    "SELECT spec, state, verdict, outcome, cause, status, exit_code, signal, message, "
    "submitted_us, "
    "started_us, ended_us, retry_us, cancelling, attempts, worker, work FROM tasks ";

constexpr std::string_view kSelectAttempt =
    "SELECT a.attempt, a.worker, a.devices, a.leased_us, a.started_us, a.ended_us, a.log_url, "
    "a.outcome, a.cause, a.status, a.exit_code, a.signal, a.message";

Instant time_at(const Statement& row, int column) { return from_us(row.integer(column)); }

std::string text_at(const Statement& row, int column) { return std::string(row.text(column)); }

// `column` is that of `outcome`; cause, status, exit_code, signal and message follow it.
std::optional<Ending> ending_at(const Statement& row, int column, Instant started,
                                Instant finished) {
  if (row.is_null(column)) return std::nullopt;
  Ending ending;
  ending.outcome = parse_word(row.text(column), Outcome::skip);
  ending.cause = parse_word(row.text(column + 1), Cause::capacity);
  const int64_t status = row.integer(column + 2);
  const bool known = status >= 0 && status <= static_cast<int64_t>(StatusCode::timeout);
  ending.status = known ? static_cast<StatusCode>(status) : StatusCode::error;
  if (!row.is_null(column + 3)) ending.exit_code = static_cast<int32_t>(row.integer(column + 3));
  if (!row.is_null(column + 4)) ending.signal = static_cast<int32_t>(row.integer(column + 4));
  ending.message = text_at(row, column + 5);
  ending.started = started;
  ending.finished = finished;
  return ending;
}

// Of a row of kSelectTask.
LedgerTask task_at(const Statement& row, bool brief) {
  LedgerTask task;
  task.spec_json = text_at(row, 0);
  TaskInfo& info = task.info;
  info.spec = task_spec_from_json(task.spec_json);
  info.state = parse_word(row.text(1), TaskState::ended);
  info.verdict = parse_word(row.text(2), Verdict::skip);
  info.submitted = time_at(row, 9);
  task.started = time_at(row, 10);
  info.ended = time_at(row, 11);
  info.ending = ending_at(row, 3, task.started, info.ended);
  info.not_before = time_at(row, 12);
  info.cancelling = text_at(row, 13);
  info.attempt_count = static_cast<uint32_t>(row.integer(14));
  task.worker = text_at(row, 15);
  if (!brief) info.spec.work = std::string(row.blob(16));
  return task;
}

// Of a row of kSelectAttempt.
AttemptInfo attempt_at(const Statement& row) {
  AttemptInfo attempt;
  attempt.attempt = static_cast<uint32_t>(row.integer(0));
  attempt.worker = text_at(row, 1);
  attempt.devices = names_from_json(row.text(2));
  attempt.leased = time_at(row, 3);
  attempt.log_url = text_at(row, 6);
  attempt.ending = ending_at(row, 7, time_at(row, 4), time_at(row, 5));
  return attempt;
}

int64_t row_limit(uint32_t max) { return std::min(max, kRowsMax); }

// The least text that is greater than everything that begins with `prefix` (not empty): SQLite
// compares bytes, and no byte of UTF-8 is 0xff.
std::string after_prefix(std::string_view prefix) {
  std::string after(prefix);
  after.back() = static_cast<char>(static_cast<unsigned char>(after.back()) + 1);
  return after;
}

// Reads every row of `statement`, which is bound, with `read`.
template <typename Read>
auto read_rows(Statement& statement, const Read& read)
    -> Result<std::vector<decltype(read(statement))>> {
  std::vector<decltype(read(statement))> rows;
  while (statement.next()) rows.push_back(read(statement));
  if (DbStatus status = statement.finish(); !status.ok()) return ledger_error(status.reason);
  return rows;
}

}  // namespace

struct Ledger::Impl {
  Database db;
};

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::open(const std::string& file) {
  struct stat status;
  const std::string none = file + ": there is no ledger yet: start a collector (muster up does)";
  if (::stat(file.c_str(), &status) != 0) return Error{none};
  DatabaseOptions options;
  options.create = false;
  options.read_only = true;
  std::variant<Database, DbStatus> opened = Database::open(file, options);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return ledger_error(failed->reason);
  auto impl = std::make_unique<Impl>(Impl{std::move(std::get<Database>(opened))});
  const Result<uint32_t> version = read_ledger_version(impl->db);
  if (!version.ok()) return ledger_error(version.error());
  if (*version == 0) return Error{none};
  if (*version < kLedgerSchemaVersion) {
    return Error{file + ": was written by an older muster (schema " + std::to_string(*version) +
                 "): restart the collector, which brings it up to date"};
  }
  return Ledger(std::move(impl));
}

Result<LedgerPosition> Ledger::position() {
  Result<Statement> statement = impl_->db.prepare("SELECT log_id, seq FROM position");
  if (!statement.ok()) return ledger_error(statement.error());
  LedgerPosition position;
  if (statement->next()) {
    position = {text_at(*statement, 0), static_cast<uint64_t>(statement->integer(1))};
  }
  if (DbStatus status = statement->finish(); !status.ok()) return ledger_error(status.reason);
  return position;
}

Result<std::vector<std::string>> Ledger::find_guids(std::string_view prefix, uint32_t max) {
  const auto read = [](const Statement& row) { return text_at(row, 0); };
  if (prefix.empty()) return std::vector<std::string>();
  Result<Statement> whole = impl_->db.prepare("SELECT guid FROM tasks WHERE guid = ?");
  if (!whole.ok()) return ledger_error(whole.error());
  whole->bind(1, prefix);
  Result<std::vector<std::string>> found = read_rows(*whole, read);
  if (!found.ok() || !found->empty()) return found;

  Result<Statement> statement = impl_->db.prepare(
      prefix == "last"
          ? "SELECT guid FROM tasks WHERE parent IS NULL AND submitter <> 'broker' "
            "ORDER BY seq DESC LIMIT 1"
          : "SELECT guid FROM tasks WHERE guid >= ? AND guid < ? ORDER BY seq DESC LIMIT ?");
  if (!statement.ok()) return ledger_error(statement.error());
  const std::string after = after_prefix(prefix);
  if (prefix != "last") statement->bind(1, prefix).bind(2, after).bind(3, row_limit(max));
  return read_rows(*statement, read);
}

Result<std::optional<LedgerTask>> Ledger::task(const std::string& guid) {
  Result<Statement> statement = impl_->db.prepare(std::string(kSelectTask) + "WHERE guid = ?");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, guid);
  std::optional<LedgerTask> task;
  if (statement->next()) task = task_at(*statement, false);
  if (DbStatus status = statement->finish(); !status.ok()) return ledger_error(status.reason);
  if (!task) return task;

  Result<Statement> attempts = impl_->db.prepare(
      std::string(kSelectAttempt) + " FROM attempts a WHERE a.guid = ? ORDER BY a.attempt");
  if (!attempts.ok()) return ledger_error(attempts.error());
  attempts->bind(1, guid);
  Result<std::vector<AttemptInfo>> rows = read_rows(*attempts, attempt_at);
  if (!rows.ok()) return ledger_error(rows.error());
  task->info.attempts = std::move(*rows);
  return task;
}

Result<std::vector<LedgerTask>> Ledger::tasks(const LedgerTaskFilter& filter) {
  std::string sql(kSelectTask);
  sql += "WHERE 1";
  if (filter.state) sql += " AND state = ?1";
  if (filter.kind) sql += " AND kind = ?2";
  if (!filter.parent.empty()) sql += " AND parent = ?3";
  sql += " ORDER BY seq DESC LIMIT ?4";
  Result<Statement> statement = impl_->db.prepare(sql);
  if (!statement.ok()) return ledger_error(statement.error());
  if (filter.state) statement->bind(1, to_string(*filter.state));
  if (filter.kind) statement->bind(2, to_string(*filter.kind));
  if (!filter.parent.empty()) statement->bind(3, filter.parent);
  statement->bind(4, row_limit(filter.max));
  return read_rows(*statement, [](const Statement& row) { return task_at(row, true); });
}

Result<std::vector<LedgerResult>> Ledger::results(const std::string& guid) {
  Result<Statement> statement = impl_->db.prepare(
      "SELECT seq, attempt, time_us, suite, name, outcome, duration_us, message FROM results "
      "WHERE guid = ? ORDER BY seq");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, guid);
  return read_rows(*statement, [](const Statement& row) {
    return LedgerResult{static_cast<uint64_t>(row.integer(0)),
                        static_cast<uint32_t>(row.integer(1)),
                        time_at(row, 2),
                        {text_at(row, 3), text_at(row, 4), parse_word(row.text(5), Outcome::skip),
                         Duration(row.integer(6)), text_at(row, 7)}};
  });
}

// Of rows that begin with seq, attempt and time; `read_body` reads the others, from column 3 on.
template <typename Body, typename ReadBody>
static Result<std::vector<LedgerReport<Body>>> read_reports(Database& db,
                                                            const std::string& columns,
                                                            const std::string& guid,
                                                            const ReadBody& read_body) {
  Result<Statement> statement =
      db.prepare("SELECT seq, attempt, time_us, " + columns + " WHERE guid = ? ORDER BY seq");
  if (!statement.ok()) return Error{statement.error()};
  statement->bind(1, guid);
  return read_rows(*statement, [&](const Statement& row) {
    return LedgerReport<Body>{static_cast<uint64_t>(row.integer(0)),
                              static_cast<uint32_t>(row.integer(1)), time_at(row, 2),
                              read_body(row)};
  });
}

Result<std::vector<LedgerReport<SourceFetched>>> Ledger::sources(const std::string& guid) {
  return read_reports<SourceFetched>(
      impl_->db, "url, ref, sha FROM sources", guid, [](const Statement& row) {
        return SourceFetched{text_at(row, 3), text_at(row, 4), text_at(row, 5)};
      });
}

Result<std::vector<LedgerReport<Artifact>>> Ledger::artifacts(const std::string& guid) {
  return read_reports<Artifact>(
      impl_->db, "name, url, bytes, sha256 FROM artifacts", guid, [](const Statement& row) {
        return Artifact{text_at(row, 3), text_at(row, 4), static_cast<uint64_t>(row.integer(5)),
                        text_at(row, 6)};
      });
}

Result<std::vector<LedgerReport<Measurement>>> Ledger::measurements(const std::string& guid) {
  return read_reports<Measurement>(
      impl_->db, "table_name, row FROM measurements", guid,
      [](const Statement& row) { return measure_row_from_json(text_at(row, 3), row.text(4)); });
}

Result<std::vector<LedgerEvent>> Ledger::events(const LedgerEventFilter& filter) {
  std::string sql = "SELECT seq, time_us, type, guid, worker, json FROM events WHERE seq >= ?1";
  if (!filter.guid.empty()) sql += " AND guid = ?2";
  if (!filter.type.empty()) sql += " AND type = ?3";
  sql += " ORDER BY seq LIMIT ?4";
  Result<Statement> statement = impl_->db.prepare(sql);
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, static_cast<int64_t>(std::min<uint64_t>(filter.from, INT64_MAX)));
  if (!filter.guid.empty()) statement->bind(2, filter.guid);
  if (!filter.type.empty()) statement->bind(3, filter.type);
  statement->bind(4, row_limit(filter.max));
  return read_rows(*statement, [](const Statement& row) {
    return LedgerEvent{static_cast<uint64_t>(row.integer(0)),
                       time_at(row, 1),
                       text_at(row, 2),
                       text_at(row, 3),
                       text_at(row, 4),
                       text_at(row, 5)};
  });
}

Result<std::vector<LedgerUse>> Ledger::device_uses(const std::string& device, uint32_t max) {
  Result<Statement> statement =
      impl_->db.prepare(std::string(kSelectAttempt) +
                        ", d.seq, d.guid, t.kind, t.name, t.parent FROM device_attempts d JOIN "
                        "attempts a ON a.guid = d.guid AND a.attempt = d.attempt LEFT JOIN tasks t "
                        "ON t.guid = d.guid WHERE d.device = ? ORDER BY d.seq DESC LIMIT ?");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, device).bind(2, row_limit(max));
  return read_rows(*statement, [](const Statement& row) {
    return LedgerUse{static_cast<uint64_t>(row.integer(13)),
                     text_at(row, 14),
                     attempt_at(row),
                     parse_task_kind(row.text(15)).value_or(TaskKind::job),
                     text_at(row, 16),
                     text_at(row, 17)};
  });
}

Result<std::vector<LedgerJudgement>> Ledger::device_judgements(const std::string& device,
                                                               uint32_t max) {
  Result<Statement> statement = impl_->db.prepare(
      "SELECT seq, time_us, health, reason, who, guid, until_us, failures FROM device_health "
      "WHERE device = ? ORDER BY seq DESC LIMIT ?");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, device).bind(2, row_limit(max));
  return read_rows(*statement, [&](const Statement& row) {
    return LedgerJudgement{static_cast<uint64_t>(row.integer(0)), time_at(row, 1),
                           DeviceJudged{device, parse_word(row.text(2), DeviceHealth::locked),
                                        text_at(row, 3), text_at(row, 4), text_at(row, 5),
                                        time_at(row, 6), static_cast<uint32_t>(row.integer(7))}};
  });
}

Result<std::vector<LedgerRepair>> Ledger::device_repairs(const std::string& device, uint32_t max) {
  Result<Statement> statement = impl_->db.prepare(
      "SELECT r.seq, r.time_us, r.guid, r.attempt, r.suite, r.name, r.outcome, r.duration_us, "
      "r.message FROM device_attempts d "
      "JOIN tasks t ON t.guid = d.guid AND t.kind = 'repair' "
      "JOIN attempts a ON a.guid = d.guid AND a.attempt = d.attempt AND "
      "json_extract(a.devices, '$[0]') = d.device "
      "JOIN results r ON r.guid = d.guid AND r.attempt = d.attempt AND r.suite = 'repair' AND "
      "r.outcome <> 'skip' WHERE d.device = ? ORDER BY d.seq DESC, r.seq DESC LIMIT ?");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, device).bind(2, row_limit(max));
  return read_rows(*statement, [](const Statement& row) {
    return LedgerRepair{static_cast<uint64_t>(row.integer(0)),
                        time_at(row, 1),
                        text_at(row, 2),
                        static_cast<uint32_t>(row.integer(3)),
                        {text_at(row, 4), text_at(row, 5), parse_word(row.text(6), Outcome::skip),
                         Duration(row.integer(7)), text_at(row, 8)}};
  });
}

Result<std::vector<LedgerActionRun>> Ledger::action_runs(const std::string& strategy) {
  Result<Statement> statement = impl_->db.prepare(
      "SELECT s.strategy, s.model, r.name, r.outcome, r.duration_us FROM results r "
      "JOIN tasks t ON t.guid = r.guid AND t.kind = 'repair' "
      "JOIN attempts a ON a.guid = r.guid AND a.attempt = r.attempt "
      "LEFT JOIN device_specs s ON s.device = json_extract(a.devices, '$[0]') AND s.seq = "
      "(SELECT max(seq) FROM device_specs WHERE device = json_extract(a.devices, '$[0]') AND "
      "time_us <= a.leased_us) "
      "WHERE r.suite = 'repair' AND (?1 = '' OR s.strategy = ?1) ORDER BY r.seq LIMIT ?2");
  if (!statement.ok()) return ledger_error(statement.error());
  statement->bind(1, strategy).bind(2, int64_t{kRowsMax});
  return read_rows(*statement, [](const Statement& row) {
    return LedgerActionRun{text_at(row, 0), text_at(row, 1), text_at(row, 2),
                           parse_word(row.text(3), Outcome::skip), Duration(row.integer(4))};
  });
}

Result<std::vector<std::string>> Ledger::strategies() {
  Result<Statement> statement = impl_->db.prepare(
      "SELECT DISTINCT strategy FROM device_specs WHERE strategy <> '' ORDER BY strategy");
  if (!statement.ok()) return ledger_error(statement.error());
  return read_rows(*statement, [](const Statement& row) { return text_at(row, 0); });
}

}  // namespace muster
