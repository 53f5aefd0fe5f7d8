#include "io/event_log_sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#include "io/clock.h"
#include "io/file.h"
#include "io/lz4.h"
#include "io/random.h"
#include "io/snapshot_files.h"
#include "io/sqlite.h"

namespace muster {

namespace {

// 2: a block may be packed (LZ4). Whoever writes makes a 2 of a 1.
constexpr int64_t kFormat = 2;

// A smaller block stays as it is: packing would not save a page.
constexpr size_t kPackedMin = 1'024;

// Pages (4 KiB) that gather in the write-ahead file before they are folded back, which costs some
// ten milliseconds; and before an append does it where nobody else has.
constexpr int64_t kCheckpointPages = 4'000;
constexpr int64_t kCheckpointPagesMax = 5'000;

constexpr char kCreate[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE blocks(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes BLOB NOT NULL)";

// The epoch is checked in the transaction that writes: no row is inserted for a deposed writer.
constexpr char kInsert[] =
    "INSERT INTO blocks(first, count, bytes) SELECT ?1, ?2, ?3 "
    "WHERE (SELECT value FROM meta WHERE key = 'epoch') = ?4";

// Readers are no part of the format: who does not know of them trims nothing.
constexpr char kCreateReaders[] =
    "CREATE TABLE IF NOT EXISTS readers(name TEXT PRIMARY KEY, needs INTEGER NOT NULL, "
    "heard INTEGER NOT NULL) WITHOUT ROWID";

// The first column alone says how large a block is: its other pages are not read.
constexpr char kTrimmable[] =
    "SELECT first, length(bytes) FROM blocks WHERE first < "
    "(SELECT max(first) FROM blocks WHERE first <= ?1) ORDER BY first";

constexpr char kTrim[] =
    "DELETE FROM blocks WHERE first <= ?1 "
    "AND (SELECT value FROM meta WHERE key = 'epoch') = ?2";

constexpr char kKeepReader[] =
    "INSERT OR REPLACE INTO readers(name, needs, heard) SELECT ?1, ?2, ?3 "
    "WHERE (SELECT value FROM meta WHERE key = 'epoch') = ?4";

constexpr char kForgetReader[] =
    "DELETE FROM readers WHERE name = ?1 AND (SELECT value FROM meta WHERE key = 'epoch') = ?2";

constexpr char kReaders[] = "SELECT name, needs, heard FROM readers ORDER BY name";

constexpr char kTail[] = "SELECT first FROM blocks ORDER BY first LIMIT 1";

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
  uint64_t tail = 1;
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

// `is_new`: nothing beside it says that there was a log.
DbStatus create_if_empty(Database& db, bool is_new) {
  int64_t tables = 0;
  DbStatus counted = read_integer(db, "SELECT count(*) FROM sqlite_master", tables);
  if (!counted.ok() || tables > 0) return counted;
  if (!is_new) {
    return {DbFault::broken,
            db.path() +
                " is missing or empty, but there are snapshots of an event log beside it: "
                "restore the whole directory from a backup, or, to begin a log anew, move "
                "the snapshot-* files away"};
  }
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
  if (format < 1 || format > kFormat) {
    return {DbFault::broken, db.path() + " has event log format " + std::to_string(format) +
                                 "; this build reads formats up to " + std::to_string(kFormat) +
                                 " (use the muster that wrote it, or a newer one)"};
  }
  return {};
}

DbStatus note_format(Database& db) {
  Result<Statement> update = db.prepare("UPDATE meta SET value = ?1 WHERE key = 'format'");
  if (!update) return {DbFault::broken, update.error()};
  return update->bind(1, kFormat).run();
}

DbStatus read_ends(Database& db, Header& header) {
  int64_t head = 0;
  int64_t tail = 1;
  DbStatus status =
      read_integer(db, "SELECT first + count - 1 FROM blocks ORDER BY first DESC LIMIT 1", head);
  if (status.ok()) status = read_integer(db, kTail, tail);
  header.head = static_cast<uint64_t>(head);
  header.tail = static_cast<uint64_t>(tail);
  return status;
}

// Creates the log where there is none and begins a new epoch, all in one transaction.
DbStatus begin_epoch(Database& db, bool is_new, Header& header) {
  Transaction transaction(db);
  if (!transaction.status().ok()) return transaction.status();
  int64_t epoch = 0;
  DbStatus status = create_if_empty(db, is_new);
  if (status.ok()) status = check_format(db);
  if (status.ok()) status = note_format(db);
  if (status.ok()) status = db.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'");
  if (status.ok()) status = read_integer(db, "SELECT value FROM meta WHERE key='epoch'", epoch);
  if (status.ok())
    status = read_text(db, "SELECT value FROM meta WHERE key='log_id'", header.log_id);
  if (status.ok()) status = db.execute(kCreateReaders);
  if (status.ok()) status = read_ends(db, header);
  header.epoch = static_cast<uint64_t>(epoch);
  return status.ok() ? transaction.commit() : status;
}

// What is read of the file, through a connection of its own.
class SqliteReading {
 public:
  static Result<SqliteReading> open(const std::string& path) {
    DatabaseOptions how;
    how.read_only = true;
    std::variant<Database, DbStatus> opened = Database::open(path, how);
    if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return open_error(*failed);
    Result<Statement> select = std::get<Database>(opened).prepare(kRead);
    if (!select) return Error{select.error()};
    return SqliteReading(std::move(std::get<Database>(opened)), std::move(*select));
  }

  Database& db() { return db_; }

  Result<std::vector<StoredBlock>> read(uint64_t from, uint64_t tail, size_t max_bytes) {
    if (from < tail) {
      return Error{db_.path() + ": the events before " + std::to_string(tail) + " were trimmed"};
    }
    std::vector<StoredBlock> blocks;
    size_t size = 0;
    uint64_t expected = 0;
    select_.bind(1, static_cast<int64_t>(from));
    while ((blocks.empty() || size < max_bytes) && select_.next()) {
      StoredBlock block{static_cast<uint64_t>(select_.integer(0)),
                        static_cast<uint32_t>(select_.integer(1)), ""};
      if (Result<Done> taken = take_bytes(block); !taken.ok()) {
        if (!blocks.empty()) break;  // they are sound; the next read says what is wrong
        static_cast<void>(select_.finish());
        return Error{taken.error()};
      }
      if (expected != 0 && block.first != expected) {
        static_cast<void>(select_.finish());
        return Error{db_.path() + ": the event log has a gap: event " + std::to_string(expected) +
                     " is missing; restore the file from a backup"};
      }
      expected = block.first + block.count;
      if (expected <= from) break;  // the newest block, and it ends before `from`
      size += block.bytes.size();
      blocks.push_back(std::move(block));
    }
    DbStatus status = select_.finish();
    if (!status.ok()) return Error{status.reason};
    return blocks;
  }

  // None in a file that an older muster made and nobody has opened for writing since.
  Result<std::vector<LogReader>> readers() {
    int64_t tables = 0;
    const DbStatus counted =
        read_integer(db_, "SELECT count(*) FROM sqlite_master WHERE name = 'readers'", tables);
    if (!counted.ok()) return Error{counted.reason};
    if (tables == 0) return std::vector<LogReader>{};
    Result<Statement> select = db_.prepare(kReaders);
    if (!select) return Error{select.error()};
    std::vector<LogReader> all;
    while (select->next()) {
      all.push_back({std::string(select->text(0)), static_cast<uint64_t>(select->integer(1)),
                     from_us(select->integer(2))});
    }
    DbStatus status = select->finish();
    if (!status.ok()) return Error{status.reason};
    return all;
  }

  // Pages that are free again stay in the file.
  Result<LogSize> size() {
    int64_t page = 0;
    int64_t pages = 0;
    int64_t unused = 0;
    DbStatus status = read_integer(db_, "PRAGMA page_size", page);
    if (status.ok()) status = read_integer(db_, "PRAGMA page_count", pages);
    if (status.ok()) status = read_integer(db_, "PRAGMA freelist_count", unused);
    if (!status.ok()) return Error{status.reason};
    return LogSize{static_cast<uint64_t>((pages - unused) * page),
                   static_cast<uint64_t>(unused * page)};
  }

 private:
  // Of the present row.
  Result<Done> take_bytes(StoredBlock& block) {
    const std::string_view stored = select_.blob(2);
    if (!is_lz4(stored)) {
      block.bytes = stored;
      return Done{};
    }
    Result<std::string> unpacked = unpack_lz4(stored, kBlockBytesMax);
    if (!unpacked.ok()) {
      return Error{db_.path() + ": the block at event " + std::to_string(block.first) +
                   " is damaged: " + unpacked.error() + "; restore the file from a backup"};
    }
    block.bytes = std::move(*unpacked);
    return Done{};
  }

  SqliteReading(Database db, Statement select) : db_(std::move(db)), select_(std::move(select)) {}

  Database db_;
  Statement select_;
};

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
    SqliteReading reading;
    SnapshotFiles snapshots;
    Header header;
  };
  explicit SqliteEventLog(Parts parts)
      : parts_(std::move(parts)), head_(parts_.header.head), tail_(parts_.header.tail) {}

