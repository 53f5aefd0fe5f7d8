#include "collectors/decibel_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "core/guid.h"
#include "sql/decibel.h"

namespace muster {
namespace {

// Of those that are too old or too many, with each document that is taken.
constexpr int kRemovedAtOnce = 16;

constexpr int64_t kVersion = std::size(kDecibelMigrations);

// The version of the tables that the file has; 0: none.
Result<int64_t> read_version(Database& db) {
  Result<Statement> exists =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'");
  if (!exists.ok()) return Error{exists.error()};
  const bool found = exists->next();
  if (DbStatus status = exists->finish(); !status.ok()) return Error{status.reason};
  if (!found) return int64_t{0};
  Result<Statement> newest = db.prepare("SELECT max(version) FROM schema_version");
  if (!newest.ok()) return Error{newest.error()};
  const int64_t version = newest->next() ? newest->integer(0) : 0;
  if (DbStatus status = newest->finish(); !status.ok()) return Error{status.reason};
  if (version <= kVersion) return version;
  return Error{db.path() + ": was written by a newer muster (schema " + std::to_string(version) +
               ", this build knows " + std::to_string(kVersion) + "): upgrade this muster"};
}

Result<Done> migrate(Database& db) {
  const Result<int64_t> version = read_version(db);
  if (!version.ok()) return Error{version.error()};
  for (int64_t next = *version + 1; next <= kVersion; ++next) {
    Transaction transaction(db);
    DbStatus status = transaction.status();
    const std::string note = "INSERT INTO schema_version VALUES (" + std::to_string(next) + ")";
    if (status.ok()) status = db.execute(kDecibelMigrations[next - 1]);
    if (status.ok()) status = db.execute(note.c_str());
    if (status.ok()) status = transaction.commit();
    if (!status.ok()) return Error{status.reason};
  }
  return Done{};
}

DecibelTotals at_least(const DecibelTotals& said, const DecibelTotals& listed) {
  return {std::max(said.passed, listed.passed), std::max(said.failure, listed.failure),
          std::max(said.error, listed.error), said.skipped};
}

LeasePool<Database>::Open open_reader(const std::string& file, const Stop& stop,
                                      Duration question_max) {
  DatabaseOptions options;
  options.read_only = true;
  options.stop_fd = stop.fd();
  options.statement_max = question_max;
  return [file, options]() -> Result<Database> {
    std::variant<Database, DbStatus> opened = Database::open(file, options);
    if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{failed->reason};
    return std::move(std::get<Database>(opened));
  };
}

}  // namespace

DecibelStore::DecibelStore(Database writer, const DecibelKeep& keep, Duration question_max)
    : keep_(keep),
      writer_(std::move(writer)),
      readers_(open_reader(writer_.path(), stop_, question_max), kQuestionsMax, kQuestionPatience) {
}

void DecibelStore::stop() {
  stop_.raise();
  readers_.stop();
}

// Writes one document, within a transaction. After a failure it takes nothing more.
class DecibelStore::Intake final : public DecibelHandler {
 public:
  Intake(Database& db, std::string key, Instant now)
      : db_(db), now_(now), fallback_key_(std::move(key)) {}

  DbStatus prepare() {
    const std::pair<Statement*, std::string_view> statements[] = {
        {&find_run_, "SELECT guid FROM runs WHERE key = ?"},
        {&add_run_,
         "INSERT INTO runs (key, guid, supersedes, sw, team, framework, name, start_us, end_us,"
         " iterations, user, origin, info, comment, git_url, git_sha1, result, received_us)"
         " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id"},
        {&add_suite_,
         "INSERT INTO suites (run, hw, name, iteration, start_us, end_us, log_link, comment,"
         " passed, failure, error, skipped, result) VALUES (?,?,?,?,?,?,?,?,0,0,0,0,'')"
         " RETURNING id"},
        {&end_suite_,
         "UPDATE suites SET passed = ?2, failure = ?3, error = ?4, skipped = ?5, result = ?6"
         " WHERE id = ?1"},
        {&add_case_,
         "INSERT INTO cases (suite, package, name, result, time_us, info, log_link, comment)"
         " VALUES (?,?,?,?,?,?,?,?)"},
        {&end_run_, "UPDATE runs SET result = ?2 WHERE id = ?1"},
    };
    const Result<Done> prepared = prepare_all(db_, statements);
    return prepared.ok() ? DbStatus{} : DbStatus{DbFault::broken, prepared.error()};
  }

  void note_ignored(const std::string& what) override {
    std::vector<std::string>& ignored = receipt_.ignored;
    const bool is_known = std::find(ignored.begin(), ignored.end(), what) != ignored.end();
    if (!is_known && ignored.size() < kIgnoredNamed) ignored.push_back(what);
  }

