// The worker's disk runs low, and full: it waits for room, says nothing that it could not keep, and
// takes nothing new meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/e2e/audit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(30);

class WorkerDiskTest : public testing::Test {
 protected:
  WorkerDiskTest() : house_(MUSTER_BIN_DIR) {
    flag_ = house_.write("disk", "");
    set_disk("");
    broker_ = house_.start_broker({"--lease", "3s", "--beat", "200ms"});
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }

  void start_worker() {
    house_.set_daemon_env("LD_PRELOAD", MUSTER_FULL_DISK_LIB);
    house_.set_daemon_env("MUSTER_TEST_DISK", flag_);
    house_.set_daemon_env("ASAN_OPTIONS", "verify_asan_link_order=0");
    worker_ = house_.start_worker("local", 4);
  }

  // "" for a disk with room, else "low" or "full".
  void set_disk(const std::string& state) {
    if (state.empty()) {
      std::filesystem::remove(flag_);
    } else {
      house_.write("disk", state);
    }
  }

  void submit(const std::string& guid, const std::string& script) {
    const Ran ran = house_.muster({"run", "--detach", "--guid", guid, "--wait-for-capacity",
                                   "--retry", "infra=0", "--", "/bin/sh", "-c", script});
    ASSERT_EQ(ran.status, 0) << ran.err << house_.daemon_output();
  }

  const Event* wait_for(const std::string& type, const std::string& guid) {
    const auto is_it = [&](const Event& event) {
      return event_type(event) == type && event_guid(event) == guid;
    };
    const auto find = [&]() -> const Event* {
      for (const Event& event : tail_->events()) {
        if (is_it(event)) return &event;
      }
      return nullptr;
    };
    // What came in another order than it is asked for has been read already.
    if (const Event* event = find()) return event;
    if (tail_->wait_for(is_it, kPatience)) return find();
    ADD_FAILURE() << type << " of " << guid << "\n" << house_.daemon_output();
    return nullptr;
  }
  Ending ending_of(const std::string& guid) {
    const Event* event = wait_for("attempt_ended", guid);
    return event == nullptr ? Ending{} : std::get<AttemptEnded>(event->body).ending;
  }
  bool worker_said(const std::string& text) {
    return eventually([&] { return house_.daemon_output().find(text) != std::string::npos; },
                      kPatience);
  }
  std::string gate(const std::string& name) const { return house_.home().dir + "/" + name; }

  House house_;
  std::string flag_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
  std::unique_ptr<Child> worker_;
};

// A worker that could not write its spool ended, was started again and ended, until everything was
// stopped.
TEST_F(WorkerDiskTest, AFullDiskIsWaitedForAndLosesNothing) {
  start_worker();
  const std::string until_one = "until [ -e " + gate("one") + " ]; do sleep 0.05; done; ";
  submit("full-disk-quiet", until_one + "touch " + gate("quiet-over"));
  submit("full-disk-loud", until_one + "touch " + gate("loud-over") + "; echo lost");
  wait_for("attempt_started", "full-disk-quiet");
  wait_for("attempt_started", "full-disk-loud");
  set_disk("full");
  ASSERT_TRUE(worker_said("no new work is taken")) << house_.daemon_output();
  house_.write("home/one", "");
  // What they came to cannot be written down anywhere.
  for (const char* over : {"quiet-over", "loud-over"}) {
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(gate(over)); })) << over;
  }
  submit("full-disk-new", "true");
  EXPECT_FALSE(worker_->wait(3s)) << "it ended, and its lease of 3 s would have run out\n"
                                  << house_.daemon_output();

  set_disk("");
  EXPECT_EQ(ending_of("full-disk-quiet").outcome, Outcome::pass);
  const Ending loud = ending_of("full-disk-loud");
  EXPECT_EQ(loud.outcome, Outcome::error);
  EXPECT_EQ(loud.cause, Cause::worker);
  EXPECT_THAT(loud.message, HasSubstr("cannot write the console log"));
  EXPECT_EQ(ending_of("full-disk-new").outcome, Outcome::pass);
  expect_ended_once(tail_->events(), {"full-disk-quiet", "full-disk-loud", "full-disk-new"});
}

