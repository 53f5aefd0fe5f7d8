// autotest's own unit tests as data (repair_scenarios.json): what every operation must record,
// count and answer. The number of cases and operations is pinned, so that none is lost when the
// file or the reader changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/limits.h"
#include "core/verify_graph.h"
#include "io/scenario.h"
#include "io/scenario_spec.h"

namespace muster {
namespace {

using nlohmann::json;

const json& cases() {
  static const json all = [] {
    std::ifstream file(MUSTER_SOURCE_DIR "/tests/conformance/repair_scenarios.json");
    return json::parse(file);
  }();
  return all;
}

json tags_of(const json& failures) {
  json tags = json::array();
  for (const json& failure : failures) {
    const std::string tag = failure.at("tag");
    EXPECT_EQ(failure.at("description"), "Testing verify() for \"" + tag + "\"");
    EXPECT_EQ(failure.at("error"), "Failing \"" + tag + "\" by request");
    tags.push_back(tag);
  }
  return tags;
}

// Everything that the case expects of one operation; returns how many things that were.
size_t expect_answer(const json& expect, const json& answer) {
  size_t compared = 0;
  for (const auto& [key, value] : expect.items()) {
    if (key == "failures") {
      EXPECT_EQ(tags_of(answer.at("failures")), value);
    } else if (key == "etype" && value == "*") {
      EXPECT_FALSE(answer.at("etype").is_null());
    } else {
      EXPECT_EQ(answer.at(key), value) << key;
    }
    ++compared;
  }
  return compared;
}

TEST(RepairScenarios, AutotestsRulesToTheLetter) {
  size_t cases_run = 0;
  size_t operations_run = 0;
  size_t compared = 0;
  for (const json& entry : cases()) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const ScenarioAnswer text =
        answer_scenario(entry.at("scenario").dump(), ScenarioRules::autotest);
    ASSERT_FALSE(text.malformed) << text.json;
    const json answer = json::parse(text.json);
    const json& expect = entry.at("expect");
    ASSERT_EQ(answer.at("ops").size(), expect.size());
    ASSERT_EQ(entry.at("scenario").at("ops").size(), expect.size());
    for (size_t i = 0; i < expect.size(); ++i) {
      SCOPED_TRACE("operation " + std::to_string(i));
      compared += expect_answer(expect[i], answer.at("ops")[i]);
      ++operations_run;
    }
    ++cases_run;
  }
  std::printf("%zu cases, %zu operations, %zu values compared\n", cases_run, operations_run,
              compared);
  EXPECT_EQ(cases_run, 40u);
  EXPECT_EQ(operations_run, 176u);
  EXPECT_EQ(compared, 668u);
}

// What a repair left in doubt is verified anew, and only in one case is there such a thing: a
// failed, and then another action acted.
TEST(RepairScenarios, SoundRulesBeginLikeThem) {
  size_t longer = 0;
  for (const json& entry : cases()) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const std::string scenario = entry.at("scenario").dump();
    const json sound = json::parse(answer_scenario(scenario, ScenarioRules::sound).json);
    const json compat = json::parse(answer_scenario(scenario, ScenarioRules::autotest).json);
    for (size_t i = 0; i < compat.at("ops").size(); ++i) {
      SCOPED_TRACE("operation " + std::to_string(i));
      const json& theirs = compat.at("ops")[i];
      const json& ours = sound.at("ops")[i];
      for (const char* key : {"outcome", "failures", "action_status", "strategy_result"}) {
        EXPECT_EQ(ours.at(key), theirs.at(key));
      }
      for (const char* key : {"records", "calls"}) {
        const json& begin = theirs.at(key);
        ASSERT_GE(ours.at(key).size(), begin.size());
        EXPECT_TRUE(std::equal(begin.begin(), begin.end(), ours.at(key).begin())) << key;
      }
      if (ours.at("calls") != theirs.at("calls")) ++longer;
    }
  }
  EXPECT_EQ(longer, 4u);
}

TEST(RepairScenarios, CallsAreInOrder) {
  for (const json& entry : cases()) {
    if (entry.at("name") != "RepairActionTests.test_dependency_pass[silent=True]") continue;
    const json answer =
        json::parse(answer_scenario(entry.at("scenario").dump(), ScenarioRules::autotest).json);
    EXPECT_EQ(answer.at("calls"),
              json::parse(R"([["verify","dep"],["verify","trig"],["repair","fixit"],
                              ["verify","trig"]])"));
    return;
  }
  FAIL() << "the case is gone";
}

