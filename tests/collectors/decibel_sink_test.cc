// The decibel sink against a receiver, with what goes wrong between the two.
#include "collectors/decibel_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/clock.h"
#include "tests/collectors/decibel_server.h"
#include "tests/collectors/runner_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPlace = "/here";

HttpAnswer refuse(int status, const std::string& type = "application/json") {
  HttpAnswer answer = http_refusal(status, "as the test says");
  answer.type = type;
  return answer;
}

class DecibelSinkTest : public ::testing::Test {
 protected:
  DecibelSinkTest() { kit_.clock.step = 1s; }

  DecibelOptions options() {
    DecibelOptions options;
    options.url = server_.url(kPlace);
    options.token = DecibelServer::kToken;
    options.kinds = {TaskKind::job, TaskKind::verify, TaskKind::repair};
    options.defaults.team = "radio";
    options.spool_file = scratch_ / "state/decibel.db";
    options.login_pause = Duration(0);
    return options;
  }

  // Delivers the events under a SinkRunner until the answers of the source are used up.
  Journey run_events(Sink& sink, const std::vector<SequencedEvent>& script, size_t answers = 1) {
    std::vector<Event> events;
    for (const SequencedEvent& at : script) events.push_back(at.event);
    const auto answer = blocks(script.size(), {encode_block(1, events)}, kLog);
    return run(sink, std::deque<ScriptedSource::Answer>(answers, answer), kit_);
  }

  json runs() { return server_.search(kPlace, {{"projection", "run"}, {"superseded", "1"}}); }
  json cases(const std::string& guid) {
    return server_.search(kPlace,
                          {{"projection", "run.key,suite.iteration,suite.name,suite.hw,case"},
                           {"run.guid", guid},
                           {"superseded", "1"}});
  }

  DecibelServer server_;
  Scratch scratch_;
  RunnerKit kit_;
  const Stop no_stop_;
};

TEST_F(DecibelSinkTest, SendsADocumentOfEachTaskThatHasEnded) {
  DecibelSink sink(options(), no_stop_);
  const std::vector<SequencedEvent> script = make_script();
  const Journey done = run_events(sink, script);
  EXPECT_THAT(done.problems, ElementsAre());
  std::map<std::string, std::vector<std::string>> results;
  for (const json& row : runs()) {
    results[row["run"]["guid"]].push_back(row["run"]["result"]);
  }
  EXPECT_EQ(results, (std::map<std::string, std::vector<std::string>>{
                         {kPassing, {"passed"}},
                         {kRetried, {"failure"}},
                         {kCancelled, {"error"}},
                         {kSilent, {"passed"}},
                         {kNonsense, {"failure", "error"}},  // newest first
                     }));
  EXPECT_EQ(sink.open()->cursor, script.size());
}

