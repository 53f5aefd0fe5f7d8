// What may befall a ledger whose place is in the hands of others: rules that refuse rows, tables
// that are taken away, a server that is gone for long or says nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "collectors/ledger_sink.h"
#include "collectors/stop.h"
#include "io/ledger_schema.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/runner_kit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTheLog = "the-log";
constexpr const char* kJob = "0194-job-with-cases";

EventBody report(AttemptReported::Body body) { return muster::reported(kJob, 1, std::move(body)); }

EventBody measured(std::vector<std::pair<std::string, MeasureValue>> row) {
  return report(Measurement{"perf", std::move(row)});
}

// A job with as many results, every second of which comes with a measurement.
std::vector<SequencedEvent> make_job(int64_t results) {
  std::vector<EventBody> bodies = {submitted(kJob), leased(kJob, 1, {"dut-1"}), started(kJob, 1)};
  for (int64_t i = 0; i < results; ++i) {
    bodies.push_back(case_result(kJob, 1, "case " + std::to_string(i), Outcome::pass));
    if (i % 2 == 0) bodies.push_back(measured({{"n", i}}));
  }
  bodies.push_back(attempt_ended(kJob, 1, Outcome::pass, Cause::none, Verdict::pass));
  return number_events(std::move(bodies));
}

std::set<uint64_t> results_named(const std::vector<SequencedEvent>& events,
                                 const std::set<std::string>& names) {
  std::set<uint64_t> seqs;
  for (const SequencedEvent& at : events) {
    const auto* one = std::get_if<AttemptReported>(&at.event.body);
    const auto* result = one == nullptr ? nullptr : std::get_if<CaseResult>(&one->body);
    if (result != nullptr && names.contains(result->name)) seqs.insert(at.seq);
  }
  return seqs;
}

FetchedBlocks whole_log(const std::vector<SequencedEvent>& events) {
  std::vector<Event> bare;
  for (const SequencedEvent& at : events) bare.push_back(at.event);
  return blocks(bare.size(), {encode_block(1, bare)}, kTheLog);
}

// All there is of a ledger that nothing has befallen.
std::string undisturbed(LedgerKind kind, const std::vector<SequencedEvent>& events) {
  const NewLedger ledger(kind);
  EXPECT_TRUE(LedgerSink(ledger.place()).open().ok());
  if (!events.empty()) ledger.deliver(events);
  return dump_tables(*ledger.store());
}

std::vector<SequencedEvent> without(std::vector<SequencedEvent> events,
                                    const std::set<uint64_t>& seqs) {
  std::erase_if(events, [&](const SequencedEvent& at) { return seqs.contains(at.seq); });
  return events;
}

void execute(const NewLedger& ledger, const std::string& sql) {
  const DbStatus status = ledger.store()->execute(sql);
  ASSERT_TRUE(status.ok()) << sql << ": " << status.reason;
}

class LedgerFaults : public ::testing::TestWithParam<LedgerKind> {
 protected:
  NewLedger ledger_{GetParam()};
};

struct Rule {
  LedgerKind kind;
  std::string made;    // by these words
  std::string undone;  // and by those
  std::string answer;  // what the place says of a row
};

