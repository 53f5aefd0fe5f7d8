#include "tests/conformance/event_log_laws.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <set>

#include "io/event_log_sqlite.h"
#include "io/file.h"
#include "io/lz4.h"
#include "io/snapshot_files.h"
#include "io/sqlite.h"
#include "tests/support/memory_event_log.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class MemoryStore {
 public:
  Result<std::unique_ptr<EventLog>> open() { return MemoryLogStore::open(store_); }
  Result<std::unique_ptr<EventLog>> open_anyway() { return MemoryLogStore::open(store_, true); }
  void fill_up() { store_->set_capacity(0); }
  void make_room() { store_->set_capacity(SIZE_MAX); }

 private:
  std::shared_ptr<MemoryLogStore> store_ = std::make_shared<MemoryLogStore>();
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, EventLogLaws, MemoryStore);

// Nothing set aside: these logs are opened by the thousand.
constexpr SqliteLogOptions kSmall{0, 0};

class SqliteStore {
 public:
  Result<std::unique_ptr<EventLog>> open() { return open_event_log_sqlite(dir_, kSmall); }
  Result<std::unique_ptr<EventLog>> open_anyway() {
    fs::remove(dir_ + "/lock");
    return open();
  }

  // A limit on the size of files stands in for a full disk; the write-ahead file is past it.
  void fill_up() {
    ::signal(SIGXFSZ, SIG_IGN);
    set_file_size_limit(1);
  }
  void make_room() { set_file_size_limit(RLIM_INFINITY); }

 private:
  static void set_file_size_limit(rlim_t bytes) {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = std::min(bytes, limit.rlim_max);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  const Scratch scratch_;
  const std::string dir_ = scratch_ / "log";
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EventLogLaws, SqliteStore);

// The rest is about what the SQLite log leaves on a disk.

// Memory where there is some: thousands of openings would wait for thousands of syncs.
std::string fast_dir() { return fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp"; }

std::unique_ptr<EventLog> open_or_die(const std::string& dir,
                                      const SqliteLogOptions& options = kSmall) {
  Result<std::unique_ptr<EventLog>> opened = open_event_log_sqlite(dir, options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().c_str());
    std::abort();
  }
  return std::move(*opened);
}

void run_sql(const std::string& dir, const char* sql) {
  std::variant<Database, DbStatus> db = Database::open(dir + "/events.db");
  ASSERT_TRUE(std::holds_alternative<Database>(db)) << std::get<DbStatus>(db).reason;
  const DbStatus status = std::get<Database>(db).execute(sql);
  ASSERT_TRUE(status.ok()) << status.reason;
}

class CrashTest : public ::testing::Test {
 protected:
  CrashTest() {
    // Small pages make a small write-ahead file, so that every cut of it can be tried.
    EXPECT_TRUE(make_dirs(dir_).ok());
    run_sql(dir_, "PRAGMA journal_mode=DELETE; PRAGMA page_size=512; VACUUM");
    log_ = open_or_die(dir_);
  }