TEST(RepairScenarios, Construction) {
  size_t cases_run = 0;
  for (const json& entry : cases()) {
    if (!entry.contains("graph")) continue;
    ++cases_run;
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const Result<ScenarioSpec> spec = read_scenario(entry.at("scenario"));
    ASSERT_TRUE(spec.ok()) << spec.error();
    const std::vector<Verifier>& verifiers = spec->strategy.verifiers;
    const VerifyGraph graph = make_verify_graph(spec->strategy);
    const auto tags = [&](const std::vector<size_t>& indexes) {
      json out = json::array();
      for (size_t index : indexes) out.push_back(verifiers[index].tag);
      return out;
    };
    json built = {{std::string(kRootTag), tags(graph.roots)}};
    for (size_t i = 0; i < verifiers.size(); ++i) built[verifiers[i].tag] = tags(graph.deps[i]);
    EXPECT_EQ(built, entry.at("graph"));
    json actions = json::array();
    for (const RepairActionSpec& action : spec->strategy.actions) {
      actions.push_back(json::array({action.tag, action.deps, action.triggers}));
    }
    // Cases about verifiers only have null there.
    const json expected = entry.value("actions", json());
    EXPECT_EQ(actions, expected.is_null() ? json::array() : expected);
  }
  EXPECT_EQ(cases_run, 8u);
}

json run_json(const std::string& scenario, ScenarioRules rules) {
  const ScenarioAnswer answer = answer_scenario(scenario, rules);
  EXPECT_FALSE(answer.malformed) << answer.json;
  return json::parse(answer.json);
}

// The three ways in which autotest's memory misleads a repair, as scenarios.
TEST(Scenarios, SoundWhereAutotestIsNot) {
  const std::string mended_outside = R"({"id": 7, "op": "repair",
    "verifiers": [{"tag": "a", "deps": [], "results": ["fail:x"]},
                  {"tag": "b", "deps": [], "results": ["fail:y"]}],
    "repairs": [{"tag": "no", "deps": [], "triggers": ["b"], "repair": "raise:cannot"},
                {"tag": "fix", "deps": [], "triggers": ["a"], "fixes": ["a", "b"]}]})";
  const json compat = run_json(mended_outside, ScenarioRules::autotest);
  EXPECT_EQ(compat.at("outcome"), "fail");
  EXPECT_EQ(compat.at("strategy_result"), "failure");
  const json sound = run_json(mended_outside, ScenarioRules::sound);
  EXPECT_EQ(sound.at("id"), 7);
  EXPECT_EQ(sound.at("outcome"), "pass");
  EXPECT_EQ(sound.at("strategy_result"), "success");
  json expected = compat.at("records");
  expected.push_back({"GOOD", "verify.b", ""});
  expected.push_back({"GOOD", "verify.PASS", ""});
  EXPECT_EQ(sound.at("records"), expected);
  EXPECT_EQ(sound.at("action_status"),
            json::parse(R"({"no": "repair_failure", "fix": "repaired"})"));

  const json broken = run_json(R"({"op": "repair",
    "verifiers": [{"tag": "ssh", "deps": []}, {"tag": "disk", "deps": ["ssh"]},
                  {"tag": "web", "deps": ["ssh"], "results": ["fail:down"]}],
    "repairs": [{"tag": "reboot", "deps": ["disk"], "triggers": ["web"], "fixes": ["web"],
                 "breaks": ["disk"]}]})",
                               ScenarioRules::sound);
  EXPECT_EQ(broken.at("outcome"), "fail");
  EXPECT_EQ(broken.at("id"), nullptr);
  EXPECT_EQ(broken.at("failures"), json::parse(R"([{"tag": "disk",
            "description": "Testing verify() for \"disk\"", "error": "broken by reboot"}])"));
}

TEST(Scenarios, ClearFixAndBreak) {
  const json answer = run_json(R"({"verifiers": [{"tag": "a"}], "ops": ["verify", ["break", "a"],
    "verify", ["clear"], ["fix", "a"], ["verify", {"silent": true}], ["verify_host", "PASS"]]})",
                               ScenarioRules::autotest);
  EXPECT_EQ(answer.at("records"), json::array()) << "silent, and the root is known to pass";
  EXPECT_EQ(answer.at("outcome"), "pass");
  EXPECT_EQ(answer.at("verify_counts"), json::parse(R"({"a": 1})"));
  EXPECT_EQ(answer.at("ops")[2].at("records"),
            json::parse(R"([["FAIL", "verify.a", "broken by request"]])"));
  EXPECT_EQ(answer.at("ops")[2].at("verify_counts"), json::parse(R"({"a": 2})"));
}

