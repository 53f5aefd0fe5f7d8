// GitFetch against real repositories: files, a git daemon, an HTTP server that wants a password,
// and a server that never answers.
#include "workers/git_fetch.h"

#include <gmock/gmock.h>
#include <httplib.h>
#include <poll.h>
#include <sys/file.h>

#include <fstream>
#include <thread>

#include "core/guid.h"
#include "core/limits.h"
#include "io/clock.h"
#include "tests/io/scratch.h"
#include "tests/workers/check_child.h"
#include "workers/git_mirrors.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class GitFetchTest : public ScratchFiles {
 protected:
  GitFetchTest() {
    config_.mirrors_dir = path("mirrors");
    git({"init", "--quiet", "--initial-branch=main", repository_});
    first_ = commit("first");
    git({"-C", repository_, "tag", "-a", "v1", "-m", "v1"});
    second_ = commit("second");
  }

  // Runs git to its end and returns what it printed, without the last newline.
  std::string git(std::vector<std::string> arguments) {
    ProcessSpec spec;
    spec.argv = {"git", "-c", "user.name=ada", "-c", "user.email=ada@lab"};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.env = {{"PATH", ::getenv("PATH")}, {"HOME", path("")}, {"GIT_CONFIG_NOSYSTEM", "1"}};
    std::string output;
    ChildRun child(
        spec, {}, [&](std::string_view bytes) { output += bytes; }, clock_.now());
    drive(child);
    EXPECT_EQ(child.end().exit_code, 0) << arguments[2] << ": " << output;
    if (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
  }

  std::string commit(const std::string& text) {
    std::ofstream(repository_ + "/file") << text;
    git({"-C", repository_, "add", "file"});
    git({"-C", repository_, "commit", "--quiet", "-m", text});
    return git({"-C", repository_, "rev-parse", "HEAD"});
  }

  GitFetch begin(const std::string& url, const std::string& ref) {
    tree_ = path("tree" + std::to_string(++trees_));
    return GitFetch(
        config_, GitSource{url, ref, "", {}}, tree_,
        [this](std::string_view bytes) { said_ += bytes; }, clock_.now());
  }

  template <typename Run>
  void drive(Run& run) {
    while (!run.ended()) {
      std::vector<int> fds;
      if constexpr (requires { run.descriptors(fds); }) {
        run.descriptors(fds);
      } else {
        for (const int fd : {run.output_fd(), run.exit_fd()}) {
          if (fd >= 0) fds.push_back(fd);
        }
      }
      std::vector<pollfd> items;
      for (const int fd : fds) items.push_back({fd, POLLIN, 0});
      const std::optional<Instant> next = run.next_deadline();
      const auto wait = next ? std::max(*next - clock_.now(), Duration{0}) : Duration(60s);
      ::poll(items.data(), items.size(),
             static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
      run.wake(clock_.now());
    }
  }

  // The commit that it came to, or the problem.
  std::string fetch(const std::string& url, const std::string& ref) {
    GitFetch fetch = begin(url, ref);
    drive(fetch);
    return fetch.problem().empty() ? fetch.sha() : fetch.problem();
  }

  std::string file_of_tree() {
    std::ifstream file(tree_ + "/file");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  SystemClock clock_;
  GitFetchConfig config_;
  const std::string repository_ = path("repository");
  std::string first_;
  std::string second_;
  std::string tree_;
  std::string said_;
  int trees_ = 0;
};

TEST_F(GitFetchTest, BringsABranchATagAndACommit) {
  struct Row {
    std::string ref;
    std::string sha;
    std::string text;
  };
  for (const Row& row : {Row{"main", second_, "second"}, Row{"", second_, "second"},
                         Row{"refs/heads/main", second_, "second"}, Row{"v1", first_, "first"},
                         Row{first_, first_, "first"}, Row{first_.substr(0, 9), first_, "first"}}) {
    EXPECT_EQ(fetch("file://" + repository_, row.ref), row.sha) << row.ref;
    EXPECT_EQ(file_of_tree(), row.text) << row.ref;
  }
  EXPECT_EQ(said_, "fatal: couldn't find remote ref " + first_.substr(0, 9) + "\n");
}

TEST_F(GitFetchTest, TheTreeIsCleanAndItsOwn) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  const std::string one = tree_;
  std::ofstream(one + "/file") << "changed by a job";
  std::ofstream(one + "/more") << "made by a job";
  ASSERT_EQ(fetch(repository_, "main"), second_);
  EXPECT_EQ(file_of_tree(), "second");
  EXPECT_EQ(git({"-C", tree_, "status", "--porcelain"}), "");
  EXPECT_EQ(git({"-C", tree_, "rev-parse", "HEAD"}), second_);
}

// AVE served a branch as it once was.
TEST_F(GitFetchTest, ABranchThatMovedIsNeverServedAsItWas) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  git({"-C", repository_, "reset", "--quiet", "--hard", first_});
  const std::string rewritten = commit("rewritten");
  EXPECT_EQ(fetch(repository_, "main"), rewritten);
}

