#include "io/event_log_sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "io/clock.h"
#include "io/file.h"
#include "io/random.h"
#include "io/sqlite.h"

namespace muster {

namespace {

constexpr int64_t kFormat = 1;

// Pages (4 KiB) that gather in the write-ahead file before an append folds them back, which costs
// some ten milliseconds. With fewer it would show among the slowest hundredth of appends.
constexpr uint32_t kCheckpointPages = 4'000;

constexpr char kCreate[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE blocks(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes BLOB NOT NULL)";

// The epoch is checked in the transaction that writes: no row is inserted for a deposed writer.
constexpr char kInsert[] =
    "INSERT INTO blocks(first, count, bytes) SELECT ?1, ?2, ?3 "
    "WHERE (SELECT value FROM meta WHERE key = 'epoch') = ?4";

constexpr char kRead[] =
    "SELECT first, count, bytes FROM blocks "
    "WHERE first >= (SELECT max(first) FROM blocks WHERE first <= ?1) ORDER BY first";

bool has_room(const std::string& path, uint64_t bytes) {
  const Result<uint64_t> room = free_bytes(path);
  return room && *room >= bytes;
}

// Space set aside for the day when the disk is full.
class Ballast {
 public:
  Ballast(std::string dir, uint64_t bytes)
      : dir_(std::move(dir)), path_(dir_ + "/ballast"), bytes_(bytes) {}

  // Sets it aside, unless it is there or that would leave too little for others; then a later call
  // may. Not having it is no error.
  void ensure() {
    if (held_ || bytes_ == 0) return;
    const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!fd.valid()) return;
    const auto size = static_cast<off_t>(bytes_);
    held_ = ::lseek(fd.get(), 0, SEEK_END) >= size ||
            (has_room(dir_, 2 * bytes_) && ::posix_fallocate(fd.get(), 0, size) == 0);
    if (!held_) ::unlink(path_.c_str());
  }

  // True when there was something to give up.
  bool give_up() {
    held_ = false;
    return ::unlink(path_.c_str()) == 0;
  }

 private:
  std::string dir_;
  std::string path_;
  uint64_t bytes_;
  bool held_ = false;
};

// Extends the write-ahead file with zeros, which recovery takes for its end. An economy, so what
// goes wrong is no error. (SQLite's locks are on other files: closing this one gives up none.)
void extend_wal(const std::string& path, uint64_t bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid() || !has_room(path, 4 * bytes)) return;
  const std::string zeros(1 << 20, '\0');
  for (off_t size = ::lseek(fd.get(), 0, SEEK_END); size >= 0 && uint64_t(size) < bytes;) {
    const size_t step = std::min<uint64_t>(zeros.size(), bytes - uint64_t(size));
    if (!write_all(fd.get(), std::string_view(zeros).substr(0, step))) return;
    size += static_cast<off_t>(step);
  }
  ::fsync(fd.get());
}

// What the file said about itself when it was opened.
struct Header {
  std::string log_id;
  uint64_t epoch = 0;
  uint64_t head = 0;
};

std::string disk_full_advice(const std::string& reason) {
  return reason + "; nothing was written. Free some space on that file system";
}

Error open_error(const DbStatus& status) {
  if (status.fault == DbFault::disk_full) return Error{disk_full_advice(status.reason)};
  if (status.fault == DbFault::busy) {
    return Error{status.reason + "; another program has the event log open for writing: end it"};
  }
  return Error{status.reason + "; cannot use it as the event log"};
}

// One value from one row, or the default of T when there is no row.
DbStatus read_integer(Database& db, const char* sql, int64_t& value) {
  Result<Statement> statement = db.prepare(sql);
  if (!statement) return {DbFault::broken, statement.error()};
  if (statement->next()) value = statement->integer(0);
  return statement->finish();
}

DbStatus read_text(Database& db, const char* sql, std::string& value) {
  Result<Statement> statement = db.prepare(sql);
  if (!statement) return {DbFault::broken, statement.error()};
  if (statement->next()) value = statement->text(0);
  return statement->finish();
}

DbStatus create_if_empty(Database& db) {
  int64_t tables = 0;
  DbStatus counted = read_integer(db, "SELECT count(*) FROM sqlite_master", tables);
  if (!counted.ok() || tables > 0) return counted;
  DbStatus created = db.execute(kCreate);
  if (!created.ok()) return created;
  Result<Statement> insert =
      db.prepare("INSERT INTO meta VALUES ('format', ?1), ('epoch', 0), ('log_id', ?2)");
  if (!insert) return {DbFault::broken, insert.error()};
  SystemClock clock;
  const std::string log_id = new_uuid_v7(clock);
  return insert->bind(1, kFormat).bind(2, log_id).run();
}

DbStatus check_format(Database& db) {
  int64_t tables = 0;
  DbStatus counted = read_integer(
      db, "SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'blocks')", tables);
  if (!counted.ok()) return counted;
  if (tables != 2) {
    return {DbFault::broken, db.path() + " is an SQLite database, but not a muster event log"};
  }
  int64_t format = 0;
  DbStatus read = read_integer(db, "SELECT value FROM meta WHERE key = 'format'", format);
  if (!read.ok()) return read;
  if (format != kFormat) {
    return {DbFault::broken, db.path() + " has event log format " + std::to_string(format) +
                                 "; this build reads format " + std::to_string(kFormat) +
                                 " (use the muster that wrote it, or a newer one)"};
  }
  return {};
}

// Creates the log where there is none and begins a new epoch, all in one transaction.
DbStatus begin_epoch(Database& db, Header& header) {
  Transaction transaction(db);
  if (!transaction.status().ok()) return transaction.status();
  int64_t epoch = 0;
  int64_t head = 0;
  DbStatus status = create_if_empty(db);
  if (status.ok()) status = check_format(db);
  if (status.ok()) status = db.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'");
  if (status.ok()) status = read_integer(db, "SELECT value FROM meta WHERE key='epoch'", epoch);
  if (status.ok())
    status = read_text(db, "SELECT value FROM meta WHERE key='log_id'", header.log_id);
  if (status.ok()) {
    status =
        read_integer(db, "SELECT first + count - 1 FROM blocks ORDER BY first DESC LIMIT 1", head);
  }
  header.epoch = static_cast<uint64_t>(epoch);
  header.head = static_cast<uint64_t>(head);
  return status.ok() ? transaction.commit() : status;
}

// Appends through one connection and reads through another, so that a reading thread never waits
// for a sync.
class SqliteEventLog final : public EventLog {
 public:
  // In the order in which they must be taken; given back in reverse.
  struct Parts {
    PidFile lock;
    Ballast ballast;
    Database writer;
    Statement insert;
    Database reader;
    Statement select;
    Header header;
  };
  explicit SqliteEventLog(Parts parts) : parts_(std::move(parts)), head_(parts_.header.head) {}

