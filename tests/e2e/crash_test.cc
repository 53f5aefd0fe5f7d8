// kill -9 of each process in mid-task, again and again: every accepted task ends exactly once,
// every status.log is complete, and the ledger tells what the log tells.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/codec.h"
#include "tests/e2e/audit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

constexpr int kRounds = 6;
constexpr int kTasksPerRound = 30;
constexpr uint32_t kSlots = 15;  // of each of two workers: all tasks of a round run at once
constexpr Duration kPatience = std::chrono::seconds(60);

// Leases short enough that a dead worker's tasks move on within the test.
const std::vector<std::string> kShortLease = {"--lease", "2s", "--beat", "200ms"};

class CrashTest : public testing::Test {
 protected:
  CrashTest() : house_(MUSTER_BIN_DIR) {
    start_broker();
    start_worker(0);
    start_worker(1);
    start_collector();
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }

  void start_broker(const std::vector<std::string>& flags = kShortLease) {
    broker_ = house_.start_broker(flags);
  }
  void start_worker(int which) {
    workers_[which] = house_.start_worker("worker-" + std::to_string(which), kSlots);
  }
  void start_collector() { collector_ = house_.start_collector(); }

  TaskSpecPtr make_task(const std::string& guid, const std::string& script) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = guid;
    spec->name = "moment";
    spec->submitter = "test@house";
    spec->retry.infra = 10;
    JobWork work;
    work.source = CommandSource{{"/bin/sh", "-c", script}};
    spec->work = encode_work(work);
    guids_.push_back(guid);
    return spec;
  }
  // Prints something and runs until the file `gate` is gone.
  TaskSpecPtr make_gated(const std::string& guid, const std::string& gate) {
    return make_task(guid, "echo begun; while [ -e " + gate + " ]; do sleep 0.1; done; echo done");
  }
  // Tasks that run until the file is gone whose path is returned: however slowly they start, all of
  // them run at once.
  std::string submit_round(int round) {
    std::string gate = house_.write("gate-" + std::to_string(round), "");
    Submit message;
    for (int i = 0; i < kTasksPerRound; ++i) {
      message.tasks.push_back(
          make_gated("crash-test/" + std::to_string(round) + "/" + std::to_string(i), gate));
    }
    submit(message);
    return gate;
  }
  // In every other round, so that tasks end while something is killed; the others end after it.
  void end_before_the_kill(int round, const std::string& gate) {
    if (round % 2 == 1) std::filesystem::remove(gate);
  }
  void submit(const Submit& message) {
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer));
    const SubmitReply* reply = std::get_if<SubmitReply>(&std::get<Message>(answer));
    ASSERT_NE(reply, nullptr);
    for (const SubmitResult& result : reply->results) ASSERT_EQ(result.refused, "");
  }

  // Until `count` attempts of the newest round began and did not end.
  void wait_until_running(int round, size_t count) {
    const std::string prefix = "crash-test/" + std::to_string(round) + "/";
    std::set<AttemptToken> running;
    const auto enough = [&](const Event& event) {
      if (const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body)) {
        running.erase(ended->token);
      }
      const AttemptReported* reported = std::get_if<AttemptReported>(&event.body);
      if (reported != nullptr && std::holds_alternative<AttemptStarted>(reported->body) &&
          reported->token.guid.starts_with(prefix)) {
        running.insert(reported->token);
      }
      return running.size() >= count;
    };
    ASSERT_TRUE(tail_->wait_for(enough, kPatience)) << house_.daemon_output();
  }

  void wait_until_all_ended() {
    std::set<std::string> open(guids_.begin(), guids_.end());
    for (const Event& event : tail_->events()) open.erase(ended_guid(event));
    const auto all_ended = [&](const Event& event) {
      open.erase(ended_guid(event));
      return open.empty();
    };
    ASSERT_TRUE(open.empty() || tail_->wait_for(all_ended, kPatience))
        << open.size() << " tasks did not end, one is " << *open.begin() << "\n"
        << house_.daemon_output();
  }

  void audit() {
    wait_until_all_ended();
    tail_->catch_up();
    expect_ended_once(tail_->events(), guids_);
    expect_status_logs_complete(house_, guids_);
    expect_ledger_agrees(house_, tail_->events());
    for (const auto& [guid, life] : fold_lives(tail_->events())) {
      EXPECT_EQ(life.verdict, Verdict::pass) << guid;
    }
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> workers_[2];
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
  std::vector<std::string> guids_;
};

TEST_F(CrashTest, BrokerKilledInMidTask) {
  for (int round = 0; round < kRounds; ++round) {
    const std::string gate = submit_round(round);
    wait_until_running(round, 10);
    end_before_the_kill(round, gate);
    broker_->kill_now();
    start_broker();
    std::filesystem::remove(gate);
  }
  audit();
}

// Neither an upgrade nor a crash of the broker costs an attempt.
TEST_F(CrashTest, ARestartOfTheBrokerUnderLoadLosesNoLeaseAndNoRunningJob) {
  // So long that only a restart costs an attempt, and not a machine that has much else to do.
  const std::vector<std::string> no_loss = {"--lease", "30s", "--beat", "200ms"};
  EXPECT_EQ(broker_->stop(), 0) << house_.daemon_output();
  start_broker(no_loss);
  const std::string through = house_.write("gate", "");
  submit({{make_gated("crash-test/through", through)}, false});
  for (int round = 0; round < kRounds; ++round) {
    const std::string gate = submit_round(round);
    wait_until_running(round, 10);
    end_before_the_kill(round, gate);
    if (round % 2 == 0) {
      EXPECT_EQ(broker_->stop(), 0) << house_.daemon_output();
    } else {
      broker_->kill_now();
    }
    start_broker(no_loss);
    std::filesystem::remove(gate);
  }
  std::filesystem::remove(through);
  audit();
  for (const auto& [guid, life] : fold_lives(tail_->events())) EXPECT_EQ(life.leases, 1u) << guid;
}

TEST_F(CrashTest, WorkersKilledInMidTask) {
  for (int round = 0; round < kRounds; ++round) {
    const std::string gate = submit_round(round);
    wait_until_running(round, 10);
    end_before_the_kill(round, gate);
    workers_[round % 2]->kill_now();
    start_worker(round % 2);
    std::filesystem::remove(gate);
  }
  audit();
}

TEST_F(CrashTest, AWorkerThatNeverComesBackLosesItsTasksToTheOther) {
  const std::string gate = submit_round(0);
  wait_until_running(0, 10);
  workers_[0]->kill_now();
  std::filesystem::remove(gate);
  audit();
}

TEST_F(CrashTest, CollectorKilledInMidDelivery) {
  for (int round = 0; round < kRounds; ++round) {
    const std::string gate = submit_round(round);
    wait_until_running(round, 10);
    end_before_the_kill(round, gate);
    collector_->kill_now();
    start_collector();
    std::filesystem::remove(gate);
  }
  audit();
}

TEST_F(CrashTest, EverythingKilledAtOnce) {
  for (int round = 0; round < kRounds / 2; ++round) {
    const std::string gate = submit_round(round);
    wait_until_running(round, 10);
    end_before_the_kill(round, gate);
    collector_->kill_now();
    workers_[0]->kill_now();
    broker_->kill_now();
    workers_[1]->kill_now();
    start_worker(1);
    start_collector();
    start_worker(0);
    start_broker();
    std::filesystem::remove(gate);
  }
  audit();
}

}  // namespace
}  // namespace muster