  void take_run(const DecibelRun& run) override {
    receipt_.key = run.key.empty() ? fallback_key_ : run.key;
    find_run_.bind(1, receipt_.key);
    receipt_.is_repeat = find_run_.next();
    const bool is_other = receipt_.is_repeat && find_run_.text(0) != run.guid;
    note(find_run_.finish());
    if (is_other) {
      receipt_.fault = DecibelFault::conflict;
      receipt_.reason = "key " + quote_text(receipt_.key) +
                        " is that of another task's run: give each run a key of its own";
    }
    if (!takes_more()) return;
    result_ = run.result;
    add_run_.bind(1, receipt_.key).bind(2, run.guid).bind(3, run.supersedes).bind(4, run.sw);
    add_run_.bind(5, run.team).bind(6, run.framework).bind(7, run.name);
    add_run_.bind(8, to_us(run.start)).bind(9, to_us(run.end));
    add_run_.bind(10, static_cast<int64_t>(run.iterations)).bind(11, run.user);
    add_run_.bind(12, run.origin).bind(13, run.info).bind(14, run.comment).bind(15, run.git_url);
    add_run_.bind(16, run.git_sha1).bind(17, std::string_view()).bind(18, to_us(now_));
    run_ = insert(add_run_);
  }

  void take_suite(const DecibelSuite& suite) override {
    end_suite();
    if (!takes_more()) return;
    suite_ = suite;
    listed_ = {};
    add_suite_.bind(1, run_).bind(2, suite.hw).bind(3, suite.name);
    add_suite_.bind(4, static_cast<int64_t>(suite.iteration));
    add_suite_.bind(5, to_us(suite.start)).bind(6, to_us(suite.end));
    add_suite_.bind(7, suite.log_link).bind(8, suite.comment);
    suite_id_ = insert(add_suite_);
  }

  void take_case(const DecibelCase& test) override {
    if (!takes_more()) return;
    ++listed_.of(test.result);
    add_case_.bind(1, suite_id_).bind(2, test.package).bind(3, test.name);
    add_case_.bind(4, to_string(test.result)).bind(5, test.time.count()).bind(6, test.info);
    add_case_.bind(7, test.log_link).bind(8, test.comment);
    note(add_case_.run());
  }

  void finish() {
    end_suite();
    if (!takes_more()) return;
    const DecibelResult result = result_.value_or(derived_.value_or(DecibelResult::passed));
    note(end_run_.bind(1, run_).bind(2, to_string(result)).run());
  }

  const DbStatus& status() const { return status_; }
  const DecibelReceipt& receipt() const { return receipt_; }

 private:
  bool takes_more() const {
    return status_.ok() && !receipt_.is_repeat && receipt_.fault == DecibelFault::none;
  }

  void note(DbStatus status) {
    if (status_.ok()) status_ = std::move(status);
  }

  // The id of the new row.
  int64_t insert(Statement& statement) {
    const int64_t id = statement.next() ? statement.integer(0) : 0;
    note(statement.finish());
    return id;
  }

  void end_suite() {
    if (!takes_more() || !suite_) return;
    const DecibelTotals totals = at_least(suite_->totals, listed_);
    const DecibelResult result = suite_->result.value_or(derive_result(totals));
    end_suite_.bind(1, suite_id_).bind(2, static_cast<int64_t>(totals.passed));
    end_suite_.bind(3, static_cast<int64_t>(totals.failure));
    end_suite_.bind(4, static_cast<int64_t>(totals.error));
    end_suite_.bind(5, static_cast<int64_t>(totals.skipped)).bind(6, to_string(result));
    note(end_suite_.run());
    // Of the run the last iteration counts.
    if (!derived_ || suite_->iteration > iteration_) {
      derived_ = result;
      iteration_ = suite_->iteration;
    } else if (suite_->iteration == iteration_) {
      derived_ = worse_of(*derived_, result);
    }
    suite_.reset();
  }

