#include "core/git_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(GitUrl, TakesWhatGitReadsAndRunsNothing) {
  for (const char* url :
       {"https://host/a.git", "http://u@host:8080/a", "ssh://git@host/a.git", "git://host/a",
        "file:///srv/a.git", "git@host:a/b.git", "host:a", "/srv/a.git"}) {
    EXPECT_EQ(invalid_git_url(url), std::nullopt) << url;
  }
  for (const char* url :
       {"", "a.git", "./a.git", "../a", "ext::sh -c reboot", "ext::reboot", "fd::7",
        "-upload-pack=x", "https://", "ssh://-oProxyCommand=x/a", "ftp://host/a",
        "https://host/a b", "https://h/\n", "transport::https://host/a", ":a", "host:"}) {
    EXPECT_NE(invalid_git_url(url), std::nullopt) << url;
  }
}

// Behind a user's name it was not seen, and git is told the URL without that.
TEST(GitUrl, AHostIsNoOptionAndIsThere) {
  for (const char* url :
       {"https://user@-host/a", "ssh://git@-oProxyCommand=x/a", "git@-oProxyCommand=x:a",
        "file://-x/a", "https://user@/a", "https://user@", "https:///a", "git@:a"}) {
    EXPECT_NE(invalid_git_url(url), std::nullopt) << url;
  }
}

// They ended in git's arguments, and so in process lists; those over http in the event log, the
// ledger and CouchDB.
TEST(GitUrl, PasswordsAreRefused) {
  for (const char* url :
       {"ssh://git:s3cret@host/a.git", "ssh://git:s3cret@host:22/a", "ssh://git:s3:cret@host/a",
        "ssh://:s3cret@host/a", "ssh://git:s3cret@x@host/a", "git://ada:s3cret@host/a",
        "file://ada:s3cret@host/a", "git:s3cret@host:a/b.git", "git:s3cret@x@host:a",
        "http://ada:s3cret@host/a", "https://ada:s3cret@host/a", "https://:s3cret@host/a"}) {
    const std::optional<std::string> reason = invalid_git_url(url);
    ASSERT_NE(reason, std::nullopt) << url;
    EXPECT_THAT(*reason, testing::HasSubstr("credential store or in ~/.netrc, or have an ssh key"));
    EXPECT_THAT(*reason, testing::Not(testing::HasSubstr("cret"))) << url;
  }
  for (const char* url : {"https://ada@host/a", "https://t0ken@host/a", "http://[::1]:8080/a:b@c",
                          "ssh://git@host:22/a", "ssh://git@[::1]:22/a", "ssh://host:22/a@b:c",
                          "git@host:a@b", "host:a/b@c:d", "file:///srv/a:b@c", "/srv/a:b@c"}) {
    EXPECT_EQ(invalid_git_url(url), std::nullopt) << url;
  }
}

TEST(GitUrl, TakesNamesOfBranchesTagsAndCommits) {
  for (const char* ref : {"", "main", "feature/x-1", "v1.2", "refs/heads/main", "3f9ab12",
                          "release_2.0", "HEAD", "\xc3\xa4"}) {
    EXPECT_EQ(invalid_git_ref(ref), std::nullopt) << ref;
  }
  for (const char* ref : {"-x", "a..b", "a b", "a~1", "a^", "a:b", "refs/heads/*", "@{-1}", "a@{1}",
                          "@", "/a", "a/", "a//b", "a.lock", "a.", "a\n", "a\\b", "[a"}) {
    EXPECT_NE(invalid_git_ref(ref), std::nullopt) << ref;
  }
}

TEST(GitUrl, KnowsWhatMayNameACommit) {
  EXPECT_TRUE(is_full_sha(std::string(40, 'a')));
  EXPECT_TRUE(is_full_sha(std::string(64, '0')));
  EXPECT_FALSE(is_full_sha(std::string(39, 'a')));
  EXPECT_FALSE(is_full_sha(std::string(40, 'g')));
  EXPECT_TRUE(may_be_sha("3f9a"));
  EXPECT_FALSE(may_be_sha("3f9"));
  EXPECT_FALSE(may_be_sha("main"));
}

TEST(GitUrl, ShowsNoPassword) {
  EXPECT_EQ(shown_git_url("https://ada:s3cret@host/a.git"), "https://ada:***@host/a.git");
  EXPECT_EQ(shown_git_url("https://t0ken@host/a.git"), "https://***@host/a.git");
  EXPECT_EQ(shown_git_url("ssh://git@host/a.git"), "ssh://git@host/a.git");
  EXPECT_EQ(shown_git_url("git@host:a"), "git@host:a");
  EXPECT_EQ(shown_git_url("https://host/a@b:c"), "https://host/a@b:c");
  EXPECT_EQ(without_password("fatal: https://ada:s3cret@host/ s3cret", "https://ada:s3cret@host/"),
            "fatal: https://ada:***@host/ ***");
  EXPECT_EQ(without_password("as it is", "https://host/"), "as it is");
  EXPECT_THAT(*invalid_git_url("https://ada:s3cret@host/a b"),
              testing::Not(testing::HasSubstr("s3cret")));
}

TEST(GitUrl, GivesTheUserAside) {
  const auto split = split_git_url("https://ada%40x%zz@host:8/a@b");
  ASSERT_TRUE(split.has_value());
  EXPECT_EQ(split->url, "https://host:8/a@b");
  EXPECT_EQ(split->user, "ada@x%zz");
  EXPECT_FALSE(split_git_url("https://host/a@b").has_value());
  EXPECT_FALSE(split_git_url("ssh://git@host/a").has_value());
}

TEST(GitUrl, IsAllowedByPatterns) {
  const std::vector<std::string> patterns = {"https://git.lab/*", "/srv/*.git"};
  EXPECT_TRUE(git_url_allowed("https://git.lab/team/a.git", patterns));
  EXPECT_TRUE(git_url_allowed("/srv/a.git", patterns));
  EXPECT_FALSE(git_url_allowed("https://git.lab.evil/a", patterns));
  EXPECT_FALSE(git_url_allowed("/srv/a", patterns));
  EXPECT_FALSE(git_url_allowed("https://git.lab/../../etc", patterns));
  EXPECT_FALSE(git_url_allowed("https://git.lab/a/..", patterns));
  EXPECT_TRUE(git_url_allowed("anything", {}));
  // Many stars cost no more than their product with the length.
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "a*";
  EXPECT_FALSE(git_url_allowed(std::string(2000, 'a'), {stars + "b"}));
}

}  // namespace
}  // namespace muster
