// One ledger, two kinds of store: the same events, the same answers. And what only a server can do:
// die in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <future>
#include <random>

#include "collectors/ledger_sink.h"
#include "io/codec.h"
#include "io/file.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/script.h"
#include "tests/conformance/ledger_answers.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRepair = "0194-repair-of-dut";
constexpr const char* kReports = "0194-job \xf0\x9f\x98\x80 'quoted' \"twice\" \\ %_";

EventBody reported(AttemptReported::Body body) {
  return muster::reported(kReports, 1, std::move(body));
}

EventBody action(const std::string& tag, Outcome outcome) {
  EventBody body = case_result(kRepair, 1, tag, outcome);
  std::get<CaseResult>(std::get<AttemptReported>(body).body).suite = "repair";
  return body;
}

EventBody applied(const std::string& strategy) {
  auto inventory = std::make_shared<Inventory>();
  inventory->allow = {"type=handset"};
  inventory->strategies = {{"phone", encode_strategy(Strategy{"phone", "type=handset", {}, {}})}};
  inventory->devices = {
      {"dut-1", {{"type", "handset"}, {"model", "yuga"}}, "bench", {}, strategy, "", ""}};
  return InventoryApplied{inventory, "ann@desk"};
}

// Everything that is written somewhere, by every way.
std::vector<SequencedEvent> make_everything() {
  std::vector<SequencedEvent> events = make_script();
  std::vector<EventBody> more = {
      applied("phone"),
      DeviceListed{"bench", {"usb", "found-1", {{"type", "handset"}, {"serial", "x"}}}},
      DeviceListed{"bench", {"usb", "found-2", {{"type", "handset"}}}},
      DeviceUnlisted{"bench", "found-2"},
      submitted(kRepair, TaskKind::repair),
      leased(kRepair, 1, {"dut-1", "relay-1"}),
      action("restart", Outcome::fail),
      action("power", Outcome::pass),
      action("flash", Outcome::skip),
      attempt_ended(kRepair, 1, Outcome::pass, Cause::none, Verdict::pass),
      DeviceJudged{"dut-1", DeviceHealth::good, "", "broker", kRepair, kNever, 0},
      applied("tablet"),
      DeviceJudged{"dut-1", DeviceHealth::locked, "it's broken", "kim@bench", "", script_time(99),
                   2},
      submitted(kReports),
      leased(kReports, 1),
      started(kReports, 1),
      CancelRequested{kReports, "too slow", "ann"},
      reported(SourceFetched{"https://git.example/a.git", "main", std::string(40, 'a')}),
      reported(Artifact{"logs/a b.bin", "http://archive/x", UINT64_MAX, std::string(64, 'f')}),
      reported(
          CaseResult{"suite\n2", "na\\me'", Outcome::fail, 1500ms, "bytes \xff\xfe of a test"}),
      reported(Measurement{"perf", {{"n", int64_t{1}}, {"x", 0.1}, {"ok", true}}}),
      reported(Measurement{"perf", {{"n", 1.5}, {"who", std::string("me")}}}),
      reported(
          Measurement{"perf", {{"n", INT64_MAX}, {"at", std::string("2026-11-02T10:00:00Z")}}}),
      reported(Measurement{"Other", {{"n", 5e-324}}}),
      reported(Progress{10, "x"}),
  };
  for (const SequencedEvent& at : number_events(std::move(more))) {
    events.push_back(at);
    events.back().seq = events.size();
  }
  return events;
}

std::string answers_of(const NewLedger& place) {
  Ledger ledger = place.open();
  return LedgerAnswers(ledger,
                       {kPassing, kRetried, kCancelled, kSilent, kNonsense, kUnfinished, kRepair,
                        kReports, "0194-never-submitted", "' OR 1=1 --"},
                       {"dut-1", "relay-1", "found-1", "found-2", "no-such"})
      .ask_all();
}

// Delivers `events` in batches of random sizes.
void deliver_in_batches(const NewLedger& place, const std::vector<SequencedEvent>& events,
                        uint32_t seed) {
  std::mt19937 random(seed);
  for (size_t begin = 0; begin < events.size();) {
    const size_t count = std::min<size_t>(events.size() - begin, 1 + random() % 12);
    place.deliver(std::span(events).subspan(begin, count));
    begin += count;
  }
}

TEST(LedgerStores, BothGiveTheSameAnswers) {
  const std::vector<SequencedEvent> events = make_everything();
  const NewLedger file(LedgerKind::sqlite);
  file.deliver(events);
  const std::string expected = answers_of(file);
  EXPECT_THAT(expected, HasSubstr("bytes \xef\xbf\xbd\xef\xbf\xbd of a test"));
  for (const uint32_t seed : {0u, 1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const NewLedger server(LedgerKind::mariadb);
    if (seed == 0) {
      server.deliver(events);
    } else {
      deliver_in_batches(server, events, seed);
    }
    EXPECT_EQ(answers_of(server), expected);
  }
}

// What the events of one delivery say of a row is put together before it is written.
TEST(LedgerStores, BatchesMakeNoDifference) {
  const std::vector<SequencedEvent> events = make_everything();
  const NewLedger whole(LedgerKind::sqlite);
  whole.deliver(events);
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const NewLedger apart(LedgerKind::sqlite);
    deliver_in_batches(apart, events, seed);
    EXPECT_EQ(answers_of(apart), answers_of(whole));
  }
}