TEST_F(DecibelSinkTest, ADocumentSaysAllOfItsTask) {
  auto spec = std::make_shared<TaskSpec>(script_spec(kRetried));
  spec->metadata = {{"sw", "fw 1.2"}, {"hw", "rack 3"}, {"comment", "nightly"}};
  std::vector<EventBody> bodies = {
      TaskSubmitted{spec},
      leased(kRetried, 1, {"dut-1", "relay-1"}),
      reported(kRetried, 1, AttemptStarted{"http://ann:pw@box/log", {"true"}}),
      case_result(kRetried, 1, "boots", Outcome::fail),
      attempt_ended(kRetried, 1, Outcome::error, Cause::device, Verdict::none, "it went away"),
      leased(kRetried, 2, {"dut-2"}),
      reported(kRetried, 2, SourceFetched{"https://u:p@git/tree", "main", std::string(40, 'a')}),
      case_result(kRetried, 2, "boots", Outcome::pass),
      case_result(kRetried, 2, "rings", Outcome::fail),
      case_result(kRetried, 2, "flies", Outcome::skip),
      case_result(kRetried, 2, "hangs", Outcome::error),
      attempt_ended(kRetried, 2, Outcome::fail, Cause::test, Verdict::fail, "1 of 4 failed"),
  };
  DecibelSink sink(options(), no_stop_);
  ASSERT_THAT(run_events(sink, number_events(bodies)).problems, ElementsAre());
  const json run = runs().at(0)["run"];
  const json expected = {{"key", decibel_key(kLog, 12)},
                         {"guid", kRetried},
                         {"sw", "fw 1.2"},
                         {"team", "radio"},
                         {"framework", "muster"},
                         {"name", "smoke"},
                         {"start", format_rfc3339(script_time(2))},
                         {"end", format_rfc3339(script_time(12))},
                         {"iterations", 2},
                         {"user", "ann@desk"},
                         {"info", "1 of 4 failed"},
                         {"comment", "nightly"},
                         {"git_url", "https://git/tree"},
                         {"git_sha1", std::string(40, 'a')},
                         {"result", "failure"},
                         {"received", run["received"]}};
  EXPECT_EQ(run, expected);
  std::vector<std::string> found;
  for (const json& row : cases(kRetried)) {
    EXPECT_EQ(row["suite"]["hw"], "rack 3");
    found.push_back(std::to_string(row["suite"]["iteration"].get<int>()) + " " +
                    row["suite"]["name"].get<std::string>() + " " +
                    row["case"]["name"].get<std::string>() + " " +
                    row["case"]["result"].get<std::string>());
  }
  EXPECT_THAT(found, ElementsAre("2 suite hangs error", "2 suite rings failure",
                                 "2 suite boots passed", "2 muster.attempt attempt failure",
                                 // What the device did is nobody's failed test.
                                 "1 suite boots failure", "1 muster.attempt attempt error"));
  const json suites = server_.search(kPlace, {{"projection", "suite"}, {"suite.iteration", "2"}});
  EXPECT_EQ(suites.at(0)["suite"]["skipped"], 1);
  EXPECT_EQ(suites.at(0)["suite"]["result"], "failure");
  const json first = server_.search(kPlace, {{"projection", "suite"}, {"suite.iteration", "1"}});
  EXPECT_EQ(first.at(0)["suite"]["log_link"], "http://box/log");
}

TEST_F(DecibelSinkTest, TasksOfOtherKindsAreNoneOfIts) {
  DecibelOptions mine = options();
  mine.kinds = {TaskKind::job};
  DecibelSink sink(mine, no_stop_);
  ASSERT_THAT(run_events(sink, make_script()).problems, ElementsAre());
  for (const json& row : runs()) EXPECT_NE(row["run"]["guid"], kPassing);
  EXPECT_EQ(runs().size(), 5u);
}

