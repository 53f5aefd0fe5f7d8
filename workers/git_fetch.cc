#include "workers/git_fetch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/duration_text.h"
#include "core/git_url.h"
#include "core/guid.h"
#include "core/limits.h"
#include "workers/git_mirrors.h"

namespace muster {

namespace {

constexpr Duration kLockAgain = std::chrono::milliseconds(50);
constexpr size_t kSaidBytesMax = 4096;
constexpr std::string_view kKeptRefs = "refs/muster/";

// Names files only, and a mirror knows its URL.
std::string digest(const std::string& text) { return hex16(hash64(text)); }

// The end of a URL's path, so that people see whose mirror a directory is.
std::string mirror_name(const std::string& url) {
  std::string name;
  for (const char c : url.substr(url.find_last_of("/:") + 1)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '-' || c == '_') name += c;
  }
  return digest(url) + (name.empty() ? "" : "-" + name.substr(0, 40));
}

}  // namespace

GitFetch::GitFetch(GitFetchConfig config, GitSource source, std::string tree,
                   std::function<void(std::string_view)> output, Instant now)
    : config_(std::move(config)),
      source_(std::move(source)),
      tree_(std::move(tree)),
      output_(std::move(output)),
      mirror_(config_.mirrors_dir + "/" + mirror_name(source_.url)),
      give_up_(now + config_.timeout) {
  prepare(now);
}

void GitFetch::prepare(Instant now) {
  if (const auto reason = invalid_git_url(source_.url)) return refuse(*reason);
  if (const auto reason = invalid_git_ref(source_.ref)) return refuse(*reason);
  if (!git_url_allowed(source_.url, config_.allow)) {
    return refuse("this worker does not fetch from " + shown_git_url(source_.url) +
                  ": its muster.yaml allows other URLs only (worker: git_allow)");
  }
  remote_ = git_remote(source_.url);
  if (const Result<Done> made = make_dirs(config_.mirrors_dir); !made.ok())
    return fail(made.error());
  const std::string lock = mirror_ + ".lock";
  lock_ = UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_.valid()) return fail("cannot open " + lock + ": " + errno_text(errno));
  try_lock(now);
}

void GitFetch::try_lock(Instant now) {
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    next_try_ = now + kLockAgain;
    return;
  }
  next_try_ = kNever;
  ::futimens(lock_.get(), nullptr);  // the mirror is in use: see workers/git_mirrors.h
  if (remove_stale_locks()) enter(Stage::init, now);
}

// Locks of git's own that one which was killed has left: nobody else writes while ours is held.
bool GitFetch::remove_stale_locks() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path mirror = mirror_ + ".git";
  if (!fs::exists(mirror, error)) return true;
  std::vector<fs::path> stale;
  const auto look_at = [&stale](const fs::path& path) {
    if (path.extension() == ".lock") stale.push_back(path);
  };
  for (const auto& entry : fs::directory_iterator(mirror, error)) look_at(entry.path());
  for (const auto& entry : fs::recursive_directory_iterator(mirror / "refs", error))
    look_at(entry.path());
  for (const fs::path& path : stale) {
    if (fs::remove(path, error) || !error) continue;
    fail("cannot remove " + path.string() + ", which a killed git has left: " + error.message());
    return false;
  }
  return true;
}

// What of the mirror stands for the ref that was asked for.
std::string GitFetch::kept_ref() const {
  return std::string(kKeptRefs) + digest(source_.ref.empty() ? "HEAD" : source_.ref);
}

// What is to be run is known, and in the mirror.
void GitFetch::take_commit(Instant now) {
  const std::string mirror = mirror_ + ".git";
  touch_kept_ref(mirror, kept_ref().substr(kKeptRefs.size()));
  std::string input;
  for (const std::string& name : idle_kept_refs(mirror, kGitMirrorKeep, now)) {
    input += "delete " + std::string(kKeptRefs) + name + "\n";
  }
  if (input.empty()) return enter(Stage::make_tree, now);
  stage_ = Stage::prune;
  run({"-C", mirror, "update-ref", "--stdin"}, now, std::move(input));
}

void GitFetch::enter(Stage stage, Instant now) {
  stage_ = stage;
  const std::string mirror = mirror_ + ".git";
  const std::string wanted = source_.ref.empty() ? "HEAD" : source_.ref;
  switch (stage) {
    case Stage::lock:
    case Stage::prune:
    case Stage::ended:
      return;
    case Stage::init:
      return run({"init", "--quiet", "--bare", mirror}, now);
    case Stage::look:
      return run({"-C", mirror, "rev-parse", "--verify", "--quiet", wanted + "^{commit}"}, now);
    case Stage::fetch:
      return run({"-C", mirror, "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head",
                  "--", remote_.url, "+" + wanted + ":" + kept_ref()},
                 now);
    case Stage::fetch_all:
      return run({"-C", mirror, "fetch", "--quiet", "--force", "--prune", "--no-tags",
                  "--no-write-fetch-head", "--", remote_.url, "+refs/heads/*:refs/heads/*",
                  "+refs/tags/*:refs/tags/*"},
                 now);
    case Stage::resolve: {
      const std::string from = asked_of_.empty() && !is_full_sha(source_.ref) ? kept_ref() : wanted;
      return run({"-C", mirror, "rev-parse", "--verify", "--quiet", from + "^{commit}"}, now);
    }
    case Stage::make_tree:
      return run({"init", "--quiet", tree_}, now);
    case Stage::checkout:
      return run({"-C", tree_, "checkout", "--quiet", "--force", "--detach", sha_, "--"}, now);
  }
}

