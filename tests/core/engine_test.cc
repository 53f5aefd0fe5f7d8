#include "core/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/limits.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Verifier verifier(std::string tag, std::vector<std::string> deps = {}) {
  std::string description = "Testing " + tag;
  return {std::move(tag), std::move(description), NoopCheck{}, std::move(deps), 5s};
}

Strategy strategy(std::vector<Verifier> verifiers) {
  return {"test", "", std::move(verifiers), {}};
}

// "GOOD verify.a", "FAIL verify.b: why".
std::string text(const Record& record) {
  return record.status + " " + record.operation +
         (record.message.empty() ? "" : ": " + record.message);
}

void append_texts(const std::vector<Record>& records, std::vector<std::string>* out) {
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

struct Story {
  std::vector<std::string> records;
  std::map<std::string, std::string> results;  // tag -> "pass", "fail: why", "skip: why"
  std::vector<std::string> ran;                // tags, as they were handed out
  std::vector<StrategyFailure> failures;
  bool passed = false;
};

// Runs the strategy; the checks of `failing` fail with "TAG is broken". Checks that run at the same
// time end in an order that `random` picks.
Story run(const Strategy& strategy, const std::vector<std::string>& failing, uint32_t parallel,
          Random random = Random(1)) {
  Story story;
  VerifyRun verify(strategy, parallel);
  std::vector<size_t> running;
  while (true) {
    for (size_t started : verify.next()) {
      running.push_back(started);
      story.ran.push_back(strategy.verifiers[started].tag);
    }
    EXPECT_LE(running.size(), parallel);
    append_texts(verify.take_records(), &story.records);
    for (const CaseResult& result : verify.take_results()) {
      EXPECT_EQ(result.suite, "verify");
      const std::string outcome = std::string(to_string(result.outcome)) +
                                  (result.message.empty() ? "" : ": " + result.message);
      EXPECT_TRUE(story.results.emplace(result.name, outcome).second) << result.name;
    }
    if (running.empty()) break;
    const size_t pick = random.below(running.size());
    const std::string& tag = strategy.verifiers[running[pick]].tag;
    const bool fails = std::find(failing.begin(), failing.end(), tag) != failing.end();
    EXPECT_FALSE(verify.done());
    verify.finish(running[pick], {!fails, fails ? tag + " is broken" : "", 1ms});
    running.erase(running.begin() + static_cast<ptrdiff_t>(pick));
  }
  EXPECT_TRUE(verify.done());
  EXPECT_EQ(story.results.size(), strategy.verifiers.size());
  story.failures = verify.failures();
  story.passed = verify.passed();
  return story;
}

struct RunRow {
  const char* name;
  Strategy strategy;
  std::vector<std::string> failing;
  std::vector<std::string> records;
  std::vector<std::string> failures;
};

// The verifier rows of the conformance table, as a whole strategy, and more.
TEST(VerifyRun, Table) {
  const Strategy diamond =
      strategy({verifier("bottom"), verifier("left", {"bottom"}), verifier("right", {"bottom"}),
                verifier("top", {"left", "right"})});
  const Strategy two =
      strategy({verifier("left"), verifier("right"), verifier("top", {"left", "right"})});
  const std::vector<RunRow> rows = {
      {"no verifiers", strategy({}), {}, {"GOOD verify.PASS"}, {}},
      {"one passes", strategy({verifier("a")}), {}, {"GOOD verify.a", "GOOD verify.PASS"}, {}},
      {"one fails", strategy({verifier("a")}), {"a"}, {"FAIL verify.a: a is broken"}, {"a"}},
      {"dependency passes",
       strategy({verifier("a"), verifier("b", {"a"})}),
       {},
       {"GOOD verify.a", "GOOD verify.b", "GOOD verify.PASS"},
       {}},
      {"dependency fails: the dependant has no record",
       strategy({verifier("a"), verifier("b", {"a"})}),
       {"a", "b"},
       {"FAIL verify.a: a is broken"},
       {"a"}},
      {"two pass",
       two,
       {},
       {"GOOD verify.left", "GOOD verify.right", "GOOD verify.top", "GOOD verify.PASS"},
       {}},
      {"siblings go on after a failure",
       two,
       {"left", "right"},
       {"FAIL verify.left: left is broken", "FAIL verify.right: right is broken"},
       {"left", "right"}},
      {"mixed", two, {"left"}, {"FAIL verify.left: left is broken", "GOOD verify.right"}, {"left"}},
      {"diamond passes",
       diamond,
       {},
       {"GOOD verify.bottom", "GOOD verify.left", "GOOD verify.right", "GOOD verify.top",
        "GOOD verify.PASS"},
       {}},
      {"diamond fails once",
       diamond,
       {"bottom"},
       {"FAIL verify.bottom: bottom is broken"},
       {"bottom"}},
      {"a root that fails keeps PASS away, others go on",
       strategy({verifier("a"), verifier("b"), verifier("c")}),
       {"b"},
       {"GOOD verify.a", "FAIL verify.b: b is broken", "GOOD verify.c"},
       {"b"}},
      {"depth-first in listed order, roots in declared order",
       strategy({verifier("late", {"z", "y"}), verifier("x"), verifier("y"), verifier("z", {"w"}),
                 verifier("w")}),
       {},
       {"GOOD verify.w", "GOOD verify.z", "GOOD verify.y", "GOOD verify.late", "GOOD verify.x",
        "GOOD verify.PASS"},
       {}},
      {"a message of several lines is passed on whole",
       strategy({verifier("a\nb")}),
       {"a\nb"},
       {"FAIL verify.a\nb: a\nb is broken"},
       {"a\nb"}},
  };
  for (const RunRow& row : rows) {
    for (uint32_t parallel : {1u, 2u, 100u}) {
      SCOPED_TRACE(std::string(row.name) + ", parallel " + std::to_string(parallel));
      const Story story = run(row.strategy, row.failing, parallel);
      EXPECT_EQ(story.records, row.records);
      std::vector<std::string> failures;
      for (const StrategyFailure& failure : story.failures) {
        failures.push_back(failure.tag);
        EXPECT_EQ(failure.description, "Testing " + failure.tag);
        EXPECT_EQ(failure.message, failure.tag + " is broken");
      }
      EXPECT_EQ(failures, row.failures);
      EXPECT_EQ(story.passed, row.failures.empty());
    }
  }
}

TEST(VerifyRun, OneAtATimeRunsInTheOrderOfTheRecords) {
  const Strategy chain = strategy(
      {verifier("x"), verifier("c", {"b"}), verifier("b", {"a"}), verifier("a"), verifier("y")});
  EXPECT_THAT(run(chain, {}, 1).ran, ElementsAre("x", "a", "b", "c", "y"));
}

TEST(VerifyRun, BlockedVerifiersAreSkippedAndSayWhy) {
  const Story story =
      run(strategy({verifier("a"), verifier("b", {"a"}), verifier("c", {"b"}), verifier("ok"),
                    verifier("d", {"ok", "c"}), verifier("e"), verifier("f", {"e", "a"})}),
          {"a", "e"}, 1);
  EXPECT_EQ(story.results, (std::map<std::string, std::string>{{"a", "fail: a is broken"},
                                                               {"b", "skip: not run: a failed"},
                                                               {"c", "skip: not run: a failed"},
                                                               {"ok", "pass"},
                                                               {"d", "skip: not run: a failed"},
                                                               {"e", "fail: e is broken"},
                                                               {"f", "skip: not run: e failed"}}));
}

TEST(VerifyRun, HandsOutNoMoreThanItMay) {
  const Strategy wide = strategy({verifier("a"), verifier("b"), verifier("c")});
  VerifyRun none(wide, 0);
  EXPECT_THAT(none.next(), ElementsAre(0));
  VerifyRun two(wide, 2);
  EXPECT_THAT(two.next(), ElementsAre(0, 1));
  EXPECT_THAT(two.next(), IsEmpty());
  two.finish(1, {true, "", 1ms});
  EXPECT_THAT(two.next(), ElementsAre(2));
  EXPECT_THAT(two.next(), IsEmpty());
}

TEST(VerifyRun, RecordsWaitForThoseBeforeThem) {
  const Strategy wide = strategy({verifier("a"), verifier("b"), verifier("c")});
  VerifyRun verify(wide, 3);
  EXPECT_THAT(verify.next(), ElementsAre(0, 1, 2));
  verify.finish(2, {true, "", 1ms});
  verify.finish(1, {false, "no", 1ms});
  EXPECT_THAT(verify.take_records(), IsEmpty());
  EXPECT_THAT(verify.take_results(), IsEmpty());
  EXPECT_THAT(verify.failures(), IsEmpty());
  EXPECT_FALSE(verify.done());
  verify.finish(0, {true, "", 3ms});
  std::vector<std::string> records;
  append_texts(verify.take_records(), &records);
  EXPECT_THAT(records, ElementsAre("GOOD verify.a", "FAIL verify.b: no", "GOOD verify.c"));
  EXPECT_THAT(verify.take_records(), IsEmpty());
  const std::vector<CaseResult> results = verify.take_results();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0], (CaseResult{"verify", "a", Outcome::pass, 3ms, ""}));
  EXPECT_EQ(results[1], (CaseResult{"verify", "b", Outcome::fail, 1ms, "no"}));
  EXPECT_TRUE(verify.done());
  EXPECT_FALSE(verify.passed());
}

