#include "collectors/decibel_spool.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "core/limits.h"
#include "io/codec.h"
#include "io/decibel_xml.h"

namespace muster {
namespace {

// A document's head and its attempts take the rest of kDecibelBytesMax.
constexpr int64_t kCaseBytesMax = static_cast<int64_t>(kDecibelBytesMax) - (4 << 20);
// Of a case and a suite in XML, beside the texts that they hold.
constexpr size_t kCaseFrameBytes = 128;
constexpr size_t kSuiteFrameBytes = 384;
// How results stand in the tables.
constexpr int64_t kSkipped = 3;

// `cases` and `bytes` are what is kept of the task, `ended` the number of the event that ended it.
constexpr const char* kCreate =
    "CREATE TABLE position ("
    "  only INTEGER PRIMARY KEY CHECK (only = 1), place TEXT NOT NULL, log_id TEXT NOT NULL,"
    "  seq INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE tasks ("
    "  id INTEGER PRIMARY KEY, guid TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL DEFAULT 2,"
    "  ended INTEGER NOT NULL DEFAULT 0, reopened INTEGER NOT NULL DEFAULT 0,"
    "  start_us INTEGER NOT NULL DEFAULT 0,"
    "  iterations INTEGER NOT NULL DEFAULT 0, supersedes TEXT NOT NULL DEFAULT '',"
    "  name TEXT NOT NULL DEFAULT '', user TEXT NOT NULL DEFAULT '', sw TEXT NOT NULL DEFAULT '',"
    "  team TEXT NOT NULL DEFAULT '', framework TEXT NOT NULL DEFAULT '',"
    "  origin TEXT NOT NULL DEFAULT '', comment TEXT NOT NULL DEFAULT '',"
    "  git_url TEXT NOT NULL DEFAULT '', git_sha1 TEXT NOT NULL DEFAULT '',"
    "  hw TEXT NOT NULL DEFAULT '', cases INTEGER NOT NULL DEFAULT 0,"
    "  bytes INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX tasks_by_end ON tasks (ended) WHERE ended > 0;"
    "CREATE TABLE attempts ("
    "  task INTEGER NOT NULL, attempt INTEGER NOT NULL, hw TEXT NOT NULL, log_link TEXT NOT NULL,"
    "  start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, result INTEGER NOT NULL,"
    "  message TEXT NOT NULL, passed INTEGER NOT NULL,"
    "  failure INTEGER NOT NULL, error INTEGER NOT NULL, skipped INTEGER NOT NULL,"
    "  PRIMARY KEY (task, attempt)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE cases ("
    "  task INTEGER NOT NULL, attempt INTEGER NOT NULL, suite TEXT NOT NULL, seq INTEGER NOT NULL,"
    "  name TEXT NOT NULL, result INTEGER NOT NULL, time_us INTEGER NOT NULL,"
    "  at_us INTEGER NOT NULL, info TEXT NOT NULL,"
    "  PRIMARY KEY (task, attempt, suite, seq)"
    ") STRICT, WITHOUT ROWID;";

// Ends that were refused; `block` is the event as io/codec.h encodes it.
constexpr const char* kCreateRefused =
    "CREATE TABLE refused_ends ("
    "  guid TEXT NOT NULL, seq INTEGER NOT NULL, block BLOB NOT NULL, PRIMARY KEY (guid, seq)"
    ") STRICT, WITHOUT ROWID;";

Result<Done> to_result(const DbStatus& status) {
  if (status.ok()) return Done{};
  return Error{status.reason};
}

int64_t to_column(const std::optional<DecibelResult>& result) {
  return result ? static_cast<int64_t>(*result) : kSkipped;
}

std::optional<DecibelResult> from_column(int64_t column) {
  if (column < 0 || column >= kSkipped) return std::nullopt;
  return static_cast<DecibelResult>(column);
}

DecibelAttempt read_attempt(const Statement& row) {
  DecibelAttempt attempt;
  attempt.number = static_cast<uint32_t>(row.integer(0));
  attempt.hw = row.text(1);
  attempt.log_link = row.text(2);
  attempt.start = from_us(row.integer(3));
  attempt.end = from_us(row.integer(4));
  attempt.result = from_column(row.integer(5));
  attempt.message = row.text(6);
  attempt.unlisted.passed = static_cast<uint64_t>(row.integer(7));
  attempt.unlisted.failure = static_cast<uint64_t>(row.integer(8));
  attempt.unlisted.error = static_cast<uint64_t>(row.integer(9));
  attempt.unlisted.skipped = static_cast<uint64_t>(row.integer(10));
  return attempt;
}

}  // namespace

Result<std::unique_ptr<DecibelSpool>> DecibelSpool::open(const std::string& file,
                                                         const std::string& place) {
  std::variant<Database, DbStatus> opened = Database::open(file);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{failed->reason};
  std::unique_ptr<DecibelSpool> spool(new DecibelSpool(std::move(std::get<Database>(opened))));
  spool->place_ = place;
  const char* const formats[] = {kCreate, kCreateRefused};
  for (const auto& step : {upgrade_tables(spool->db_, formats), spool->prepare_statements()}) {
    if (!step.ok()) return Error{step.error()};
  }
  if (Result<Done> done = spool->check_place(place); !done.ok()) return Error{done.error()};
  return spool;
}

Result<Done> DecibelSpool::prepare_statements() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_,
       "SELECT id, kind, ended, reopened, start_us, iterations, supersedes, name, user, sw, team,"
       " framework, origin, comment, git_url, git_sha1, hw FROM tasks WHERE guid = ?"},
      {&add_, "INSERT INTO tasks (guid) VALUES (?)"},
      {&put_,
       "UPDATE tasks SET kind = ?2, ended = ?3, reopened = ?4, start_us = ?5, iterations = ?6,"
       " supersedes = ?7, name = ?8, user = ?9, sw = ?10, team = ?11, framework = ?12, origin = "
       "?13,"
       " comment = ?14, git_url = ?15, git_sha1 = ?16, hw = ?17 WHERE id = ?1"},
      {&find_attempt_,
       "SELECT attempt, hw, log_link, start_us, end_us, result, message, passed, failure,"
       " error, skipped FROM attempts WHERE task = ? AND attempt = ?"},
      {&put_attempt_, "INSERT OR REPLACE INTO attempts VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"},
      {&all_attempts_,
       "SELECT attempt, hw, log_link, start_us, end_us, result, message, passed, failure,"
       " error, skipped FROM attempts WHERE task = ? ORDER BY attempt"},
      {&room_,
       "SELECT cases, bytes, EXISTS (SELECT 1 FROM cases WHERE task = ?1 AND attempt = ?2"
       " AND suite = ?3), EXISTS (SELECT 1 FROM attempts WHERE task = ?1 AND attempt = ?2)"
       " FROM tasks WHERE id = ?1"},
      {&add_case_, "INSERT OR IGNORE INTO cases VALUES (?,?,?,?,?,?,?,?,?)"},
      {&grow_, "UPDATE tasks SET cases = cases + 1, bytes = bytes + ?2 WHERE id = ?1"},
      {&suites_,
       "SELECT suite, min(at_us - time_us), max(at_us), sum(result = 0), sum(result = 1),"
       " sum(result = 2), sum(result = 3) FROM cases WHERE task = ? AND attempt = ?"
       " GROUP BY suite ORDER BY suite"},
      {&cases_,
       "SELECT name, result, time_us, info FROM cases WHERE task = ? AND attempt = ?"
       " AND suite = ? AND result < 3 ORDER BY seq"},
      {&put_refused_, "INSERT OR REPLACE INTO refused_ends VALUES (?,?,?)"},
      {&refused_, "SELECT block FROM refused_ends WHERE guid = ? AND seq < ? ORDER BY seq"},
      {&clear_refused_, "DELETE FROM refused_ends WHERE guid = ? AND seq < ?"},
      {&clear_cases_, "DELETE FROM cases WHERE task = ?"},
      {&clear_attempts_, "DELETE FROM attempts WHERE task = ?"},
      {&reset_, "UPDATE tasks SET cases = 0, bytes = 0 WHERE id = ?"},
      {&prune_,
       "DELETE FROM tasks WHERE ended > 0 AND ended <"
       " (SELECT ended FROM tasks WHERE ended > 0 ORDER BY ended DESC LIMIT 1 OFFSET ?)"},
      {&set_position_, "INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?)"},
  };
  return prepare_all(db_, statements);
}

