// autotest's own unit tests as data (repair_scenarios.json), as far as they are about verification:
// what a strategy operation "verify" must record, count and answer. Each test says how many
// scenarios it means to find, so that none is lost when the file or the filter changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/engine.h"

namespace muster {
namespace {

using nlohmann::json;

const json& scenarios() {
  static const json all = [] {
    std::ifstream file(MUSTER_SOURCE_DIR "/tests/conformance/repair_scenarios.json");
    return json::parse(file);
  }();
  return all;
}

struct Answer {
  std::vector<std::vector<std::string>> records;  // status, operation, reason
  std::vector<StrategyFailure> failures;          // sorted by tag
  bool passed = false;
};

// The verifiers of a scenario and what their checks do: fail while their count is above zero.
class Bench {
 public:
  explicit Bench(const json& scenario) {
    strategy_.name = "scenario";
    for (const json& entry : scenario.at("verifiers")) {
      const std::string tag = entry.at("tag");
      strategy_.verifiers.push_back({tag, "Testing verify() for \"" + tag + "\"", NoopCheck{},
                                     entry.at("deps").get<std::vector<std::string>>(), 60s});
      fail_counts_[tag] = entry.at("fail_count");
    }
    for (const json& entry : scenario.at("repairs")) {
      strategy_.actions.push_back({entry.at("tag"), "", CommandCheck{{"true"}}, entry.at("deps"),
                                   entry.at("triggers"), 60s});
    }
    for (const StrategyProblem& problem : check_strategy(strategy_)) {
      ADD_FAILURE() << problem.where << ": " << problem.message;
    }
  }

  const Strategy& strategy() const { return strategy_; }
  const std::map<std::string, int>& verify_counts() const { return verify_counts_; }

  void change_fail_count(const std::string& tag, int by) { fail_counts_.at(tag) += by; }

  Answer verify(uint32_t parallel_max) {
    VerifyRun run(strategy_, parallel_max);
    Answer answer;
    for (std::vector<size_t> started = run.next(); !started.empty(); started = run.next()) {
      // Backwards, so that the order of records is the engine's doing.
      for (size_t i = started.size(); i-- > 0;) run.finish(started[i], check(started[i]));
    }
    for (const Record& record : run.take_records()) {
      answer.records.push_back({record.status, record.operation, record.message});
    }
    EXPECT_TRUE(run.done());
    answer.passed = run.passed();
    answer.failures = run.failures();
    std::sort(answer.failures.begin(), answer.failures.end(),
              [](const StrategyFailure& a, const StrategyFailure& b) { return a.tag < b.tag; });
    return answer;
  }

 private:
  CheckOutcome check(size_t verifier) {
    const std::string& tag = strategy_.verifiers[verifier].tag;
    ++verify_counts_[tag];
    if (fail_counts_.at(tag) <= 0) return {true, "", 1ms};
    return {false, "Failing \"" + tag + "\" by request", 1ms};
  }

