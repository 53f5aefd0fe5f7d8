// The broker's log through people's hands: snapshots, trimming behind the sinks, verify, export,
// and what becomes of a sink whose events are gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/audit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class EventLogTest : public testing::Test {
 protected:
  EventLogTest() : house_(MUSTER_BIN_DIR) {
    broker_ = house_.start_broker();
    worker_ = house_.start_worker("local", 4);
    collector_ = house_.start_collector();
    house_.connect();
  }

  Ran log_verb(std::vector<std::string> words) {
    words.insert(words.begin(), {"broker", "log"});
    return house_.muster(words);
  }
  json log_json(std::vector<std::string> words) {
    words.insert(words.end(), {"-o", "json"});
    const Ran ran = log_verb(words);
    EXPECT_EQ(ran.status, 0) << ran.err << house_.daemon_output();
    return json::parse(ran.out, nullptr, false);
  }
  void run_jobs(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(house_.muster({"run", "--", "true"}).status, 0) << house_.daemon_output();
    }
  }
  // A clean stop takes a snapshot.
  void restart_broker() {
    stop_broker();
    broker_ = house_.start_broker();
    house_.connect();
  }
  void stop_broker() {
    broker_->signal(SIGTERM);
    ASSERT_EQ(broker_->wait(std::chrono::seconds(30)), 0) << house_.daemon_output();
  }
  bool sinks_caught_up() {
    const json state = log_json({"status"});
    return state["readers"].size() == 2 &&
           std::all_of(state["readers"].begin(), state["readers"].end(), [&](const json& reader) {
             return reader["needs"].get<uint64_t>() > state["head"].get<uint64_t>();
           });
  }
  std::vector<std::string> snapshots() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(house_.home().broker_dir())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("snapshot-")) found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
};

TEST_F(EventLogTest, WhatNobodyNeedsGoesAndTheBrokerComesBackWithoutIt) {
  run_jobs(3);
  restart_broker();
  run_jobs(2);
  restart_broker();
  run_jobs(1);
  ASSERT_EQ(snapshots().size(), 2u);
  ASSERT_TRUE(eventually([&] { return sinks_caught_up(); })) << house_.daemon_output();

  const json verified = log_json({"verify"});
  EXPECT_EQ(verified["sound"], true) << verified.dump();
  ASSERT_EQ(verified["snapshots"].size(), 2u);
  for (const json& one : verified["snapshots"]) EXPECT_EQ(one["compared"], true) << one.dump();

  const uint64_t before = log_json({"trim", "--dry-run"})["before"];
  EXPECT_GT(before, 1u);
  EXPECT_EQ(log_json({"status"})["tail"], 1);
  EXPECT_EQ(log_json({"trim"})["before"], before);
  ASSERT_TRUE(eventually([&] { return log_json({"status"})["tail"] > 1; }));
  EXPECT_LE(log_json({"status"})["tail"], before);
  EXPECT_EQ(log_json({"verify"})["sound"], true);

  restart_broker();
  run_jobs(1);
  const Ran events = house_.muster({"events", "--from", "1"});
  EXPECT_NE(events.status, 0);
  EXPECT_THAT(events.err, HasSubstr("were trimmed from the event log"));

  // What no broker can begin with is not sound.
  stop_broker();
  for (const std::string& snapshot : snapshots()) fs::remove(snapshot);
  const Ran verify = log_verb({"verify"});
  EXPECT_EQ(verify.status, 1);
  EXPECT_THAT(verify.out, HasSubstr("no snapshot that can be read holds what they did"));
}

// The whole log as JSON, with the numbers that were asked for.
TEST_F(EventLogTest, AnExportHasEachEventOnce) {
  run_jobs(2);
  stop_broker();
  const std::string file = house_.home().dir + "/events.ndjson";
  ASSERT_EQ(log_verb({"export", "--file", file}).status, 0);
  std::ifstream in(file);
  uint64_t expected = 0;
  for (std::string line; std::getline(in, line);) {
    EXPECT_EQ(json::parse(line)["seq"], ++expected);
  }
  EXPECT_EQ(expected, log_json({"status"})["head"]);
  std::istringstream part(log_verb({"export", "--from", "3", "--to", "4"}).out);
  for (std::string line; std::getline(part, line);) expected += json::parse(line)["seq"].get<int>();
  EXPECT_EQ(expected, log_json({"status"})["head"].get<uint64_t>() + 7);
}