TEST(Scenarios, WhatIsMalformedIsAnsweredWithAReason) {
  struct Row {
    const char* scenario;
    const char* id;
    const char* error;
  };
  const std::vector<Row> rows = {
      {"", "null", "not JSON"},
      {"{\"id\": 1", "null", "not JSON"},
      {"[1]", "null", "is a JSON object"},
      {R"({"id": "x"})", "\"x\"", "neither \"op\" nor \"ops\""},
      {R"({"id": 1, "op": "dance"})", "1", "no operation is \"dance\""},
      {R"({"id": 1, "op": 5})", "1", "op: must be a string"},
      {R"({"id": 1, "ops": [[]]})", "1", "ops[0]: no operation is"},
      {R"({"id": 1, "ops": ["verify_host"]})", "1", "takes one tag"},
      {R"({"id": 1, "ops": [["verify", "a"]]})", "1", "takes no tag"},
      {R"({"id": 1, "ops": [["fix", "PASS"]]})", "1", "the tag \"PASS\""},
      {R"({"id": 1, "ops": [["repair_host", "r"]]})", "1", "no repair has the tag \"r\""},
      {R"({"id": 1, "ops": 3})", "1", "ops: must be a list"},
      {R"({"id": 1, "silent": 1, "op": "verify"})", "1", "silent: must be true or false"},
      {R"({"id": 1, "op": "verify", "verifiers": {}})", "1", "verifiers: must be a list"},
      {R"({"id": 1, "op": "verify", "verifiers": [1]})", "1", "verifiers[0]: must be an object"},
      {R"({"id": 1, "op": "verify", "verifiers": [{}]})", "1", "verifiers[0]: has no tag"},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "a"}, {"tag": "a"}]})", "1",
       "verifiers[1]: tag \"a\" is used twice"},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "PASS"}]})", "1", "tag of the root"},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "a", "deps": ["b"]}, {"tag": "b"}]})",
       "1", "verifiers[0].deps[0]: no verifier before it has the tag \"b\""},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "a", "deps": ["a"]}]})", "1",
       "verifiers[0].deps[0]"},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "a", "results": ["maybe"]}]})", "1",
       "verifiers[0].results[0]"},
      {R"({"id": 1, "op": "verify", "verifiers": [{"tag": "a", "fail_count": "2"}]})", "1",
       "verifiers[0].fail_count"},
      {R"({"id": 1, "op": "repair", "repairs": [{"tag": "r", "triggers": ["r"]}]})", "1",
       "repairs[0].triggers[0]"},
      {R"({"id": 1, "op": "repair", "repairs": [{"tag": "r", "repair": "perhaps"}]})", "1",
       "repairs[0].repair"},
      {R"({"id": 1, "op": "repair", "repairs": [{"tag": "r", "fixes": ["z"]}]})", "1",
       "repairs[0].fixes[0]"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.scenario);
    const ScenarioAnswer answer = answer_scenario(row.scenario, ScenarioRules::sound);
    EXPECT_TRUE(answer.malformed);
    const json parsed = json::parse(answer.json);
    EXPECT_EQ(parsed.size(), 2u);
    EXPECT_EQ(parsed.at("id"), json::parse(row.id));
    EXPECT_NE(parsed.at("error").get<std::string>().find(row.error), std::string::npos)
        << answer.json;
  }
}

TEST(Scenarios, Limits) {
  const std::string least = R"({"op": "verify"})";
  const std::string most = least + std::string(kScenarioBytesMax - least.size(), ' ');
  EXPECT_FALSE(answer_scenario(most, ScenarioRules::sound).malformed);
  EXPECT_TRUE(answer_scenario(most + " ", ScenarioRules::sound).malformed);
  for (const size_t count : {kStrategyNodesMax, kStrategyNodesMax + 1}) {
    json scenario = {{"op", "verify"}, {"verifiers", json::array()}};
    for (size_t i = 0; i < count; ++i) {
      scenario["verifiers"].push_back({{"tag", "v" + std::to_string(i)}});
    }
    EXPECT_EQ(answer_scenario(scenario.dump(), ScenarioRules::sound).malformed,
              count > kStrategyNodesMax);
  }
}

// Found by reading the reader: whoever copies or writes a value of a million levels dies of it.
TEST(Scenarios, DeepNestingIsRefusedAndNotWalked) {
  const auto with_depth = [](size_t depth) {
    return "{\"id\": " + std::string(depth - 1, '[') + "\"]][[{{\\\"\"" +
           std::string(depth - 1, ']') + ", \"op\": \"verify\"}";
  };
  EXPECT_FALSE(answer_scenario(with_depth(kScenarioDepthMax), ScenarioRules::sound).malformed);
  EXPECT_TRUE(answer_scenario(with_depth(kScenarioDepthMax + 1), ScenarioRules::sound).malformed);
  EXPECT_TRUE(answer_scenario(with_depth(1'000'000), ScenarioRules::sound).malformed);
  EXPECT_TRUE(answer_scenario(std::string(1'000'000, '['), ScenarioRules::sound).malformed);
}

TEST(Scenarios, BytesThatAreNoTextAreAnsweredAsText) {
  const ScenarioAnswer answer =
      answer_scenario("{\"id\": \"\xff\", \"op\": \"verify\"}", ScenarioRules::sound);
  EXPECT_TRUE(json::accept(answer.json));
}

}  // namespace
}  // namespace muster