  Strategy strategy_;
  std::map<std::string, int> fail_counts_;
  std::map<std::string, int> verify_counts_;
};

std::vector<StrategyFailure> failures_of(const json& tags) {
  std::vector<StrategyFailure> out;
  for (const std::string tag : tags) {
    out.push_back(
        {tag, "Testing verify() for \"" + tag + "\"", "Failing \"" + tag + "\" by request"});
  }
  return out;
}

std::string name_of(const json& op) { return op.is_string() ? op : op.at(0); }

bool only_verifies_the_strategy(const json& scenario) {
  bool verifies = false;
  for (const json& op : scenario.at("ops")) {
    const std::string name = name_of(op);
    if (name != "verify" && name != "unrepair" && name != "try_repair") return false;
    verifies = verifies || name == "verify";
  }
  return verifies;
}

TEST(VerifyScenarios, StrategyVerify) {
  size_t scenarios_run = 0;
  size_t verifies_run = 0;
  for (const json& entry : scenarios()) {
    if (!only_verifies_the_strategy(entry.at("scenario"))) continue;
    ++scenarios_run;
    Bench bench(entry.at("scenario"));
    const json& ops = entry.at("scenario").at("ops");
    ASSERT_EQ(ops.size(), entry.at("expect").size());
    for (size_t i = 0; i < ops.size(); ++i) {
      SCOPED_TRACE(entry.at("name").get<std::string>() + ", operation " + std::to_string(i));
      const json& expect = entry.at("expect")[i];
      const std::string name = name_of(ops[i]);
      if (name != "verify") {
        bench.change_fail_count(ops[i].at(1), name == "unrepair" ? 1 : -1);
        continue;
      }
      ++verifies_run;
      Answer answer = bench.verify(1);
      if (ops[i].at(1).at("silent").get<bool>()) answer.records.clear();
      EXPECT_EQ(json(answer.records), expect.at("records"));
      EXPECT_EQ(answer.passed, expect.at("outcome") == "pass");
      EXPECT_EQ(answer.failures, failures_of(expect.value("failures", json::array())));
      EXPECT_EQ(json(bench.verify_counts()), expect.at("verify_counts"));
    }
  }
  EXPECT_EQ(scenarios_run, 1u);
  EXPECT_EQ(verifies_run, 16u);
}

// The scenarios that check one node name the only one that PASS depends on, so a verification of
// the strategy records the same, and then PASS.
TEST(VerifyScenarios, TopNodeAsAStrategy) {
  size_t scenarios_run = 0;
  for (const json& entry : scenarios()) {
    const json& first = entry.at("scenario").at("ops").at(0);
    if (name_of(first) != "verify_host") continue;
    ++scenarios_run;
    for (uint32_t parallel_max : {1u, 4u}) {
      SCOPED_TRACE(entry.at("name").get<std::string>() + ", at once " +
                   std::to_string(parallel_max));
      Bench bench(entry.at("scenario"));
      const VerifyGraph graph = make_verify_graph(bench.strategy());
      ASSERT_EQ(graph.roots.size(), 1u);
      ASSERT_EQ(bench.strategy().verifiers[graph.roots[0]].tag, first.at(1).get<std::string>());
      const json& expect = entry.at("expect")[0];
      const bool passes = expect.at("outcome") == "pass";
      Answer answer = bench.verify(parallel_max);
      EXPECT_EQ(answer.passed, passes);
      if (passes) {
        ASSERT_FALSE(answer.records.empty());
        EXPECT_EQ(answer.records.back(), (std::vector<std::string>{"GOOD", "verify.PASS", ""}));
        answer.records.pop_back();
      }
      if (entry.at("scenario").value("silent", false)) answer.records.clear();
      EXPECT_EQ(json(answer.records), expect.at("records"));
      // A node's own failure surfaces as itself, not as a failed dependency: it names no others.
      const bool own = expect.at("etype") == "AutoservVerifyError";
      EXPECT_EQ(answer.failures,
                failures_of(own ? json::array({first.at(1)}) : expect.at("failures")));
      for (const auto& [tag, count] : expect.at("verify_counts").items()) {
        const auto found = bench.verify_counts().find(tag);
        EXPECT_EQ(found == bench.verify_counts().end() ? 0 : found->second, count) << tag;
      }
    }
  }
  EXPECT_EQ(scenarios_run, 18u);
}

TEST(VerifyScenarios, Construction) {
  size_t scenarios_run = 0;
  for (const json& entry : scenarios()) {
    if (!entry.contains("graph")) continue;
    ++scenarios_run;
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const Bench bench(entry.at("scenario"));
    const std::vector<Verifier>& verifiers = bench.strategy().verifiers;
    const VerifyGraph graph = make_verify_graph(bench.strategy());
    const auto tags = [&](const std::vector<size_t>& indexes) {
      json out = json::array();
      for (size_t index : indexes) out.push_back(verifiers[index].tag);
      return out;
    };
    json built = {{std::string(kRootTag), tags(graph.roots)}};
    for (size_t i = 0; i < verifiers.size(); ++i) built[verifiers[i].tag] = tags(graph.deps[i]);
    EXPECT_EQ(built, entry.at("graph"));
  }
  EXPECT_EQ(scenarios_run, 8u);
}

}  // namespace
}  // namespace muster
