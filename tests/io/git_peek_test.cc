// A look into real repositories: files, and a server that never answers.
#include "io/git_peek.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/io/scratch.h"
#include "tests/support/git_repository.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::Not;

class GitPeekTest : public ScratchFiles {
 protected:
  GitPeekTest() {
    first_ = commit(".vcsjob", "first");
    repository_.git({"tag", "-a", "v1", "-m", "v1"});
    second_ = commit(".vcsjob", "second");
    // What it makes for itself must be seen to go.
    std::filesystem::create_directories(path("tmp"));
    ::setenv("TMPDIR", path("tmp").c_str(), 1);
  }
  ~GitPeekTest() override { ::unsetenv("TMPDIR"); }

  std::string commit(const std::string& name, const std::string& text) const {
    repository_.write(name, text);
    return repository_.commit();
  }

  // "SHA TEXT", "SHA -" without such a file, or the error.
  std::string peek(const std::string& ref, const std::string& file = ".vcsjob") const {
    const Result<GitPeek> peek = peek_git("file://" + repository_.path(), ref, file, limits_);
    EXPECT_TRUE(std::filesystem::is_empty(path("tmp")));
    return peek ? peek->sha + " " + peek->text.value_or("-") : peek.error();
  }

  const GitRepository repository_{path("repository")};
  std::string first_;
  std::string second_;
  GitPeekLimits limits_{std::chrono::minutes(1), 1 << 10, nullptr};
};

TEST_F(GitPeekTest, ReadsAFileOfABranchATagAndACommit) {
  for (const bool filters : {false, true}) {
    if (filters) repository_.git({"config", "uploadpack.allowFilter", "true"});
    EXPECT_EQ(peek(""), second_ + " second");
    EXPECT_EQ(peek("main"), second_ + " second");
    EXPECT_EQ(peek("refs/heads/main"), second_ + " second");
    EXPECT_EQ(peek("v1"), first_ + " first");
    EXPECT_EQ(peek(first_), first_ + " first");
    EXPECT_EQ(peek(first_.substr(0, 9)), first_ + " first");
    EXPECT_EQ(peek("main", "gone"), second_ + " -");
  }
}

TEST_F(GitPeekTest, SaysWhatGitSaid) {
  EXPECT_EQ(peek("gone"), "git: fatal: couldn't find remote ref gone");
  EXPECT_THAT(peek("0123456789"), HasSubstr("has no commit 0123456789"));
  std::filesystem::remove_all(repository_.path());
  EXPECT_THAT(peek("main"), HasSubstr("does not appear to be a git repository"));
}

TEST_F(GitPeekTest, IsGivenNothingButNamesAndFiles) {
  EXPECT_THAT(peek("--upload-pack=x"), HasSubstr("takes for an option"));
  EXPECT_THAT(peek_git("ext::sh -c x", "", ".vcsjob", limits_).error(), HasSubstr("blanks"));
  std::filesystem::create_symlink("/etc/passwd", path("repository/link"));
  commit("x", "with a link");
  EXPECT_THAT(peek("main", "link"), HasSubstr("link is not a regular file"));
}

// `muster job check URL` passed whatever `job check DIR` refused.
TEST_F(GitPeekTest, SaysWhatOfACommitCannotBeRun) {
  const std::string root = repository_.path();
  std::filesystem::create_directories(root + "/s");
  repository_.write("s/run.sh", "#!/bin/sh\n");
  std::filesystem::permissions(root + "/s/run.sh", std::filesystem::perms::owner_all);
  repository_.write("s/text", "x");
  std::filesystem::create_symlink("../s", root + "/s/here");
  std::filesystem::create_symlink("run.sh", root + "/s/link");
  std::filesystem::create_symlink("../../x", root + "/s/out");
  std::filesystem::create_symlink("/bin/true", root + "/s/away");
  std::filesystem::create_symlink("loop", root + "/s/loop");
  repository_.commit();
  for (const bool filters : {false, true}) {
    if (filters) repository_.git({"config", "uploadpack.allowFilter", "true"});
    struct Row {
      const char* path;
      const char* reason;
    };
    const Row rows[] = {
        {"s/run.sh", ""},
        {"./s//run.sh", ""},
        {"s/../s/run.sh", ""},
        {"s/link", ""},
        {"s/here/run.sh", ""},
        {"s/here/../s/link", ""},
        {"s/text", "\"s/text\" is not executable; try chmod +x"},
        {"s", "\"s\" is not a regular file"},
        {"s/run.sh/x", "cannot open \"s/run.sh/x\": Not a directory"},
        {"gone", "cannot open \"gone\": No such file or directory"},
        {"../x.sh", "\"../x.sh\" leads out of the tree"},
        {"s/../../x", "\"s/../../x\" leads out of the tree"},
        {"/bin/true", "\"/bin/true\" leads out of the tree"},
        {"s/out", "\"s/out\" leads out of the tree"},
        {"s/away", "\"s/away\" leads out of the tree"},
        {"s/loop", "cannot open \"s/loop\": Too many levels of symbolic links"},
    };
    size_t looks = 0;
    const auto look = [&](const std::string&, const GitEntries& entries) {
      for (const Row& row : rows) {
        EXPECT_EQ(check_git_executable(entries, row.path).value_or(""), row.reason) << row.path;
        ++looks;
      }
    };
    EXPECT_TRUE(peek_git("file://" + root, "main", ".vcsjob", limits_, look).ok());
    EXPECT_EQ(looks, std::size(rows));
  }
}

TEST_F(GitPeekTest, BoundsTheFile) {
  const std::string text(100, 'x');  // longer than what git prints of names and shas
  const std::string third = commit(".vcsjob", text);
  limits_.bytes_max = 100;
  EXPECT_EQ(peek("main"), third + " " + text);
  limits_.bytes_max = 99;
  EXPECT_THAT(peek("main"), HasSubstr("larger than 99 bytes"));
}

TEST_F(GitPeekTest, AServerThatNeverAnswersIsGivenUp) {
  const BoundSocket server;
  server.listen();
  const std::string url = "http://secret@127.0.0.1:" + server.port() + "/x";
  limits_.timeout = 300ms;
  const std::string late = peek_git(url, "main", ".vcsjob", limits_).error();
  EXPECT_THAT(late, HasSubstr("timed out after 300ms while asking http://***@127.0.0.1:"));
  EXPECT_THAT(late, Not(HasSubstr("secret")));
  limits_.timeout = std::chrono::minutes(1);
  int asked = 0;
  limits_.stopped = [&asked] { return ++asked > 5; };
  EXPECT_EQ(peek_git(url, "main", ".vcsjob", limits_).error(), "interrupted");
  EXPECT_TRUE(std::filesystem::is_empty(path("tmp")));
}

// A caller's GIT_DIR and the like would lead it elsewhere.
TEST_F(GitPeekTest, TheCallersEnvironmentChangesNothing) {
  ::setenv("GIT_DIR", path("elsewhere").c_str(), 1);
  ::setenv("GIT_SSH_COMMAND", "/bin/false", 1);
  EXPECT_EQ(peek("main"), second_ + " second");
  ::unsetenv("GIT_DIR");
  ::unsetenv("GIT_SSH_COMMAND");
  EXPECT_FALSE(std::filesystem::exists(path("elsewhere")));
}

}  // namespace
}  // namespace muster
