#include "workers/spool.h"

#include <signal.h>

#include <algorithm>

#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"

namespace muster {

namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reports (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS attempts (
  guid TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (guid, attempt)) STRICT;
CREATE TABLE IF NOT EXISTS groups (
  guid TEXT NOT NULL, attempt INTEGER NOT NULL, pgid INTEGER NOT NULL, boot_id TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS journals (
  guid TEXT NOT NULL, attempt INTEGER NOT NULL, bytes INTEGER NOT NULL, ended INTEGER NOT NULL,
  PRIMARY KEY (guid, attempt)) STRICT;
CREATE INDEX IF NOT EXISTS groups_by_attempt ON groups (guid, attempt);
INSERT OR IGNORE INTO meta VALUES ('format', 1), ('incarnation', 0);
)";

constexpr std::ptrdiff_t kForgetAtOnce = 256;

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(const std::string& dir, uint64_t unix_seconds) {
  if (Result<Done> made = make_dirs(dir); !made.ok()) return Error{made.error()};
  auto opened = Database::open(dir + "/spool.db");
  if (auto* status = std::get_if<DbStatus>(&opened)) return Error{status->reason};
  std::unique_ptr<Spool> spool(new Spool());
  spool->db_ = std::make_unique<Database>(std::move(std::get<Database>(opened)));
  spool->boot_id_ = read_boot_id();
  Result<Done> prepared = spool->prepare(unix_seconds);
  if (prepared.ok()) prepared = spool->load();
  if (!prepared.ok()) return Error{prepared.error()};
  return spool;
}

Result<Done> Spool::prepare(uint64_t unix_seconds) {
  if (DbStatus made = db_->execute(kSchema); !made.ok()) return Error{made.reason};
  Statement read_meta;
  Statement write_incarnation;
  const std::pair<Statement*, std::string_view> statements[] = {
      {&add_report_, "INSERT OR REPLACE INTO reports VALUES (?1, ?2)"},
      {&forget_reports_, "DELETE FROM reports WHERE seq <= ?1"},
      {&open_attempt_, "INSERT OR IGNORE INTO attempts VALUES (?1, ?2)"},
      {&close_attempt_, "DELETE FROM attempts WHERE guid = ?1 AND attempt = ?2"},
      {&close_groups_, "DELETE FROM groups WHERE guid = ?1 AND attempt = ?2"},
      {&add_group_, "INSERT INTO groups VALUES (?1, ?2, ?3, ?4)"},
      {&note_journal_, "INSERT OR REPLACE INTO journals VALUES (?1, ?2, ?3, ?4)"},
      {&forget_journal_, "DELETE FROM journals WHERE guid = ?1 AND attempt = ?2"},
      {&read_meta,
       "SELECT (SELECT value FROM meta WHERE key = 'format'),"
       " (SELECT value FROM meta WHERE key = 'incarnation')"},
      {&write_incarnation, "UPDATE meta SET value = ?1 WHERE key = 'incarnation'"}};
  if (Result<Done> done = prepare_all(*db_, statements); !done.ok()) return done;
  if (!read_meta.next()) return Error{db_->path() + " is not a muster spool"};
  if (read_meta.integer(0) != 1) {
    return Error{db_->path() + " was written by a newer version of muster: start that version"};
  }
  incarnation_ = std::max(static_cast<uint64_t>(read_meta.integer(1)) + 1, unix_seconds);
  if (DbStatus ended = read_meta.finish(); !ended.ok()) return Error{ended.reason};
  if (DbStatus kept = write_incarnation.bind(1, static_cast<int64_t>(incarnation_)).run();
      !kept.ok()) {
    return Error{kept.reason};
  }
  return Done{};
}

Result<Done> Spool::load() {
  Result<Statement> reports = db_->prepare("SELECT bytes FROM reports ORDER BY seq");
  if (!reports.ok()) return Error{reports.error()};
  while (reports->next()) {
    Result<Report> report = decode_report(reports->blob(0));
    if (!report.ok()) return Error{db_->path() + ": a report cannot be read: " + report.error()};
    stored_.push_back(report->seq);
    unacked_.push_back(std::move(*report));
  }
  if (DbStatus ended = reports->finish(); !ended.ok()) return Error{ended.reason};
  Result<Statement> attempts =
      db_->prepare("SELECT guid, attempt FROM attempts ORDER BY guid, attempt");
  if (!attempts.ok()) return Error{attempts.error()};
  while (attempts->next()) {
    interrupted_.push_back(
        AttemptToken{std::string(attempts->text(0)), static_cast<uint32_t>(attempts->integer(1))});
  }
  if (DbStatus ended = attempts->finish(); !ended.ok()) return Error{ended.reason};
  if (Result<Done> loaded = load_journals(); !loaded.ok()) return loaded;
  return load_groups();
}

Result<Done> Spool::load_journals() {
  Result<Statement> journals = db_->prepare("SELECT guid, attempt, bytes, ended FROM journals");
  if (!journals.ok()) return Error{journals.error()};
  while (journals->next()) {
    journals_.push_back(
        JournalMark{{std::string(journals->text(0)), static_cast<uint32_t>(journals->integer(1))},
                    static_cast<uint64_t>(journals->integer(2)),
                    journals->integer(3) != 0});
  }
  if (DbStatus ended = journals->finish(); !ended.ok()) return Error{ended.reason};
  return Done{};
}

Result<Done> Spool::load_groups() {
  Result<Statement> groups = db_->prepare("SELECT pgid FROM groups WHERE boot_id = ?1");
  if (!groups.ok()) return Error{groups.error()};
  groups->bind(1, std::string_view(boot_id_));
  while (groups->next()) leftovers_.push_back(static_cast<pid_t>(groups->integer(0)));
  if (DbStatus ended = groups->finish(); !ended.ok()) return Error{ended.reason};
  if (DbStatus cleared = db_->execute("DELETE FROM groups"); !cleared.ok())
    return Error{cleared.reason};
  return Done{};
}

size_t Spool::kill_leftovers() {
  size_t killed = 0;
  for (const pid_t group : leftovers_) {
    // A leader that lives is not ours: it died with the worker, so its number was given to another.
    if (group > 1 && ::kill(group, 0) != 0 && ::kill(-group, SIGKILL) == 0) ++killed;
  }
  leftovers_.clear();
  return killed;
}

DbStatus Spool::add(const Report& report) {
  const std::string bytes = encode_report(report);
  const bool ended = std::holds_alternative<Ending>(report.body);
  DbStatus status = add_report_.bind(1, static_cast<int64_t>(report.seq)).bind_blob(2, bytes).run();
  std::vector<Statement*> about_attempt;
  if (ended) {
    about_attempt = {&close_attempt_, &close_groups_};
  } else if (std::holds_alternative<AttemptStarted>(report.body)) {
    about_attempt = {&open_attempt_};
  }
  for (Statement* statement : about_attempt) {
    if (!status.ok()) return status;
    status = statement->bind(1, std::string_view(report.token.guid))
                 .bind(2, static_cast<int64_t>(report.token.attempt))
                 .run();
  }
  return status;
}

DbStatus Spool::note(const JournalMark& journal) {
  Statement& statement = journal.forget ? forget_journal_ : note_journal_;
  statement.bind(1, std::string_view(journal.token.guid))
      .bind(2, static_cast<int64_t>(journal.token.attempt));
  if (!journal.forget) {
    statement.bind(3, static_cast<int64_t>(journal.bytes)).bind(4, journal.ended ? 1 : 0);
  }
  return statement.run();
}

Result<bool> Spool::commit(const std::vector<Report>& reports, uint64_t acked,
                           const std::vector<JournalMark>& journals) {
  // Forgetting alone is not worth a sync: it waits for the next report, or until it is much.
  const auto forgettable =
      std::upper_bound(stored_.begin(), stored_.end(), acked) - stored_.begin();
  const bool only_forgets =
      reports.empty() && std::all_of(journals.begin(), journals.end(),
                                     [](const JournalMark& journal) { return journal.forget; });
  const auto forgotten = forgettable + static_cast<std::ptrdiff_t>(journals.size());
  if (only_forgets && forgotten < kForgetAtOnce) return false;
  Transaction transaction(*db_);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  for (const Report& report : reports) {
    if (DbStatus status = add(report); !status.ok()) return Error{status.reason};
  }
  for (const JournalMark& journal : journals) {
    if (DbStatus status = note(journal); !status.ok()) return Error{status.reason};
  }
  if (forgettable > 0) {
    DbStatus status = forget_reports_.bind(1, static_cast<int64_t>(acked)).run();
    if (!status.ok()) return Error{status.reason};
  }
  if (DbStatus committed = transaction.commit(); !committed.ok()) return Error{committed.reason};
  stored_.erase(stored_.begin(), stored_.begin() + forgettable);
  for (const Report& report : reports) stored_.push_back(report.seq);
  return true;
}

Result<Done> Spool::note_group(const AttemptToken& token, pid_t pgid) {
  add_group_.bind(1, std::string_view(token.guid)).bind(2, static_cast<int64_t>(token.attempt));
  add_group_.bind(3, static_cast<int64_t>(pgid)).bind(4, std::string_view(boot_id_));
  if (DbStatus added = add_group_.run(); !added.ok()) return Error{added.reason};
  return Done{};
}

}  // namespace muster