  void append(int blocks) {
    for (int i = 0; i < blocks; ++i) {
      const uint64_t first = log_->head() + 1;
      // Some of them are packed.
      const std::string bytes =
          "block " + std::to_string(first) + std::string(i % 3 == 1 ? 2'000 : first * 7 % 300, '.');
      ASSERT_EQ(log_->append(first, 1 + first % 3, bytes).fault, AppendFault::none);
    }
  }

  // As a crash leaves it, with `wal` instead of the write-ahead file.
  void make_image(std::string_view wal) const {
    fs::remove_all(image_);
    fs::create_directory(image_);
    fs::copy_file(dir_ + "/events.db", image_ + "/events.db");
    std::ofstream(image_ + "/events.db-wal", std::ios::binary) << wal;
  }

  std::string wal() const { return *read_file(dir_ + "/events.db-wal", 10 << 20); }

  // Opens the image: it must hold a prefix of what was appended. How many blocks.
  size_t expect_prefix() const {
    const std::vector<StoredBlock> written = read_all(*log_);
    Result<std::unique_ptr<EventLog>> recovered = open_event_log_sqlite(image_, kSmall);
    EXPECT_TRUE(recovered.ok()) << recovered.error();
    if (!recovered.ok()) return 0;
    const std::vector<StoredBlock> found = read_all(**recovered);
    EXPECT_LE(found.size(), written.size());
    if (found.size() > written.size()) return 0;
    EXPECT_TRUE(std::equal(found.begin(), found.end(), written.begin())) << "it invented something";
    const uint64_t head = found.empty() ? 0 : found.back().first + found.back().count - 1;
    EXPECT_EQ((*recovered)->head(), head);
    EXPECT_EQ((*recovered)->append(head + 1, 1, "goes on").fault, AppendFault::none);
    return found.size();
  }

  // Cuts the write-ahead file at every byte.
  void cut_everywhere(size_t blocks_least) {
    const std::string whole = wal();
    const size_t blocks_all = read_all(*log_).size();
    size_t before = blocks_least;
    for (size_t size = 0; size <= whole.size(); ++size) {
      SCOPED_TRACE("cut to " + std::to_string(size) + " of " + std::to_string(whole.size()));
      make_image(std::string_view(whole).substr(0, size));
      const size_t found = expect_prefix();
      ASSERT_FALSE(HasFailure());
      ASSERT_GE(found, before) << "more bytes gave fewer blocks";
      before = found;
    }
    EXPECT_EQ(before, blocks_all);
  }

  const Scratch scratch_{fast_dir()};
  const std::string dir_ = scratch_ / "log";
  const std::string image_ = scratch_ / "image";
  std::unique_ptr<EventLog> log_;
};

TEST_F(CrashTest, CutAtEveryByteItRecoversAPrefix) {
  append(6);
  cut_everywhere(0);
}

TEST_F(CrashTest, CutAtEveryByteAfterACheckpointToo) {
  append(8);
  run_sql(dir_, "PRAGMA wal_checkpoint(RESTART)");
  append(3);  // over the beginning of the old write-ahead file, whose rest is stale
  cut_everywhere(8);
}

// A decision of several blocks was cut between them.
TEST_F(CrashTest, CutAtEveryByteItHasAllBlocksOfAnAppendOrNone) {
  append(1);
  const std::string bytes[] = {std::string(700, 'a'), std::string(5'000, 'b'),
                               std::string(6'000, 'c'), std::string(700, 'd')};
  std::vector<NewBlock> blocks;
  for (uint64_t first = log_->head() + 1; blocks.size() < 4; ++first) {
    blocks.push_back({first, 1, bytes[blocks.size()]});
  }
  ASSERT_EQ(log_->append(blocks).fault, AppendFault::none);
  const std::string whole = wal();
  std::set<size_t> seen;
  for (size_t size = 0; size <= whole.size(); ++size) {
    make_image(std::string_view(whole).substr(0, size));
    seen.insert(expect_prefix());
    ASSERT_FALSE(HasFailure()) << "cut to " << size << " of " << whole.size();
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(0, 1, 5));
}

TEST_F(CrashTest, FlippedBitsInTheWriteAheadFileLoseItsTailOnly) {
  append(8);
  run_sql(dir_, "PRAGMA wal_checkpoint(RESTART)");
  append(6);
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string whole = wal();
  for (int i = 0; i < 1'000; ++i) {
    std::string damaged = whole;
    const size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    if (random() % 2 == 0) damaged.resize(at + random() % (damaged.size() - at));
    SCOPED_TRACE("damaged at " + std::to_string(at));
    make_image(damaged);
    ASSERT_GE(expect_prefix(), 8u) << "what the checkpoint had folded back was lost";
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CrashTest, ACutDatabaseFileIsAnErrorOrAPrefixNeverACrash) {
  append(40);
  run_sql(dir_, "PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = fs::file_size(dir_ + "/events.db");
  for (uintmax_t cut = 0; cut <= size; cut += 97) {
    make_image("");
    fs::resize_file(image_ + "/events.db", cut);
    Result<std::unique_ptr<EventLog>> opened = open_event_log_sqlite(image_, kSmall);
    if (!opened.ok()) {
      EXPECT_THAT(opened.error(), HasSubstr(image_ + "/events.db"));
      continue;
    }
    const Result<std::vector<StoredBlock>> read = (*opened)->read(1, SIZE_MAX);
    EXPECT_THAT(read.ok() ? image_ + "/events.db" : read.error(), HasSubstr(image_ + "/events.db"));
  }
}

// Bytes of the database's file after 24 MiB in blocks of 64 KiB, and of its write-ahead file.
std::pair<uintmax_t, uintmax_t> write_much(const std::string& dir, bool catches_up) {
  const Result<std::unique_ptr<EventLog>> log = open_event_log_sqlite(dir, kSmall);
  const std::string bytes = noise(64 << 10);
  for (uint64_t first = 1; first <= 384; ++first) {
    EXPECT_EQ((*log)->append(first, 1, bytes).fault, AppendFault::none);
    if (catches_up) (*log)->catch_up();
  }
  EXPECT_EQ((*log)->head(), 384u);
  const Result<std::vector<StoredBlock>> newest = (*log)->read(384, 1);
  EXPECT_TRUE(newest.ok() && newest->size() == 1 && newest->front().bytes == bytes);
  return {fs::file_size(dir + "/events.db"), fs::file_size(dir + "/events.db-wal")};
}

TEST(SqliteEventLog, FoldsItsWriteAheadFileBackWhereItIsGivenTime) {
  const Scratch scratch;
  const auto [file, ahead] = write_much(scratch / "log", true);
  EXPECT_GT(file, 12u << 20);
  EXPECT_LT(ahead, 18u << 20);
}

TEST(SqliteEventLog, FoldsItsWriteAheadFileBackWhereNobodyCatchesUp) {
  const Scratch scratch;
  const auto [file, ahead] = write_much(scratch / "log", false);
  EXPECT_GT(file, 12u << 20);
  EXPECT_LT(ahead, 22u << 20);
}

TEST(SqliteEventLog, RefusesWhatIsNotItsOwnAndSaysWhatToDo) {
  const Scratch scratch;
  const auto make = [&](const std::string& name) {
    const std::string dir = scratch / name;
    EXPECT_TRUE(make_dirs(dir).ok());
    return dir;
  };
  std::ofstream(make("text") + "/events.db") << std::string(5'000, 'x');
  run_sql(make("other"), "CREATE TABLE other(x)");
  open_or_die(scratch / "newer");
  run_sql(scratch / "newer", "UPDATE meta SET value = 3 WHERE key = 'format'");
  open_or_die(scratch / "gap")->append(1, 3, "1 to 3");
  run_sql(scratch / "gap", "INSERT INTO blocks VALUES (5, 1, 'five')");
  fs::create_directories(scratch / "dir/events.db");
  std::ofstream(scratch / "file") << "";

  const struct {
    const char* name;
    const char* reason;
  } rows[] = {
      {"text", "events.db: file is not a database"},
      {"other", "not a muster event log"},
      {"newer", "has event log format 3; this build reads formats up to 2"},
      {"dir", "unable to open database file"},
      {"file", "a file of that name is in the way"},
  };
  for (const auto& row : rows) {
    const auto opened = open_event_log_sqlite(scratch / row.name, kSmall);
    ASSERT_FALSE(opened.ok()) << row.name;
    EXPECT_THAT(opened.error(), HasSubstr(scratch / row.name));
    EXPECT_THAT(opened.error(), HasSubstr(row.reason));
  }
  const auto read = open_or_die(scratch / "gap")->read(1, SIZE_MAX);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error(), HasSubstr("event 4 is missing"));
}

TEST(SqliteEventLog, PacksWhatBecomesSmaller) {
  const Scratch scratch;
  const std::string bytes(1 << 20, 'x');
  const auto log = open_or_die(scratch.path());
  ASSERT_EQ(log->append(1, 1, bytes).fault, AppendFault::none);
  EXPECT_EQ(read_all(*log), (std::vector<StoredBlock>{{1, 1, bytes}}));
  EXPECT_LT(log->size()->bytes, 100u << 10);
}

// What is appended is read, also where it looks like what the log makes of it.
TEST(SqliteEventLog, ABlockThatBeginsLikeAPackedOneIsReadAsItWas) {
  const Scratch scratch;
  std::string room;
  const std::string packed(pack_lz4("a block", room));
  const auto log = open_or_die(scratch.path());
  ASSERT_EQ(log->append(1, 1, packed).fault, AppendFault::none);
  EXPECT_EQ(read_all(*log), (std::vector<StoredBlock>{{1, 1, packed}}));
}

TEST(SqliteEventLog, ADamagedPackedBlockIsNamed) {
  const Scratch scratch;
  {
    const auto log = open_or_die(scratch.path());
    ASSERT_EQ(log->append(1, 4, "one to four").fault, AppendFault::none);
    ASSERT_EQ(log->append(5, 2, std::string(5'000, 'x')).fault, AppendFault::none);
  }
  run_sql(scratch.path(),
          "UPDATE blocks SET bytes = substr(bytes, 1, length(bytes) - 6) WHERE first = 5");
  const auto log = open_or_die(scratch.path());
  EXPECT_EQ(read_all(*log), (std::vector<StoredBlock>{{1, 4, "one to four"}}));
  const auto read = log->read(5, SIZE_MAX);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error(), HasSubstr("events.db: the block at event 5 is damaged: LZ4: "));
}

TEST(SqliteEventLog, ALogOfFormatOneIsReadAndBecomesAFormatTwo) {
  const Scratch scratch;
  open_or_die(scratch.path());
  run_sql(scratch.path(), "UPDATE meta SET value = 1 WHERE key = 'format'");
  run_sql(scratch.path(), "INSERT INTO blocks VALUES (1, 3, printf('%5000d', 1))");
  const std::string first = std::string(4'999, ' ') + "1";
  {
    const auto view = view_event_log_sqlite(scratch.path());
    ASSERT_TRUE(view.ok()) << view.error();
    EXPECT_EQ((*view)->read(1, SIZE_MAX)->front(), (StoredBlock{1, 3, first}));
  }
  const std::string second(5'000, 'y');
  const auto log = open_or_die(scratch.path());
  ASSERT_EQ(log->append(4, 1, second).fault, AppendFault::none);
  EXPECT_EQ(read_all(*log), (std::vector<StoredBlock>{{1, 3, first}, {4, 1, second}}));
  std::variant<Database, DbStatus> db = Database::open(scratch / "events.db");
  Result<Statement> format =
      std::get<Database>(db).prepare("SELECT value FROM meta WHERE key = 'format'");
  ASSERT_TRUE(format->next());
  EXPECT_EQ(format->integer(0), 2);
}

// A broker would begin anew and forget all its tasks.
TEST(SqliteEventLog, ALogThatIsGoneFromBesideItsSnapshotsIsNotBegunAnew) {
  const Scratch scratch;
  bool given = false;
  ASSERT_TRUE(open_or_die(scratch.path())
                  ->snapshots()
                  .write(1,
                         [&]() -> std::optional<std::string> {
                           return std::exchange(given, true) ? std::nullopt
                                                             : std::optional<std::string>("s");
                         })
                  .ok());
  for (const char* how : {"removed", "emptied"}) {
    SCOPED_TRACE(how);
    fs::remove(scratch / "events.db-wal");
    fs::remove(scratch / "events.db");
    if (how != std::string("removed")) std::ofstream(scratch / "events.db") << "";
    const auto opened = open_event_log_sqlite(scratch.path(), kSmall);
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error(),
                HasSubstr("events.db is missing or empty, but there are snapshots"));
  }
  fs::remove(SnapshotFiles(scratch.path()).path_of(1));
  EXPECT_EQ(open_or_die(scratch.path())->head(), 0u);
}

TEST(SqliteEventLog, ARefusedOpeningChangesNothing) {
  const Scratch scratch;
  const std::string& dir = scratch.path();
  run_sql(dir, "CREATE TABLE meta(x); CREATE TABLE mine(x); INSERT INTO mine VALUES (1)");
  EXPECT_FALSE(open_event_log_sqlite(dir, kSmall).ok());
  run_sql(dir, "INSERT INTO mine SELECT x FROM mine");
  run_sql(dir, "INSERT INTO meta VALUES (1)");
}

TEST(SqliteEventLog, SetsItsSpaceAsideAtOnce) {
  const Scratch scratch;
  const SqliteLogOptions options{3 << 20, 1 << 20};
  {
    const auto log = open_or_die(scratch.path(), options);
    EXPECT_EQ(fs::file_size(scratch / "ballast"), 3u << 20);
    EXPECT_EQ(fs::file_size(scratch / "events.db-wal"), 1u << 20);
    ASSERT_EQ(log->append(1, 1, "one").fault, AppendFault::none);
    EXPECT_EQ(fs::file_size(scratch / "events.db-wal"), 1u << 20) << "it was overwritten";
    // A crash leaves the zeros behind what was written: they are its end.
    fs::create_directory(scratch / "image");
    for (const char* name : {"events.db", "events.db-wal"}) {
      fs::copy_file(scratch / name, (scratch / "image/") + name);
    }
  }
  for (const std::string& dir : {scratch.path(), scratch / "image"}) {
    const auto log = open_or_die(dir, options);
    EXPECT_EQ(read_all(*log), (std::vector<StoredBlock>{{1, 1, "one"}}));
  }
}

// Below, a small file system of its own, which not everybody may mount.
constexpr int kNotPermitted = 77;

// A mount table of this process's own; for who is not root, in a user namespace where it is.
bool leave_mounts() {
  if (::unshare(CLONE_NEWNS) == 0) return true;
  const std::string uid = std::to_string(::getuid());
  const std::string gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  return (std::ofstream("/proc/self/uid_map") << "0 " + uid + " 1").flush().good() &&
         (std::ofstream("/proc/self/gid_map") << "0 " + gid + " 1").flush().good();
}

// Mounts a little memory at `dir`, for this process only.
bool mount_small(const std::string& dir, const char* options) {
  return leave_mounts() && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("none", dir.c_str(), "tmpfs", 0, options) == 0;
}

void fill(const std::string& path) {
  std::ofstream file(path, std::ios::app | std::ios::binary);
  const std::string chunk(4'096, 'f');
  while (file.write(chunk.data(), 4'096).flush()) {
  }
}

// Appends until the disk is full. How many blocks went in.
int append_until_full(EventLog& log) {
  const std::string bytes = noise(50'000);
  for (int count = 0;; ++count) {
    const AppendResult result = log.append(log.head() + 1, 1, bytes);
    if (result.fault == AppendFault::disk_full) return count;
    if (result.fault != AppendFault::none) return -1;
  }
}

// The number of the step that went wrong, 0 for none.
int live_with_a_full_disk(const std::string& dir) {
  if (!mount_small(dir, "size=24m")) return kNotPermitted;
  const SqliteLogOptions options{3 << 20, 0};
  auto log = open_or_die(dir + "/log", options);
  const std::string ballast = dir + "/log/ballast";
  if (!fs::exists(ballast)) return 1;
  fill(dir + "/filler");
  const int with_ballast = append_until_full(*log);
  if (with_ballast < 20) return 2;  // of 50 kB each: that is what the ballast was for
  if (fs::exists(ballast)) return 3;
  if (append_until_full(*log) > 1) return 4;

  // A restart on the full disk: it either works, or says why and works when there is room.
  log.reset();
  Result<std::unique_ptr<EventLog>> reopened = open_event_log_sqlite(dir + "/log", options);
  if (!reopened.ok() && reopened.error().find("Free some space") == std::string::npos) return 5;
  reopened = Error{};
  fs::remove(dir + "/filler");
  log = open_or_die(dir + "/log", options);
  if (static_cast<int>(read_all(*log).size()) < with_ballast) return 6;
  if (!fs::exists(ballast)) return 7;

  // Given up and set aside again in one life.
  fill(dir + "/filler");
  if (append_until_full(*log) < 20 || fs::exists(ballast)) return 8;
  fs::remove(dir + "/filler");
  if (log->append(log->head() + 1, 1, "room").fault != AppendFault::none) return 9;
  return fs::exists(ballast) ? 0 : 10;
}

// The same. A snapshot that does not fit leaves nothing behind, and what is trimmed is room, though
// there was none for trimming.
int trim_on_a_full_disk(const std::string& dir) {
  if (!mount_small(dir, "size=32m")) return kNotPermitted;
  auto log = open_or_die(dir + "/log", {4 << 20, 4 << 20});
  SnapshotFiles files(dir + "/log", 0);
  int given = 0;
  const Result<Done> written = files.write(1, [&]() -> std::optional<std::string> {
    if (++given > 64) return std::nullopt;
    return std::string(1 << 20, 's');
  });
  if (written.ok()) return 1;
  if (!files.list().empty() || fs::exists(dir + "/log/unfinished-snapshot")) return 2;
  const std::string bytes = noise(50'000);
  for (int i = 0; i < 200; ++i) {
    if (log->append(log->head() + 1, 1, bytes).fault != AppendFault::none) {
      return 3;
    }
  }
  fill(dir + "/filler");
  if (log->trim(log->head(), SIZE_MAX).fault != AppendFault::none) return 4;
  if (log->tail() != log->head() || log->size()->room < 5 << 20) return 5;
  if (append_until_full(*log) < 50) return 6;
  const uint64_t head = log->head();
  log.reset();
  fs::remove(dir + "/filler");
  return open_or_die(dir + "/log", {0, 0})->head() == head ? 0 : 7;
}

// Runs it in a process of its own: what it mounts is seen by nobody else.
void expect_on_a_small_disk(int (*live)(const std::string&)) {
  const Scratch scratch;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(live(scratch.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  if (WEXITSTATUS(status) == kNotPermitted) {
    std::cerr << "not tested: this user may not mount a small file system\n";
    return;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the return statement that was taken";
}

TEST(SqliteEventLog, TheBallastIsGivenUpFirst) { expect_on_a_small_disk(live_with_a_full_disk); }

TEST(SqliteEventLog, WhatIsTrimmedIsRoomOnAFullDisk) {
  expect_on_a_small_disk(trim_on_a_full_disk);
}

}  // namespace
}  // namespace muster
