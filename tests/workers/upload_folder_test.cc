#include "workers/upload_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/limits.h"
#include "tests/io/scratch.h"
#include "workers/upload_target.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class UploadFolderTest : public ScratchFiles {
 protected:
  UploadFolder folder() const {
    return UploadFolder({{"https://lab.example/1", 1}, path("attempt"), true}, kNever,
                        kConsoleLogBytesMax);
  }
  static std::vector<std::string> names(UploadFolder& folder) {
    std::vector<std::string> names;
    for (const auto& [name, file] : folder.files()) names.push_back(name);
    return names;
  }

  const Instant now_{1h};
};

TEST_F(UploadFolderTest, FindsTheLogAndTheArtifacts) {
  write("attempt/log", "console");
  write("attempt/artifacts/a", "");
  write("attempt/artifacts/deep/b", "");
  UploadFolder folder = this->folder();
  EXPECT_EQ(folder.scan(now_), "");
  EXPECT_THAT(names(folder), testing::ElementsAre("a", "deep/b", "log"));
}

// The whole of what it led to was carried.
TEST_F(UploadFolderTest, ALinkInPlaceOfTheArtifactsIsNotFollowed) {
  write("outside/secret", "secret");
  write("attempt/log", "console");
  fs::create_directory_symlink(path("outside"), path("attempt/artifacts"));
  UploadFolder folder = this->folder();
  EXPECT_THAT(folder.scan(now_), HasSubstr("/attempt/artifacts is no directory"));
  EXPECT_THAT(names(folder), testing::ElementsAre("log"));
  EXPECT_EQ(folder.scan(now_), "");  // it is said once
  const FolderRemoval removal = remove_attempt_folder(folder.note().dir, now_);
  EXPECT_EQ(removal.again, std::nullopt);
  EXPECT_EQ(removal.problem, "");
  EXPECT_TRUE(fs::exists(path("outside/secret")));
}

TEST_F(UploadFolderTest, LinksBelowAreNotFollowed) {
  write("outside/secret", "secret");
  write("attempt/artifacts/a", "");
  fs::create_directory_symlink(path("outside"), path("attempt/artifacts/tree"));
  fs::create_symlink(path("outside/secret"), path("attempt/artifacts/file"));
  UploadFolder folder = this->folder();
  EXPECT_EQ(folder.scan(now_), "");
  EXPECT_THAT(names(folder), testing::ElementsAre("a"));
}

TEST_F(UploadFolderTest, FilesWithoutEndAreCarriedAsFarAsTheyMayBe) {
  constexpr size_t kMax = kArtifactsMax + kPushedFilesMax;
  const std::string first = write("attempt/artifacts/d/0", "");
  for (size_t i = 1; i <= kMax; ++i) {
    fs::create_hard_link(first, path("attempt/artifacts/d/") + std::to_string(i));
  }
  UploadFolder folder = this->folder();
  EXPECT_THAT(folder.scan(now_), HasSubstr("they are more than 20000 files"));
  EXPECT_EQ(folder.files().size(), kMax);
  fs::remove(first);
  UploadFolder fits = this->folder();
  EXPECT_EQ(fits.scan(now_), "");
  EXPECT_EQ(fits.files().size(), kMax);
}

// A target that answers nothing, for turns alone.
class SilentTarget final : public UploadTarget {
 public:
  void look(const ArchiveName&, Done) override {}
  void append(const ArchiveName&, uint64_t, std::string, Done) override {}
  void complete(const ArchiveName&, uint64_t, const std::string&, Done) override {}
  void restart(const ArchiveName&, Done) override {}
  Duration gap() const override { return 20ms; }
};

std::string name_of(const FileUpload* file) { return file == nullptr ? "" : file->name().name; }

TEST_F(UploadFolderTest, ArtifactsHaveTheirTurnsAndTheLogItsOwn) {
  write("attempt/log", "console");
  for (const char* name : {"a", "b", "c"}) write(std::string("attempt/artifacts/") + name, "x");
  UploadFolder folder = this->folder();
  folder.scan(now_);
  std::vector<std::string> turns;
  while (FileUpload* const file = folder.next(UploadRank::artifact, now_)) {
    turns.push_back(name_of(file));
    if (turns.size() < 5) folder.settle(*file, FileUpload::Step::again);
  }
  EXPECT_THAT(turns, testing::ElementsAre("a", "b", "c", "a", "b", "c", "a"));
  EXPECT_EQ(name_of(folder.next(UploadRank::fresh_log, now_)), "log");
  EXPECT_EQ(folder.next(UploadRank::fresh_log, now_), nullptr);
}

TEST_F(UploadFolderTest, ALogIsClosedLaterThanItIsCarried) {
  write("attempt/log", "console");
  UploadFolder folder({{"https://lab.example/1", 1}, path("attempt"), false}, kNever,
                      kConsoleLogBytesMax);
  folder.scan(now_);
  SilentTarget target;
  const auto step = [&](UploadRank rank, const ArchiveReply& answer) {
    FileUpload* const log = folder.next(rank, now_);
    ASSERT_EQ(name_of(log), "log");
    ASSERT_EQ(log->step(target, folder.note().finished, now_, nullptr), FileUpload::Step::asked);
    log->take(answer, now_, 0);
    folder.settle(*log, FileUpload::Step::again);
  };
  ArchiveReply absent;
  absent.fault = ArchiveFault::absent;
  step(UploadRank::fresh_log, absent);
  ArchiveReply appended;
  appended.bytes = 7;
  step(UploadRank::fresh_log, appended);
  EXPECT_EQ(folder.next(UploadRank::fresh_log, now_), nullptr) << "what comes soon goes in one";
  ASSERT_EQ(folder.next_turn(), now_ + 20ms);
  const Instant later = now_ + 20ms;
  // As long as it is written it is carried, and once it has ended its last words are looked for.
  write("attempt/log", "console and more");
  folder.finish();
  folder.scan(later);
  FileUpload* const log = folder.next(UploadRank::fresh_log, later);
  ASSERT_EQ(name_of(log), "log");
  ASSERT_EQ(log->step(target, true, later, nullptr), FileUpload::Step::asked);
  appended.bytes = 16;
  log->take(appended, later, 0);
  folder.settle(*log, FileUpload::Step::again);
  EXPECT_EQ(folder.next(UploadRank::fresh_log, later + 20ms), nullptr);
  EXPECT_EQ(name_of(folder.next(UploadRank::closing_log, later + 20ms)), "log");
}

}  // namespace
}  // namespace muster