Result<Done> DecibelSpool::check_place(const std::string& place) {
  Result<Statement> select = db_.prepare("SELECT place FROM position");
  if (!select.ok()) return Error{select.error()};
  const bool is_other = select->next() && select->text(0) != place;
  if (DbStatus status = select->finish(); !status.ok()) return Error{status.reason};
  if (!is_other) return Done{};
  if (Result<Done> begun = begin(); !begun.ok()) return begun;
  return wipe({});
}

Result<SinkPosition> DecibelSpool::read_position() {
  Result<Statement> select = db_.prepare("SELECT log_id, seq FROM position");
  if (!select.ok()) return Error{select.error()};
  SinkPosition position;
  if (select->next()) {
    position = {std::string(select->text(0)), static_cast<uint64_t>(select->integer(1))};
  }
  if (DbStatus status = select->finish(); !status.ok()) return Error{status.reason};
  return position;
}

Result<Done> DecibelSpool::begin() {
  transaction_.emplace(db_);
  return to_result(transaction_->status());
}

Result<Done> DecibelSpool::commit(const SinkPosition& position) {
  set_position_.bind(1, place_).bind(2, position.log_id);
  set_position_.bind(3, static_cast<int64_t>(position.cursor));
  DbStatus status = set_position_.run();
  if (status.ok()) status = transaction_->commit();
  transaction_.reset();
  return to_result(status);
}