TEST_F(GitFetchTest, ABranchThatIsGoneIsNotServed) {
  git({"-C", repository_, "branch", "topic"});
  ASSERT_EQ(fetch(repository_, "topic"), second_);
  git({"-C", repository_, "branch", "-D", "topic"});
  GitFetch gone = begin(repository_, "topic");
  drive(gone);
  EXPECT_THAT(gone.problem(), HasSubstr("couldn't find remote ref topic"));
  EXPECT_TRUE(gone.is_request());
}

TEST_F(GitFetchTest, ACommitThatTheMirrorHasNeedsNoRepository) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  std::filesystem::rename(repository_, repository_ + ".away");
  EXPECT_EQ(fetch(repository_, first_), first_);
  EXPECT_EQ(file_of_tree(), "first");
  EXPECT_THAT(fetch(repository_, "main"), HasSubstr("does not appear to be a git repository"));
}

TEST_F(GitFetchTest, SaysWhatIsWrong) {
  EXPECT_THAT(fetch(repository_, "nothing"), HasSubstr("couldn't find remote ref nothing"));
  EXPECT_THAT(fetch(repository_, std::string(40, 'a')), HasSubstr("aaaa"));
  EXPECT_THAT(fetch(repository_, "abcdef0"), HasSubstr("has no commit abcdef0"));
  EXPECT_THAT(fetch("/no/such/place", "main"), HasSubstr("/no/such/place"));
  EXPECT_THAT(fetch("ext::reboot", "main"), HasSubstr("no URL of a git repository"));
  EXPECT_THAT(fetch(repository_, "--upload-pack=reboot"), HasSubstr("takes for an option"));
}

TEST_F(GitFetchTest, FetchesOnlyFromWhatIsAllowed) {
  config_.allow = {"https://git.lab/*"};
  EXPECT_THAT(fetch(repository_, "main"), HasSubstr("its muster.yaml allows other URLs only"));
  config_.allow = {repository_};
  EXPECT_EQ(fetch(repository_, "main"), second_);
}

TEST_F(GitFetchTest, ManyAtOnceShareOneMirror) {
  std::vector<std::unique_ptr<GitFetch>> fetches;
  for (int i = 0; i < 8; ++i) {
    fetches.push_back(std::make_unique<GitFetch>(
        config_, GitSource{repository_, i % 2 ? "main" : "v1", "", {}},
        path("t") + std::to_string(i), [](std::string_view) {}, clock_.now()));
  }
  // The last first: it must wait for one that is not driven yet, and give up its turn to nobody.
  for (size_t i = 0; i < fetches.size(); ++i) {
    drive(*fetches[i]);
    EXPECT_EQ(fetches[i]->problem(), "");
    EXPECT_EQ(fetches[i]->sha(), i % 2 ? second_ : first_);
  }
  int mirrors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".git") ++mirrors;
  }
  EXPECT_EQ(mirrors, 1);
}

// A git that was killed leaves its locks, and every later one would fail at them.
TEST_F(GitFetchTest, LocksThatAKilledGitHasLeftAreRemoved) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  std::string mirror;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".git") mirror = entry.path();
  }
  std::ofstream(mirror + "/packed-refs.lock");
  std::ofstream(mirror + "/config.lock");
  for (const auto& entry : std::filesystem::directory_iterator(mirror + "/refs/muster")) {
    std::ofstream(entry.path().string() + ".lock");
    break;
  }
  const std::string third = commit("third");
  EXPECT_EQ(fetch(repository_, "main"), third);
}

