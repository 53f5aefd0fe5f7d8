// What is most likely not meant in a strategy: review_strategy and worst_case_repair.
#include <algorithm>
#include <map>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/strategy.h"
#include "core/verify_graph.h"

namespace muster {
namespace {

// The verifiers and the root by index, and what actions name.
class Review {
 public:
  explicit Review(const Strategy& strategy)
      : strategy_(strategy), index_of_(index_verifiers(strategy)) {
    VerifyGraph graph = make_verify_graph(strategy);
    deps_ = std::move(graph.deps);
    deps_.push_back(std::move(graph.roots));
  }

  std::vector<StrategyProblem> problems() const {
    std::vector<StrategyProblem> problems;
    add_unrepaired(problems);
    add_untriggered(problems);
    const Duration worst = worst_case();
    if (strategy_.total > Duration{0} && worst > strategy_.total) {
      problems.push_back({"limits.total", "a repair may take " + format_duration(worst) +
                                              ", and after " + format_duration(strategy_.total) +
                                              " no further action is tried"});
    }
    if (problems.size() > kErrorsPerFileMax) problems.resize(kErrorsPerFileMax);
    return problems;
  }

  // Follows the repair ladder: what an action needs, what triggers it, itself and its triggers
  // again, then what is left, then everything anew.
  Duration worst_case() const {
    std::vector<bool> known(deps_.size(), false);
    Duration total{0};
    for (const RepairActionSpec& action : strategy_.actions) {
      const std::vector<size_t> triggers = nodes(action.triggers);
      total += check_time(nodes(action.deps), &known);
      total += check_time(triggers, &known);
      std::vector<bool> forgotten(deps_.size(), false);
      const Duration again = check_time(triggers, &forgotten);
      const Duration one_run = action.timeout + action.then_wait + again;
      total += static_cast<int64_t>(triggers.empty() ? 0 : action.attempts) * one_run;
    }
    total += check_time({root()}, &known);
    if (strategy_.actions.empty()) return total;
    std::vector<bool> anew(deps_.size(), false);
    return total + check_time({root()}, &anew);
  }

 private:
  size_t root() const { return strategy_.verifiers.size(); }

  std::vector<size_t> nodes(const std::vector<std::string>& tags) const {
    std::vector<size_t> out;
    for (const std::string& tag : tags) {
      const auto found = index_of_.find(tag);
      out.push_back(found == index_of_.end() ? root() : found->second);
    }
    return out;
  }

  // The longest chain of timeouts on the way to `targets` among what is not known; then it is.
  Duration check_time(const std::vector<size_t>& targets, std::vector<bool>* known) const {
    std::vector<size_t> order;
    append_reached(targets, deps_, known, &order);
    std::map<size_t, Duration> until;
    Duration longest{0};
    for (size_t node : order) {
      Duration begin{0};
      for (size_t dep : deps_[node]) {
        const auto before = until.find(dep);
        if (before != until.end()) begin = std::max(begin, before->second);
      }
      until[node] = node == root() ? begin : begin + strategy_.verifiers[node].timeout;
      longest = std::max(longest, until[node]);
    }
    return longest;
  }

  void add_unrepaired(std::vector<StrategyProblem>& problems) const {
    if (strategy_.actions.empty()) return;
    // An action is triggered by what its triggers depend on as well: those are blocked then. But
    // while something that it needs fails, it is not tried.
    std::vector<bool> repaired(deps_.size(), false);
    for (const RepairActionSpec& action : strategy_.actions) {
      std::vector<bool> seen(deps_.size(), false);
      std::vector<size_t> order;
      append_reached(nodes(action.deps), deps_, &seen, &order);
      order.clear();
      append_reached(nodes(action.triggers), deps_, &seen, &order);
      for (size_t node : order) repaired[node] = true;
    }
    for (size_t i = 0; i < root(); ++i) {
      if (repaired[i]) continue;
      problems.push_back({"verify[" + std::to_string(i) + "]",
                          "no action is tried when " + quote_text(strategy_.verifiers[i].tag) +
                              " fails: nothing triggers on it, or on what needs it, without "
                              "needing it"});
    }
  }

  void add_untriggered(std::vector<StrategyProblem>& problems) const {
    for (size_t i = 0; i < strategy_.actions.size(); ++i) {
      if (!strategy_.actions[i].triggers.empty()) continue;
      problems.push_back(
          {"repair[" + std::to_string(i) + "]", "it is never tried: it has no triggers"});
    }
  }

  const Strategy& strategy_;
  std::map<std::string_view, size_t> index_of_;
  std::vector<std::vector<size_t>> deps_;  // of each verifier, and of the root
};

}  // namespace

std::vector<StrategyProblem> review_strategy(const Strategy& strategy) {
  return Review(strategy).problems();
}

Duration worst_case_repair(const Strategy& strategy) { return Review(strategy).worst_case(); }

}  // namespace muster
