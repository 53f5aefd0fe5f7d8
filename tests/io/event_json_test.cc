#include "io/event_json.h"

#include <gtest/gtest.h>

#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"

namespace muster {
namespace {

const Instant kTime = from_us(1'790'000'000'123'456);

std::string json(EventBody body) { return event_to_json(7, {kTime, std::move(body)}); }

std::string with_head(const std::string& type, const std::string& rest) {
  return R"({"seq":7,"time":"2026-09-21T14:13:20.123456Z","type":")" + type + "\"" + rest + "}";
}

Ending ending() {
  Ending ending;
  ending.outcome = Outcome::fail;
  ending.cause = Cause::test;
  ending.status = StatusCode::failures;
  ending.exit_code = 5;
  ending.message = "1 of 2 failed";
  ending.finished = kTime;
  return ending;
}
constexpr const char* kEnding =
    R"({"outcome":"fail","cause":"test","status":5,"status_name":"FAILURES","exit_code":5,)"
    R"("message":"1 of 2 failed","finished":"2026-09-21T14:13:20.123456Z"})";

// The stable form, type by type: a change here breaks those who read it.
TEST(EventJson, EveryType) {
  const AttemptToken token{"0194-task-one", 2};
  const std::string guid = R"(,"guid":"0194-task-one")";
  const Origin origin{"bench", (3ull << 32) + 9};
  const std::string from = R"(,"attempt":2,"worker":"bench","report":"12884901897")";
  const std::string at = R"(,"reported_at":"2026-09-21T14:13:20.123456Z")";
  auto inventory = std::make_shared<Inventory>();
  inventory->lab = "lund";
  inventory->workers = {{"bench", {"nightly"}}};
  inventory->devices = {{"dut", {{"type", "phone"}}, "bench", {}, "android", "", "shelf"}};
  inventory->strategies = {{"android", "xyz"}};
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = token.guid;
  struct Row {
    EventBody body;
    std::string json;
  };
  const Row rows[] = {
      {BrokerStarted{4, "0.1"}, with_head("broker_started", R"(,"epoch":4,"version":"0.1")")},
      {BrokerStarted{1ull << 53, ""}, with_head("broker_started", R"(,"epoch":9007199254740992)")},
      {BrokerStarted{(1ull << 53) + 1, ""},
       with_head("broker_started", R"(,"epoch":"9007199254740993")")},
      {InventoryApplied{inventory, "ann"},
       with_head("inventory_applied",
                 R"(,"who":"ann","lab":"lund","workers":[{"name":"bench","pools":["nightly"]}],)"
                 R"("devices":[{"name":"dut","profile":{"type":"phone"},"worker":"bench",)"
                 R"("strategy":"android","where":"shelf"}],"strategies":["android"])")},
      {InventoryApplied{nullptr, "ann"}, with_head("inventory_applied", R"(,"who":"ann")")},
      {WorkerJoined{"bench", 3, "lund", {"a", "b"}, 8, "0.1"},
       with_head("worker_joined", R"(,"worker":"bench","incarnation":3,"lab":"lund",)"
                                  R"("pools":["a","b"],"slots":8,"version":"0.1")")},
      {WorkerLost{"bench", 3, "silent"},
       with_head("worker_lost", R"(,"worker":"bench","incarnation":3,"reason":"silent")")},
      {TaskSubmitted{spec},
       with_head(
           "task_submitted",
           guid +
               R"(,"spec":{"guid":"0194-task-one","kind":"job","priority":50,)"
               R"("timeouts":{"queue_s":0.0,"run_s":0.0,"silence_s":0.0,"grace_s":10.0,"finally_s":300.0},)"
               R"("retry":{"infra":2,"test":0}})")},
      {AttemptReported{
           {}, token, kNever, Record{"INFO", "sub", "", {{"b", "1"}, {"a", "2"}, {"b", "3"}}, ""}},
       with_head("record", guid + R"(,"attempt":2,"status":"INFO","subdir":"sub",)"
                                  R"("fields":{"a":"2","b":"3"})")},
      {TaskSubmitted{nullptr}, with_head("task_submitted", "")},
      {AttemptLeased{token, "bench", 3, {"dut"}},
       with_head("attempt_leased",
                 guid + R"(,"attempt":2,"worker":"bench","incarnation":3,"devices":["dut"])")},
      {AttemptReported{origin, token, kTime, AttemptStarted{"file:///l", {"sh", "-c"}}},
       with_head("attempt_started",
                 guid + from + at + R"(,"log_url":"file:///l","argv":["sh","-c"])")},
      {AttemptReported{origin, token, kTime, Record{"FAIL", "", "verify.usb", {{"a", "1"}}, "no"}},
       with_head("record", guid + from + at +
                               R"(,"status":"FAIL","operation":"verify.usb",)"
                               R"("fields":{"a":"1"},"message":"no")")},
      {AttemptReported{origin, token, kTime, CaseResult{"s", "n", Outcome::skip, 1500ms, ""}},
       with_head("result", guid + from + at +
                               R"(,"suite":"s","name":"n","outcome":"skip","duration_s":1.5)")},
      {AttemptReported{origin, token, kTime, SourceFetched{"file:///r", "main", "3f"}},
       with_head("source_fetched",
                 guid + from + at + R"(,"url":"file:///r","ref":"main","sha":"3f")")},
      {AttemptReported{origin, token, kTime, Shout{R"({"a": 1})"}},
       with_head("shout", guid + from + at + R"(,"json":"{\"a\": 1}")")},
      {AttemptReported{
           origin, token, kTime,
           Measurement{"t",
                       {{"i", int64_t{-1}}, {"r", 2.0}, {"b", true}, {"s", std::string("x")}}}},
       with_head("measurement",
                 guid + from + at + R"(,"table":"t","row":{"i":-1,"r":2.0,"b":true,"s":"x"})")},
      {AttemptReported{origin, token, kTime, Artifact{"a/b", "file:///b", 9, "00"}},
       with_head("artifact",
                 guid + from + at + R"(,"name":"a/b","url":"file:///b","bytes":9,"sha256":"00")")},
      {AttemptReported{origin, token, kTime, CallMade{"shout", "{}", "job"}},
       with_head("call_made",
                 guid + from + at + R"(,"method":"shout","arguments":"{}","peer":"job")")},
      {DaemonLogged{"broker", {7, kTime, LogLevel::warning, "low", 2}},
       with_head("daemon_logged", R"(,"daemon":"broker","logged_at":")" + format_rfc3339(kTime) +
                                      R"(","level":"warning","text":"low","left_out":2)")},
      {AccessRefused{"", "desk", "10.0.0.7", "connect", "why", 2},
       with_head("access_refused", R"(,"name":"desk","address":"10.0.0.7","what":"connect",)"
                                   R"("reason":"why","count":2)")},
      {AttemptReported{origin, token, kTime, CallFailed{"device ls", "[]", "broker", "gone"}},
       with_head("call_failed", guid + from + at +
                                    R"(,"method":"device ls","arguments":"[]",)"
                                    R"("peer":"broker","error":"gone")")},
      {AttemptEnded{origin, token, ending(), Verdict::fail, kNever},
       with_head("attempt_ended",
                 guid + from + R"(,"ending":)" + kEnding + R"(,"verdict":"fail")")},
      {AttemptEnded{{}, token, ending(), Verdict::none, kTime},
       with_head("attempt_ended", guid + R"(,"attempt":2,"ending":)" + kEnding +
                                      R"(,"retry_at":"2026-09-21T14:13:20.123456Z")")},
      {ReportRefused{origin, token, "stale"},
       with_head("report_refused", guid + from + R"(,"reason":"stale")")},
      {CancelRequested{token.guid, "why", "ann"},
       with_head("cancel_requested", guid + R"(,"reason":"why","who":"ann")")},
      {TaskEnded{token.guid, ending(), Verdict::error},
       with_head("task_ended", guid + R"(,"ending":)" + kEnding + R"(,"verdict":"error")")},
      {TaskRetried{token.guid, "why", "ann", "request"},
       with_head("task_retried", guid + R"(,"reason":"why","who":"ann")")},
  };
  for (const Row& row : rows) EXPECT_EQ(json(row.body), row.json);
}

TEST(EventJson, EachEventTellsTheMetadataOfItsTask) {
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = "0194-task-one";
  spec->metadata = {{"build", "42"}, {"url", "https://ci/\xff"}};
  Event event{kTime, CancelRequested{"0194-task-one", "why", "ann"}};
  const std::string bare = event_to_json(7, event);
  event.metadata = MetadataPtr(spec, &spec->metadata);
  const std::string told = event_to_json(7, event);
  const std::string metadata = R"(,"metadata":{"build":"42","url":"https://ci/�"}})";
  EXPECT_EQ(told.substr(bare.size() - 1), metadata);
  EXPECT_EQ(event_from_json(told)->metadata->at("build"), "42");
  const std::string submitted = event_to_json(7, {kTime, TaskSubmitted{spec}});
  EXPECT_TRUE(submitted.ends_with(metadata)) << submitted;
}

// What concerns a task is read back as it was.
TEST(EventJson, EventsOfTasksComeBack) {
  const AttemptToken token{"0194-task-one", 2};
  const Origin origin{"bench", (3ull << 32) + 9};
  const Origin far{"bench", (1ull << 53) + 1};
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = token.guid;
  spec->kind = TaskKind::repair;
  spec->name = "repair dut for smoke";
  spec->parent = "0194-parent";
  spec->devices = {{"dut", "phone-7", "", ""}, {"relay", "", "type=relay", "dut"}};
  spec->timeouts.run = 90s;
  spec->before = {VerifyFirst::always, "quick", true, 20s};
  Ending blamed = ending();
  blamed.outcome = Outcome::error;
  blamed.cause = Cause::peripheral;
  blamed.signal = 9;
  blamed.blame = "hub-1";
  blamed.started = kTime;
  const auto inventory = std::make_shared<Inventory>();
  inventory->lab = "lab";
  inventory->devices.push_back(
      {"dut", {{"type", "handset"}}, "bench", {"p"}, "phone", "ann", "r1"});
  inventory->strategies = {{"phone", ""}};
  const EventBody rows[] = {
      BrokerStarted{3, "0.1.0"},
      InventoryApplied{inventory, "ann"},
      WorkerJoined{"bench", 7, "lab", {"p"}, 4, "0.1.0"},
      WorkerLost{"bench", 7, "silent"},
      DrainChanged{"bench", true, "new disk", "ann"},
      DrainChanged{"", false, "", "ann"},
      CancelRequested{"0194-task-one", "too late", "broker", Cause::timeout},
      DeviceListed{"bench", {"adb", "phone-9", {{"serial", "x"}}}},
      DeviceUnlisted{"bench", "phone-9"},
      TaskSubmitted{spec},
      AttemptLeased{token, "bench", 3, {"dut", "relay"}},
      AttemptReported{origin, token, kTime, AttemptStarted{"file:///l", {"sh", "-c"}}},
      AttemptReported{far, token, kTime, Record{"FAIL", "s", "verify.usb", {{"a", "1"}}, "no\n2"}},
      AttemptReported{origin, token, kTime, CaseResult{"s", "n", Outcome::skip, 1500ms, "m"}},
      AttemptReported{origin, token, kTime, Progress{40, "step 2"}},
      AttemptReported{origin, token, kTime, SourceFetched{"file:///r", "main", "3f"}},
      AttemptReported{origin, token, kTime, Shout{R"({"a": 1})"}},
      AttemptReported{
          origin, token, kTime,
          Measurement{
              "t", {{"b", true}, {"i", int64_t{-1} << 60}, {"r", 0.1}, {"s", std::string("1")}}}},
      AttemptReported{origin, token, kTime, Artifact{"a/b", "file:///b", 9, "00"}},
      AttemptReported{origin, token, kTime, CallFailed{"device ls", "[]", "broker", "gone"}},
      AttemptReported{origin, token, kTime, CallMade{"device ls", "[]", "broker"}},
      AttemptEnded{origin, token, ending(), Verdict::fail, kNever},
      AttemptEnded{{}, token, blamed, Verdict::none, kTime},
      ReportRefused{origin, token, "stale"},
      CancelRequested{token.guid, "why", "ann"},
      TaskEnded{token.guid, ending(), Verdict::error},
      TaskRetried{token.guid, "why", "ann", ""},
      DeviceJudged{"dut", DeviceHealth::quarantined, "why", "broker", token.guid, kTime, 3},
  };
  for (const EventBody& body : rows) {
    const Event event{kTime, body};
    const std::optional<Event> back = event_from_json(event_to_json(7, event));
    ASSERT_TRUE(back.has_value()) << event_to_json(7, event);
    EXPECT_EQ(*back, event) << event_to_json(7, event);
  }
}

TEST(EventJson, WhatIsNoEventIsNone) {
  for (const char* text : {"", "[]", "7", "{", "{}", R"({"type":7})",
                           R"({"type":"splendid","guid":"0194-task-one"})"}) {
    EXPECT_FALSE(event_from_json(text).has_value()) << text;
  }
}

// A ledger's row may be damaged, or be a later version's.
TEST(EventJson, OddMembersKeepTheirDefaults) {
  const std::optional<Event> ended = event_from_json(
      R"({"type":"attempt_ended","time":7,"guid":[],"attempt":-1,"report":"x","ending":[],)"
      R"("verdict":"splendid"})");
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->time, kNever);
  EXPECT_EQ(std::get<AttemptEnded>(ended->body), AttemptEnded{});
  const std::optional<Event> odd =
      event_from_json(R"({"type":"result","duration_s":1e300,"outcome":{},"attempt":1e9})");
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(std::get<CaseResult>(std::get<AttemptReported>(odd->body).body).duration, Duration{0});
  EXPECT_TRUE(event_from_json(R"({"type":"task_submitted"})").has_value());
  EXPECT_TRUE(event_from_json(
                  R"({"type":"task_ended","ending":{"status":99,"exit_code":1e99,"signal":"9"}})")
                  .has_value());
}

TEST(EventJson, IsOneLineOfUtf8) {
  const std::string text =
      json(CancelRequested{"0194-task-one", "line\nbreak \"quote\" \\ \x01", "b\xff\xc3"});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_NE(text.find(R"(line\nbreak \"quote\" \\ \u0001)"), std::string::npos) << text;
  EXPECT_NE(text.find("b\xef\xbf\xbd\xef\xbf\xbd"), std::string::npos) << text;
}

TEST(SpecJson, ShowsTheWork) {
  struct Row {
    Work work;
    std::string json;
  };
  JobWork command;
  command.source = CommandSource{{"make", "check"}};
  command.cwd = "/src";
  command.env = {{"A", "1"}};
  command.env_pass = {"HOME"};
  JobWork tree;
  tree.source = TreeSource{"/jobs", "a/b", {"fast"}};
  const Row rows[] = {
      {NoopWork{"abc"}, R"("work":{"noop":{"bytes":3}})"},
      {VerifyWork{}, R"("work":{"verify":{}})"},
      {VerifyWork{"quick"}, R"("work":{"verify":{"level":"quick"}})"},
      {command, R"("work":{"job":{"argv":["make","check"],"cwd":"/src","env":{"A":"1"},)"
                R"("env_pass":["HOME"]}})"},
      {tree, R"("work":{"job":{"dir":"/jobs","path":"a/b","tags":["fast"]}})"},
  };
  for (const Row& row : rows) {
    TaskSpec spec;
    spec.work = encode_work(row.work);
    const std::string text = task_spec_to_json(spec);
    EXPECT_NE(text.find(row.json), std::string::npos) << text;
  }
  TaskSpec spec;
  spec.work = "not an encoded work";
  EXPECT_EQ(task_spec_to_json(spec).find("work"), std::string::npos);
}

TEST(SpecJson, ReadsBackAllButTheWork) {
  TaskSpec spec;
  spec.guid = "https://x/1?a=\"b\"";
  spec.kind = TaskKind::repair;
  spec.name = "näme";
  spec.parent = "0194-parent";
  spec.submitter = "ann@desk";
  spec.pool = "nightly";
  spec.devices = {{"dut", "", "type=handset,pretty!=yuga"}, {"", "relay-1", ""}};
  spec.priority = 99;
  spec.timeouts = {1us, 24h * 30, 1500ms, Duration(0)};
  spec.retry = {0, 7, 9};
  spec.timeouts.deadline = 8h;
  spec.at_once = 4;
  spec.wait_for_capacity = true;
  EXPECT_EQ(task_spec_from_json(task_spec_to_json(spec)), spec);
  EXPECT_EQ(task_spec_from_json(task_spec_to_json(TaskSpec{})), TaskSpec{});
}

TEST(SpecJson, NonsenseGivesDefaults) {
  for (const char* text :
       {"", "{", "[]", "7", "null", "\"x\"", "{\"guid\":[]}", "{\"devices\":{}}",
        "{\"devices\":[1,[],{\"role\":1}]}x", "{\"priority\":\"high\"}", "{\"priority\":-1}",
        "{\"priority\":1.5}", "{\"timeouts\":[]}", "{\"timeouts\":{\"run_s\":-1}}",
        "{\"timeouts\":{\"run_s\":1e300}}", "{\"retry\":{\"infra\":null}}"}) {
    EXPECT_EQ(task_spec_from_json(text), TaskSpec{}) << text;
  }
}

TEST(NamesJson, Table) {
  struct Row {
    std::string json;
    std::vector<std::string> names;
  };
  const Row rows[] = {
      {R"([])", {}},   {R"(["a"])", {"a"}}, {R"(["a","b \" c"])", {"a", "b \" c"}},
      {"", {}},        {"{}", {}},          {R"(["a",1])", {}},
      {R"(["a")", {}}, {"null", {}},        {std::string(10'000, '['), {}},
  };
  for (const Row& row : rows) EXPECT_EQ(names_from_json(row.json), row.names) << row.json;
  EXPECT_EQ(names_to_json({}), "[]");
  EXPECT_EQ(names_to_json({"a", "b\""}), R"(["a","b\""])");
}

}  // namespace
}  // namespace muster
