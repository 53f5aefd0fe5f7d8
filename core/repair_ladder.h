// The operations on a strategy, one at a time: verify it, repair with it, and, as autotest's tools
// do, check one node, forget it, or run one action. StrategyRun (core/strategy_run.h) is what
// workers use; it adds closing actions, progress and results.
//
// In autotest's rules a repair tries every action in order and then asks for what is not known yet.
// A sound repair goes on from there: what the actions may have changed since it was checked is
// checked anew. So the records of a sound repair begin with those of the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/check_cache.h"
#include "core/report.h"
#include "core/strategy.h"
#include "core/strategy_step.h"

namespace muster {

struct LadderOptions {
  std::string level;
  Profile profile;
  uint32_t parallel_max = 1;  // checks at the same time; 0 counts as 1
  bool sound = true;
  std::vector<ActionUse> used;  // runs of actions in the last 24 hours
  Duration total{0};            // no action of a repair starts later than this; 0: no limit
};

// How the message of an action that was not tried begins, when nothing called for it, or it is not
// for this device.
inline constexpr std::string_view kNotNeeded = "not needed: ";
inline constexpr std::string_view kDoesNotApply = "does not apply: ";

// What became of an action in the last operation that reached it.
struct ActionEnd {
  ActionStatus status = ActionStatus::unknown;
  std::string message;   // why it did not repair; for people
  Duration duration{0};  // of all its runs
  uint32_t runs = 0;
};

class RepairLadder {
 public:
  // `strategy` must be checked and outlive the ladder. Triggers that are not in scope count for
  // nothing; what an action needs is checked wherever it is.
  RepairLadder(const Strategy& strategy, const LadderOptions& options);

  // Begin an operation; only when idle.
  void verify(Instant now);                     // forgets everything and checks the root
  void repair(Instant now);                     // forgets everything, tries every action
  void verify_node(size_t node, Instant now);   // what is known answers
  void run_action(size_t action, Instant now);  // its deps, its triggers, and itself when needed
  void clear(size_t node) { cache_.clear({node}); }

  bool idle() const { return stage_ == Stage::idle; }
  // Steps to start now, each once: an action and a wait alone, checks several at a time.
  std::vector<EngineStep> next(Instant now);
  void finish(const EngineStep& step, StepOutcome outcome, Instant now);
  // Ends the operation once what runs was finished, which leaves no record; a bracket that is open
  // is closed with END ABORT.
  void stop();
  bool stopped() const { return stopping_; }

  std::vector<Record> take_records();
  std::vector<size_t> take_released() { return cache_.take_released(); }
  // Actions whose turn is over, since the last call.
  std::vector<size_t> take_ended_actions();

  const CheckCache& cache() const { return cache_; }
  bool passed() const { return cache_.all_good({cache_.root()}); }
  std::vector<StrategyFailure> failures(const std::vector<size_t>& targets) const;
  const ActionEnd& action_end(size_t action) const { return ends_[action]; }
  const std::vector<size_t>& deps(size_t action) const { return actions_[action].deps; }
  const std::vector<size_t>& triggers(size_t action) const { return actions_[action].triggers; }
  StrategyResult result() const;  // of a repair that ended

  // Where a repair is: the action whose turn it is, or the number of actions.
  size_t turn() const { return turn_; }
  bool acting() const { return stage_ == Stage::acting || stage_ == Stage::waiting; }

 private:
  enum class Stage : uint8_t {
    idle,
    node,      // a node, or the strategy, is verified
    deps,      // what the action needs
    triggers,  // what would call for it
    acting,
    waiting,  // after it, before its triggers are verified again
    recheck,  // its triggers
    last,     // the root, after all actions
    anew,     // what the actions may have changed
  };
  struct Action {
    std::vector<size_t> deps;
    std::vector<size_t> triggers;  // in scope
    bool applies = true;
    uint32_t runs_left = std::numeric_limits<uint32_t>::max();  // by per_day
  };

  void begin_check(Stage stage, const std::vector<size_t>& targets);
  // Goes on until something is to be handed out or the operation is over.
  void advance(Instant now);
  void leave_stage(Instant now);
  void begin_turn(Instant now);
  void consider(Instant now);  // the deps are good
  void act(Instant now);       // a trigger is not good
  void finish_action(StepOutcome outcome, Instant now);
  void begin_recheck();
  void close_bracket(std::string_view status, ActionStatus result, std::string message,
                     Instant now);
  void end_turn(ActionStatus status, std::string message, Instant now);
  void next_turn(Instant now);
  void conclude_stop();
  bool is_spent(Instant now) const;
  std::string spent_text() const;
  std::string blocked_by(const std::vector<size_t>& targets) const;
  std::string tags_of_failures(const std::vector<size_t>& targets) const;
  void drain_cache();
  void add_record(std::string_view status, std::string message = "");

  const Strategy& strategy_;
  const uint32_t parallel_max_;
  const bool sound_;
  const Duration total_;
  CheckCache cache_;
  std::vector<Action> actions_;
  std::vector<ActionEnd> ends_;
  std::vector<size_t> ended_actions_;
  Stage stage_ = Stage::idle;
  bool whole_ = false;       // a repair, not a single action
  size_t turn_ = 0;          // the action whose turn it is
  bool handed_out_ = false;  // the action, or the wait after it
  bool bracket_open_ = false;
  bool stopping_ = false;
  uint32_t checks_running_ = 0;
  Instant started_;
  std::vector<Record> records_;
};

}  // namespace muster