  std::string log_id() const override { return parts_.header.log_id; }
  uint64_t epoch() const override { return parts_.header.epoch; }
  uint64_t head() const override { return head_.load(std::memory_order_acquire); }

  AppendResult append(std::span<const NewBlock> blocks) override {
    uint64_t end = head();
    for (const NewBlock& block : blocks) {
      if (block.first != end + 1 || block.count == 0) return out_of_place(block, end);
      end += block.count;
    }
    if (blocks.empty()) return out_of_place({}, end);
    bool is_writer = true;
    DbStatus status = insert_all(blocks, is_writer);
    if (status.fault == DbFault::disk_full && parts_.ballast.give_up()) {
      ballast_given_up_ = true;
      status = insert_all(blocks, is_writer);
    }
    if (!status.ok()) return refusal(status);
    if (!is_writer) return deposed();
    head_.store(end, std::memory_order_release);
    if (ballast_given_up_) parts_.ballast.ensure();
    return {};
  }

  Result<std::vector<StoredBlock>> read(uint64_t from, size_t max_bytes) const override {
    std::vector<StoredBlock> blocks;
    size_t size = 0;
    uint64_t expected = 0;
    Statement& select = parts_.select;
    select.bind(1, static_cast<int64_t>(from));
    while ((blocks.empty() || size < max_bytes) && select.next()) {
      StoredBlock block{static_cast<uint64_t>(select.integer(0)),
                        static_cast<uint32_t>(select.integer(1)), std::string(select.blob(2))};
      if (expected != 0 && block.first != expected) {
        static_cast<void>(select.finish());
        return Error{parts_.reader.path() + ": the event log has a gap: event " +
                     std::to_string(expected) + " is missing; restore the file from a backup"};
      }
      expected = block.first + block.count;
      if (expected <= from) break;  // the newest block, and it ends before `from`
      size += block.bytes.size();
      blocks.push_back(std::move(block));
    }
    DbStatus status = select.finish();
    if (!status.ok()) return Error{status.reason};
    return blocks;
  }