  Database& db_;
  Instant now_;
  std::string fallback_key_;
  DecibelReceipt receipt_;
  DbStatus status_;
  Statement find_run_;
  Statement add_run_;
  Statement add_suite_;
  Statement end_suite_;
  Statement add_case_;
  Statement end_run_;
  int64_t run_ = 0;
  int64_t suite_id_ = 0;
  std::optional<DecibelResult> result_;  // that the run says
  std::optional<DecibelResult> derived_;
  uint64_t iteration_ = 0;
  std::optional<DecibelSuite> suite_;  // open
  DecibelTotals listed_;               // of its cases
};

Result<std::unique_ptr<DecibelStore>> DecibelStore::open(const std::string& file,
                                                         const DecibelKeep& keep,
                                                         Duration question_max) {
  std::variant<Database, DbStatus> writer = Database::open(file);
  if (const DbStatus* failed = std::get_if<DbStatus>(&writer)) return Error{failed->reason};
  if (Result<Done> done = migrate(std::get<Database>(writer)); !done.ok()) {
    return Error{done.error()};
  }
  std::unique_ptr<DecibelStore> store(
      new DecibelStore(std::move(std::get<Database>(writer)), keep, question_max));
  if (Result<Done> counted = store->count_runs(); !counted.ok()) return Error{counted.error()};
  return store;
}

Result<Done> DecibelStore::count_runs() {
  Result<Statement> count = writer_.prepare("SELECT count(*) FROM runs");
  if (!count.ok()) return Error{count.error()};
  if (count->next()) runs_ = static_cast<uint64_t>(count->integer(0));
  if (DbStatus status = count->finish(); !status.ok()) return Error{status.reason};
  return Done{};
}

DecibelReceipt DecibelStore::failed(const DbStatus& status) {
  const bool is_full = status.fault == DbFault::disk_full;
  return {is_full ? DecibelFault::no_room : DecibelFault::failed, status.reason, "", false, {}};
}

DecibelReceipt DecibelStore::receive(const Read& read, const std::string& key, Instant now) {
  const std::lock_guard lock(write_mutex_);
  DecibelReceipt receipt = take(read, key, now);
  if (receipt.fault == DecibelFault::none && !receipt.is_repeat) {
    ++runs_;
    remove_old(now);
  }
  return receipt;
}

// A few at a time: whoever sends a document waits for it. The document itself stays, however little
// is kept.
void DecibelStore::remove_old(Instant now) {
  for (int i = 0; i < kRemovedAtOnce && runs_ > 1; ++i) {
    bool removed = false;
    const Instant before = runs_ > keep_.runs ? now : now - keep_.age;
    const DbStatus status = remove_oldest(before, removed);
    if (!status.ok()) {
      spdlog::warn("deciBel: old documents cannot be removed: {}; tried again with the next one",
                   status.reason);
    }
    if (!removed) return;
    --runs_;
  }
}

// The one that was received first, if that was not after `before`.
DbStatus DecibelStore::remove_oldest(Instant before, bool& removed) {
  Transaction transaction(writer_);
  if (!transaction.status().ok()) return transaction.status();
  const auto broken = [](const std::string& reason) { return DbStatus{DbFault::broken, reason}; };
  Result<Statement> oldest =
      writer_.prepare("SELECT id, received_us FROM runs ORDER BY id LIMIT 1");
  if (!oldest.ok()) return broken(oldest.error());
  const bool is_due = oldest->next() && oldest->integer(1) <= to_us(before);
  const int64_t run = is_due ? oldest->integer(0) : 0;
  if (DbStatus status = oldest->finish(); !status.ok() || !is_due) return status;
  for (const char* sql : {"DELETE FROM cases WHERE suite IN (SELECT id FROM suites WHERE run = ?)",
                          "DELETE FROM suites WHERE run = ?", "DELETE FROM runs WHERE id = ?"}) {
    Result<Statement> statement = writer_.prepare(sql);
    if (!statement.ok()) return broken(statement.error());
    if (DbStatus status = statement->bind(1, run).run(); !status.ok()) return status;
  }
  DbStatus status = transaction.commit();
  removed = status.ok();
  return status;
}

DecibelReceipt DecibelStore::take(const Read& read, const std::string& key, Instant now) {
  Transaction transaction(writer_);
  if (!transaction.status().ok()) return failed(transaction.status());
  Intake intake(writer_, key, now);
  if (DbStatus status = intake.prepare(); !status.ok()) return failed(status);
  const Result<Done> done = read(intake);
  if (!done.ok()) return {DecibelFault::wrong, done.error(), "", false, {}};
  intake.finish();
  if (!intake.status().ok()) return failed(intake.status());
  const DecibelReceipt receipt = intake.receipt();
  if (receipt.fault != DecibelFault::none || receipt.is_repeat) return receipt;
  if (DbStatus status = transaction.commit(); !status.ok()) return failed(status);
  return receipt;
}

Result<std::string> DecibelStore::search(const DecibelQuery& query) {
  Result<LeasePool<Database>::Lease> reader = readers_.borrow();
  if (!reader.ok()) return Error{reader.error()};
  Result<std::string> found = search_decibel(**reader, query);
  if (!found.ok()) reader->discard();
  return found;
}

}  // namespace muster
