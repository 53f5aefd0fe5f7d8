// Two houses: the collector of one feeds the other's, through a proxy that loses answers, while
// both are killed. At the end the other has a document of each task that ended, once, with all of
// its cases.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"
#include "tests/support/decibel_receiver.h"
#include "tests/support/house.h"
#include "tests/support/lossy_proxy.h"

namespace muster {
namespace {

using nlohmann::json;

constexpr int kRounds = 4;
constexpr int kTasksPerRound = 12;
constexpr int kCasesPerTask = 5;
constexpr Duration kPatience = std::chrono::seconds(90);

class DecibelTest : public testing::Test {
 protected:
  DecibelTest() {
    EXPECT_TRUE(make_home(sender_.home()).ok());
    const std::string config = "decibel: { url: '" + proxy_.url() +
                               "/api/test-results/v1/', token_file: " + receiver_.token_file() +
                               ", team: radio }\n";
    EXPECT_TRUE(write_file_atomically(sender_.home().config_file(), config).ok());
    broker_ = sender_.start_broker();
    worker_ = sender_.start_worker("worker", 6);
    collector_ = sender_.start_collector();
    client_ = sender_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }

  static std::string guid(int round, int task) {
    return "decibel-test/" + std::to_string(round) + "/" + std::to_string(task);
  }

  // Tasks 0, 5, 10 fail; each reports its cases through the job's socket.
  void submit_round(int round) {
    const std::string muster = std::string(MUSTER_BIN_DIR) + "/muster";
    Submit message;
    for (int i = 0; i < kTasksPerRound; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = guid(round, i);
      spec->name = "task " + std::to_string(i);
      spec->submitter = "test@house";
      JobWork work;
      std::string script;
      for (int c = 0; c < kCasesPerTask; ++c) {
        const bool fails = i % 5 == 0 && c == 3;
        script += muster + " report --suite net --name case" + std::to_string(c) +
                  (fails ? " fail && " : " pass && ");
      }
      script += i % 5 == 0 ? "exit 5" : "exit 0";
      work.source = CommandSource{{"/bin/sh", "-c", script}};
      spec->work = encode_work(work);
      message.tasks.push_back(std::move(spec));
    }
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << sender_.daemon_output();
  }

  void wait_for_ends(size_t count) {
    const auto enough = [&](const Event& event) {
      if (const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body)) {
        if (ended->verdict != Verdict::none) ended_[ended->token.guid] = ended->verdict;
      }
      return ended_.size() >= count;
    };
    ASSERT_TRUE(tail_->wait_for(enough, kPatience)) << sender_.daemon_output();
  }

  DecibelReceiver receiver_{MUSTER_BIN_DIR};
  LossyProxy proxy_{receiver_.port()};
  House sender_{MUSTER_BIN_DIR};
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
  std::map<std::string, Verdict> ended_;
};

TEST_F(DecibelTest, OneCollectorFeedsAnotherAndKillsLoseAndDoubleNothing) {
  for (int round = 0; round < kRounds; ++round) {
    const size_t before = receiver_.runs();
    submit_round(round);
    // While documents are on their way.
    ASSERT_TRUE(eventually([&] { return receiver_.runs() > before; }, kPatience))
        << sender_.daemon_output();
    if (round % 2 == 0) {
      receiver_.kill_now();
      collector_->kill_now();
      collector_ = sender_.start_collector();
      receiver_.start_again();
    } else {
      collector_->kill_now();
      collector_ = sender_.start_collector();
    }
    wait_for_ends(static_cast<size_t>(round + 1) * kTasksPerRound);
  }
  ASSERT_TRUE(eventually([&] { return receiver_.runs() >= ended_.size(); }, kPatience))
      << sender_.muster({"sink", "status"}).out << sender_.daemon_output();
  EXPECT_GT(proxy_.lost(), 0u);

  std::map<std::string, int> times;
  for (const json& row : receiver_.search("projection=run")) {
    const json& run = row["run"];
    const std::string of = run["guid"];
    ++times[of];
    ASSERT_TRUE(ended_.contains(of)) << of;
    EXPECT_EQ(run["result"], ended_[of] == Verdict::pass ? "passed" : "failure") << run.dump();
    EXPECT_EQ(run["team"], "radio");
    EXPECT_EQ(run["user"], "test@house");
  }
  EXPECT_EQ(times.size(), ended_.size());
  for (const auto& [of, count] : times) EXPECT_EQ(count, 1) << of;

  std::map<std::string, std::map<std::string, std::string>> cases;  // by task, each one's result
  for (const json& row :
       receiver_.search("projection=run.guid,case.name,case.result&suite.name=net")) {
    const bool is_new =
        cases[row["run"]["guid"]].emplace(row["case"]["name"], row["case"]["result"]).second;
    EXPECT_TRUE(is_new) << row.dump();
  }
  ASSERT_EQ(cases.size(), ended_.size());
  for (const auto& [of, of_task] : cases) {
    ASSERT_EQ(of_task.size(), static_cast<size_t>(kCasesPerTask)) << of;
    const int task = std::stoi(of.substr(of.rfind('/') + 1));
    for (const auto& [name, result] : of_task) {
      EXPECT_EQ(result, task % 5 == 0 && name == "case3" ? "failure" : "passed") << of << name;
    }
  }
}

}  // namespace
}  // namespace muster