// A rule of the place itself stands against some rows: these are found by halving and buried, with
// the place's own words; everything else is there. When the rule is gone they are taken.
TEST(LedgerPoison, IsFoundByHalvingAndLiesInTheDeadLettersAlone) {
  const std::vector<SequencedEvent> events = make_job(60);
  const std::set<uint64_t> poison = results_named(events, {"case 0", "case 17", "case 18"});
  ASSERT_EQ(poison.size(), 3u);
  const std::string names = "('case 0', 'case 17', 'case 18')";
  const std::string trigger = "CREATE TRIGGER rule BEFORE INSERT ON results FOR EACH ROW ";
  const Rule rules[] = {
      {LedgerKind::sqlite,
       trigger + "WHEN NEW.name IN " + names + " BEGIN SELECT RAISE(ABORT, 'not that one'); END",
       "DROP TRIGGER rule", "not that one"},
      {LedgerKind::mariadb,
       trigger + "BEGIN IF NEW.name IN " + names +
           " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not that one'; END IF; END",
       "DROP TRIGGER rule", "not that one"},
      {LedgerKind::mariadb,
       "ALTER TABLE results ADD CONSTRAINT rule CHECK (name NOT IN " + names + ")",
       "ALTER TABLE results DROP CONSTRAINT rule", "rule"},
      {LedgerKind::mariadb,
       trigger + "SET NEW.outcome = IF(NEW.name IN " + names + ", repeat('x', 33), NEW.outcome)",
       "DROP TRIGGER rule", "too long"},
      {LedgerKind::mariadb,
       trigger + "SET NEW.attempt = IF(NEW.name IN " + names + ", 'none', NEW.attempt)",
       "DROP TRIGGER rule", "ncorrect integer"},
  };
  for (const Rule& rule : rules) {
    SCOPED_TRACE(rule.made);
    const NewLedger ledger(rule.kind);
    LedgerSink sink(ledger.place());
    ASSERT_TRUE(sink.open().ok());
    execute(ledger, rule.made);
    const Journey journey = run(sink, {whole_log(events)});
    EXPECT_THAT(journey.problems, ::testing::IsEmpty());
    std::set<uint64_t> buried;
    for (const auto& [seq, answer] : journey.letters) {
      buried.insert(seq);
      EXPECT_THAT(answer, HasSubstr(rule.answer));
    }
    EXPECT_EQ(buried, poison);
    EXPECT_EQ(dump_tables(*ledger.store()), undisturbed(rule.kind, without(events, poison)));

    const SequencedEvent& first = events[*poison.begin() - 1];
    EXPECT_EQ(sink.deliver_again({&first, 1}, kTheLog).fault, DeliveryFault::refused);
    execute(ledger, rule.undone);
    for (const uint64_t seq : poison) {
      const Delivery taken = sink.deliver_again({&events[seq - 1], 1}, kTheLog);
      EXPECT_TRUE(taken.ok()) << taken.reason;
    }
    EXPECT_EQ(dump_tables(*ledger.store()), undisturbed(rule.kind, events));
    EXPECT_EQ(sink.open()->cursor, events.size());
  }
}

// What later events may have changed is not put back to what it was.
TEST_P(LedgerFaults, AnEventThatChangesATaskIsNotTakenOutOfItsTurn) {
  const std::vector<SequencedEvent> events = make_job(2);
  ledger_.deliver(events);
  const std::string before = dump_tables(*ledger_.store());
  LedgerSink sink(ledger_.place());
  ASSERT_TRUE(sink.open().ok());
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}, events.size() - 1}) {
    const Delivery refused = sink.deliver_again({&events[i], 1}, kTheLog);
    EXPECT_EQ(refused.fault, DeliveryFault::refused);
    EXPECT_THAT(refused.reason,
                HasSubstr("muster sink dead drop ledger " + std::to_string(events[i].seq)));
  }
  EXPECT_EQ(sink.deliver_again({&events[3], 1}, "another-log").fault, DeliveryFault::refused);
  EXPECT_TRUE(sink.deliver_again({&events[3], 1}, kTheLog).ok());
  EXPECT_EQ(dump_tables(*ledger_.store()), before);
}

// A measurement out of its turn may want a wider table than there is.
TEST_P(LedgerFaults, AMeasurementOutOfItsTurnWidensItsTable) {
  std::vector<SequencedEvent> events = make_job(3);
  const size_t late = 4;
  ASSERT_EQ(results_named(events, {"case 0"}), std::set<uint64_t>{late});
  events[late].event.body = measured({{"n", std::string("many")}, {"more", 0.5}});
  ledger_.deliver(without(events, {late + 1}));
  LedgerSink sink(ledger_.place());
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver_again({&events[late], 1}, kTheLog).ok());
  const Result<MeasureAnswer> answer = ledger_.open().query_measurements({"perf", {}, 10});
  ASSERT_TRUE(answer.ok()) << answer.error();
  const auto cells = [&](size_t row) { return answer->rows.at(row).cells; };
  using Cells = std::vector<std::optional<MeasureValue>>;
  EXPECT_EQ(cells(0), (Cells{std::string("many"), 0.5}));
  EXPECT_EQ(cells(1), (Cells{std::string("2"), std::nullopt}));
}