TEST_F(WorkerDiskTest, ALowDiskTakesNoNewWorkAndFinishesWhatRuns) {
  start_worker();
  // Its supervisor looks at the disk once a second.
  submit("low-disk-runs", "until [ -e " + gate("two") + " ]; do sleep 0.05; done; " +
                              "until grep -q 'is n[o]t kept' $MUSTER_LOG_PATH; do "
                              "echo output; sleep 0.05; done");
  wait_for("attempt_started", "low-disk-runs");
  set_disk("low");
  ASSERT_TRUE(worker_said("no new work is taken until there are")) << house_.daemon_output();
  submit("low-disk-new", "true");
  EXPECT_TRUE(eventually([&] {
    const Ran ran = house_.muster({"task", "explain", "low-disk-new"});
    return ran.out.find("worker local takes no new work now: its disk has ") != std::string::npos;
  })) << house_.muster({"task", "explain", "low-disk-new"}).out;
  // Nobody but its log said so.
  EXPECT_THAT(house_.muster({"worker", "ls"}).out, HasSubstr("refusing"));
  EXPECT_THAT(house_.muster({"doctor"}).out,
              HasSubstr("no new work is taken by local: its disk has "));
  house_.write("home/two", "");
  EXPECT_EQ(ending_of("low-disk-runs").outcome, Outcome::pass);

  set_disk("");
  EXPECT_EQ(ending_of("low-disk-new").outcome, Outcome::pass);
  // The archive had no room for it before.
  std::string log;
  EXPECT_TRUE(eventually([&] {
    log = house_.muster({"log", "low-disk-runs"}).out;
    return log.find("\"dropped_bytes\":") != std::string::npos;
  })) << log;
  EXPECT_THAT(log, HasSubstr("muster: output from here on is not kept"));
}

TEST_F(WorkerDiskTest, AWorkerThatIsStartedOnAFullDiskWaitsForRoom) {
  set_disk("full");
  start_worker();
  ASSERT_TRUE(worker_said("the disk is full; waiting for room")) << house_.daemon_output();
  set_disk("");
  submit("late-start", "true");
  EXPECT_EQ(ending_of("late-start").outcome, Outcome::pass);
}

TEST_F(WorkerDiskTest, AFloodIsCutAtTheLimitOfItsLog) {
  house_.write("home/muster.yaml", "worker: { log_max: 64KiB }\n");
  start_worker();
  submit("flood-of-zeros", "head -c 3000000 /dev/zero; echo end >&2");
  EXPECT_EQ(ending_of("flood-of-zeros").outcome, Outcome::pass) << "it is not the job's fault";
  const std::string log = house_.muster({"log", "flood-of-zeros"}).out;
  EXPECT_LT(log.size(), 70'000u);
  EXPECT_THAT(log, HasSubstr("limit of 64KiB"));
  EXPECT_THAT(log, HasSubstr("\"dropped_bytes\":2934468"));
}

// `sh -c 'setsid sleep 777 & exit 0'` outlived its attempt.
class StrayProcessTest : public WorkerDiskTest {
 protected:
  // The process that a script named in its own log.
  bool runs(const std::string& pid_file) const {
    const std::string pid = read_text(pid_file);
    const std::string stat = read_text("/proc/" + pid.substr(0, pid.find('\n')) + "/stat");
    return !pid.empty() && !stat.empty() && stat.find(") Z ") == std::string::npos;
  }
  std::string left(const std::string& name) const {
    return "setsid sh -c 'echo $$ > " + gate(name) + "; exec sleep 600' & until [ -s " +
           gate(name) + " ]; do sleep 0.05; done; ";
  }
};

TEST_F(StrayProcessTest, WhatForksAwayEndsWithItsAttempt) {
  start_worker();
  submit("forks-away", left("pid") + "exit 0");
  EXPECT_EQ(ending_of("forks-away").outcome, Outcome::pass);
  EXPECT_FALSE(runs(gate("pid")));
  EXPECT_THAT(house_.muster({"log", "forks-away"}).out,
              HasSubstr("muster: killed a process that left its process group"));
}

}  // namespace
}  // namespace muster
