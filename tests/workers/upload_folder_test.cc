#include "workers/upload_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/limits.h"
#include "tests/io/scratch.h"

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
  std::string problem;
  EXPECT_EQ(folder.remove(now_, problem), std::nullopt);
  EXPECT_EQ(problem, "");
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

}  // namespace
}  // namespace muster