TEST_F(DecibelSinkTest, ARetryMakesADocumentThatSupersedesTheOneBefore) {
  DecibelSink sink(options(), no_stop_);
  ASSERT_THAT(run_events(sink, make_script()).problems, ElementsAre());
  const json newest = server_.search(kPlace, {{"run.guid", kNonsense}});
  ASSERT_EQ(newest.size(), 1u);
  EXPECT_EQ(newest[0]["run"]["iterations"], 2);
  const json all = server_.search(kPlace, {{"run.guid", kNonsense}, {"superseded", "1"}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["run"]["supersedes"], all[1]["run"]["key"]);
  EXPECT_EQ(all[1]["run"]["iterations"], 1);
}

TEST_F(DecibelSinkTest, ASkippedTaskHasNoDocument) {
  DecibelSink sink(options(), no_stop_);
  std::vector<EventBody> bodies = {
      submitted(kRetried), leased(kRetried, 1),
      attempt_ended(kRetried, 1, Outcome::skip, Cause::none, Verdict::skip)};
  ASSERT_THAT(run_events(sink, number_events(bodies)).problems, ElementsAre());
  EXPECT_TRUE(runs().empty());
  EXPECT_EQ(sink.open()->cursor, 3u);
}

TEST_F(DecibelSinkTest, EveryFailureThatPassesLosesAndDoublesNothing) {
  using Fault = std::pair<int, bool>;  // the answer, and whether the document was taken before
  int number = 0;
  for (const auto& [status, after] :
       {Fault(503, false), Fault(500, true), Fault(429, false), Fault(401, false), Fault(403, true),
        Fault(404, false), Fault(502, true), Fault(400, false)}) {
    SCOPED_TRACE(status);
    // A refusal that is a page is some proxy's.
    const std::string type = status == 400 ? "text/html" : "application/json";
    const auto left = std::make_shared<std::atomic<int>>(4);
    const DecibelServer::Fault fault = [=, code = status](const HttpCall&) {
      return left->fetch_sub(1) > 0 ? std::optional(refuse(code, type)) : std::nullopt;
    };
    after ? server_.set_fault_after(fault) : server_.set_fault(fault);
    DecibelOptions mine = options();
    const std::string place = "/place" + std::to_string(++number);
    mine.url = server_.url(place);
    mine.spool_file = scratch_ / ("state" + std::to_string(number) + "/decibel.db");
    DecibelSink sink(mine, no_stop_);
    RunnerKit kit;
    kit.clock.step = 1s;
    const std::vector<SequencedEvent> script = make_script();
    std::vector<Event> events;
    for (const SequencedEvent& at : script) events.push_back(at.event);
    const auto answer = blocks(script.size(), {encode_block(1, events)}, kLog);
    const Journey done = run(sink, std::deque<ScriptedSource::Answer>(8, answer), kit);
    EXPECT_TRUE(done.letters.empty());
    EXPECT_FALSE(done.problems.empty());
    EXPECT_LE(left->load(), 0);
    EXPECT_EQ(sink.open()->cursor, script.size());
    EXPECT_EQ(server_.search(place, {{"superseded", "1"}}).size(), 6u);
    server_.set_fault({});
    server_.set_fault_after({});
  }
}

// When one of several documents fails, the others are not sent again.
TEST_F(DecibelSinkTest, WhatWasTakenIsNotSentAgain) {
  const auto left = std::make_shared<std::atomic<int>>(1);
  server_.set_fault([=](const HttpCall&) {
    return left->fetch_sub(1) > 0 ? std::optional(refuse(503)) : std::nullopt;
  });
  DecibelSink sink(options(), no_stop_);
  run_events(sink, make_script(), 2);
  EXPECT_EQ(runs().size(), 6u);
  EXPECT_EQ(server_.posts(), 7u);
}

TEST_F(DecibelSinkTest, ARefusedDocumentIsBuriedAndCanBeTriedAgain) {
  const std::vector<SequencedEvent> script = make_script();
  server_.set_fault([](const HttpCall& call) {
    const std::string key = call.header("idempotency-key");
    return key == decibel_key(kLog, 29) ? std::optional(refuse(422)) : std::nullopt;
  });
  DecibelSink sink(options(), no_stop_);
  const Journey done = run_events(sink, script);
  ASSERT_EQ(done.letters.size(), 1u);
  EXPECT_EQ(done.letters.begin()->first, 29u);
  EXPECT_THAT(done.letters.begin()->second, HasSubstr("422 as the test says"));
  EXPECT_EQ(runs().size(), 5u);
  EXPECT_EQ(sink.open()->cursor, script.size());

  const Delivery still = sink.deliver_again({&script[28], 1}, kLog);
  EXPECT_EQ(still.fault, DeliveryFault::refused) << still.reason;
  server_.set_fault({});
  EXPECT_TRUE(sink.deliver_again({&script[28], 1}, kLog).ok());
  EXPECT_EQ(runs().size(), 6u);
  EXPECT_EQ(cases(kRetried).size(), 3u);  // two attempts, and a case
  // Once it is there nothing of it waits any more.
  EXPECT_EQ(sink.deliver_again({&script[28], 1}, kLog).fault, DeliveryFault::refused);
  EXPECT_EQ(sink.open()->cursor, script.size());
}

// A document that was refused, then the task was retried: its results go with the next document,
// and the letter of the first end does not end the task a second time.
TEST_F(DecibelSinkTest, ALetterOfATaskThatGoesOnDoesNotEndIt) {
  std::vector<EventBody> bodies = {
      submitted(kRetried),
      leased(kRetried, 1),
      case_result(kRetried, 1, "first", Outcome::fail),
      attempt_ended(kRetried, 1, Outcome::fail, Cause::test, Verdict::fail),
      TaskRetried{kRetried, "once more", "ann@desk", "request-1"},
      leased(kRetried, 2),
      case_result(kRetried, 2, "second", Outcome::pass),
      attempt_ended(kRetried, 2, Outcome::pass, Cause::none, Verdict::pass),
  };
  const std::vector<SequencedEvent> script = number_events(bodies);
  server_.set_fault([](const HttpCall& call) {
    const std::string key = call.header("idempotency-key");
    return key == decibel_key(kLog, 4) ? std::optional(refuse(422)) : std::nullopt;
  });
  DecibelSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const std::span<const SequencedEvent> all(script);
  ASSERT_EQ(sink.deliver(all.first(4), {kLog, 4}).fault, DeliveryFault::refused);
  ASSERT_TRUE(sink.deliver(all.first(3), {kLog, 4}).ok());  // as its runner does
  ASSERT_TRUE(sink.deliver(all.subspan(4, 3), {kLog, 7}).ok());
  server_.set_fault({});
  const Delivery early = sink.deliver_again({&script[3], 1}, kLog);
  EXPECT_EQ(early.fault, DeliveryFault::refused);
  EXPECT_THAT(early.reason, HasSubstr("with another document of its task"));
  ASSERT_TRUE(sink.deliver(all.last(1), {kLog, 8}).ok());
  ASSERT_EQ(runs().size(), 1u);
  EXPECT_EQ(cases(kRetried).size(), 4u);
}

// What the refused event said of its attempt was lost with it: "how it ended is not known".
TEST_F(DecibelSinkTest, TheDocumentAfterADeadLetterSaysHowEachAttemptEnded) {
  std::vector<EventBody> bodies = {
      submitted(kRetried),
      leased(kRetried, 1, {"dut-1"}),
      case_result(kRetried, 1, "first", Outcome::fail),
      attempt_ended(kRetried, 1, Outcome::fail, Cause::test, Verdict::fail, "1 of 1 failed"),
      TaskRetried{kRetried, "once more", "ann@desk", "request-1"},
      leased(kRetried, 2, {"dut-2"}),
      attempt_ended(kRetried, 2, Outcome::pass, Cause::none, Verdict::pass, "fine"),
  };
  const std::vector<SequencedEvent> script = number_events(bodies);
  server_.set_fault([](const HttpCall& call) {
    const std::string key = call.header("idempotency-key");
    return key == decibel_key(kLog, 4) ? std::optional(refuse(422)) : std::nullopt;
  });
  // In one delivery, and with a crash after the letter.
  for (const size_t cut : {size_t{7}, size_t{4}}) {
    SCOPED_TRACE(cut);
    DecibelOptions mine = options();
    const std::string place = "/after" + std::to_string(cut);
    mine.url = server_.url(place);
    mine.spool_file = scratch_ / (place + "/decibel.db");
    RunnerKit kit;
    kit.clock.step = 1s;
    std::vector<Event> events;
    for (const SequencedEvent& at : script) events.push_back(at.event);
    for (const size_t end : {cut, script.size()}) {
      DecibelSink sink(mine, no_stop_);
      const auto answer =
          blocks(end, {encode_block(1, std::vector<Event>(events.begin(), events.begin() + end))});
      Stop stop;
      SinkDesk desk(stop);
      ScriptedSource source(stop, {answer});
      SinkRunnerOptions quiet;
      quiet.random = [] { return 0; };
      quiet.log_problem = quiet.log_news = [](const std::string&) {};
      SinkRunner runner(sink, source, kit.letters, desk, stop, kit.clock, quiet);
      runner.run();
    }
    EXPECT_EQ(read_letters(kit.letters.file()).size(), 1u);
    std::map<int, std::string> ends;
    const json rows = server_.search(
        place, {{"projection", "suite.iteration,suite.hw,case"}, {"suite.name", "muster.attempt"}});
    for (const json& row : rows) {
      ends[row["suite"]["iteration"]] = row["suite"]["hw"].get<std::string>() + ": " +
                                        row["case"]["result"].get<std::string>() + " " +
                                        row["case"]["info"].get<std::string>();
    }
    EXPECT_EQ(ends, (std::map<int, std::string>{{1, "dut-1: failure 1 of 1 failed"},
                                                {2, "dut-2: passed fine"}}));
  }
}

// What was kept of its task stayed in the spool for ever.
TEST_F(DecibelSinkTest, ALetterThatIsDroppedTakesWhatItsTaskHasInTheSpoolWithIt) {
  const std::vector<SequencedEvent> script = make_script();
  server_.set_fault([](const HttpCall& call) {
    const std::string key = call.header("idempotency-key");
    return key == decibel_key(kLog, 29) ? std::optional(refuse(422)) : std::nullopt;
  });
  DecibelSink sink(options(), no_stop_);
  ASSERT_EQ(run_events(sink, script).letters.size(), 1u);
  const auto kept = [&](const std::string& what) {
    auto spool = DecibelSpool::open(options().spool_file, options().url);
    const auto task = (*spool)->find(kRetried);
    EXPECT_TRUE(task.ok() && *task);
    uint64_t count = 0;
    (void)(*spool)->each_attempt((*task)->id, [&](const DecibelAttempt& attempt) -> Result<Done> {
      count += what == "attempts";
      return (*spool)->each_suite((*task)->id, attempt.number, [&](const DecibelSuite&) {
        count += what == "suites";
        return Result<Done>(Done{});
      });
    });
    return count;
  };
  EXPECT_EQ(kept("attempts"), 2u);
  EXPECT_EQ(kept("suites"), 1u);
  ASSERT_TRUE(sink.drop({&script[28], 1}, "another-log").ok());
  EXPECT_EQ(kept("attempts"), 2u);
  ASSERT_TRUE(sink.drop({&script[28], 1}, kLog).ok());
  EXPECT_EQ(kept("attempts") + kept("suites"), 0u);
  ASSERT_TRUE(sink.drop({&script[28], 1}, kLog).ok());  // a repeat is harmless
  server_.set_fault({});
  EXPECT_EQ(sink.deliver_again({&script[28], 1}, kLog).fault, DeliveryFault::refused);
  EXPECT_EQ(sink.open()->cursor, script.size());
  // A closed one too, and it stays closed.
  DecibelSink closed(options(), no_stop_);
  ASSERT_TRUE(closed.drop({&script[28], 1}, kLog).ok());
  EXPECT_EQ(closed.deliver(script, {kLog, script.size()}).fault, DeliveryFault::away);
}

// The spool is emptied, and the refused end does not come again: what it said was lost.
TEST_F(DecibelSinkTest, AReplaySaysTheSameOfAttemptsWhoseDocumentWasRefused) {
  const std::vector<SequencedEvent> script = number_events({
      submitted(kRetried),
      leased(kRetried, 1, {"dut-1"}),
      attempt_ended(kRetried, 1, Outcome::fail, Cause::test, Verdict::fail, "1 of 1 failed"),
      TaskRetried{kRetried, "once more", "ann@desk", "request-1"},
      leased(kRetried, 2, {"dut-2"}),
      attempt_ended(kRetried, 2, Outcome::pass, Cause::none, Verdict::pass, "fine"),
  });
  std::vector<std::string> documents;
  server_.set_fault([&](const HttpCall& call) -> std::optional<HttpAnswer> {
    if (call.header("idempotency-key") == decibel_key(kLog, 3)) return refuse(422);
    std::string document(1 << 20, '\0');
    const ssize_t size = ::pread(call.body_file, document.data(), document.size(), 0);
    document.resize(size < 0 ? 0 : static_cast<size_t>(size));
    documents.push_back(std::move(document));
    return std::nullopt;
  });
  DecibelSink sink(options(), no_stop_);
  run_events(sink, script);
  ASSERT_TRUE(sink.rewind({kLog, 0}).ok());
  ASSERT_TRUE(sink.open().ok());
  const std::span<const SequencedEvent> all(script);
  ASSERT_TRUE(sink.pass_over(all.subspan(2, 1), kLog).ok());  // as its runner does
  std::vector<SequencedEvent> others = script;
  others.erase(others.begin() + 2);
  ASSERT_TRUE(sink.deliver(others, {kLog, script.size()}).ok());
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_THAT(documents[0], HasSubstr("1 of 1 failed"));
  EXPECT_EQ(documents[1], documents[0]);
}

// One to blame among several that are tried again.
TEST_F(DecibelSinkTest, LettersThatAreTriedAgainTogetherAreRefusedByName) {
  const std::vector<SequencedEvent> script = make_script();
  std::vector<SequencedEvent> ends;
  server_.set_fault([](const HttpCall&) { return std::optional(refuse(422)); });
  DecibelSink sink(options(), no_stop_);
  const Journey done = run_events(sink, script);
  for (const auto& [seq, answer] : done.letters) ends.push_back(script[seq - 1]);
  ASSERT_GE(ends.size(), 5u);
  const uint64_t bad = ends[1].seq;
  server_.set_fault([=](const HttpCall& call) {
    const std::string key = call.header("idempotency-key");
    return key == decibel_key(kLog, bad) ? std::optional(refuse(422)) : std::nullopt;
  });
  const Delivery refused = sink.deliver_again(ends, kLog);
  ASSERT_EQ(refused.fault, DeliveryFault::refused);
  std::set<uint64_t> named;
  for (const Refusal& refusal : refused.refusals) named.insert(refusal.seq);
  EXPECT_TRUE(named.contains(bad));
  const size_t posts = server_.posts();
  std::erase_if(ends, [&](const SequencedEvent& at) { return named.contains(at.seq); });
  EXPECT_TRUE(sink.deliver_again(ends, kLog).ok());
  EXPECT_EQ(server_.posts(), posts);  // they were taken then
  EXPECT_EQ(runs().size(), ends.size());
}

TEST_F(DecibelSinkTest, AWrongTokenIsNotTriedAgainAtOnceAndNeverSaid) {
  DecibelOptions mine = options();
  mine.token = "not-the-token-at-all";
  mine.login_pause = 5min;
  DecibelSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const std::vector<SequencedEvent> script = make_script();
  const Delivery denied = sink.deliver(script, {kLog, script.size()});
  EXPECT_EQ(denied.fault, DeliveryFault::away);
  EXPECT_EQ(denied.retry_after, Duration(5min));
  EXPECT_TRUE(denied.until_order);
  EXPECT_THAT(denied.reason, HasSubstr("does not let us write: 401"));
  EXPECT_THAT(denied.reason, Not(HasSubstr("not-the-token-at-all")));
}

TEST_F(DecibelSinkTest, ForAnotherPlaceEverythingBeginsAnew) {
  const std::vector<SequencedEvent> script = make_script();
  {
    DecibelSink sink(options(), no_stop_);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(std::span(script).first(30), {kLog, 30}).ok());
  }
  DecibelOptions mine = options();
  mine.url = server_.url("/there");
  DecibelSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  EXPECT_EQ(*sink.open(), SinkPosition());
  ASSERT_TRUE(sink.deliver(script, {kLog, script.size()}).ok());
  EXPECT_EQ(server_.search("/there", {{"superseded", "1"}}).size(), 6u);
}

