#include "io/git_command.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(GitReason, IsWhatSaysBestWhatWasWrong) {
  const struct {
    const char* said;
    const char* reason;
  } rows[] = {
      {"", ""},
      {"hint\r\n\n", "hint"},
      {"fatal: couldn't find remote ref x\n", "fatal: couldn't find remote ref x"},
      {"error: one\nfatal: two\nhint: advice\n", "fatal: two"},
      {"ssh: no route\nfatal: Could not read from remote repository.\n\nPlease make sure\n",
       "ssh: no route"},
      {"fatal: unable to connect to h:\nh[0: 127.0.0.1]: errno=Connection refused\n\n",
       "fatal: unable to connect to h: h[0: 127.0.0.1]: errno=Connection refused"},
      {"fatal: unable to connect to h:\n", "fatal: unable to connect to h:"},
      {"fatal: https://secret@h/x gone\n", "fatal: https://***@h/x gone"},
      {"fatal: \xff\n", "fatal: \xef\xbf\xbd"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(git_reason(row.said, "https://secret@h/x"), row.reason) << row.said;
  }
}

TEST(GitProcess, HasNoCredentialsInItsArguments) {
  const GitRemote remote = git_remote("https://secret@h/x");
  EXPECT_EQ(remote.url, "https://h/x");
  const ProcessSpec spec = git_process(remote, {"fetch", remote.url});
  for (const std::string& word : spec.argv) EXPECT_EQ(word.find("secret"), word.npos) << word;
  EXPECT_EQ(spec.env.at("MUSTER_GIT_USER"), "secret");
  EXPECT_EQ(spec.env.at("GIT_TERMINAL_PROMPT"), "0");
  EXPECT_TRUE(spec.session) << "so that there is no terminal to ask at";
}

}  // namespace
}  // namespace muster
