// Properties of verify and repair over strategies drawn at random. A failure prints the seed and
// the command that repeats it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "core/repair_ladder.h"
#include "tests/core/strategy_in_hand.h"

namespace muster {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

// autotest's current rules as they are written down (docs/strategies.md), by recursion: a model to
// compare with.
class RecursiveModel {
 public:
  RecursiveModel(const Strategy& strategy, DeviceInHand& device)
      : strategy_(strategy), device_(device) {
    for (size_t i = 0; i < strategy.verifiers.size(); ++i) {
      index_of_[strategy.verifiers[i].tag] = i;
      deps_[strategy.verifiers[i].tag] = strategy.verifiers[i].deps;
    }
    for (const Verifier& candidate : strategy.verifiers) {
      bool needed = false;
      for (const Verifier& other : strategy.verifiers) {
        needed = needed || std::count(other.deps.begin(), other.deps.end(), candidate.tag) > 0;
      }
      if (!needed) deps_["PASS"].push_back(candidate.tag);
    }
  }

  bool verify() { return check("PASS"); }

  bool repair() {
    for (size_t i = 0; i < strategy_.actions.size(); ++i) run_action(i);
    return check("PASS");
  }

  const std::vector<std::string>& records() const { return records_; }
  const std::map<std::string, std::string>& statuses() const { return statuses_; }

 private:
  bool check(const std::string& tag) {
    if (!check_all(deps_[tag])) return false;
    if (const auto known = cache_.find(tag); known != cache_.end()) return known->second;
    if (tag == "PASS") {
      records_.push_back("GOOD verify.PASS");
      return cache_[tag] = true;
    }
    const size_t index = index_of_[tag];
    if (!strategy_.verifiers[index].when.empty()) return true;
    const StepOutcome outcome = device_.take(strategy_, {StepKind::check, index, 5s});
    records_.push_back(outcome.passed ? "GOOD verify." + tag
                                      : "FAIL verify." + tag + ": " + outcome.message);
    return cache_[tag] = outcome.passed;
  }

  bool check_all(const std::vector<std::string>& tags) {
    bool passed = true;
    for (const std::string& tag : tags) passed = check(tag) && passed;
    return passed;
  }

  void clear(const std::string& tag) {
    cache_.erase(tag);
    for (const std::string& dep : deps_[tag]) clear(dep);
  }

  void run_action(size_t index) {
    const RepairActionSpec& spec = strategy_.actions[index];
    std::string& status = statuses_[spec.tag];
    status = "blocked";
    if (!check_all(spec.deps)) return;
    status = "skipped";
    if (!spec.when.empty() || check_all(spec.triggers)) return;
    records_.push_back("START repair." + spec.tag);
    const StepOutcome outcome = device_.take(strategy_, {StepKind::action, index, 60s});
    if (!outcome.passed) {
      records_.push_back("FAIL repair." + spec.tag + ": " + outcome.message);
      records_.push_back("END FAIL repair." + spec.tag);
      status = "repair_failure";
      return;
    }
    for (const std::string& trigger : spec.triggers) clear(trigger);
    const bool passed = check_all(spec.triggers);
    records_.push_back((passed ? "END GOOD repair." : "END FAIL repair.") + spec.tag);
    status = passed ? "repaired" : "verify_failure";
  }

