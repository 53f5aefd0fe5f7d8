#include "io/home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

void set_environment(const char* name, const char* value) {
  if (value == nullptr) {
    ::unsetenv(name);
  } else {
    ::setenv(name, value, 1);
  }
}

TEST(ResolveHome, TheMostSpecificWordWins) {
  const std::string cwd = std::filesystem::current_path().string();
  const struct {
    const char* flag;
    const char* muster_home;
    const char* state_home;
    const char* user_home;
    std::string dir;
  } rows[] = {
      {"/flag", "/own", "/state", "/user", "/flag"},
      {"", "/own", "/state", "/user", "/own"},
      {"", nullptr, "/state", "/user", "/state/muster"},
      {"", "", "/state", "/user", "/state/muster"},
      {"", nullptr, "relative", "/user", "/user/.local/state/muster"},
      {"", nullptr, "", "/user", "/user/.local/state/muster"},
      {"", nullptr, nullptr, "/user", "/user/.local/state/muster"},
      {"rel", nullptr, nullptr, nullptr, cwd + "/rel"},
      {"", "./rel/", nullptr, nullptr, cwd + "/rel"},
      {"/a//b/../c/", nullptr, nullptr, nullptr, "/a/c"},
      {"/", nullptr, nullptr, nullptr, "/"},
  };
  for (const auto& row : rows) {
    set_environment("MUSTER_HOME", row.muster_home);
    set_environment("XDG_STATE_HOME", row.state_home);
    set_environment("HOME", row.user_home);
    const Result<Home> home = resolve_home(row.flag);
    ASSERT_TRUE(home.ok()) << home.error();
    EXPECT_EQ(home->dir, row.dir);
  }
  for (const char* name : {"MUSTER_HOME", "XDG_STATE_HOME", "HOME"}) ::unsetenv(name);
  const Result<Home> nowhere = resolve_home("");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_THAT(nowhere.error(), HasSubstr("--home"));
}

TEST(MakeHome, MakesEveryDirectoryPrivately) {
  const Scratch scratch;
  const Home home{scratch / "new/home"};
  for (int i = 0; i < 2; ++i) {
    const Result<Done> made = make_home(home);
    ASSERT_TRUE(made.ok()) << made.error();
  }
  for (const std::string& dir :
       {home.dir, home.run_dir(), home.logs_dir(), home.broker_dir(), home.results_dir()}) {
    struct stat info {};
    ASSERT_EQ(::stat(dir.c_str(), &info), 0) << dir;
    EXPECT_EQ(info.st_mode & 0777, 0700u) << dir;
  }
}

TEST(MakeHome, RefusesWithThePath) {
  const Scratch scratch;
  std::ofstream(scratch / "file") << "";
  std::filesystem::create_directory(scratch / "half");
  std::ofstream(scratch / "half/logs") << "";
  const struct {
    std::string dir;
    std::string named;
  } rows[] = {
      {scratch / "file", scratch / "file"},
      {scratch / "file/below", scratch / "file"},
      {scratch / "half", scratch / "half/logs"},
      {"/proc/muster", "/proc/muster"},
  };
  for (const auto& row : rows) {
    const Result<Done> made = make_home(Home{row.dir});
    ASSERT_FALSE(made.ok()) << row.dir;
    EXPECT_THAT(made.error(), HasSubstr(row.named));
  }
}

}  // namespace
}  // namespace muster
