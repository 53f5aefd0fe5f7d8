// Strategies and devices made up by tests: what breaks, what mends it, and a run of the engine on
// them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/strategy_run.h"

namespace muster {

inline Verifier verifier(std::string tag, std::vector<std::string> deps = {}) {
  std::string description = "Testing " + tag;
  return {std::move(tag), std::move(description), NoopCheck{}, std::move(deps), 5s};
}

inline RepairActionSpec action(std::string tag, std::vector<std::string> triggers,
                               std::vector<std::string> deps = {}) {
  return {std::move(tag), "", NoopCheck{}, std::move(deps), std::move(triggers), 60s};
}

inline Strategy strategy(std::vector<Verifier> verifiers,
                         std::vector<RepairActionSpec> actions = {}) {
  return {"test", "", std::move(verifiers), std::move(actions)};
}

// "GOOD verify.a", "FAIL verify.b: why".
inline std::string text(const Record& record) {
  return record.status + " " + record.operation +
         (record.message.empty() ? "" : ": " + record.message);
}

inline void append_texts(const std::vector<Record>& records, std::vector<std::string>* out) {
  for (const Record& record : records) out->push_back(text(record));
}

// Numbers that are the same in every library: splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  size_t below(size_t end) { return next() % end; }

 private:
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

// What an action does to a device. A failing one may have done its work all the same.
struct Effect {
  bool works = true;
  std::set<std::string> mends;
  std::set<std::string> breaks;
};

struct DeviceInHand {
  std::set<std::string> broken;           // tags of verifiers whose checks fail
  std::map<std::string, Effect> effects;  // of actions; the others work and change nothing
  std::vector<std::string> calls;         // "check a", "run fix", "wait fix", "close collect"

  StepOutcome take(const Strategy& strategy, const EngineStep& step) {
    switch (step.kind) {
      case StepKind::check: {
        const std::string& tag = strategy.verifiers[step.index].tag;
        calls.push_back("check " + tag);
        if (broken.contains(tag)) return {false, tag + " is broken", 1ms};
        return {true, "", 1ms};
      }
      case StepKind::action: {
        const std::string& tag = strategy.actions[step.index].tag;
        calls.push_back("run " + tag);
        const Effect& effect = effects[tag];
        for (const std::string& mended : effect.mends) broken.erase(mended);
        broken.insert(effect.breaks.begin(), effect.breaks.end());
        if (!effect.works) return {false, tag + " did not work", 2ms};
        return {true, "", 2ms};
      }
      case StepKind::wait:
        calls.push_back("wait " + strategy.actions[step.index].tag);
        return {true, "", step.duration};
      case StepKind::closing: {
        const std::string& tag = strategy.closing[step.index].tag;
        calls.push_back("close " + tag);
        if (broken.contains(tag)) return {false, tag + " failed", 1ms};
        return {true, "", 1ms};
      }
    }
    return {};
  }
};

struct Story {
  std::vector<std::string> records;
  std::map<std::string, std::string> results;  // "verify.a" -> "pass", "fail: why", "skip: why"
  std::vector<std::string> failures;           // tags
  std::vector<std::string> progress;
  bool passed = false;
  StrategyResult result = StrategyResult::failure;  // of a repair
  std::map<std::string, std::string> statuses;      // of actions
};

// Runs the strategy on the device to its end. Checks that are handed out together end in an order
// that `random` picks. The clock stands still but for waits.
inline Story run(const Strategy& strategy, DeviceInHand& device, StrategyRunOptions options,
                 Random random = Random(1)) {
  Story story;
  Instant now = from_us(1'000'000);
  const size_t parallel = std::max(options.parallel_max, 1u);
  const RunKind kind = options.kind;
  StrategyRun engine(strategy, std::move(options), now);
  std::vector<EngineStep> running;
  for (;;) {
    for (const EngineStep& started : engine.next(now)) running.push_back(started);
    EXPECT_LE(running.size(), parallel);
    append_texts(engine.take_records(), &story.records);
    for (const CaseResult& result : engine.take_results()) {
      const std::string outcome = std::string(to_string(result.outcome)) +
                                  (result.message.empty() ? "" : ": " + result.message);
      EXPECT_TRUE(story.results.emplace(result.suite + "." + result.name, outcome).second)
          << result.name << " has two results";
    }
    for (const Progress& progress : engine.take_progress()) {
      story.progress.push_back(std::to_string(progress.percent) + " " + progress.text);
    }
    if (running.empty()) break;
    EXPECT_FALSE(engine.done());
    for (const EngineStep& step : running) {
      EXPECT_TRUE(running.size() == 1 || step.kind == StepKind::check) << "an action is not alone";
    }
    const size_t pick = random.below(running.size());
    const EngineStep step = running[pick];
    running.erase(running.begin() + static_cast<ptrdiff_t>(pick));
    if (step.kind == StepKind::wait) now += step.duration;
    engine.finish(step, device.take(strategy, step), now);
  }
  EXPECT_TRUE(engine.done());
  story.passed = engine.passed();
  for (const StrategyFailure& failure : engine.failures()) story.failures.push_back(failure.tag);
  if (kind == RunKind::repair) story.result = engine.result();
  for (size_t i = 0; i < strategy.actions.size(); ++i) {
    story.statuses[strategy.actions[i].tag] = to_string(engine.action_status(i));
  }
  return story;
}

inline Story run_verify(const Strategy& strategy, const std::set<std::string>& broken,
                        uint32_t parallel_max = 1, Random random = Random(1)) {
  DeviceInHand device{broken, {}, {}};
  return run(strategy, device, {.parallel_max = parallel_max}, random);
}

inline Story run_repair(const Strategy& strategy, DeviceInHand& device, uint32_t parallel_max = 1) {
  return run(strategy, device, {.kind = RunKind::repair, .parallel_max = parallel_max});
}

}  // namespace muster
