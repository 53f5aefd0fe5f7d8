// What the ledger knows of devices: their health, the repairs that ran on them, and how well repair
// actions have worked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "collectors/ledger_sink.h"
#include "io/codec.h"
#include "io/ledger.h"
#include "io/ledger_schema.h"
#include "io/sqlite.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kRepair = "0194-repair-of-dut";
constexpr const char* kSecond = "0194-second-repair";

EventBody action(const std::string& guid, const std::string& tag, Outcome outcome) {
  EventBody body = case_result(guid, 1, tag, outcome);
  std::get<CaseResult>(std::get<AttemptReported>(body).body).suite = "repair";
  return body;
}

DeviceSpec device(const std::string& name, Profile profile, const std::string& strategy) {
  return {name, std::move(profile), "bench", {}, strategy, "", ""};
}

// A device is repaired twice. In between it gets another strategy, and a job reports a suite that
// it calls "repair" as well.
std::vector<SequencedEvent> make_repairs() {
  const DeviceSpec relay = device("relay-1", {{"type", "relay"}}, "");
  return number_events({
      applied({device("dut-1", {{"type", "handset"}, {"model", "yuga"}}, "phone"), relay}),
      submitted(kRepair, TaskKind::repair),
      leased(kRepair, 1, {"dut-1", "relay-1"}),
      action(kRepair, "restart", Outcome::fail),
      action(kRepair, "power", Outcome::pass),
      action(kRepair, "flash", Outcome::skip),
      attempt_ended(kRepair, 1, Outcome::pass, Cause::none, Verdict::pass),
      DeviceJudged{"dut-1", DeviceHealth::good, "", "broker", kRepair, kNever, 0},
      submitted("0194-job-with-repairs"),
      leased("0194-job-with-repairs", 1, {"dut-1"}),
      action("0194-job-with-repairs", "of a test", Outcome::fail),
      attempt_ended("0194-job-with-repairs", 1, Outcome::fail, Cause::test, Verdict::fail),
      applied({device("dut-1", {{"type", "handset"}}, "tablet"), relay}),
      applied({device("dut-1", {{"type", "handset"}}, "tablet"), relay}),
      DeviceJudged{"dut-1", DeviceHealth::locked, "new screen", "kim@bench", "", script_time(99),
                   2},
      submitted(kSecond, TaskKind::repair),
      leased(kSecond, 1, {"dut-1", "relay-1"}),
      action(kSecond, "restart", Outcome::pass),
  });
}

class LedgerDeviceTest : public ::testing::Test {
 protected:
  LedgerDeviceTest() {
    std::string pattern = ::testing::TempDir() + "ledger-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    file_ = dir_ + "/ledger.db";
  }
  ~LedgerDeviceTest() override { std::filesystem::remove_all(dir_); }

  void deliver(const std::vector<SequencedEvent>& events) {
    LedgerSink sink({file_, {}});
    ASSERT_TRUE(sink.open().ok());
    const Delivery done = sink.deliver(events, {"the-log", events.size()});
    ASSERT_TRUE(done.ok()) << done.reason;
  }
  Ledger open() {
    Result<Ledger> ledger = Ledger::open(LedgerPlace{file_, {}});
    EXPECT_TRUE(ledger.ok()) << ledger.error();
    return std::move(*ledger);
  }
  static std::vector<std::string> words(const std::vector<LedgerActionRun>& runs) {
    std::vector<std::string> words;
    for (const LedgerActionRun& run : runs) {
      words.push_back(run.strategy + "/" + run.model + " " + run.action + " " +
                      std::string(to_string(run.outcome)));
    }
    return words;
  }

  std::string dir_;
  std::string file_;
};

TEST_F(LedgerDeviceTest, KnowsWhatBecameOfADevicesHealth) {
  deliver(make_repairs());
  const std::vector<LedgerJudgement> found = *open().device_judgements("dut-1", 10);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].judged, (DeviceJudged{"dut-1", DeviceHealth::locked, "new screen", "kim@bench",
                                           "", script_time(99), 2}));
  EXPECT_EQ(found[0].time, script_time(found[0].seq));
  EXPECT_EQ(found[1].judged.guid, kRepair);
  EXPECT_EQ(found[1].judged.until, kNever);
  EXPECT_EQ(open().device_judgements("dut-1", 1)->size(), 1u);
  EXPECT_THAT(*open().device_judgements("relay-1", 10), IsEmpty());
}