void GitFetch::share_objects(Instant now) {
  const std::string path = tree_ + "/.git/objects/info/alternates";
  const Result<Done> written = write_file_atomically(path, mirror_ + ".git/objects\n");
  if (!written.ok()) return fail(written.error());
  enter(Stage::checkout, now);
}

void GitFetch::run(std::vector<std::string> arguments, Instant now, std::string input) {
  ProcessSpec spec = git_process(remote_, std::move(arguments));
  spec.input = std::move(input);
  spec.cwd = config_.mirrors_dir;
  spec.cgroup_fd = config_.cgroup_fd;
  ChildLimits limits;
  limits.run = std::max(give_up_ - now, Duration{1});
  limits.grace = std::chrono::seconds(2);
  said_.clear();
  child_ = std::make_unique<ChildRun>(
      spec, limits, [this](std::string_view bytes) { take_output(bytes); }, now);
  if (child_->ended()) wake(now);
}

void GitFetch::take_output(std::string_view bytes) {
  said_ += bytes;
  if (said_.size() > kSaidBytesMax) said_.erase(0, said_.size() - kSaidBytesMax);
}

void GitFetch::wake(Instant now) {
  if (stage_ == Stage::ended) return;
  if (stage_ == Stage::lock) {
    if (now >= give_up_) {
      timed_out_ = true;
      return fail("timed out after " + format_duration(config_.timeout) +
                  " while another attempt was fetching from " + shown_git_url(source_.url));
    }
    if (now >= next_try_) try_lock(now);
    return;
  }
  if (!child_) return;
  child_->wake(now);
  if (!child_->ended()) return;
  const ChildEnd end = child_->end();
  child_.reset();
  take_end(end, now);
}

void GitFetch::take_end(const ChildEnd& end, Instant now) {
  if (!problem_.empty()) return fail(problem_);  // it was stopped
  if (!end.not_started.empty()) {
    return fail(git_not_started(end.not_started) + " on the worker");
  }
  if (end.run_timeout) {
    timed_out_ = true;
    return fail("timed out after " + format_duration(config_.timeout) + " while fetching from " +
                shown_git_url(source_.url));
  }
  const bool passed = end.exit_code == 0;
  const bool reads_sha = stage_ == Stage::look || stage_ == Stage::resolve;
  if (!reads_sha && !said_.empty()) output_(without_password(said_, source_.url));
  switch (stage_) {
    case Stage::init:
      if (passed) return enter(is_full_sha(source_.ref) ? Stage::look : Stage::fetch, now);
      break;
    case Stage::look:
      return passed && take_sha() ? take_commit(now) : enter(Stage::fetch, now);
    case Stage::fetch:
      if (passed) return enter(Stage::resolve, now);
      // An abbreviated sha has no name there, and not every server gives what only a sha names.
      if (!may_be_sha(source_.ref)) break;
      asked_of_ = last_line();
      return enter(Stage::fetch_all, now);
    case Stage::fetch_all:
      if (passed) return enter(Stage::resolve, now);
      break;
    case Stage::resolve:
      if (passed && take_sha()) return take_commit(now);
      return refuse("git: " + shown_git_url(source_.url) + " has no commit " + source_.ref +
                    (asked_of_.empty() ? "" : " (" + asked_of_ + ")"));
    case Stage::prune:  // what is left is for the next one
      return enter(Stage::make_tree, now);
    case Stage::make_tree:
      if (passed) return share_objects(now);
      break;
    case Stage::checkout:
      if (!passed) break;
      lock_.reset();
      stage_ = Stage::ended;
      return;
    case Stage::lock:
    case Stage::ended:
      return;
  }
  const std::string line = last_line();
  is_request_ = line.find("couldn't find remote ref") != std::string::npos;
  fail("git: " + (line.empty() ? "ended with exit " + std::to_string(end.exit_code.value_or(-1)) +
                                     " and said nothing"
                               : line));
}

bool GitFetch::take_sha() {
  sha_ = git_sha(said_).value_or("");
  return !sha_.empty();
}

std::string GitFetch::last_line() const { return git_reason(said_, source_.url); }

void GitFetch::refuse(const std::string& problem) {
  is_request_ = true;
  fail(problem);
}

void GitFetch::fail(const std::string& problem) {
  problem_ = problem;
  lock_.reset();
  stage_ = Stage::ended;
}

void GitFetch::stop(Instant now) {
  if (stage_ == Stage::ended) return;
  if (!child_) return fail("stopped while fetching");
  problem_ = "stopped while fetching";
  child_->stop(now);
}

std::optional<Instant> GitFetch::next_deadline() const {
  if (stage_ == Stage::ended) return std::nullopt;
  if (stage_ == Stage::lock) return std::min(next_try_, give_up_);
  return child_ ? child_->next_deadline() : std::nullopt;
}

void GitFetch::descriptors(std::vector<int>& fds) const {
  if (!child_) return;
  if (child_->output_fd() >= 0) fds.push_back(child_->output_fd());
  if (child_->exit_fd() >= 0) fds.push_back(child_->exit_fd());
}

}  // namespace muster