  std::string log_id() const override { return parts_.header.log_id; }
  uint64_t epoch() const override { return parts_.header.epoch; }
  uint64_t head() const override { return head_.load(std::memory_order_acquire); }
  uint64_t tail() const override { return tail_.load(std::memory_order_acquire); }
  const SnapshotStore& snapshots() const override { return parts_.snapshots; }
  SnapshotStore& snapshots() override { return parts_.snapshots; }

  AppendResult append(std::span<const NewBlock> blocks) override {
    const std::lock_guard lock(writing_);
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
    fold_back(kCheckpointPagesMax);
    return {};
  }

  void catch_up() override {
    const std::lock_guard lock(writing_);
    fold_back(kCheckpointPages);
  }

  Result<std::vector<StoredBlock>> read(uint64_t from, size_t max_bytes) const override {
    return parts_.reading.read(from, tail(), max_bytes);
  }
  Result<std::vector<LogReader>> readers() const override { return parts_.reading.readers(); }
  Result<LogSize> size() const override { return parts_.reading.size(); }

  // Removing takes room too, before it gives any.
  AppendResult trim(uint64_t before, size_t bytes_max) override {
    const std::lock_guard lock(writing_);
    DbStatus status = remove_blocks(before, bytes_max);
    if (status.fault == DbFault::disk_full && parts_.ballast.give_up()) {
      ballast_given_up_ = true;
      status = remove_blocks(before, bytes_max);
    }
    int64_t tail = static_cast<int64_t>(parts_.header.tail);
    if (status.ok()) status = read_integer(parts_.writer, kTail, tail);
    if (!status.ok()) return refusal(status);
    tail_.store(static_cast<uint64_t>(tail), std::memory_order_release);
    fold_back(kCheckpointPagesMax);
    return {};
  }