TEST_F(LedgerDeviceTest, KnowsTheActionsThatRanOnADevice) {
  deliver(make_repairs());
  const std::vector<LedgerRepair> found = *open().device_repairs("dut-1", 10);
  std::vector<std::string> tags;
  for (const LedgerRepair& repair : found) tags.push_back(repair.guid + " " + repair.result.name);
  EXPECT_THAT(tags, ElementsAre(std::string(kSecond) + " restart", std::string(kRepair) + " power",
                                std::string(kRepair) + " restart"));
  EXPECT_EQ(found[2].result.outcome, Outcome::fail);
  EXPECT_EQ(found[2].result.duration, Duration(1500ms));
  EXPECT_EQ(found[2].result.message, "because");
  EXPECT_EQ(open().device_repairs("dut-1", 2)->size(), 2u);
  // It was held along with the device, but nothing was done to it.
  EXPECT_THAT(*open().device_repairs("relay-1", 10), IsEmpty());
}

TEST_F(LedgerDeviceTest, TellsWhatTheTasksThatHeldADeviceWere) {
  deliver(make_repairs());
  const std::vector<LedgerUse> uses = *open().device_uses("dut-1", 10);
  ASSERT_EQ(uses.size(), 3u);
  EXPECT_EQ(uses[0].kind, TaskKind::repair);
  EXPECT_EQ(uses[1].kind, TaskKind::job);
  EXPECT_EQ(uses[1].name, "smoke");
}

TEST_F(LedgerDeviceTest, CountsActionsByWhatTheDeviceWasThen) {
  deliver(make_repairs());
  Ledger ledger = open();
  EXPECT_THAT(words(*ledger.action_runs("")),
              ElementsAre("phone/yuga restart fail", "phone/yuga power pass",
                          "phone/yuga flash skip", "tablet/handset restart pass"));
  EXPECT_THAT(words(*ledger.action_runs("tablet")), ElementsAre("tablet/handset restart pass"));
  EXPECT_THAT(words(*ledger.action_runs("no such")), IsEmpty());
}

