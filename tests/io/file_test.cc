#include "io/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

void put(const std::string& path, std::string_view bytes) { std::ofstream(path) << bytes; }

size_t entries(const std::string& dir) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(dir), {}));
}

TEST(ReadFile, GivesAllBytesUpToTheLimit) {
  const Scratch scratch;
  std::string bytes(200'000, 'x');
  bytes[100'000] = '\0';
  for (const size_t size : {0, 1, 65'535, 65'536, 65'537, 200'000}) {
    put(scratch / "file", bytes.substr(0, size));
    const Result<std::string> read = read_file(scratch / "file", size);
    ASSERT_TRUE(read.ok()) << read.error();
    EXPECT_EQ(*read, bytes.substr(0, size));
  }
}

TEST(ReadFile, RefusesWithThePathAndTheReason) {
  const Scratch scratch;
  put(scratch / "eleven", "01234567890");
  ASSERT_EQ(::mkfifo((scratch / "fifo").c_str(), 0600), 0);
  const struct {
    std::string path;
    const char* reason;
  } rows[] = {
      {scratch / "absent", "No such file or directory"},
      {scratch / "eleven", "larger than the limit of 10 bytes"},
      {scratch / "eleven/below", "Not a directory"},
      {scratch.path(), "not a regular file"},
      {scratch / "fifo", "not a regular file"},
      {"/dev/zero", "not a regular file"},
      {"", "No such file or directory"},
  };
  for (const auto& row : rows) {
    const Result<std::string> read = read_file(row.path, 10);
    ASSERT_FALSE(read.ok()) << row.path;
    EXPECT_THAT(read.error(), HasSubstr(row.path));
    EXPECT_THAT(read.error(), HasSubstr(row.reason));
  }
}

TEST(WriteFileAtomically, ReplacesAndKeepsTheMode) {
  const Scratch scratch;
  const std::string path = scratch / "file";
  ASSERT_TRUE(write_file_atomically(path, "old").ok());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const std::string big(3 << 20, 'n');
  ASSERT_TRUE(write_file_atomically(path, big).ok());
  EXPECT_EQ(*read_file(path, 4 << 20), big);
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(entries(scratch.path()), 1u) << "a temporary file was left behind";
}

TEST(WriteFileAtomically, RefusesWithThePath) {
  const Scratch scratch;
  put(scratch / "file", "");
  ASSERT_TRUE(make_dirs(scratch / "dir/inner").ok());
  for (const std::string& path :
       {scratch / "absent/file", scratch / "file/below", scratch / "dir"}) {
    const Result<Done> written = write_file_atomically(path, "bytes");
    ASSERT_FALSE(written.ok()) << path;
    EXPECT_THAT(written.error(), HasSubstr(path));
  }
  EXPECT_EQ(entries(scratch.path()), 2u) << "a temporary file was left behind";
}

TEST(WriteFileAtomically, KeepsTheOldBytesWhenThereIsNoRoom) {
  const Scratch scratch;
  const std::string path = scratch / "file";
  ASSERT_TRUE(write_file_atomically(path, "old").ok());
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1'000, 1'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(write_file_atomically(path, std::string(2'000, 'n')).ok() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*read_file(path, 10), "old");
  EXPECT_EQ(entries(scratch.path()), 1u);
}

// A worker that began an attempt of a task while its uploader removed the earlier one's folder.
TEST(MakeDirs, ComesThroughWhereAnEmptyParentIsRemovedMeanwhile) {
  const Scratch scratch;
  const std::string parent = scratch / "task";
  std::atomic<bool> done{false};
  std::atomic<int> removals{0};  // that are left: without end, it could win without end
  std::jthread remover([&] {
    while (!done) {
      if (removals > 0 && ::rmdir(parent.c_str()) == 0) --removals;
    }
  });
  for (int i = 0; i < 100; ++i) {
    removals = 5;
    const Result<Done> made = make_dirs(parent + "/attempt");
    EXPECT_TRUE(made.ok()) << made.error();
    ::rmdir((parent + "/attempt").c_str());
  }
  done = true;
}

TEST(MakeDirs, MakesWhatIsMissing) {
  const Scratch scratch;
  for (const char* name : {"a", "a/b/c", "a/b/c", "a//d/", "e/../f"}) {
    ASSERT_TRUE(make_dirs(scratch / name).ok()) << name;
    EXPECT_TRUE(std::filesystem::is_directory(scratch / name)) << name;
  }
  EXPECT_TRUE(make_dirs("/").ok());
  struct stat info {};
  ASSERT_EQ(::stat((scratch / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(MakeDirs, RefusesWithThePath) {
  const Scratch scratch;
  put(scratch / "file", "");
  const struct {
    std::string path;
    std::string named;  // what is in the way
  } rows[] = {
      {scratch / "file", scratch / "file"},
      {scratch / "file/below", scratch / "file"},
      {"/proc/muster/x", "/proc/muster"},
      {"", "its path is empty"},
  };
  for (const auto& row : rows) {
    const Result<Done> made = make_dirs(row.path);
    ASSERT_FALSE(made.ok()) << row.path;
    EXPECT_THAT(made.error(), HasSubstr(row.named));
  }
}

TEST(FreeBytes, KnowsTheFileSystemAndRefusesWhatIsNotThere) {
  EXPECT_GT(*free_bytes("/tmp"), 0u);
  EXPECT_FALSE(free_bytes("/absent/file").ok());
}

TEST(UniqueFd, ClosesOnce) {
  int raw = -1;
  {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = fd.get();
    UniqueFd moved(std::move(fd));
    EXPECT_FALSE(fd.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_EQ(moved.get(), raw);
    EXPECT_NE(::fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(PidFile, HoldsUntilItIsDestroyed) {
  const Scratch scratch;
  const std::string path = scratch / "broker.pid";
  EXPECT_EQ(PidFile::holder(path), std::nullopt);
  {
    const Result<PidFile> held = PidFile::acquire(path, "a muster broker");
    ASSERT_TRUE(held.ok()) << held.error();
    EXPECT_EQ(PidFile::holder(path), ::getpid());
    EXPECT_EQ(*read_file(path, 100), std::to_string(::getpid()) + "\n");

    const Result<PidFile> second = PidFile::acquire(path, "a muster broker");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error(), "a muster broker is already running (pid " +
                                  std::to_string(::getpid()) + ", lock file " + path + ")");
  }
  EXPECT_EQ(PidFile::holder(path), std::nullopt);
  EXPECT_TRUE(PidFile::acquire(path, "a muster broker").ok());
}

TEST(PidFile, MovesWithItsLock) {
  const Scratch scratch;
  Result<PidFile> held = PidFile::acquire(scratch / "a", "one");
  ASSERT_TRUE(held.ok());
  std::optional<PidFile> moved(std::move(*held));
  EXPECT_TRUE(PidFile::holder(scratch / "a").has_value());
  moved.reset();
  EXPECT_FALSE(PidFile::holder(scratch / "a").has_value());
}

// A number that a killed process left is not taken for a holder.
TEST(PidFile, EndsWithItsProcess) {
  const Scratch scratch;
  const std::string path = scratch / "pid";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<PidFile> held = PidFile::acquire(path, "the child");
    [[maybe_unused]] const ssize_t rc = ::write(ready[1], held.ok() ? "y" : "n", 1);
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_EQ(PidFile::holder(path), child);
  const Result<PidFile> refused = PidFile::acquire(path, "somebody");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error(), HasSubstr("(pid " + std::to_string(child) + ","));

  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_EQ(PidFile::holder(path), std::nullopt);
  EXPECT_TRUE(PidFile::acquire(path, "somebody").ok());
}

TEST(PidFile, RefusesWhatCannotBeALockFile) {
  const Scratch scratch;
  for (const std::string& path : {scratch / "absent/pid", scratch.path(), std::string()}) {
    const Result<PidFile> held = PidFile::acquire(path, "it");
    ASSERT_FALSE(held.ok()) << path;
    EXPECT_THAT(held.error(), HasSubstr("cannot open the lock file " + path));
  }
}

}  // namespace
}  // namespace muster