  AppendResult keep_readers(std::span<const LogReader> readers) override {
    const std::lock_guard lock(writing_);
    Transaction transaction(parts_.writer);
    if (!transaction.status().ok()) return refusal(transaction.status());
    Result<Statement> keep = parts_.writer.prepare(kKeepReader);
    if (!keep) return {AppendFault::broken, keep.error()};
    for (const LogReader& reader : readers) {
      DbStatus status = keep->bind(1, reader.name)
                            .bind(2, static_cast<int64_t>(reader.needs))
                            .bind(3, to_us(reader.heard))
                            .bind(4, static_cast<int64_t>(parts_.header.epoch))
                            .run();
      if (!status.ok()) return refusal(status);
      if (parts_.writer.changes() != 1) return deposed();
    }
    DbStatus status = transaction.commit();
    return status.ok() ? AppendResult{} : refusal(status);
  }

  AppendResult forget_reader(std::string_view name) override {
    const std::lock_guard lock(writing_);
    Result<Statement> forget = parts_.writer.prepare(kForgetReader);
    if (!forget) return {AppendFault::broken, forget.error()};
    DbStatus status =
        forget->bind(1, name).bind(2, static_cast<int64_t>(parts_.header.epoch)).run();
    return status.ok() ? AppendResult{} : refusal(status);
  }

 private:
  // `is_writer` false: another one has a newer epoch, and nothing was written.
  DbStatus insert(const NewBlock& block, bool& is_writer) {
    DbStatus status = parts_.insert.bind(1, static_cast<int64_t>(block.first))
                          .bind(2, int64_t{block.count})
                          .bind_blob(3, to_store(block.bytes))
                          .bind(4, static_cast<int64_t>(parts_.header.epoch))
                          .run();
    is_writer = !status.ok() || parts_.writer.changes() == 1;
    return status;
  }