// A long stretch of the log: `jobs` jobs with `results` results each.
std::vector<SequencedEvent> make_jobs(size_t jobs, size_t results) {
  std::vector<EventBody> bodies;
  for (size_t job = 0; job < jobs; ++job) {
    const std::string guid = "0194-job-number-" + std::to_string(job);
    bodies.push_back(submitted(guid));
    bodies.push_back(leased(guid, 1, {"dut-1"}));
    bodies.push_back(started(guid, 1));
    for (size_t i = 0; i < results; ++i) {
      bodies.push_back(case_result(guid, 1, "case " + std::to_string(i), Outcome::pass));
    }
    AttemptReported row = std::get<AttemptReported>(bodies.back());
    row.body = Measurement{"perf", {{"n", static_cast<int64_t>(job)}}};
    bodies.emplace_back(std::move(row));
    bodies.push_back(attempt_ended(guid, 1, Outcome::pass, Cause::none, Verdict::pass));
  }
  return number_events(std::move(bodies));
}

std::string counts_of(const NewLedger& place) {
  const std::unique_ptr<SqlStore> store = place.store();
  std::string counts;
  for (const char* sql :
       {"SELECT count(*), count(DISTINCT seq), sum(state = 'ended') FROM tasks",
        "SELECT count(*), count(DISTINCT guid), sum(outcome = 'pass') FROM attempts",
        "SELECT count(*), count(DISTINCT seq), sum(attempt) FROM results",
        "SELECT count(*), count(DISTINCT seq), max(seq) FROM events",
        "SELECT count(*), count(DISTINCT seq), sum(n) FROM m_perf"}) {
    const auto row = store->prepare(sql);
    (*row)->start({});
    EXPECT_TRUE((*row)->next()) << (*row)->finish().reason;
    for (const int column : {0, 1, 2}) counts += std::to_string((*row)->integer(column)) + " ";
  }
  return counts;
}

// Holds up whoever wants to write to a table of a ledger, at that point of its transaction.
class Roadblock {
 public:
  Roadblock(const NewLedger& place, const std::string& table) : store_(place.store()) {
    for (const char* sql :
         {"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION"}) {
      EXPECT_TRUE(store_->execute(sql).ok()) << sql;
    }
    // What is there, and every place for more.
    const auto rows = store_->prepare("SELECT * FROM " + table + " WHERE seq >= 0 FOR UPDATE");
    const DbStatus locked = (*rows)->run();
    EXPECT_TRUE(locked.ok()) << locked.reason;
  }

  // True once somebody waits there.
  bool is_reached() {
    const auto waiting = store_->prepare(
        "SELECT variable_value FROM information_schema.global_status "
        "WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'");
    return eventually([&] {
      (*waiting)->start({});
      const bool reached = (*waiting)->next() && (*waiting)->integer(0) > 0;
      return (*waiting)->finish().ok() && reached;
    });
  }

 private:
  std::unique_ptr<SqlStore> store_;
};

// The server is killed while a transaction is under way, again and again, at other points of it.
TEST(LedgerStores, AServerThatIsKilledInATransactionLosesAndDoublesNothing) {
  const std::vector<SequencedEvent> events = make_jobs(100, 60);
  const NewLedger file(LedgerKind::sqlite);
  file.deliver(events);
  const std::string expected = counts_of(file);

  const NewLedger place(LedgerKind::mariadb);
  MariadbServer& server = mariadb_server();
  LedgerSink sink(place.place());
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(events).first(70), {"the-log", 70}).ok());
  for (const char* table : {"position", "events", "tasks", "m_perf", "results"}) {
    SCOPED_TRACE(table);
    Roadblock roadblock(place, table);
    std::future<Delivery> delivery = std::async(std::launch::async, [&] {
      return sink.deliver(std::span(events).subspan(70), {"the-log", events.size()});
    });
    const bool reached = roadblock.is_reached();
    server.kill_now();
    const Delivery delivered = delivery.get();
    const bool opened = sink.open().ok();
    server.start_again();
    ASSERT_TRUE(reached);
    EXPECT_FALSE(opened);
    EXPECT_EQ(delivered.fault, DeliveryFault::away) << delivered.reason;
    EXPECT_THAT(delivered.reason, HasSubstr("mariadb://"));
    const Result<SinkPosition> position = sink.open();
    ASSERT_TRUE(position.ok()) << position.error();
    EXPECT_EQ(position->cursor, 70u);
  }
  const Delivery whole = sink.deliver(std::span(events).subspan(70), {"the-log", events.size()});
  ASSERT_TRUE(whole.ok()) << whole.reason;
  EXPECT_EQ(counts_of(place), expected);
}