Result<std::optional<DecibelTask>> DecibelSpool::find(std::string_view guid) {
  std::optional<DecibelTask> task;
  find_.bind(1, guid);
  if (find_.next()) {
    task.emplace();
    task->id = find_.integer(0);
    task->kind = static_cast<TaskKind>(find_.integer(1));
    task->ended = static_cast<uint64_t>(find_.integer(2));
    DecibelRun& run = task->run;
    run.guid = guid;
    task->reopened = static_cast<uint64_t>(find_.integer(3));
    run.start = from_us(find_.integer(4));
    run.iterations = static_cast<uint64_t>(find_.integer(5));
    std::string* const texts[] = {&run.supersedes, &run.name,      &run.user,   &run.sw,
                                  &run.team,       &run.framework, &run.origin, &run.comment,
                                  &run.git_url,    &run.git_sha1,  &task->hw};
    int column = 6;
    for (std::string* text : texts) *text = find_.text(column++);
  }
  if (DbStatus status = find_.finish(); !status.ok()) return Error{status.reason};
  return task;
}

Result<DecibelTask> DecibelSpool::find_or_add(std::string_view guid) {
  Result<std::optional<DecibelTask>> found = find(guid);
  if (!found.ok()) return Error{found.error()};
  if (!*found) {
    if (DbStatus status = add_.bind(1, guid).run(); !status.ok()) return Error{status.reason};
    found = find(guid);
    if (!found.ok()) return Error{found.error()};
  }
  return std::move(**found);
}

Result<Done> DecibelSpool::put(const DecibelTask& task) {
  const DecibelRun& run = task.run;
  put_.bind(1, task.id).bind(2, static_cast<int64_t>(task.kind));
  put_.bind(3, static_cast<int64_t>(task.ended)).bind(4, static_cast<int64_t>(task.reopened));
  put_.bind(5, to_us(run.start)).bind(6, static_cast<int64_t>(run.iterations));
  const std::string* const texts[] = {&run.supersedes, &run.name,      &run.user,   &run.sw,
                                      &run.team,       &run.framework, &run.origin, &run.comment,
                                      &run.git_url,    &run.git_sha1,  &task.hw};
  int column = 7;
  for (const std::string* text : texts) put_.bind(column++, *text);
  return to_result(put_.run());
}

Result<DecibelAttempt> DecibelSpool::attempt(int64_t task, uint32_t number) {
  DecibelAttempt attempt;
  attempt.number = number;
  find_attempt_.bind(1, task).bind(2, int64_t{number});
  if (find_attempt_.next()) attempt = read_attempt(find_attempt_);
  if (DbStatus status = find_attempt_.finish(); !status.ok()) return Error{status.reason};
  return attempt;
}