// Whoever takes a table away is told what to do, and that makes the ledger whole again.
TEST_P(LedgerFaults, ATableThatSomebodyDroppedIsMadeAnewByAReplay) {
  const std::vector<SequencedEvent> events = make_job(6);
  const std::string expected = undisturbed(GetParam(), events);
  for (const std::string table :
       {"results", "tasks", "events", "position", "measure_tables", "measure_columns",
        "measurements", "listed_devices", "schema_version"}) {
    SCOPED_TRACE(table);
    const NewLedger ledger(GetParam());
    LedgerSink sink(ledger.place());
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(std::span(events).first(8), {kTheLog, 8}).ok());
    execute(ledger, "DROP TABLE " + table);
    LedgerSink next(ledger.place());
    const Result<SinkPosition> opened = next.open();
    // A file of SQLite's or a server: the version of a server's tables may be noted once more.
    if (table != "schema_version") {
      ASSERT_FALSE(opened.ok());
      EXPECT_THAT(opened.error(), HasSubstr("the table " + table + " is gone: muster sink replay"));
    }
    const Result<Done> rewound = next.rewind({kTheLog, 0});
    ASSERT_TRUE(rewound.ok()) << rewound.error();
    const Result<SinkPosition> position = next.open();
    ASSERT_TRUE(position.ok()) << position.error();
    EXPECT_EQ(position->cursor, 0u);
    const Delivery whole = next.deliver(events, {kTheLog, events.size()});
    ASSERT_TRUE(whole.ok()) << whole.reason;
    EXPECT_EQ(dump_tables(*ledger.store()), expected);
  }
}

// Rows of measurements that somebody dropped are gone until a replay; new ones have a table.
TEST_P(LedgerFaults, ATableOfMeasurementsThatSomebodyDroppedComesBackEmpty) {
  const std::vector<SequencedEvent> events = make_job(6);
  LedgerSink sink(ledger_.place());
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(events).first(8), {kTheLog, 8}).ok());
  execute(ledger_, "DROP TABLE m_perf");
  const std::span<const SequencedEvent> rest = std::span(events).subspan(8);
  const Delivery failed = sink.deliver(rest, {kTheLog, events.size()});
  EXPECT_EQ(failed.fault, DeliveryFault::away);
  EXPECT_THAT(failed.reason, HasSubstr("m_perf"));
  EXPECT_EQ(sink.open()->cursor, 8u);
  const Delivery done = sink.deliver(rest, {kTheLog, events.size()});
  ASSERT_TRUE(done.ok()) << done.reason;
  EXPECT_THAT(ledger_.open().query_measurements({"perf", {}, 10})->rows, ::testing::SizeIs(1));
  ASSERT_TRUE(sink.rewind({kTheLog, 0}).ok());
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(events, {kTheLog, events.size()}).ok());
  EXPECT_THAT(ledger_.open().query_measurements({"perf", {}, 10})->rows, ::testing::SizeIs(3));
}

// A column that somebody has given another type keeps what it holds.
TEST(LedgerServer, AColumnThatSomebodyAlteredLosesNothing) {
  const std::vector<SequencedEvent> events = make_job(6);
  const NewLedger ledger(LedgerKind::mariadb);
  ledger.deliver(std::span(events).first(8));
  execute(ledger, "ALTER TABLE m_perf MODIFY n DOUBLE");
  LedgerSink sink(ledger.place());
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(events, {kTheLog, events.size()}).ok());
  const Result<MeasureAnswer> answer = ledger.open().query_measurements({"perf", {}, 10});
  ASSERT_TRUE(answer.ok()) << answer.error();
  std::vector<std::optional<MeasureValue>> cells;
  for (const MeasureAnswer::Row& row : answer->rows) cells.push_back(row.cells.at(0));
  EXPECT_THAT(cells,
              ::testing::ElementsAre(MeasureValue(std::string("0")), MeasureValue(std::string("2")),
                                     MeasureValue(std::string("4"))));
}