 private:
  // `is_writer` false: another one has a newer epoch, and nothing was written.
  DbStatus insert(const NewBlock& block, bool& is_writer) {
    DbStatus status = parts_.insert.bind(1, static_cast<int64_t>(block.first))
                          .bind(2, int64_t{block.count})
                          .bind_blob(3, block.bytes)
                          .bind(4, static_cast<int64_t>(parts_.header.epoch))
                          .run();
    is_writer = !status.ok() || parts_.writer.changes() == 1;
    return status;
  }

  // One statement is a transaction of its own.
  DbStatus insert_all(std::span<const NewBlock> blocks, bool& is_writer) {
    if (blocks.size() == 1) return insert(blocks[0], is_writer);
    Transaction transaction(parts_.writer);
    if (!transaction.status().ok()) return transaction.status();
    for (const NewBlock& block : blocks) {
      DbStatus status = insert(block, is_writer);
      if (!status.ok() || !is_writer) return status;
    }
    return transaction.commit();
  }

  static AppendResult out_of_place(const NewBlock& block, uint64_t end) {
    return {AppendFault::deposed, "the writer is not at the end of the log: it asked for " +
                                      std::to_string(block.count) + " events at " +
                                      std::to_string(block.first) + ", the log ends at " +
                                      std::to_string(end)};
  }

  AppendResult refusal(const DbStatus& status) {
    if (status.fault == DbFault::disk_full) {
      return {AppendFault::disk_full, disk_full_advice(status.reason)};
    }
    if (status.fault == DbFault::constraint) return deposed();
    return {AppendFault::broken, status.reason};
  }

  AppendResult deposed() const {
    return {AppendFault::deposed, parts_.writer.path() +
                                      ": another broker has taken over this event log (it writes "
                                      "with an epoch newer than " +
                                      std::to_string(parts_.header.epoch) + ")"};
  }

  mutable Parts parts_;
  std::atomic<uint64_t> head_;
  bool ballast_given_up_ = false;
};

}  // namespace

Result<std::unique_ptr<EventLog>> open_event_log_sqlite(const std::string& dir,
                                                        const SqliteLogOptions& options) {
  const Result<Done> made = make_dirs(dir);
  if (!made) return Error{made.error()};
  Result<PidFile> lock = PidFile::acquire(dir + "/lock", "a broker of this event log");
  if (!lock) return Error{lock.error()};

  DatabaseOptions how;
  how.checkpoint_pages = kCheckpointPages;
  std::variant<Database, DbStatus> opened = Database::open(dir + "/events.db", how);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return open_error(*failed);
  Database& writer = std::get<Database>(opened);

  Ballast ballast(dir, options.ballast_bytes);
  Header header;
  DbStatus begun = begin_epoch(writer, header);
  if (begun.fault == DbFault::disk_full && ballast.give_up()) begun = begin_epoch(writer, header);
  if (!begun.ok()) return open_error(begun);
  ballast.ensure();
  extend_wal(writer.path() + "-wal", options.wal_bytes);

  how.read_only = true;
  std::variant<Database, DbStatus> reading = Database::open(writer.path(), how);
  if (const DbStatus* failed = std::get_if<DbStatus>(&reading)) return open_error(*failed);
  Database& reader = std::get<Database>(reading);

  Result<Statement> insert = writer.prepare(kInsert);
  if (!insert) return Error{insert.error()};
  Result<Statement> select = reader.prepare(kRead);
  if (!select) return Error{select.error()};
  return std::unique_ptr<EventLog>(std::make_unique<SqliteEventLog>(SqliteEventLog::Parts{
      std::move(*lock), std::move(ballast), std::move(writer), std::move(*insert),
      std::move(reader), std::move(*select), std::move(header)}));
}

}  // namespace muster