TEST(VerifyRun, NothingToCheckIsDoneAtOnce) {
  const Strategy empty = strategy({});
  VerifyRun verify(empty, 4);
  EXPECT_TRUE(verify.done());
  EXPECT_TRUE(verify.passed());
  EXPECT_THAT(verify.next(), IsEmpty());
  EXPECT_EQ(verify.take_records().size(), 1u);
  EXPECT_THAT(verify.take_records(), IsEmpty());
}

TEST(VerifyRun, LongChain) {
  Strategy chain = strategy({});
  for (size_t i = 0; i < kStrategyNodesMax; ++i) {
    // Declared dependants first, so that a recursive walk would go all the way down.
    std::vector<std::string> deps;
    if (i + 1 < kStrategyNodesMax) deps.push_back("v" + std::to_string(i + 1));
    chain.verifiers.push_back(verifier("v" + std::to_string(i), deps));
  }
  ASSERT_THAT(check_strategy(chain), IsEmpty());
  const Story good = run(chain, {}, 8);
  EXPECT_EQ(good.records.size(), kStrategyNodesMax + 1);
  EXPECT_EQ(good.records.front(), "GOOD verify.v999");
  const Story bad = run(chain, {"v999"}, 8);
  EXPECT_THAT(bad.records, ElementsAre("FAIL verify.v999: v999 is broken"));
  EXPECT_EQ(bad.results.at("v0"), "skip: not run: v999 failed");
}