// The process died while the ledger was made anew: some tables are empty, some are not.
TEST_P(LedgerFaults, AResetThatACrashCutShortIsFinished) {
  const std::vector<SequencedEvent> events = make_job(6);
  ledger_.deliver(events);
  for (const char* sql : {"UPDATE position SET seq = -1", "DROP TABLE m_perf", "DELETE FROM tasks",
                          "DELETE FROM attempts"}) {
    execute(ledger_, sql);
  }
  EXPECT_EQ(ledger_.open().position()->seq, 0u);
  LedgerSink sink(ledger_.place());
  const Result<SinkPosition> position = sink.open();
  ASSERT_TRUE(position.ok()) << position.error();
  EXPECT_EQ(*position, (SinkPosition{kTheLog, 0}));
  EXPECT_EQ(dump_tables(*ledger_.store()), undisturbed(GetParam(), {}));
  ASSERT_TRUE(sink.deliver(events, {kTheLog, events.size()}).ok());
  EXPECT_EQ(dump_tables(*ledger_.store()), undisturbed(GetParam(), events));
}

INSTANTIATE_TEST_SUITE_P(Both, LedgerFaults,
                         ::testing::Values(LedgerKind::sqlite, LedgerKind::mariadb), kind_name);

// The log waits at the broker as long as the server is away: nothing is fetched beyond what was on
// its way, and nothing is lost.
TEST(LedgerServer, AServerThatIsAwayForLongIsCaughtUpWith) {
  const std::vector<SequencedEvent> events = make_job(60);
  const NewLedger ledger(LedgerKind::mariadb);
  LedgerSink sink(ledger.place());
  ASSERT_TRUE(sink.open().ok());
  mariadb_server().kill_now();
  RunnerKit kit;
  ScriptedSource source(kit.stop, {whole_log(events), blocks(events.size(), {}, kTheLog)});
  std::future<Journey> journey =
      std::async(std::launch::async, [&] { return run(sink, source, kit); });
  const bool kept_trying = eventually([&] { return kit.desk.status().failing > 50; });
  mariadb_server().start_again();
  const Journey done = journey.get();
  EXPECT_TRUE(kept_trying);
  EXPECT_EQ(done.asked, (std::vector<uint64_t>{1, events.size() + 1, events.size() + 1}));
  EXPECT_THAT(done.letters, ::testing::IsEmpty());
  EXPECT_EQ(dump_tables(*ledger.store()), undisturbed(LedgerKind::mariadb, events));
}

// A server that takes what it is sent and never answers keeps nobody from stopping.
TEST(LedgerServer, AServerThatSaysNothingDoesNotHoldUpAStop) {
  const std::vector<SequencedEvent> events = make_job(6);
  const NewLedger ledger(LedgerKind::mariadb);
  Stop stop;
  LedgerPlace place = ledger.place();
  place.stop_fd = stop.fd();
  ASSERT_EQ(place.server->options.answer_timeout, std::chrono::seconds(60));
  LedgerSink sink(place);
  ASSERT_TRUE(sink.open().ok());
  ::kill(mariadb_server().pid(), SIGSTOP);
  stop.raise();
  const auto begin = std::chrono::steady_clock::now();
  const Delivery delivery = sink.deliver(events, {kTheLog, events.size()});
  const bool opened = sink.open().ok();
  const auto took = std::chrono::steady_clock::now() - begin;
  ::kill(mariadb_server().pid(), SIGCONT);
  EXPECT_EQ(delivery.fault, DeliveryFault::away);
  EXPECT_FALSE(opened);
  EXPECT_LT(took, std::chrono::seconds(20));
  EXPECT_EQ(LedgerSink(ledger.place()).open()->cursor, 0u);
}

// What is under way when a stop is wanted is brought to its end.
TEST(LedgerServer, AServerThatAnswersIsListenedToInAStop) {
  const std::vector<SequencedEvent> events = make_job(60);
  const NewLedger ledger(LedgerKind::mariadb);
  Stop stop;
  LedgerPlace place = ledger.place();
  place.stop_fd = stop.fd();
  stop.raise();
  LedgerSink sink(place);
  ASSERT_TRUE(sink.open().ok());
  const Delivery done = sink.deliver(events, {kTheLog, events.size()});
  EXPECT_TRUE(done.ok()) << done.reason;
}

}  // namespace
}  // namespace muster