TEST_F(GitFetchTest, TimesOutWhileTheServerIsSilentAndWhileAnotherHoldsTheMirror) {
  config_.timeout = 300ms;
  const BoundSocket server;
  server.listen();
  GitFetch silent = begin("git://127.0.0.1:" + server.port() + "/a", "main");
  drive(silent);
  EXPECT_TRUE(silent.timed_out());
  EXPECT_FALSE(silent.is_request());
  EXPECT_THAT(silent.problem(), HasSubstr("timed out after 300ms"));

  std::string lock;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".lock") lock = entry.path();
  }
  const UniqueFd held(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
  GitFetch second = begin("git://127.0.0.1:" + server.port() + "/a", "main");
  drive(second);
  EXPECT_TRUE(second.timed_out());
  EXPECT_THAT(second.problem(), HasSubstr("another attempt"));
}

TEST_F(GitFetchTest, StopsWhenItIsTold) {
  const BoundSocket server;
  server.listen();
  GitFetch fetch = begin("git://127.0.0.1:" + server.port() + "/a", "main");
  fetch.stop(clock_.now());
  drive(fetch);
  EXPECT_EQ(fetch.problem(), "stopped while fetching");
  EXPECT_FALSE(fetch.timed_out());
}

TEST_F(GitFetchTest, FetchesFromAGitDaemon) {
  const std::string port = free_port();
  ProcessSpec spec;
  spec.argv = {"git",
               "daemon",
               "--export-all",
               "--reuseaddr",
               "--verbose",
               "--listen=127.0.0.1",
               "--port=" + port,
               "--base-path=" + path("")};
  spec.env = {{"PATH", ::getenv("PATH")}, {"HOME", path("")}};
  std::string log;
  ChildRun daemon(
      spec, {}, [&](std::string_view bytes) { log += bytes; }, clock_.now());
  while (log.find("Ready to rumble") == std::string::npos && !daemon.ended()) {
    pollfd item{daemon.output_fd(), POLLIN, 0};
    ::poll(&item, 1, 60'000);
    daemon.wake(clock_.now());
  }
  const std::string url = "git://127.0.0.1:" + port + "/repository";
  EXPECT_EQ(fetch(url, "main"), second_) << log;
  EXPECT_EQ(fetch(url, first_), first_) << log;
  EXPECT_EQ(fetch(url, first_.substr(0, 8)), first_) << log;
  EXPECT_EQ(file_of_tree(), "first");
  daemon.stop(clock_.now(), 0s);
  drive(daemon);
}

// Each branch that was ever asked for stayed, with all that it held.
TEST_F(GitFetchTest, WhatNobodyAsksForAnyMoreIsLetGo) {
  git({"-C", repository_, "branch", "topic", first_});
  git({"-C", repository_, "branch", "packed", first_});
  for (const char* ref : {"packed", "topic", "main"}) fetch(repository_, ref);
  std::string mirror;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".git") mirror = entry.path().string();
  }
  const auto kept = [&] {
    const std::string names =
        git({"-C", mirror, "for-each-ref", "refs/muster", "--format=%(refname)"});
    return std::count(names.begin(), names.end(), '\n') + (names.empty() ? 0 : 1);
  };
  const auto age = [&](const std::string& ref) {
    const std::string mark = mirror + "/muster/" + hex16(hash64(ref));
    ASSERT_TRUE(std::filesystem::exists(mark)) << ref;
    const auto old = std::filesystem::file_time_type::clock::now() - kGitMirrorKeep - 1min;
    std::filesystem::last_write_time(mark, old);
  };
  EXPECT_EQ(kept(), 3);
  git({"-C", mirror, "pack-refs", "--all"});
  age("packed");
  age("topic");
  ASSERT_EQ(fetch(repository_, "topic"), first_) << "what is asked for again stays";
  EXPECT_EQ(kept(), 2);
  age("topic");
  ASSERT_EQ(fetch(repository_, second_), second_) << "a commit that the mirror has";
  EXPECT_EQ(kept(), 1);
  EXPECT_EQ(fetch(repository_, "topic"), first_) << "the next one asks the repository again";
  EXPECT_EQ(file_of_tree(), "first");
}