  const Strategy& strategy_;
  DeviceInHand& device_;
  std::map<std::string, size_t> index_of_;
  std::map<std::string, std::vector<std::string>> deps_;
  std::map<std::string, bool> cache_;
  std::map<std::string, std::string> statuses_;
  std::vector<std::string> records_;
};

struct Case {
  Strategy strategy;
  DeviceInHand device;
};

// The tags of `from` and all that they depend on, in the strategy.
std::set<std::string> closure(const Strategy& strategy, const std::vector<std::string>& from) {
  std::set<std::string> reached;
  std::vector<std::string> open = from;
  while (!open.empty()) {
    const std::string tag = open.back();
    open.pop_back();
    if (tag == kRootTag) {
      for (const Verifier& any : strategy.verifiers) reached.insert(any.tag);
      continue;
    }
    if (!reached.insert(tag).second) continue;
    for (const Verifier& node : strategy.verifiers) {
      if (node.tag == tag) open.insert(open.end(), node.deps.begin(), node.deps.end());
    }
  }
  return reached;
}

// What an action is taken to be able to break: its triggers, what they need and what needs those.
std::vector<std::string> breakable(const Strategy& strategy, const RepairActionSpec& spec) {
  const std::set<std::string> touched = closure(strategy, spec.triggers);
  std::vector<std::string> tags;
  for (const Verifier& node : strategy.verifiers) {
    const std::set<std::string> below = closure(strategy, {node.tag});
    if (std::any_of(below.begin(), below.end(),
                    [&](const std::string& tag) { return touched.contains(tag); })) {
      tags.push_back(node.tag);
    }
  }
  return tags;
}

Case draw(Random& random) {
  Case drawn;
  const size_t size = random.below(10);
  // An order apart from the declared one decides who may depend on whom.
  std::vector<size_t> rank(size);
  for (size_t i = 0; i < size; ++i) rank[i] = i;
  for (size_t i = size; i > 1; --i) std::swap(rank[i - 1], rank[random.below(i)]);
  drawn.strategy = strategy({});
  const auto tag = [&](size_t i) { return "v" + std::to_string(i); };
  for (size_t i = 0; i < size; ++i) {
    drawn.strategy.verifiers.push_back(verifier(tag(i)));
    Verifier& node = drawn.strategy.verifiers.back();
    for (size_t tries = random.below(4); tries > 0; --tries) {
      const size_t other = random.below(size);
      if (rank[other] < rank[i]) node.deps.push_back(tag(other));
    }
    if (random.below(12) == 0) node.when = "never";
    if (random.below(3) == 0) drawn.device.broken.insert(node.tag);
  }
  const auto some = [&](size_t most) {
    std::vector<std::string> tags;
    for (size_t tries = size == 0 ? 0 : random.below(most + 1); tries > 0; --tries) {
      tags.push_back(random.below(12) == 0 ? std::string(kRootTag) : tag(random.below(size)));
    }
    return tags;
  };
  for (size_t i = random.below(5); i > 0; --i) {
    RepairActionSpec spec = action("r" + std::to_string(i), some(3), some(2));
    if (random.below(12) == 0) spec.when = "never";
    Effect effect;
    effect.works = random.below(4) != 0;
    for (const std::string& mended : some(3)) effect.mends.insert(mended);
    for (const std::string& mended : spec.triggers) {
      if (random.below(2) == 0) effect.mends.insert(mended);
    }
    for (const std::string& victim : breakable(drawn.strategy, spec)) {
      if (random.below(6) == 0) effect.breaks.insert(victim);
    }
    drawn.device.effects[spec.tag] = std::move(effect);
    drawn.strategy.actions.push_back(std::move(spec));
  }
  return drawn;
}

// The verifiers that a verification from scratch would find failing in their own checks.
std::vector<std::string> ground_truth(const Strategy& strategy, const DeviceInHand& device) {
  std::set<std::string> sick;
  for (const Verifier& node : strategy.verifiers) {
    if (node.when.empty() && device.broken.contains(node.tag)) sick.insert(node.tag);
  }
  std::vector<std::string> failures;
  for (const Verifier& node : strategy.verifiers) {
    if (!sick.contains(node.tag)) continue;
    std::set<std::string> below = closure(strategy, node.deps);
    if (std::none_of(below.begin(), below.end(),
                     [&](const std::string& tag) { return sick.contains(tag); })) {
      failures.push_back(node.tag);
    }
  }
  return failures;
}

struct LadderStory {
  std::vector<std::string> records;
  std::map<std::string, std::string> statuses;
  bool passed = false;
};

LadderStory run_ladder(const Strategy& strategy, DeviceInHand& device, bool repair) {
  RepairLadder ladder(strategy, {.sound = false});
  if (repair) {
    ladder.repair(kNever);
  } else {
    ladder.verify(kNever);
  }
  while (!ladder.idle()) {
    const std::vector<EngineStep> steps = ladder.next(kNever);
    EXPECT_EQ(steps.size(), 1u);
    if (steps.size() != 1) break;
    ladder.finish(steps[0], device.take(strategy, steps[0]), kNever);
  }
  LadderStory story;
  append_texts(ladder.take_records(), &story.records);
  for (size_t i = 0; repair && i < strategy.actions.size(); ++i) {
    story.statuses[strategy.actions[i].tag] = to_string(ladder.action_end(i).status);
  }
  story.passed = ladder.passed();
  return story;
}

void expect_brackets(const std::vector<std::string>& records) {
  std::string open;
  for (const std::string& record : records) {
    if (record.starts_with("START ")) {
      EXPECT_EQ(open, "") << "a bracket within a bracket";
      open = record.substr(6);
    } else if (record.starts_with("END ")) {
      EXPECT_EQ(record.substr(record.find(' ', 4) + 1), open);
      open.clear();
    } else if (record.starts_with("FAIL repair.")) {
      EXPECT_EQ(record.substr(5, record.find(':') - 5), open);
    }
  }
  EXPECT_EQ(open, "") << "a bracket is open at the end";
}

void expect_true_to(const Case& drawn, const DeviceInHand& after, const Story& story) {
  EXPECT_EQ(story.failures, ground_truth(drawn.strategy, after));
  EXPECT_EQ(story.passed, story.failures.empty());
  // PASS may be recorded early, as what an action needs; but nothing that failed ends with it.
  if (story.passed) {
    EXPECT_THAT(story.records, Contains("GOOD verify.PASS"));
  } else if (!story.records.empty()) {
    EXPECT_NE(story.records.back(), "GOOD verify.PASS");
  }
  EXPECT_EQ(story.results.size(), drawn.strategy.verifiers.size() + drawn.strategy.actions.size());
  expect_brackets(story.records);
}

// Parallel checks and serial ones tell the same story.
void expect_same_in_parallel(const Case& drawn, const Story& serial, Random random) {
  for (uint32_t parallel : {2u, 3u, 16u}) {
    DeviceInHand device = drawn.device;
    const Story story =
        run(drawn.strategy, device, {.kind = RunKind::repair, .parallel_max = parallel}, random);
    EXPECT_EQ(story.records, serial.records) << parallel << " at once";
    EXPECT_EQ(story.results, serial.results);
    EXPECT_EQ(story.statuses, serial.statuses);
    EXPECT_EQ(story.result, serial.result);
  }
}

// How often the rules say different things: without such rounds nothing was tested.
struct Differences {
  size_t records = 0;
  size_t too_sick = 0;     // autotest fails a healthy device
  size_t too_healthy = 0;  // and passes a sick one
};

void expect_properties(const Case& drawn, Random random, Differences& differences) {
  DeviceInHand modelled = drawn.device;
  RecursiveModel model(drawn.strategy, modelled);
  const bool model_passed = model.repair();
  DeviceInHand compatible = drawn.device;
  const LadderStory compat = run_ladder(drawn.strategy, compatible, true);
  EXPECT_EQ(compat.records, model.records());
  EXPECT_EQ(compat.statuses, model.statuses());
  EXPECT_EQ(compat.passed, model_passed);
  EXPECT_EQ(compatible.calls, modelled.calls);

  DeviceInHand device = drawn.device;
  const Story sound = run_repair(drawn.strategy, device);
  if (sound.records.size() > compat.records.size()) ++differences.records;
  if (sound.passed && !compat.passed) ++differences.too_sick;
  if (!sound.passed && compat.passed) ++differences.too_healthy;
  ASSERT_GE(sound.records.size(), compat.records.size());
  EXPECT_TRUE(std::equal(compat.records.begin(), compat.records.end(), sound.records.begin()))
      << "the sound records do not begin with the compatible ones";
  EXPECT_EQ(sound.statuses, compat.statuses);
  expect_true_to(drawn, device, sound);
  expect_same_in_parallel(drawn, sound, random);
}

uint64_t chosen_seed() {
  const char* chosen = std::getenv("MUSTER_SEED");
  return chosen == nullptr ? 20'240'607 : std::strtoull(chosen, nullptr, 10);
}

constexpr uint64_t kRounds = 3000;

// Calls `body` with rounds of random numbers until one fails, and says how to repeat that one.
template <typename Body>
void for_each_round(const char* test, Body body) {
  const uint64_t seed = chosen_seed();
  for (uint64_t round = 0; round < kRounds; ++round) {
    body(Random(seed + round));
    if (!testing::Test::HasFailure()) continue;
    std::printf("seed %llu; repeat with: MUSTER_SEED=%llu core_tests --gtest_filter=%s\n",
                static_cast<unsigned long long>(seed + round),
                static_cast<unsigned long long>(seed + round), test);
    return;
  }
}

TEST(StrategyProperties, Verify) {
  for_each_round("StrategyProperties.Verify", [](Random random) {
    Case drawn = draw(random);
    ASSERT_THAT(check_strategy(strategy(drawn.strategy.verifiers)), IsEmpty());
    DeviceInHand modelled = drawn.device;
    RecursiveModel model(drawn.strategy, modelled);
    const bool passed = model.verify();
    for (uint32_t parallel : {1u, 3u, 12u}) {
      DeviceInHand device = drawn.device;
      const Story story = run(drawn.strategy, device, {.parallel_max = parallel}, random);
      EXPECT_EQ(story.records, model.records()) << parallel << " at once";
      EXPECT_EQ(story.passed, passed);
      EXPECT_EQ(story.failures, ground_truth(drawn.strategy, device));
      EXPECT_EQ(device.calls.size(), modelled.calls.size());
    }
  });
}

TEST(StrategyProperties, Repair) {
  Differences differences;
  for_each_round("StrategyProperties.Repair",
                 [&](Random random) { expect_properties(draw(random), random, differences); });
  std::printf(
      "of %llu rounds: %zu with further records, %zu failed a healthy device before and %zu passed "
      "a sick one\n",
      static_cast<unsigned long long>(kRounds), differences.records, differences.too_sick,
      differences.too_healthy);
  EXPECT_GT(differences.too_sick, 0u);
  EXPECT_GT(differences.too_healthy, 0u);
}

// With further attempts and waits there is nothing to compare with, but the device does not lie.
TEST(StrategyProperties, RepairWithAttempts) {
  for_each_round("StrategyProperties.RepairWithAttempts", [](Random random) {
    Case drawn = draw(random);
    for (RepairActionSpec& spec : drawn.strategy.actions) {
      spec.attempts = 1 + static_cast<uint32_t>(random.below(3));
      if (random.below(2) == 0) spec.then_wait = 1s;
    }
    DeviceInHand device = drawn.device;
    const Story story = run_repair(drawn.strategy, device);
    expect_true_to(drawn, device, story);
    expect_same_in_parallel(drawn, story, random);
    for (const RepairActionSpec& spec : drawn.strategy.actions) {
      EXPECT_LE(std::count(device.calls.begin(), device.calls.end(), "run " + spec.tag),
                spec.attempts);
    }
  });
}

}  // namespace
}  // namespace muster
