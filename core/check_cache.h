// What is known of a strategy's verifiers, and the walk that asks for what is not. The repair
// ladder (core/repair_ladder.h) decides what is asked for and what is forgotten.
//
// The rules are those of autotest's current revision, in time linear in verifiers and dependencies:
// a walk takes the dependencies of a node first, every one of them, in listed order. A node with a
// dependency that did not pass is blocked: it is not run, has no record and keeps what is known of
// it. Otherwise what is known answers; only a node of which nothing is known is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string_view>
#include <vector>

#include "core/report.h"
#include "core/strategy.h"
#include "core/strategy_step.h"
#include "core/verify_graph.h"

namespace muster {

// How a node stands in a walk.
enum class Standing : uint8_t {
  open,     // not walked to since something was last forgotten, or not ended
  good,     // its own check passed, or it does not apply
  failed,   // its own check failed
  blocked,  // a dependency is not good
};

// Nodes are the verifiers by index, and the root PASS after them, which depends on every verifier
// in scope that no other one in scope depends on.
class CheckCache {
 public:
  // `strategy` must be checked and outlive the cache. In scope are the verifiers of `level` and
  // what they depend on; all of them when it is empty or no verifier has it. Verifiers whose `when`
  // does not match `profile` count as good without a run and without a record.
  CheckCache(const Strategy& strategy, const Profile& profile, std::string_view level);

  size_t root() const { return strategy_.verifiers.size(); }
  // Verifiers in scope in the order of a walk from the root.
  const std::vector<size_t>& scope() const { return scope_; }
  bool in_scope(size_t node) const { return nodes_[node].in_scope; }
  bool applies(size_t verifier) const { return nodes_[verifier].applies; }

  // Begins a walk to `targets`, only when there is none.
  void check(const std::vector<size_t>& targets);
  bool walking() const { return released_ < walk_.size(); }
  // Verifiers to run now, each handed out once; at most `parallel_max` run at the same time.
  std::vector<size_t> next(uint32_t parallel_max);
  void finish(size_t verifier, StepOutcome outcome);
  // Ends the walk: what has ended is released, nothing more is handed out. What runs is to be
  // finished all the same; it leaves no trace.
  void abandon();

  Standing standing(size_t node) const;
  // After a walk to them.
  bool all_good(const std::vector<size_t>& targets) const;
  // The failed node because of which a blocked one was not run: the first in order.
  size_t blocker(size_t node) const { return nodes_[node].blocker; }
  const StepOutcome& outcome(size_t verifier) const { return nodes_[verifier].outcome; }
  // Verifiers that `targets` depend on, or that they are, whose own check failed, with all their
  // dependencies good, as far as is known; in declared order.
  std::vector<size_t> original_failures(const std::vector<size_t>& targets) const;

  // Forgets what is known of `targets` and of everything they depend on.
  void clear(const std::vector<size_t>& targets);
  // An action that triggers on `targets` begins: it may change them, what they depend on and what
  // depends on those, and it may mend anything.
  void touch(const std::vector<size_t>& targets);
  // Forgets what is older than the last action that may have changed it; then the root too. False
  // when there was nothing.
  bool clear_stale();

  // GOOD / FAIL of verify.TAG in the order of the walk, whatever order the checks end in.
  std::vector<Record> take_records();
  // Verifiers that ended, or were found blocked, since the last call, in the order of the walk.
  std::vector<size_t> take_released();

 private:
  enum class Known : uint8_t { nothing, passed, failed };
  struct Node {
    bool applies = true;
    bool in_scope = false;
    bool running = false;
    bool has_record = false;  // it ran in this walk and has not been released
    Known known = Known::nothing;
    Standing standing = Standing::open;  // counts while `age` is the cache's
    uint64_t age = 0;
    uint64_t walk = 0;     // the walk that it is part of
    size_t position = 0;   // in walk_
    size_t deps_open = 0;  // dependencies that have not ended in this walk
    size_t blocker = 0;
    uint64_t checked_at = 0;  // actions that had begun when it was run
    uint64_t touched_at = 0;  // the last action that may have changed it, from 1
    StepOutcome outcome;      // of its last run
  };

  void find_scope(std::string_view level);
  std::vector<size_t> reached(const std::vector<size_t>& targets) const;
  // Settles a node all of whose dependencies have ended, and what waits for it; or makes it ready.
  void judge(size_t first);
  Standing judge_one(size_t node);
  void settle(size_t node, Standing standing);
  void release();
  void release_one(size_t node);

  const Strategy& strategy_;
  VerifyGraph graph_;
  std::vector<std::vector<size_t>> deps_;        // of each node, the root's too
  std::vector<std::vector<size_t>> dependants_;  // the inverse
  std::vector<Node> nodes_;
  std::vector<size_t> scope_;
  uint64_t age_ = 1;      // grows whenever something is forgotten
  uint64_t actions_ = 0;  // that have begun
  uint64_t walks_ = 0;
  std::vector<size_t> walk_;  // nodes of this walk that were open, dependencies first
  size_t released_ = 0;       // length of the prefix of walk_ that was released
  uint32_t running_ = 0;
  // Positions in walk_ of verifiers that may be handed out, least first.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<size_t>> ready_;
  std::vector<size_t> judging_;
  std::vector<Record> records_;
  std::vector<size_t> released_nodes_;
};

}  // namespace muster
