#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono_literals::operator""min;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Words = std::vector<std::string>;

template <typename Options>
Options parsed_verb(const Words& words) {
  const ParsedCommand parsed = parse_command_line(words);
  if (const auto* fault = std::get_if<UsageFault>(&parsed)) {
    ADD_FAILURE() << "refused: " << fault->message;
    return {};
  }
  const auto* invocation = std::get_if<Invocation>(&parsed);
  if (invocation == nullptr || !std::holds_alternative<Options>(invocation->verb)) {
    ADD_FAILURE() << "another verb was understood";
    return {};
  }
  return std::get<Options>(invocation->verb);
}

struct WrongCase {
  Words words;
  std::string message;  // part of the reason
};

class WrongCommandLine : public testing::TestWithParam<WrongCase> {};

TEST_P(WrongCommandLine, IsRefusedWithAReason) {
  const ParsedCommand parsed = parse_command_line(GetParam().words);
  const auto* fault = std::get_if<UsageFault>(&parsed);
  ASSERT_NE(fault, nullptr);
  EXPECT_THAT(fault->message, HasSubstr(GetParam().message));
  EXPECT_THAT(fault->hint, HasSubstr("--help"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongCommandLine,
    testing::Values(
        WrongCase{{}, "a verb is missing: up"}, WrongCase{{""}, "unknown verb"},
        WrongCase{{"tsk", "ls"}, "did you mean task?"},
        WrongCase{{"task"}, "a verb is missing: ls, show, explain, trace"},
        WrongCase{{"task", "lss"}, "unknown verb \"lss\"; did you mean ls?"},
        WrongCase{{"--hme", "/x", "task", "ls"}, "--hme"},
        WrongCase{{"--home", "", "task", "ls"}, "--home: must not be empty"},
        // It took `task` for the home.
        WrongCase{{"--home=", "task", "ls"}, "\"--home=\" has no value"},
        WrongCase{{"--endpoint", "", "task", "ls"}, "--endpoint: must not be empty"},
        WrongCase{{"-o", "jsn", "task", "ls"}, "\"jsn\" is not a format"}, WrongCase{{"-o"}, "-o"},
        WrongCase{{"-o", "json", "-o", "jsonl", "version"}, "--output"},
        WrongCase{{"run"}, "give a job file, a directory, or a command after --"},
        WrongCase{{"run", "--"}, "give a job file"}, WrongCase{{"run", ""}, "give a job file"},
        WrongCase{{"run", "job.yaml", "--", "true"}, "not both"},
        WrongCase{{"run", "job.yaml", "more"}, "a command goes after --"},
        WrongCase{{"run", "--pol", "x", "job.yaml"}, "did you mean --pool?"},
        WrongCase{{"run", "--pool"}, "--pool"},
        WrongCase{{"run", "--pool", "a", "--pool", "b", "--", "x"}, "--pool"},
        WrongCase{{"run", "--priority", "101", "--", "x"}, "from 0 to 100"},
        WrongCase{{"run", "--priority", "-1", "--", "x"}, "\"-1\" is not a whole number"},
        WrongCase{{"run", "--timeout", "5x", "--", "x"}, "unknown unit"},
        WrongCase{{"run", "--timeout", "", "--", "x"}, "duration"},
        WrongCase{{"run", "--silence", "-3s", "--", "x"}, "does not begin with a digit"},
        WrongCase{{"run", "--retry", "infra", "--", "x"}, "is not infra=N or test=N"},
        WrongCase{{"run", "--verify", "allways", "--", "x"},
                  "is not one of none, fresh, always; did you mean always?"},
        WrongCase{{"run", "--retry", "infra=11", "--", "x"}, "from 0 to 10"},
        WrongCase{{"run", "--retry", "infra=1,infra=2", "--", "x"}, "twice"},
        WrongCase{{"run", "--retry", "test=1,", "--", "x"}, "is not infra=N or test=N"},
        WrongCase{{"run", "--env", "NAME", "--", "x"}, "is not NAME=VALUE"},
        WrongCase{{"run", "--env", "=v", "--", "x"}, "is not NAME=VALUE"},
        WrongCase{{"run", "--wait", "--detach", "--", "x"}, "one of --wait, --follow, --detach"},
        WrongCase{{"run", "--path", "a", "--", "x"}, "choose jobs of a directory"},
        WrongCase{{"run", "--path", "a", "--tags", "b", "dir"}, "one of --path and --tags"},
        WrongCase{{"run", "--tags", "any:", "dir"}, "has an empty tag"},
        WrongCase{{"job", "list", "dir", "--tags", "A,,B"}, "has an empty tag"},
        WrongCase{{"job"}, "a verb is missing"}, WrongCase{{"verify"}, "say which devices"},
        WrongCase{{"verify", "a", "--all"}, "say which devices"},
        WrongCase{{"verify", "-l", "k=v", "--all"}, "say which devices"},
        WrongCase{{"submit"}, "FILE"}, WrongCase{{"wait"}, "GUID"},
        WrongCase{{"wait", "g", "--timeout", "soon"}, "duration"}, WrongCase{{"cancel"}, "GUID"},
        WrongCase{{"cancel", "g"}, "--reason"},
        WrongCase{{"cancel", "g", "--reason", ""}, "--reason: says nothing"},
        WrongCase{{"device", "lock", "g", "--reason", " "}, "--reason: says nothing"},
        WrongCase{{"retry"}, "GUID"},
        WrongCase{{"task", "ls", "--state", "queued,gone"}, "\"gone\" is not a state"},
        WrongCase{{"task", "ls", "--kind", "jobs"}, "is not a kind"},
        WrongCase{{"task", "ls", "-n", "0"}, "whole number"},
        WrongCase{{"task", "ls", "extra"}, "unexpected argument"},
        WrongCase{{"task", "explain", "a", "b"}, "unexpected argument"}, WrongCase{{"log"}, "GUID"},
        WrongCase{{"log", "g", "--attempt", "0"}, "whole number"},
        WrongCase{{"log", "g", "--offset", "-1"}, "whole number"},
        WrongCase{{"artifact", "ls"}, "GUID"},
        WrongCase{{"sink"}, "a verb is missing: status, replay, dead"},
        WrongCase{{"sink", "dead"}, "a verb is missing: ls, retry, drop"},
        WrongCase{{"sink", "replay"}, "SINK"},
        WrongCase{{"sink", "replay", "couchdb", "--from", "0"}, "--from"},
        WrongCase{{"sink", "replay", "couchdb", "ledger"}, "unexpected argument"},
        WrongCase{{"sink", "dead", "ls"}, "SINK"},
        WrongCase{{"sink", "dead", "retry", "couchdb"}, "say which letters: SEQ..., or --all"},
        WrongCase{{"sink", "dead", "drop", "couchdb"}, "say which letters: SEQ..., or --all"},
        WrongCase{{"sink", "dead", "drop", "couchdb", "3", "--all"}, "say which letters"},
        WrongCase{{"sink", "dead", "drop", "couchdb", "x"}, "is not a number"},
        WrongCase{{"artifact", "get", "g", "--attempt", "21"}, "20"},
        WrongCase{{"artifact", "get", "g", "--dir", ""}, "--dir"},
        WrongCase{{"artifact", "pin", "a", "b"}, "unexpected argument"},
        WrongCase{{"events", "--from", "-1"}, "whole number"},
        WrongCase{{"events", "--from", "18446744073709551616"}, "whole number"},
        WrongCase{{"result", "g", "--format", "xml"}, "junit, json, status-log"},
        WrongCase{{"device"}, "ls, show, lock, unlock, quarantine, release, history"},
        WrongCase{{"repair"}, "say which devices: names, or -l SELECTOR"},
        WrongCase{{"repair", "a", "-l", "k=v"}, "say which devices"},
        WrongCase{{"repair", "--all"}, "unknown option"},
        WrongCase{{"verify", "a", "--reason", "x"}, "unknown option"},
        WrongCase{{"device", "lock", "phone-7"}, "--reason"},
        WrongCase{{"device", "quarantine", "-l", "k=v"}, "--reason"},
        WrongCase{{"device", "unlock"}, "say which devices: names, or -l SELECTOR"},
        WrongCase{{"device", "release", "a", "-l", "k=v"}, "say which devices"},
        WrongCase{{"device", "lok", "a"}, "did you mean lock?"},
        WrongCase{{"device", "history"}, "DEVICE"},
        WrongCase{{"device", "history", "a", "b"}, "unexpected argument"},
        WrongCase{{"device", "history", "a", "--max", "0"}, "whole number"},
        WrongCase{{"task", "trace"}, "GUID"},
        WrongCase{{"strategy", "stats", "a", "b"}, "unexpected argument"},
        WrongCase{{"device", "show"}, "DEVICE"}, WrongCase{{"worker", "drain"}, "WORKER"},
        WrongCase{{"worker", "resume", "a", "--wait", "1s"}, "unknown option"},
        WrongCase{{"broker", "drain", "a"}, "unexpected argument"},
        WrongCase{{"run", "--crash-limit", "21", "--", "x"}, "from 0 to 20"},
        WrongCase{{"run", "--at-once", "0", "--", "x"}, "from 1 to 100000"},
        WrongCase{{"inventory", "apply"}, "FILE"},
        WrongCase{{"inventory", "apply", "a", "b"}, "unexpected argument"},
        WrongCase{{"inventory", "diff", "--dry-run", "a"}, "--dry-run"},
        WrongCase{{"strategy", "tree"}, "FILE"}, WrongCase{{"strategy", "check"}, "FILE"},
        WrongCase{{"strategy", "simulate", "--fail", "a"}, "FILE"},
        WrongCase{{"strategy", "simulate", "f", "--profile", "a"}, "--profile"},
        WrongCase{{"strategy", "run"}, "give --scenario FILE or --jsonl"},
        WrongCase{{"strategy", "run", "--jsonl", "--scenario", "f"}, "--jsonl"},
        WrongCase{{"strategy", "run", "--jsonl", "--compat", "lava"}, "\"lava\" is not"},
        WrongCase{{"up", "--slots", "0"}, "whole number"},
        WrongCase{{"up", "now"}, "unexpected argument"},
        WrongCase{{"doctor", "--wait", "x"}, "duration"},
        WrongCase{{"version", "--verbose"}, "unknown option"}));

// It was that of `muster run`.
TEST(CommandLine, HintIsTheHelpOfTheVerb) {
  const struct {
    Words words;
    std::string hint;
  } rows[] = {{{"strategy", "run"}, "see: muster strategy run --help"},
              {{"run"}, "see: muster run --help"},
              {{"device", "unlock"}, "see: muster device unlock --help"},
              {{"task", "lss"}, "see: muster task --help"}};
  for (const auto& row : rows) {
    const ParsedCommand parsed = parse_command_line(row.words);
    const auto* fault = std::get_if<UsageFault>(&parsed);
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->hint, row.hint);
  }
}

TEST(CommandLine, FormatOfAnErrorIsTheOneAskedFor) {
  const struct {
    Words words;
    Format format;
  } rows[] = {
      {{"-o", "json", "nonsense"}, Format::json},        {{"nonsense", "-ojsonl"}, Format::jsonl},
      {{"nonsense", "--output=quiet"}, Format::quiet},   {{"nonsense", "-o"}, Format::human},
      {{"run", "x", "--", "-o", "json"}, Format::human},
  };
  for (const auto& row : rows) {
    const ParsedCommand parsed = parse_command_line(row.words);
    ASSERT_TRUE(std::holds_alternative<UsageFault>(parsed));
    EXPECT_EQ(std::get<UsageFault>(parsed).format, row.format) << row.words.front();
  }
}

TEST(CommandLine, GlobalOptionsStandAnywhere) {
  for (const Words& words :
       {Words{"--home", "/h", "--endpoint", "ipc:///e", "-o", "jsonl", "--no-color", "task", "ls"},
        Words{"task", "--home=/h", "ls", "--endpoint", "ipc:///e", "--no-color", "-ojsonl"}}) {
    const ParsedCommand parsed = parse_command_line(words);
    ASSERT_TRUE(std::holds_alternative<Invocation>(parsed));
    const GlobalOptions& global = std::get<Invocation>(parsed).global;
    EXPECT_EQ(global.home, "/h");
    EXPECT_EQ(global.endpoint, "ipc:///e");
    EXPECT_EQ(global.format, Format::jsonl);
    EXPECT_TRUE(global.no_color);
  }
}

TEST(CommandLine, EveryVerbHasHelpWithExamples) {
  for (const Words& verb : {Words{"up"},
                            Words{"run"},
                            Words{"verify"},
                            Words{"repair"},
                            Words{"submit"},
                            Words{"wait"},
                            Words{"cancel"},
                            Words{"retry"},
                            Words{"task", "ls"},
                            Words{"task", "show"},
                            Words{"task", "explain"},
                            Words{"task", "trace"},
                            Words{"log"},
                            Words{"artifact", "ls"},
                            Words{"artifact", "get"},
                            Words{"artifact", "pin"},
                            Words{"artifact", "unpin"},
                            Words{"sink", "status"},
                            Words{"sink", "replay"},
                            Words{"sink", "dead", "ls"},
                            Words{"sink", "dead", "retry"},
                            Words{"sink", "dead", "drop"},
                            Words{"events"},
                            Words{"result"},
                            Words{"device", "ls"},
                            Words{"device", "show"},
                            Words{"device", "lock"},
                            Words{"device", "unlock"},
                            Words{"device", "quarantine"},
                            Words{"device", "release"},
                            Words{"device", "history"},
                            Words{"worker", "ls"},
                            Words{"inventory", "check"},
                            Words{"inventory", "diff"},
                            Words{"inventory", "apply"},
                            Words{"strategy", "check"},
                            Words{"strategy", "tree"},
                            Words{"strategy", "stats"},
                            Words{"strategy", "simulate"},
                            Words{"strategy", "run"},
                            Words{"doctor"},
                            Words{"version"},
                            Words{}}) {
    for (const char* flag : {"-h", "--help"}) {
      Words words = verb;
      words.push_back(flag);
      const ParsedCommand parsed = parse_command_line(words);
      ASSERT_TRUE(std::holds_alternative<HelpText>(parsed)) << testing::PrintToString(words);
      const std::string& text = std::get<HelpText>(parsed).text;
      EXPECT_THAT(text, HasSubstr("Examples:\n  muster "));
      EXPECT_THAT(text, HasSubstr(verb.empty() ? "muster VERB" : "muster " + verb.front()));
    }
  }
}

TEST(CommandLine, RunTakesEverythingAfterTheDashesAsTheCommand) {
  const RunOptions run = parsed_verb<RunOptions>(
      {"run", "--name", "foo", "--", "ls", "-la", "-o", "json", "--home", "/x", "--", "-h"});
  EXPECT_THAT(run.command, ElementsAre("ls", "-la", "-o", "json", "--home", "/x", "--", "-h"));
  EXPECT_EQ(run.name, "foo");
  EXPECT_EQ(run.source, "");
}

TEST(CommandLine, RunOptions) {
  const RunOptions run = parsed_verb<RunOptions>({"run",
                                                  "-d",
                                                  "a",
                                                  "-d",
                                                  "relay=b",
                                                  "-l",
                                                  "k=v,!x",
                                                  "--pool",
                                                  "wifi",
                                                  "--priority",
                                                  "0",
                                                  "--timeout",
                                                  "1m30s",
                                                  "--silence",
                                                  "10",
                                                  "--queue-timeout",
                                                  "2h",
                                                  "--grace",
                                                  "0s",
                                                  "--retry",
                                                  "infra=0,test=3",
                                                  "--crash-limit",
                                                  "0",
                                                  "--deadline",
                                                  "8h",
                                                  "--array",
                                                  "1-3",
                                                  "--at-once",
                                                  "2",
                                                  "--guid",
                                                  "0123456789",
                                                  "--name",
                                                  "n",
                                                  "--env",
                                                  "K=",
                                                  "--env",
                                                  "L=a=b",
                                                  "--pass-env",
                                                  "PATH",
                                                  "--cwd",
                                                  "/tmp",
                                                  "--wait-for-capacity",
                                                  "--verify",
                                                  "always",
                                                  "--no-repair",
                                                  "--tags",
                                                  "A,B",
                                                  "--tags",
                                                  "C",
                                                  "--detach",
                                                  "./jobs"});
  EXPECT_EQ(run.source, "./jobs");
  EXPECT_THAT(run.devices, ElementsAre("a", "relay=b"));
  EXPECT_THAT(run.selectors, ElementsAre("k=v,!x"));
  EXPECT_EQ(run.pool, "wifi");
  EXPECT_EQ(run.priority, 0u);
  EXPECT_EQ(run.timeout, Duration(90s));
  EXPECT_EQ(run.silence, Duration(10s));
  EXPECT_EQ(run.queue_timeout, Duration(120min));
  EXPECT_EQ(run.grace, Duration(0));
  EXPECT_EQ(run.retry_infra, 0u);
  EXPECT_EQ(run.retry_test, 3u);
  EXPECT_EQ(run.crash_limit, 0u);
  EXPECT_EQ(run.deadline, Duration(8h));
  EXPECT_EQ(run.at_once, 2u);
  EXPECT_EQ(run.guid, "0123456789");
  EXPECT_EQ(run.name, "n");
  EXPECT_THAT(run.env, ElementsAre(Pair("K", ""), Pair("L", "a=b")));
  EXPECT_THAT(run.env_pass, ElementsAre("PATH"));
  EXPECT_EQ(run.cwd, "/tmp");
  EXPECT_TRUE(run.wait_for_capacity);
  EXPECT_EQ(run.verify, VerifyFirst::always);
  EXPECT_TRUE(run.no_repair);
  EXPECT_THAT(run.tags, ElementsAre("A,B", "C"));
  EXPECT_EQ(run.after, After::detach);
}

TEST(CommandLine, Drains) {
  const DrainOptions workers = parsed_verb<DrainOptions>(
      {"worker", "drain", "a", "b", "--reason", "new disk", "--wait", "1h"});
  EXPECT_THAT(workers.workers, ElementsAre("a", "b"));
  EXPECT_FALSE(workers.resume);
  EXPECT_EQ(workers.reason, "new disk");
  EXPECT_EQ(workers.wait, Duration(1h));
  EXPECT_TRUE(parsed_verb<DrainOptions>({"worker", "resume", "a"}).resume);
  const DrainOptions broker = parsed_verb<DrainOptions>({"broker", "drain", "--wait", "0"});
  EXPECT_THAT(broker.workers, IsEmpty());
  EXPECT_EQ(broker.wait, Duration(0));
  EXPECT_TRUE(parsed_verb<DrainOptions>({"broker", "resume"}).resume);
  EXPECT_TRUE(parsed_verb<TaskListOptions>({"task", "ls", "--buried"}).buried);
}

TEST(CommandLine, JobsOfADirectory) {
  const JobListOptions list =
      parsed_verb<JobListOptions>({"job", "list", "d", "--tags", "A,B", "--tags", "not:C"});
  EXPECT_EQ(list.dir, "d");
  EXPECT_THAT(list.tags, ElementsAre("A,B", "not:C"));
  EXPECT_THAT(parsed_verb<JobCheckOptions>({"job", "check", "a", "b"}).dirs, ElementsAre("a", "b"));
  EXPECT_EQ(parsed_verb<JobListOptions>({"job", "list"}).dir, "");
}

TEST(CommandLine, WhatIsNotSaidStaysUnsaid) {
  const RunOptions run = parsed_verb<RunOptions>({"run", "job.yaml"});
  EXPECT_FALSE(run.pool || run.priority || run.timeout || run.silence || run.queue_timeout ||
               run.grace || run.retry_infra || run.retry_test || run.verify || run.no_repair ||
               run.crash_limit || run.deadline || run.at_once);
  EXPECT_EQ(run.after, After::unsaid);
}

TEST(CommandLine, NamesMayLookLikeVerbsAndFlags) {
  EXPECT_THAT(parsed_verb<VerifyOptions>({"verify", "run", "up"}).devices.names,
              ElementsAre("run", "up"));
  EXPECT_THAT(parsed_verb<VerifyOptions>({"verify", "run", "--", "-x"}).devices.names,
              ElementsAre("run", "-x"));
  EXPECT_THAT(parsed_verb<WaitOptions>({"wait", "--", "-guid-guid-"}).guids,
              ElementsAre("-guid-guid-"));
}

TEST(CommandLine, OtherVerbs) {
  EXPECT_EQ(parsed_verb<UpOptions>({"up", "--slots", "3", "--worker-name", "w"}).slots, 3u);
  EXPECT_EQ(parsed_verb<VerifyOptions>({"verify", "-l", "k in (a,b)"}).devices.selector,
            "k in (a,b)");
  const auto retry = parsed_verb<RetryOptions>({"retry", "a", "b", "--wait"});
  EXPECT_THAT(retry.guids, ElementsAre("a", "b"));
  EXPECT_TRUE(retry.wait);
  EXPECT_EQ(retry.reason, "");
  EXPECT_THAT(parsed_verb<CancelOptions>({"cancel", "a", "b", "--reason", "why not"}).guids,
              ElementsAre("a", "b"));
  const TaskListOptions list = parsed_verb<TaskListOptions>(
      {"task", "ls", "--state", "queued,ended", "--kind", "verify", "-n", "7"});
  EXPECT_THAT(list.states, ElementsAre(TaskState::queued, TaskState::ended));
  EXPECT_EQ(list.kind, TaskKind::verify);
  EXPECT_EQ(list.count_max, 7u);
  const TaskListOptions group =
      parsed_verb<TaskListOptions>({"task", "ls", "--group", "last", "--verdict", "fail,error",
                                    "--name", "wifi-*", "--meta", "a=b", "--meta", "c=d=e"});
  EXPECT_EQ(group.group, "last");
  EXPECT_EQ(group.count_max, std::nullopt);
  EXPECT_THAT(group.verdicts, ElementsAre(Verdict::fail, Verdict::error));
  EXPECT_EQ(group.name, "wifi-*");
  EXPECT_EQ(group.metadata, (std::map<std::string, std::string>{{"a", "b"}, {"c", "d=e"}}));
  EXPECT_EQ(parsed_verb<JobListOptions>({"job", "list", "git://h/x", "--ref", "v1"}).ref, "v1");
  const EventsOptions events =
      parsed_verb<EventsOptions>({"events", "-f", "--from", "5", "--guid", "last", "-n", "2"});
  EXPECT_TRUE(events.follow);
  EXPECT_EQ(events.from, 5u);
  EXPECT_EQ(events.count_max, 2u);
  EXPECT_EQ(parsed_verb<ResultOptions>({"result", "g", "--format", "status-log"}).format,
            ResultFormat::status_log);
  const auto inventory = [](std::vector<std::string> words) {
    words.insert(words.begin(), "inventory");
    return parsed_verb<InventoryOptions>(words);
  };
  EXPECT_EQ(inventory({"check", "f"}).verb, InventoryVerb::check);
  EXPECT_EQ(inventory({"diff", "f"}).verb, InventoryVerb::diff);
  EXPECT_EQ(inventory({"apply", "f"}).verb, InventoryVerb::apply);
  EXPECT_FALSE(inventory({"apply", "f"}).dry_run);
  EXPECT_TRUE(inventory({"apply", "--dry-run", "f"}).dry_run);
  EXPECT_TRUE(parsed_verb<StrategyTreeOptions>({"strategy", "tree", "--short", "f"}).brief);
  const StrategySimulateOptions simulate = parsed_verb<StrategySimulateOptions>(
      {"strategy", "simulate", "f", "--fail", "a,b", "--fail", "c", "--level", "quick", "--profile",
       "k=v", "--profile", "l="});
  EXPECT_EQ(simulate.file, "f");
  EXPECT_THAT(simulate.failing, ElementsAre("a", "b", "c"));
  EXPECT_EQ(simulate.level, "quick");
  EXPECT_EQ(simulate.profile, (std::map<std::string, std::string>{{"k", "v"}, {"l", ""}}));
  const StrategyScenarioOptions scenario =
      parsed_verb<StrategyScenarioOptions>({"strategy", "run", "--jsonl", "--compat", "autotest"});
  EXPECT_TRUE(scenario.lines);
  EXPECT_TRUE(scenario.compat);
  EXPECT_EQ(parsed_verb<StrategyScenarioOptions>({"strategy", "run", "--scenario", "f"}).file, "f");
  EXPECT_EQ(parsed_verb<DoctorOptions>({"doctor", "--wait", "5s"}).wait, Duration(5s));
  parsed_verb<VersionOptions>({"--version"});
}

TEST(CommandLine, VerbsOfTheArchive) {
  const auto log = parsed_verb<LogOptions>({"log", "g", "-f", "--offset", "4096"});
  EXPECT_TRUE(log.follow);
  EXPECT_EQ(log.offset, 4096u);
  const auto list = parsed_verb<ArtifactListOptions>({"artifact", "ls", "g", "*.xml"});
  EXPECT_EQ(list.guid, "g");
  EXPECT_EQ(list.pattern, "*.xml");
  EXPECT_EQ(list.attempt, 0u);
  const auto get =
      parsed_verb<ArtifactGetOptions>({"artifact", "get", "g", "--attempt", "2", "--dir", "out"});
  EXPECT_EQ(get.pattern, "");
  EXPECT_EQ(get.attempt, 2u);
  EXPECT_EQ(get.dir, "out");
  EXPECT_EQ(parsed_verb<ArtifactGetOptions>({"artifact", "get", "g"}).dir, ".");
  EXPECT_TRUE(parsed_verb<ArtifactPinOptions>({"artifact", "pin", "g"}).pinned);
  EXPECT_FALSE(parsed_verb<ArtifactPinOptions>({"artifact", "unpin", "g"}).pinned);
}

TEST(CommandLine, VerbsOfDevices) {
  const VerifyOptions verify =
      parsed_verb<VerifyOptions>({"verify", "--all", "--level", "quick", "--queue-timeout", "90"});
  EXPECT_EQ(verify.queue_timeout, Duration(90s));
  EXPECT_FALSE(verify.repair);
  EXPECT_TRUE(verify.all);
  EXPECT_EQ(verify.level, "quick");
  const VerifyOptions repair =
      parsed_verb<VerifyOptions>({"repair", "a", "b", "--reason", "dark", "--timeout", "5m"});
  EXPECT_TRUE(repair.repair);
  EXPECT_THAT(repair.devices.names, ElementsAre("a", "b"));
  EXPECT_EQ(repair.reason, "dark");
  EXPECT_EQ(repair.timeout, Duration(5min));
  const struct {
    const char* verb;
    DeviceChange change;
  } rows[] = {{"lock", DeviceChange::lock},
              {"unlock", DeviceChange::unlock},
              {"quarantine", DeviceChange::quarantine},
              {"release", DeviceChange::release}};
  for (const auto& row : rows) {
    const DeviceChangeOptions named =
        parsed_verb<DeviceChangeOptions>({"device", row.verb, "a", "b", "--reason", "why not"});
    EXPECT_EQ(named.change, row.change);
    EXPECT_THAT(named.devices.names, ElementsAre("a", "b"));
    EXPECT_EQ(named.reason, "why not");
    const DeviceChangeOptions selected =
        parsed_verb<DeviceChangeOptions>({"device", row.verb, "-l", "k=v", "--reason", "x"});
    EXPECT_EQ(selected.devices.selector, "k=v");
  }
  EXPECT_EQ(parsed_verb<DeviceChangeOptions>({"device", "unlock", "a"}).reason, "");
  EXPECT_EQ(parsed_verb<DeviceHistoryOptions>({"device", "history", "a", "--max", "7"}).count_max,
            7u);
  EXPECT_EQ(parsed_verb<TaskTraceOptions>({"task", "trace", "last"}).guid, "last");
  EXPECT_EQ(parsed_verb<StrategyStatsOptions>({"strategy", "stats"}).strategy, "");
  EXPECT_EQ(parsed_verb<StrategyStatsOptions>({"strategy", "stats", "phone"}).strategy, "phone");
}

TEST(ParseSink, WhatIsAskedOfASink) {
  EXPECT_THAT(parsed_verb<SinkStatusOptions>({"sink", "status", "couchdb"}).names,
              ElementsAre("couchdb"));
  const auto replay = parsed_verb<SinkReplayOptions>({"sink", "replay", "couchdb", "--from", "7"});
  EXPECT_EQ(replay.name, "couchdb");
  EXPECT_EQ(replay.from, 7u);
  EXPECT_EQ(parsed_verb<SinkReplayOptions>({"sink", "replay", "ledger"}).from, 1u);
  EXPECT_EQ(parsed_verb<SinkDeadListOptions>({"sink", "dead", "ls", "couchdb"}).name, "couchdb");
  const auto retry =
      parsed_verb<SinkDeadChangeOptions>({"sink", "dead", "retry", "couchdb", "3", "17"});
  EXPECT_THAT(retry.seqs, ElementsAre(3, 17));
  EXPECT_FALSE(retry.drop);
  const auto drop =
      parsed_verb<SinkDeadChangeOptions>({"sink", "dead", "drop", "couchdb", "--all"});
  EXPECT_TRUE(drop.drop);
  EXPECT_TRUE(drop.all);
}

}  // namespace
}  // namespace muster
