// The broker's disk runs low, and full: what was accepted is never lost, and people are told why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/codec.h"
#include "tests/e2e/audit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

class FullDiskTest : public testing::Test {
 protected:
  FullDiskTest() : house_(MUSTER_BIN_DIR) {
    flag_ = house_.write("disk", "");
    set_disk("");
    worker_ = house_.start_worker("local", 4);
    house_.set_daemon_env("LD_PRELOAD", MUSTER_FULL_DISK_LIB);
    house_.set_daemon_env("MUSTER_TEST_DISK", flag_);
    house_.set_daemon_env("ASAN_OPTIONS", "verify_asan_link_order=0");
    start_broker();
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }

  void start_broker() { broker_ = house_.start_broker({"--lease", "2s", "--beat", "200ms"}); }

  // "" for a disk with room, else "low" or "full".
  void set_disk(const std::string& state) {
    if (state.empty()) {
      std::filesystem::remove(flag_);
    } else {
      house_.write("disk", state);
    }
  }

  // Submits a command; why it was refused, or empty.
  std::string submit(const std::string& guid, const std::string& script) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = guid;
    spec->submitter = "test@house";
    spec->retry.infra = 10;
    JobWork work;
    work.source = CommandSource{{"/bin/sh", "-c", script}};
    spec->work = encode_work(work);
    const auto answer = client_->ask(Submit{{spec}, false}, kPatience);
    if (const ClientError* error = std::get_if<ClientError>(&answer)) return error->message;
    const Message& message = std::get<Message>(answer);
    if (const Refused* refused = std::get_if<Refused>(&message)) return refused->reason;
    return std::get<SubmitReply>(message).results.front().refused;
  }

  void wait_for_event(const std::string& type, const std::string& guid) {
    const auto is_it = [&](const Event& event) {
      return event_type(event) == type && event_guid(event) == guid;
    };
    ASSERT_TRUE(tail_->wait_for(is_it, kPatience)) << type << "\n" << house_.daemon_output();
  }

  bool disk_low() {
    const auto answer = client_->ask(AskStatus{}, kPatience);
    const Message* message = std::get_if<Message>(&answer);
    return message != nullptr && std::get<BrokerStatus>(*message).disk_low;
  }

  House house_;
  std::string flag_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
};

TEST_F(FullDiskTest, ALowDiskRefusesNewWorkAndFinishesWhatRuns) {
  const std::string gate = house_.home().dir + "/gate";
  ASSERT_EQ(submit("disk-low-runs", "until [ -e " + gate + " ]; do sleep 0.05; done"), "");
  wait_for_event("attempt_started", "disk-low-runs");
  set_disk("low");
  ASSERT_TRUE(eventually([&] { return disk_low(); })) << house_.daemon_output();
  EXPECT_THAT(submit("disk-low-new", "true"), testing::HasSubstr("disk"));
  // It was 64, which says that the command line is wrong.
  EXPECT_EQ(house_.muster({"run", "--detach", "--", "true"}).status, 69);

  house_.write("home/gate", "");
  wait_for_event("attempt_ended", "disk-low-runs");
  set_disk("");
  ASSERT_TRUE(eventually([&] { return !disk_low(); })) << house_.daemon_output();
  EXPECT_EQ(submit("disk-low-new", "true"), "");
  wait_for_event("attempt_ended", "disk-low-new");
  expect_ended_once(tail_->events(), {"disk-low-runs", "disk-low-new"});
}

TEST_F(FullDiskTest, AFullDiskEndsTheBrokerAndLosesNothing) {
  std::vector<std::string> accepted;
  for (int i = 0; i < 8; ++i) {
    const std::string guid = "disk-full-" + std::to_string(i);
    ASSERT_EQ(submit(guid, "sleep 0.5"), "");
    accepted.push_back(guid);
  }
  wait_for_event("attempt_started", "disk-full-0");
  set_disk("full");
  const std::optional<int> ended = broker_->wait(kPatience);
  ASSERT_TRUE(ended.has_value()) << "it speaks of what it cannot record";
  EXPECT_NE(*ended, 0);
  EXPECT_LT(*ended, 128) << "it crashed";
  EXPECT_THAT(house_.daemon_output(), testing::HasSubstr("disk"));

  set_disk("");
  start_broker();
  for (const std::string& guid : accepted) {
    const auto is_over = [&](const Event& event) { return ended_guid(event) == guid; };
    const bool before = std::any_of(tail_->events().begin(), tail_->events().end(), is_over);
    ASSERT_TRUE(before || tail_->wait_for(is_over, kPatience)) << guid << house_.daemon_output();
  }
  tail_->catch_up();
  expect_ended_once(tail_->events(), accepted);
}

}  // namespace
}  // namespace muster