Result<Done> DecibelSpool::put_attempt(int64_t task, const DecibelAttempt& attempt) {
  const DecibelTotals& unlisted = attempt.unlisted;
  put_attempt_.bind(1, task).bind(2, int64_t{attempt.number});
  put_attempt_.bind(3, attempt.hw).bind(4, attempt.log_link);
  put_attempt_.bind(5, to_us(attempt.start)).bind(6, to_us(attempt.end));
  put_attempt_.bind(7, to_column(attempt.result)).bind(8, attempt.message);
  put_attempt_.bind(9, static_cast<int64_t>(unlisted.passed));
  put_attempt_.bind(10, static_cast<int64_t>(unlisted.failure));
  put_attempt_.bind(11, static_cast<int64_t>(unlisted.error));
  put_attempt_.bind(12, static_cast<int64_t>(unlisted.skipped));
  return to_result(put_attempt_.run());
}

Result<Done> DecibelSpool::add_case(int64_t task, uint32_t attempt, uint64_t seq,
                                    const DecibelCase& test, std::optional<DecibelResult> result,
                                    Instant at) {
  room_.bind(1, task).bind(2, int64_t{attempt}).bind(3, test.package);
  const bool found = room_.next();
  const int64_t cases = found ? room_.integer(0) : 0;
  const int64_t bytes = found ? room_.integer(1) : 0;
  const bool is_new_suite = found && room_.integer(2) == 0;
  const bool is_new_attempt = found && room_.integer(3) == 0;
  if (DbStatus status = room_.finish(); !status.ok()) return Error{status.reason};

  if (is_new_attempt) {
    DecibelAttempt unheard_of;
    unheard_of.number = attempt;
    if (Result<Done> put = put_attempt(task, unheard_of); !put.ok()) return put;
  }
  size_t more = kCaseFrameBytes;
  const size_t package_size = decibel_xml_size(test.package, kDecibelFieldBytesMax);
  more += package_size + decibel_xml_size(test.name, kDecibelFieldBytesMax);
  more += decibel_xml_size(test.info, kDecibelTextBytesMax);
  if (is_new_suite) {
    const Result<DecibelAttempt> of = this->attempt(task, attempt);
    if (!of.ok()) return Error{of.error()};
    more += kSuiteFrameBytes + package_size + decibel_xml_size(of->hw, kDecibelFieldBytesMax) +
            decibel_xml_size(of->log_link, kDecibelFieldBytesMax);
  }
  // Each attempt has a case of its own in the document.
  const bool has_room = cases < static_cast<int64_t>(kDecibelCasesMax - kAttemptsMax) &&
                        bytes + static_cast<int64_t>(more) <= kCaseBytesMax;
  if (!has_room) return count_unlisted(task, attempt, result);

  add_case_.bind(1, task).bind(2, int64_t{attempt}).bind(3, test.package);
  add_case_.bind(4, static_cast<int64_t>(seq)).bind(5, test.name).bind(6, to_column(result));
  add_case_.bind(7, test.time.count()).bind(8, to_us(at)).bind(9, test.info);
  if (DbStatus status = add_case_.run(); !status.ok()) return Error{status.reason};
  return to_result(grow_.bind(1, task).bind(2, static_cast<int64_t>(more)).run());
}

Result<Done> DecibelSpool::count_unlisted(int64_t task, uint32_t number,
                                          std::optional<DecibelResult> result) {
  Result<DecibelAttempt> of = attempt(task, number);
  if (!of.ok()) return Error{of.error()};
  ++(result ? of->unlisted.of(*result) : of->unlisted.skipped);
  return put_attempt(task, *of);
}

Result<Done> DecibelSpool::each_attempt(int64_t task, const EachAttempt& take) {
  Result<Done> done = Done{};
  all_attempts_.bind(1, task);
  while (done.ok() && all_attempts_.next()) done = take(read_attempt(all_attempts_));
  DbStatus status = all_attempts_.finish();
  return done.ok() ? to_result(status) : done;
}