TEST_F(EventLogTest, DamageIsFoundAndADamagedSnapshotKeepsNobodyFromBeginning) {
  run_jobs(1);
  restart_broker();
  run_jobs(1);
  stop_broker();
  const std::string newest = snapshots().back();
  fs::resize_file(newest, fs::file_size(newest) - 10);
  const Ran verify = log_verb({"verify"});
  EXPECT_EQ(verify.status, 1);
  EXPECT_THAT(verify.out, HasSubstr("DAMAGED"));
  broker_ = house_.start_broker();
  house_.connect();
  run_jobs(1);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("is passed over"));
}

TEST_F(EventLogTest, ASinkThatIsGoneIsForgottenByNameOnly) {
  run_jobs(1);
  ASSERT_TRUE(eventually([&] { return sinks_caught_up(); })) << house_.daemon_output();
  const std::string name = log_json({"status"})["readers"][0]["name"];
  EXPECT_THAT(name, HasSubstr(house_.home().dir));
  collector_->signal(SIGTERM);
  ASSERT_EQ(collector_->wait(std::chrono::seconds(30)), 0);
  EXPECT_THAT(log_verb({"forget", "nobody"}).err, HasSubstr("nobody reads the log by the name"));
  EXPECT_EQ(log_json({"forget", name})["readers"].size(), 1u);
  stop_broker();
  EXPECT_EQ(log_json({"status"})["readers"].size(), 1u) << "without a broker it is the same";
}

// The ledger's place is not to be had when the collector first starts, and for long.
TEST_F(EventLogTest, NothingIsTrimmedThatASinkMissesWhichCouldNotOpenYet) {
  ASSERT_TRUE(eventually([&] { return sinks_caught_up(); })) << house_.daemon_output();
  collector_->signal(SIGTERM);
  ASSERT_EQ(collector_->wait(std::chrono::seconds(30)), 0);
  const json before = log_json({"status"});
  for (const json& reader : before["readers"]) {
    log_json({"forget", reader["name"].get<std::string>()});
  }
  fs::remove_all(house_.home().collector_dir());
  fs::create_directories(house_.home().ledger_file());
  collector_ = house_.start_collector();
  ASSERT_TRUE(eventually([&] { return log_json({"status"})["readers"].size() == 2; }));
  run_jobs(2);
  restart_broker();
  run_jobs(2);
  restart_broker();
  ASSERT_EQ(snapshots().size(), 2u);
  const json plan = log_json({"trim"});
  EXPECT_EQ(plan["before"], 1) << plan.dump();
  fs::remove(house_.home().ledger_file());
  ASSERT_TRUE(eventually([&] { return sinks_caught_up(); })) << house_.daemon_output();
  EXPECT_EQ(log_json({"status"})["tail"], 1);
  EXPECT_EQ(house_.muster({"sink", "status", "ledger"}).out.find("were trimmed"),
            std::string::npos);
}

// A collector begins on a log whose first events are gone.
TEST_F(EventLogTest, ASinkSaysWhatIsMissingAndGoesOnWhenItIsTold) {
  run_jobs(2);
  restart_broker();
  run_jobs(1);
  restart_broker();
  ASSERT_TRUE(eventually([&] { return sinks_caught_up(); })) << house_.daemon_output();
  log_json({"trim"});
  ASSERT_TRUE(eventually([&] { return log_json({"status"})["tail"] > 1; }));
  collector_->signal(SIGTERM);
  ASSERT_EQ(collector_->wait(std::chrono::seconds(30)), 0);
  fs::remove_all(house_.home().collector_dir());
  collector_ = house_.start_collector();
  std::string said;
  ASSERT_TRUE(eventually([&] {
    said = house_.muster({"sink", "status"}).out;
    return said.find("muster sink replay ledger --from ") != said.npos;
  })) << said;
  EXPECT_THAT(said, HasSubstr("were trimmed"));
  const std::string tail = std::to_string(log_json({"status"})["tail"].get<uint64_t>());
  EXPECT_EQ(house_.muster({"sink", "replay", "ledger", "--from", tail}).status, 0);
  ASSERT_TRUE(eventually([&] {
    return house_.muster({"sink", "status", "ledger"}).out.find("were trimmed") == said.npos;
  }));
}

}  // namespace
}  // namespace muster