  // Valid until it is called again. What does not become smaller stays as it is.
  std::string_view to_store(std::string_view bytes) {
    const bool is_frame = is_lz4(bytes);  // and would be unpacked by whoever reads it
    if (bytes.size() < kPackedMin && !is_frame) return bytes;
    const std::string_view packed = pack_lz4(bytes, packing_room_);
    return packed.size() < bytes.size() || is_frame ? packed : bytes;
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

  DbStatus remove_blocks(uint64_t before, size_t bytes_max) {
    Result<Statement> trimmable = parts_.writer.prepare(kTrimmable);
    if (!trimmable) return {DbFault::broken, trimmable.error()};
    trimmable->bind(1, static_cast<int64_t>(std::min(before, head())));
    int64_t last = 0;
    for (size_t bytes = 0; (last == 0 || bytes < bytes_max) && trimmable->next();) {
      last = trimmable->integer(0);
      bytes += static_cast<size_t>(trimmable->integer(1));
    }
    DbStatus status = trimmable->finish();
    if (!status.ok() || last == 0) return status;
    Result<Statement> remove = parts_.writer.prepare(kTrim);
    if (!remove) return {DbFault::broken, remove.error()};
    return remove->bind(1, last).bind(2, static_cast<int64_t>(parts_.header.epoch)).run();
  }

  void fold_back(int64_t gathered) {
    if (parts_.writer.wal_pages() >= gathered) parts_.writer.checkpoint();
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
  std::mutex writing_;  // through parts_.writer
  std::atomic<uint64_t> head_;
  std::atomic<uint64_t> tail_;
  bool ballast_given_up_ = false;
  std::string packing_room_;  // for the block that is written
};

// A look from outside, as of when it was opened.
class SqliteLogView final : public LogView {
 public:
  SqliteLogView(SqliteReading reading, SnapshotFiles snapshots, Header header)
      : reading_(std::move(reading)),
        snapshots_(std::move(snapshots)),
        header_(std::move(header)) {}

  std::string log_id() const override { return header_.log_id; }
  uint64_t head() const override { return header_.head; }
  uint64_t tail() const override { return header_.tail; }
  Result<std::vector<StoredBlock>> read(uint64_t from, size_t max_bytes) const override {
    return reading_.read(from, header_.tail, max_bytes);
  }
  Result<std::vector<LogReader>> readers() const override { return reading_.readers(); }
  Result<LogSize> size() const override { return reading_.size(); }
  const SnapshotStore& snapshots() const override { return snapshots_; }

 private:
  mutable SqliteReading reading_;
  SnapshotFiles snapshots_;
  Header header_;
};

}  // namespace

Result<std::unique_ptr<EventLog>> open_event_log_sqlite(const std::string& dir,
                                                        const SqliteLogOptions& options) {
  const Result<Done> made = make_dirs(dir);
  if (!made) return Error{made.error()};
  Result<PidFile> lock = PidFile::acquire(dir + "/lock", "a broker of this event log");
  if (!lock) return Error{lock.error()};

  DatabaseOptions how;
  how.checkpoint_pages = 0;
  std::variant<Database, DbStatus> opened = Database::open(dir + "/events.db", how);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return open_error(*failed);
  Database& writer = std::get<Database>(opened);

  Ballast ballast(dir, options.ballast_bytes);
  Header header;
  const bool is_new = SnapshotFiles(dir).list().empty();
  DbStatus begun = begin_epoch(writer, is_new, header);
  if (begun.fault == DbFault::disk_full && ballast.give_up()) {
    begun = begin_epoch(writer, is_new, header);
  }
  if (!begun.ok()) return open_error(begun);
  ballast.ensure();
  extend_wal(writer.path() + "-wal", options.wal_bytes);

  Result<SqliteReading> reading = SqliteReading::open(writer.path());
  if (!reading) return Error{reading.error()};
  Result<Statement> insert = writer.prepare(kInsert);
  if (!insert) return Error{insert.error()};
  return std::unique_ptr<EventLog>(std::make_unique<SqliteEventLog>(SqliteEventLog::Parts{
      std::move(*lock), std::move(ballast), std::move(writer), std::move(*insert),
      std::move(*reading), SnapshotFiles(dir), std::move(header)}));
}

Result<std::unique_ptr<LogView>> view_event_log_sqlite(const std::string& dir) {
  const std::string path = dir + "/events.db";
  Result<SqliteReading> reading = SqliteReading::open(path);
  if (!reading) return Error{reading.error()};
  Database& db = reading->db();
  DbStatus status = check_format(db);
  Header header;
  if (status.ok())
    status = read_text(db, "SELECT value FROM meta WHERE key='log_id'", header.log_id);
  if (status.ok()) status = read_ends(db, header);
  if (!status.ok()) return open_error(status);
  return std::unique_ptr<LogView>(
      std::make_unique<SqliteLogView>(std::move(*reading), SnapshotFiles(dir), std::move(header)));
}

}  // namespace muster
