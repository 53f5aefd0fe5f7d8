// GitFetch: brings a job's source. A bare mirror of each repository stays on the worker and is
// brought up to date under a lock; an attempt gets a clean tree of its own, at one exact commit.
//
//   MIRRORS/<digest of the URL>.git      the mirror; refs/muster/* keep what was asked for, for
//                                        kGitMirrorKeep after the last time (workers/git_mirrors.h)
//   MIRRORS/<digest of the URL>.lock     held (flock) while git writes to it; touched then
//
// How git is called: io/git_command.h. What ref is meant is resolved by the repository at that
// moment, so that a branch which moved or is gone is never served from the mirror; a full sha that
// the mirror has needs no connection at all.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "core/work.h"
#include "io/file.h"
#include "io/git_command.h"
#include "workers/child_run.h"

namespace muster {

struct GitFetchConfig {
  std::string mirrors_dir;
  std::vector<std::string> allow;  // patterns of URLs (core/git_url.h); empty: any
  Duration timeout{std::chrono::minutes(15)};
  int cgroup_fd = -1;  // ProcessSpec::cgroup_fd of what git runs in
};

class GitFetch {
 public:
  // `tree` is made; it must not exist, its parent must. `output` is given what git says, without
  // passwords. The object is driven like a ChildRun.
  GitFetch(GitFetchConfig config, GitSource source, std::string tree,
           std::function<void(std::string_view)> output, Instant now);

  void wake(Instant now);
  void stop(Instant now);
  std::optional<Instant> next_deadline() const;
  void descriptors(std::vector<int>& fds) const;

  // All of its processes have ended.
  bool ended() const { return stage_ == Stage::ended; }
  // When it has ended: why there is no tree, in one line; empty: there is one, at sha().
  const std::string& problem() const { return problem_; }
  bool timed_out() const { return timed_out_; }
  // The problem is what was asked for, and not the way there: no other try will mend it.
  bool is_request() const { return is_request_; }
  const std::string& sha() const { return sha_; }

 private:
  enum class Stage : uint8_t {
    lock,       // another attempt writes to the mirror
    init,       // the mirror is made
    look,       // whether the mirror has the sha
    fetch,      // what was asked for, by its name
    fetch_all,  // all branches and tags: an abbreviated sha, or one that may not be asked for
    resolve,    // to a commit
    prune,      // what nobody has asked for in a long time is let go
    make_tree,  // that shares the mirror's objects
    checkout,
    ended,
  };

  void prepare(Instant now);
  void enter(Stage stage, Instant now);
  void run(std::vector<std::string> arguments, Instant now, std::string input = "");
  void take_commit(Instant now);
  void share_objects(Instant now);
  void take_end(const ChildEnd& end, Instant now);
  void try_lock(Instant now);
  void fail(const std::string& problem);
  void refuse(const std::string& problem);
  void take_output(std::string_view bytes);
  bool take_sha();  // that the present child said
  std::string last_line() const;
  std::string kept_ref() const;
  bool remove_stale_locks();

  const GitFetchConfig config_;
  const GitSource source_;
  const std::string tree_;
  const std::function<void(std::string_view)> output_;
  std::string mirror_;  // without ".git"
  GitRemote remote_;
  Stage stage_ = Stage::lock;
  UniqueFd lock_;
  Instant next_try_;  // of the lock
  Instant give_up_;
  std::unique_ptr<ChildRun> child_;
  std::string said_;      // by the present child, its end
  std::string asked_of_;  // why the repository did not give what was asked for by its name
  std::string sha_;
  std::string problem_;
  bool timed_out_ = false;
  bool is_request_ = false;
};

}  // namespace muster