Result<Done> DecibelSpool::each_suite(int64_t task, uint32_t attempt, const EachSuite& take) {
  Result<Done> done = Done{};
  suites_.bind(1, task).bind(2, int64_t{attempt});
  while (done.ok() && suites_.next()) {
    DecibelSuite suite;
    suite.name = suites_.text(0);
    suite.start = from_us(suites_.integer(1));
    suite.end = from_us(suites_.integer(2));
    suite.totals.passed = static_cast<uint64_t>(suites_.integer(3));
    suite.totals.failure = static_cast<uint64_t>(suites_.integer(4));
    suite.totals.error = static_cast<uint64_t>(suites_.integer(5));
    suite.totals.skipped = static_cast<uint64_t>(suites_.integer(6));
    done = take(suite);
  }
  DbStatus status = suites_.finish();
  return done.ok() ? to_result(status) : done;
}

Result<Done> DecibelSpool::each_case(int64_t task, uint32_t attempt, const std::string& suite,
                                     const EachCase& take) {
  cases_.bind(1, task).bind(2, int64_t{attempt}).bind(3, suite);
  while (cases_.next()) {
    DecibelCase test;
    test.package = suite;
    test.name = cases_.text(0);
    test.result = from_column(cases_.integer(1)).value_or(DecibelResult::error);
    test.time = Duration(cases_.integer(2));
    test.info = cases_.text(3);
    take(test);
  }
  return to_result(cases_.finish());
}

Result<Done> DecibelSpool::put_refused_end(std::string_view guid, const SequencedEvent& at) {
  const std::string block = encode_block(at.seq, std::vector<Event>{at.event});
  put_refused_.bind(1, guid).bind(2, static_cast<int64_t>(at.seq)).bind_blob(3, block);
  return to_result(put_refused_.run());
}

Result<std::vector<SequencedEvent>> DecibelSpool::take_refused_ends(std::string_view guid,
                                                                    uint64_t seq) {
  std::vector<SequencedEvent> ends;
  Result<Done> read = Done{};
  refused_.bind(1, guid).bind(2, static_cast<int64_t>(seq));
  while (read.ok() && refused_.next()) {
    Result<Block> block = decode_block(refused_.blob(0));
    if (block.ok() && block->events.size() == 1) {
      ends.push_back({block->first, std::move(block->events.front())});
    } else {
      read = Error{db_.path() + ": a refused end of " + std::string(guid) +
                   " is damaged; muster sink replay decibel begins the file anew"};
    }
  }
  const DbStatus status = refused_.finish();
  if (!read.ok()) return Error{read.error()};
  if (!status.ok()) return Error{status.reason};
  if (ends.empty()) return ends;
  clear_refused_.bind(1, guid).bind(2, static_cast<int64_t>(seq));
  if (DbStatus cleared = clear_refused_.run(); !cleared.ok()) return Error{cleared.reason};
  return ends;
}

Result<Done> DecibelSpool::clear(const DecibelTask& task) {
  for (Statement* statement : {&clear_cases_, &clear_attempts_, &reset_}) {
    DbStatus status = statement->bind(1, task.id).run();
    if (!status.ok()) return Error{status.reason};
  }
  clear_refused_.bind(1, task.run.guid).bind(2, static_cast<int64_t>(task.ended + 1));
  if (DbStatus status = clear_refused_.run(); !status.ok()) return Error{status.reason};
  return to_result(prune_.bind(1, static_cast<int64_t>(kEndedTasksKept)).run());
}

Result<Done> DecibelSpool::forget() {
  const Result<SinkPosition> position = read_position();
  if (!position.ok()) return Error{position.error()};
  if (position->log_id.empty()) return Done{};
  if (Result<Done> begun = begin(); !begun.ok()) return begun;
  return wipe({position->log_id, 0});
}

// Ends the transaction.
Result<Done> DecibelSpool::wipe(const SinkPosition& position) {
  const DbStatus status = db_.execute(
      "DELETE FROM cases; DELETE FROM attempts; DELETE FROM refused_ends; DELETE FROM tasks");
  if (!status.ok()) return Error{status.reason};
  return commit(position);
}

}  // namespace muster
