// muster strategy run and simulate as programs use them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kMended[] =
    R"({"id": "m", "op": "repair", "verifiers": [{"tag": "a", "results": ["fail:x"]},)"
    R"( {"tag": "b", "results": ["fail:y"]}], "repairs": [{"tag": "no", "triggers": ["b"],)"
    R"( "repair": "raise:z"}, {"tag": "fix", "triggers": ["a"], "fixes": ["a", "b"]}]})";

constexpr char kStrategy[] =
    "version: 1\nkind: strategy\nname: host\ndefaults: { timeout: 10s }\nverify:\n"
    "  - { tag: disk, check: { noop: } }\n"
    "  - { tag: web, check: { noop: }, deps: [disk] }\n"
    "repair:\n"
    "  - { tag: restart, triggers: [web], run: { command: [\"true\"] }, timeout: 1m }\n";

// What the command printed for the lines on its standard input.
std::vector<json> answers_to(House& house, const std::string& lines, const std::string& flags) {
  const std::string path = house.write("lines.jsonl", lines);
  const std::string command =
      std::string(MUSTER_BIN_DIR) + "/muster strategy run --jsonl " + flags + " < " + path;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char buffer[4096];
  for (size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, got);
  EXPECT_EQ(::pclose(pipe), 0);
  std::vector<json> answers;
  std::istringstream out(text);
  for (std::string line; std::getline(out, line);) answers.push_back(json::parse(line));
  return answers;
}

TEST(StrategyRunVerb, AnswersEachLineAndGoesOn) {
  House house(MUSTER_BIN_DIR);
  const std::string lines = std::string(kMended) + "\n\nnonsense\n{\"id\": 2}\n" + kMended;
  const std::vector<json> answers = answers_to(house, lines, "");
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].at("outcome"), "pass");
  EXPECT_EQ(answers[1], json({{"id", nullptr}, {"error", "the scenario is not JSON"}}));
  EXPECT_EQ(answers[2].at("id"), 2);
  EXPECT_TRUE(answers[2].contains("error"));
  EXPECT_EQ(answers[3], answers[0]);
  // However long a line is, no more of it is kept than a scenario may have.
  const std::string long_line(kScenarioBytesMax + 10, 'x');
  const std::vector<json> after = answers_to(house, long_line + "\n" + kMended, "");
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].at("error"), "the scenario is longer than 4194304 bytes");
  EXPECT_EQ(after[1], answers[0]);
  const std::vector<json> compat = answers_to(house, kMended, "--compat autotest");
  ASSERT_EQ(compat.size(), 1u);
  EXPECT_EQ(compat[0].at("outcome"), "fail");
}

TEST(StrategyRunVerb, OneScenarioFromAFile) {
  House house(MUSTER_BIN_DIR);
  const std::string path = house.write("one.json", kMended);
  const Ran ran = house.muster({"strategy", "run", "--scenario", path});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out).at("strategy_result"), "success");
  house.write("one.json", "{\"id\": 5}");
  const Ran wrong = house.muster({"strategy", "run", "--scenario", path});
  EXPECT_EQ(wrong.status, 64);
  EXPECT_EQ(json::parse(wrong.out).at("id"), 5);
  EXPECT_EQ(house.muster({"strategy", "run", "--scenario", path + ".none"}).status, 64);
}

TEST(StrategySimulateVerb, ShowsTheLadder) {
  House house(MUSTER_BIN_DIR);
  const std::string path = house.write("host.yaml", kStrategy);
  const Ran ran = house.muster({"strategy", "simulate", path, "--fail", "web"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("fails: web; the repair takes at most 1m40s"));
  const Ran document = house.muster({"-o", "json", "strategy", "simulate", path, "--fail", "web"});
  std::vector<std::string> rungs;
  const json forecast = json::parse(document.out);
  for (const json& entry : forecast.at("entries")) {
    rungs.push_back(entry.at("what").get<std::string>() + " " + entry.at("tag").get<std::string>());
  }
  EXPECT_THAT(rungs,
              ElementsAre("check disk", "check web", "action restart", "check disk", "check web"));
  const Ran unknown = house.muster({"strategy", "simulate", path, "--fail", "wab"});
  EXPECT_EQ(unknown.status, 64);
  EXPECT_THAT(unknown.err, HasSubstr("has the tag \"wab\"; did you mean web?"));
  EXPECT_EQ(house.muster({"strategy", "simulate", path, "--level", "quick"}).status, 64);
}

}  // namespace
}  // namespace muster