// 2^333 ways lead from the top to the bottom.
TEST(VerifyRun, StackedDiamonds) {
  Strategy stack = strategy({verifier("top0")});
  for (size_t i = 1; i <= 333; ++i) {
    const std::string n = std::to_string(i), below = "top" + std::to_string(i - 1);
    stack.verifiers.push_back(verifier("left" + n, {below}));
    stack.verifiers.push_back(verifier("right" + n, {below}));
    stack.verifiers.push_back(verifier("top" + n, {"left" + n, "right" + n}));
  }
  ASSERT_THAT(check_strategy(stack), IsEmpty());
  EXPECT_EQ(run(stack, {}, 2).records.size(), 1001u);
  const Story bad = run(stack, {"left100", "right100"}, 2);
  EXPECT_EQ(bad.failures.size(), 2u);
  EXPECT_EQ(bad.records.size(), 1 + 3 * 99 + 2u);
}

// What autotest's recursive check does, by its rules: a model to compare with.
class RecursiveModel {
 public:
  RecursiveModel(const Strategy& strategy, const std::vector<std::string>& failing)
      : strategy_(strategy), failing_(failing) {}

  std::vector<std::string> run() {
    std::vector<std::string> needed;
    for (const Verifier& v : strategy_.verifiers) {
      needed.insert(needed.end(), v.deps.begin(), v.deps.end());
    }
    bool passed = true;
    for (const Verifier& v : strategy_.verifiers) {
      if (!contains(needed, v.tag) && !check(v.tag)) passed = false;
    }
    if (passed) records_.push_back("GOOD verify.PASS");
    return records_;
  }

 private:
  static bool contains(const std::vector<std::string>& list, const std::string& tag) {
    return std::find(list.begin(), list.end(), tag) != list.end();
  }

  bool check(const std::string& tag) {
    if (const auto known = cache_.find(tag); known != cache_.end()) return known->second;
    const Verifier& node = *std::find_if(strategy_.verifiers.begin(), strategy_.verifiers.end(),
                                         [&](const Verifier& v) { return v.tag == tag; });
    bool ready = true;
    for (const std::string& dep : node.deps) ready = check(dep) && ready;
    if (!ready) return cache_[tag] = false;
    const bool passed = !contains(failing_, tag);
    records_.push_back(passed ? "GOOD verify." + tag
                              : "FAIL verify." + tag + ": " + tag + " is broken");
    return cache_[tag] = passed;
  }

  const Strategy& strategy_;
  const std::vector<std::string>& failing_;
  std::map<std::string, bool> cache_;
  std::vector<std::string> records_;
};

TEST(VerifyRun, AgreesWithTheRecursiveRulesWhateverTheOrderOfEndings) {
  const uint64_t seed = 20'240'607;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (uint64_t round = 0; round < 3000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    Random random(seed + round);
    const size_t size = random.below(12);
    // An order apart from the declared one decides who may depend on whom.
    std::vector<size_t> rank(size);
    for (size_t i = 0; i < size; ++i) rank[i] = i;
    for (size_t i = size; i > 1; --i) std::swap(rank[i - 1], rank[random.below(i)]);
    Strategy graph = strategy({});
    std::vector<std::string> failing;
    for (size_t i = 0; i < size; ++i) {
      graph.verifiers.push_back(verifier("v" + std::to_string(i)));
      for (size_t tries = random.below(4); tries > 0; --tries) {
        const size_t other = random.below(size);
        if (rank[other] < rank[i]) {
          graph.verifiers[i].deps.push_back("v" + std::to_string(other));
        }
      }
      if (random.below(4) == 0) failing.push_back("v" + std::to_string(i));
    }
    ASSERT_THAT(check_strategy(graph), IsEmpty());
    const std::vector<std::string> expected = RecursiveModel(graph, failing).run();
    for (uint32_t parallel : {1u, 3u, 12u}) {
      const Story story = run(graph, failing, parallel, random);
      ASSERT_EQ(story.records, expected) << "parallel " << parallel;
      ASSERT_EQ(story.passed, !expected.empty() && expected.back() == "GOOD verify.PASS");
    }
  }
}

}  // namespace
}  // namespace muster