TEST(LedgerStores, ALostConnectionIsMadeAnewWithoutAWord) {
  const std::vector<SequencedEvent> events = make_jobs(2, 5);
  const NewLedger place(LedgerKind::mariadb);
  LedgerSink sink(place.place());
  ASSERT_TRUE(sink.open().ok());
  for (size_t i = 0; i < events.size(); ++i) {
    mariadb_server().end_connections();
    const Delivery done = sink.deliver(std::span(events).subspan(i, 1), {"the-log", i + 1});
    ASSERT_TRUE(done.ok()) << done.reason;
  }
  const NewLedger file(LedgerKind::sqlite);
  file.deliver(events);
  EXPECT_EQ(counts_of(place), counts_of(file));
}

TEST(LedgerStores, TwoCollectorsDoNotWriteOneLedger) {
  for (const LedgerKind kind : {LedgerKind::sqlite, LedgerKind::mariadb}) {
    SCOPED_TRACE(to_string(kind));
    const std::vector<SequencedEvent> events = make_jobs(2, 5);
    const NewLedger place(kind);
    LedgerSink first(place.place());
    LedgerSink second(place.place());
    ASSERT_TRUE(first.open().ok());
    ASSERT_TRUE(second.open().ok());
    ASSERT_TRUE(first.deliver(std::span(events).first(5), {"the-log", 5}).ok());
    const Delivery refused = second.deliver(std::span(events).first(7), {"the-log", 7});
    EXPECT_EQ(refused.fault, DeliveryFault::away);
    EXPECT_THAT(refused.reason, HasSubstr("somebody else"));
    EXPECT_EQ(second.open()->cursor, 5u);
  }
}

// One event that the place does not take for good must not hold up the others.
TEST(LedgerStores, WhatTheStoreRefusesForGoodIsSaidSo) {
  for (const LedgerKind kind : {LedgerKind::sqlite, LedgerKind::mariadb}) {
    SCOPED_TRACE(to_string(kind));
    const NewLedger place(kind);
    LedgerSink sink(place.place());
    ASSERT_TRUE(sink.open().ok());
    const std::string raise = kind == LedgerKind::sqlite ? "SELECT RAISE(ABORT, 'no poison');"
                                                         : "SIGNAL SQLSTATE '45000';";
    const std::string when = kind == LedgerKind::sqlite
                                 ? "WHEN NEW.name = 'case 1' BEGIN " + raise
                                 : "BEGIN IF NEW.name = 'case 1' THEN " + raise + " END IF;";
    const DbStatus made = place.store()->execute(
        "CREATE TRIGGER poison BEFORE INSERT ON results FOR EACH ROW " + when + " END");
    ASSERT_TRUE(made.ok()) << made.reason;
    const std::vector<SequencedEvent> events = make_jobs(1, 5);
    EXPECT_EQ(sink.deliver(events, {"the-log", events.size()}).fault, DeliveryFault::refused);
    // It stays open, and what is not to blame is taken.
    const Delivery rest = sink.deliver(std::span(events).first(4), {"the-log", 4});
    EXPECT_TRUE(rest.ok()) << rest.reason;
    EXPECT_EQ(sink.open()->cursor, 4u);
  }
}

std::unique_ptr<LedgerSink> sink_at(const LedgerPlace& place) {
  return std::make_unique<LedgerSink>(place);
}

TEST(LedgerStores, ThePasswordComesFromAFileAndStaysThere) {
  const NewLedger place(LedgerKind::mariadb);
  const Scratch scratch;
  LedgerPlace by_file = place.place();
  by_file.server->password.clear();
  by_file.server->password_file = scratch / "password";
  ASSERT_TRUE(write_file_atomically(by_file.server->password_file,
                                    std::string(MariadbServer::kPassword) + "\n")
                  .ok());
  LedgerSink sink(by_file);
  const Result<SinkPosition> position = sink.open();
  ASSERT_TRUE(position.ok()) << position.error();
  ASSERT_TRUE(write_file_atomically(by_file.server->password_file, "some-other-word\n").ok());
  const Result<SinkPosition> denied = sink.open();
  ASSERT_FALSE(denied.ok());
  EXPECT_THAT(denied.error(), HasSubstr("Access denied"));
  EXPECT_THAT(denied.error(), ::testing::Not(HasSubstr("some-other-word")));
  by_file.server->password_file.clear();
  ASSERT_EQ(::setenv(kLedgerPasswordVariable, MariadbServer::kPassword, 1), 0);
  EXPECT_TRUE(sink_at(by_file)->open().ok());
  ASSERT_EQ(::unsetenv(kLedgerPasswordVariable), 0);
  EXPECT_FALSE(sink_at(by_file)->open().ok());
  by_file.server->password_file = scratch / "nowhere";
  EXPECT_THAT(sink_at(by_file)->open().error(), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace muster