// The newest of more than a million were left out without a word; now they come page by page.
TEST_F(LedgerDeviceTest, CountsActionsPageByPage) {
  deliver(make_repairs());
  Database db = std::move(std::get<Database>(Database::open(file_)));
  const DbStatus added = db.execute(
      "INSERT INTO results SELECT 1000 + i, r.guid, r.attempt, r.suite, 'bulk', r.outcome, "
      "r.duration_us, r.time_us, r.message FROM results r, (WITH RECURSIVE n(i) AS (SELECT 1 UNION "
      "ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n) WHERE r.name = 'power'");
  ASSERT_TRUE(added.ok()) << added.reason;
  uint64_t repaired = 0;
  const Result<std::vector<ActionStat>> stats = open().action_stats("phone");
  for (const ActionStat& stat : *stats) {
    if (stat.action == "bulk") repaired += stat.repaired;
  }
  EXPECT_EQ(repaired, 3'000u);
  EXPECT_EQ(open().action_runs("", {1'000, 10})->back().seq, 1'010u);
}

// Readers took a ledger that the collector was making for one of an older muster.
TEST_F(LedgerDeviceTest, ALedgerThatIsBeingMadeSaysSo) {
  deliver(make_repairs());
  Database db = std::move(std::get<Database>(Database::open(file_)));
  ASSERT_TRUE(db.execute("DELETE FROM schema_version WHERE version > 4").ok());
  EXPECT_THAT(Ledger::open(LedgerPlace{file_, {}}).error(),
              HasSubstr("an older muster (schema 4)"));
  ASSERT_TRUE(db.execute("UPDATE position SET log_id = '', seq = 0").ok());
  EXPECT_THAT(Ledger::open(LedgerPlace{file_, {}}).error(), HasSubstr("is being made anew"));
}

TEST_F(LedgerDeviceTest, AnActionOnADeviceOfNoInventoryIsCountedAsUnknown) {
  deliver(number_events({submitted(kRepair, TaskKind::repair), leased(kRepair, 1, {"found-by-usb"}),
                         action(kRepair, "restart", Outcome::pass)}));
  EXPECT_THAT(words(*open().action_runs("")), ElementsAre("/ restart pass"));
}

TEST_F(LedgerDeviceTest, AppliesTheSameInventoryAgainWithoutARow) {
  deliver(make_repairs());
  Database db = std::move(std::get<Database>(Database::open(file_)));
  Result<Statement> count = db.prepare("SELECT count(*) FROM device_specs WHERE device = 'dut-1'");
  ASSERT_TRUE(count.ok() && count->next());
  EXPECT_EQ(count->integer(0), 2);
}

// A ledger of an older muster has the inventories among its events.
TEST_F(LedgerDeviceTest, MigrationFillsInWhatTheDevicesWere) {
  deliver(make_repairs());
  {
    Database db = std::move(std::get<Database>(Database::open(file_)));
    ASSERT_TRUE(db.execute("DROP TABLE device_specs; DROP TABLE inventory_selectors; DROP TABLE "
                           "declared_devices; DROP TABLE listed_devices; DROP TABLE sources; "
                           "DROP TABLE artifacts; DROP TABLE measurements; "
                           "DROP TABLE measure_tables; DROP TABLE measure_columns; "
                           "DELETE FROM schema_version WHERE version >= 3")
                    .ok());
    const Result<Done> migrated = migrate_ledger(**open_ledger_store({file_, {}}));
    ASSERT_TRUE(migrated.ok()) << migrated.error();
  }
  EXPECT_THAT(words(*open().action_runs("")),
              ElementsAre("phone/yuga restart fail", "phone/yuga power pass",
                          "phone/yuga flash skip", "tablet/handset restart pass"));
}

// Phones that a lister finds are allowed, and repaired by the strategy that is for phones. The
// collector is started anew in between.
TEST_F(LedgerDeviceTest, KnowsTheStrategyOfAnUndeclaredDevice) {
  auto inventory = std::make_shared<Inventory>();
  Strategy phones = {"phone", "type=handset", {}, {}};
  inventory->strategies = {{"phone", encode_strategy(phones)}};
  inventory->allow = {"type=handset"};
  inventory->devices = {device("dut-1", {{"type", "handset"}, {"model", "old"}}, "special")};
  const auto listed = [](const std::string& name, Profile profile) {
    return DeviceListed{"bench", {"usb", name, std::move(profile)}};
  };
  std::vector<SequencedEvent> events = number_events({
      listed("early", {{"type", "handset"}, {"model", "yuga"}}),
      listed("gone", {{"type", "handset"}}),
      DeviceUnlisted{"bench", "gone"},
      InventoryApplied{inventory, "ann@desk"},
      listed("late", {{"type", "handset"}}),
      listed("dut-1", {{"type", "handset"}, {"model", "new"}}),
      listed("mouse", {{"type", "mouse"}}),
      submitted(kRepair, TaskKind::repair),
      leased(kRepair, 1, {"early"}),
      action(kRepair, "restart", Outcome::pass),
      submitted(kSecond, TaskKind::repair),
      leased(kSecond, 1, {"late"}),
      action(kSecond, "restart", Outcome::error),
      listed("early", {{"type", "handset"}, {"model", "amami"}}),
      submitted("0194-third", TaskKind::repair),
      leased("0194-third", 1, {"early"}),
      action("0194-third", "restart", Outcome::fail),
  });
  for (size_t taken = 0; taken < events.size(); ++taken) {
    deliver({events.begin(), events.begin() + static_cast<std::ptrdiff_t>(taken) + 1});
  }
  EXPECT_THAT(words(*open().action_runs("")),
              ElementsAre("phone/yuga restart pass", "phone/handset restart error",
                          "phone/amami restart fail"));
  Database db = std::move(std::get<Database>(Database::open(file_)));
  Result<Statement> specs = db.prepare(
      "SELECT count(*), sum(device IN ('gone', 'mouse')), sum(model = 'new') FROM device_specs");
  ASSERT_TRUE(specs.ok() && specs->next());
  EXPECT_EQ(specs->integer(0), 4) << "early twice, late and dut-1";
  EXPECT_EQ(specs->integer(1), 0);
  EXPECT_EQ(specs->integer(2), 0) << "the inventory has the say of what it declares";
}

}  // namespace
}  // namespace muster