TEST_F(GitFetchTest, WhatAnEarlierWorkerKeptWithoutAWordStaysForItsTime) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  std::string mirror;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".git") mirror = entry.path().string();
  }
  git({"-C", mirror, "update-ref", "refs/muster/0123456789abcdef", second_});
  const Instant now = clock_.now();
  EXPECT_THAT(idle_kept_refs(mirror, kGitMirrorKeep, now + kGitMirrorKeep / 2), IsEmpty());
  EXPECT_THAT(idle_kept_refs(mirror, kGitMirrorKeep, now + kGitMirrorKeep + 1h), SizeIs(2));
}

TEST_F(GitFetchTest, AMirrorThatIsUsedIsTouched) {
  ASSERT_EQ(fetch(repository_, "main"), second_);
  std::filesystem::path lock;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".lock") lock = entry.path();
  }
  const auto before = std::filesystem::last_write_time(lock);
  std::filesystem::last_write_time(lock, before - std::chrono::hours(1000));
  ASSERT_EQ(fetch(repository_, second_), second_);
  EXPECT_GE(std::filesystem::last_write_time(lock), before);
}

// What was read of the sha was what may be shown of it.
TEST_F(GitFetchTest, ATokenThatIsPartOfTheShaLeavesItWhole) {
  ASSERT_EQ(fetch("file://" + repository_, "main"), second_);
  std::filesystem::path mirror;
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() == ".git") mirror = entry.path();
  }
  // The mirror of a server that needs not be asked: it has the commit.
  const std::string url = "http://" + second_.substr(4, 2) + "@127.0.0.1:1/a";
  EXPECT_THAT(fetch(url, second_), HasSubstr("fatal: "));
  for (const auto& entry : std::filesystem::directory_iterator(config_.mirrors_dir)) {
    if (entry.path().extension() != ".git" || entry.path() == mirror) continue;
    git({"-C", entry.path(), "fetch", "--quiet", mirror, "refs/muster/*:refs/muster/*"});
  }
  EXPECT_EQ(fetch(url, second_), second_);
  EXPECT_EQ(file_of_tree(), "second");
}

// A password in a URL was kept in the event log; that of the worker's user was not asked for.
TEST_F(GitFetchTest, AServerThatWantsAPasswordGetsThatOfTheWorkersUser) {
  httplib::Server server;
  std::vector<std::string> authorizations;
  server.Get(".*", [&](const httplib::Request& request, httplib::Response& response) {
    authorizations.push_back(request.get_header_value("Authorization"));
    response.status = 401;
    response.set_header("WWW-Authenticate", "Basic realm=\"lab\"");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  const std::string host = "127.0.0.1:" + std::to_string(port);
  write(".gitconfig", "[credential]\n\thelper = store\n");
  write(".git-credentials", "http://bob:0ther@" + host + "\nhttp://ada:s3cret@" + host + "\n");
  const std::string home = ::getenv("HOME") == nullptr ? "" : ::getenv("HOME");
  ::setenv("HOME", path("nobody").c_str(), 1);
  const std::string without = fetch("http://" + host + "/a.git", "main");
  const std::string token = fetch("http://t0ken@" + host + "/a.git", "main");
  ::setenv("HOME", path("").c_str(), 1);
  const std::string with = fetch("http://ada@" + host + "/a.git", "main");
  ::setenv("HOME", home.c_str(), 1);
  const std::string refused = fetch("http://ada:s3cret@" + host + "/a.git", "main");
  server.stop();
  thread.join();
  EXPECT_THAT(without, HasSubstr("fatal: "));
  EXPECT_THAT(token, HasSubstr("fatal: Authentication failed"));
  EXPECT_THAT(with, HasSubstr("fatal: Authentication failed"));
  EXPECT_THAT(refused, HasSubstr("has a password"));
  EXPECT_THAT(with + token + said_, Not(testing::AnyOf(HasSubstr("s3cret"), HasSubstr("t0ken"))));
  EXPECT_THAT(authorizations, testing::Contains("Basic YWRhOnMzY3JldA=="));
  EXPECT_THAT(authorizations, testing::Contains("Basic dDBrZW46"));
}

}  // namespace
}  // namespace muster