// --- bounds ---------------------------------------------------------------------------------

uint64_t file_bytes(const std::string& dir) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) bytes += entry.file_size();
  return bytes;
}

long rss_max_kb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// 100,000 cases and more, with texts that are far too long altogether: as much as a document may
// have is listed, all are counted, and neither memory nor the spool holds more than that.
TEST_F(DecibelSinkTest, ALargeReportStaysWithinItsBounds) {
  constexpr size_t kCases = kDecibelCasesMax + 5'000;
  const long before_kb = rss_max_kb();
  DecibelSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  uint64_t seq = 0;
  const auto deliver = [&](std::vector<EventBody> bodies) {
    std::vector<SequencedEvent> events;
    for (EventBody& body : bodies) {
      ++seq;
      events.push_back({seq, {script_time(1'000), std::move(body)}});
    }
    const Delivery done = sink.deliver(events, {kLog, seq});
    ASSERT_TRUE(done.ok()) << done.reason;
  };
  deliver({submitted(kRetried), leased(kRetried, 1)});
  for (size_t i = 0; i < kCases;) {
    std::vector<EventBody> bodies;
    for (; i < kCases && bodies.size() < 1'000; ++i) {
      CaseResult test{"suite" + std::to_string(i % 100), "case_" + std::to_string(i),
                      i % 10 == 0 ? Outcome::fail : Outcome::pass, 1ms,
                      i % 10 == 0 ? std::string(4'000, 'x') : ""};
      AttemptReported report{{"bench", 0}, {kRetried, 1}, script_time(i), std::move(test)};
      bodies.emplace_back(std::move(report));
    }
    deliver(std::move(bodies));
  }
  deliver({attempt_ended(kRetried, 1, Outcome::fail, Cause::test, Verdict::fail)});
  EXPECT_LT(rss_max_kb() - before_kb, 200 << 10);  // both ends are in this process
  EXPECT_LT(file_bytes(scratch_ / "state"), 80u << 20);
  const json suites = server_.search(kPlace, {{"projection", "suite"}});
  uint64_t passed = 0;
  uint64_t failed = 0;
  for (const json& row : suites) {
    passed += row["suite"]["passed"].get<uint64_t>();
    failed += row["suite"]["failure"].get<uint64_t>();
  }
  EXPECT_EQ(passed + failed, kCases + 1);  // and the attempt itself
  EXPECT_EQ(failed, kCases / 10 + 1);
  EXPECT_EQ(suites.size(), 101u);
}

}  // namespace
}  // namespace muster
