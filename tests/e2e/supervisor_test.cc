// Jobs outlive their worker: kill -9 and SIGSTOP of worker, launcher and supervisor in mid-job, and
// what becomes of the job, its processes and what it said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "io/cgroup.h"
#include "io/file.h"
#include "io/local_socket.h"
#include "tests/e2e/audit.h"
#include "tests/support/house.h"
#include "tests/support/processes.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(30);
constexpr Duration kEndPatience = std::chrono::seconds(60);  // of a worker that ends its jobs

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() : house_(MUSTER_BIN_DIR) {}

  void start(const std::string& lease = "20s", std::vector<std::string> worker_flags = {}) {
    broker_ = house_.start_broker({"--lease", lease, "--beat", "200ms"});
    worker_flags_ = std::move(worker_flags);
    start_worker();
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }
  void start_worker() { worker_ = house_.start_worker("local", 4, worker_flags_); }
  ~SupervisorTest() override {
    open_gate();  // nothing of a test waits for ever
  }

  std::string gate() const { return house_.home().dir + "/gate"; }
  void open_gate() { house_.write("home/gate", ""); }
  std::string file(const std::string& name) const { return house_.home().dir + "/" + name; }
  std::string until_gate() const { return "until [ -e " + gate() + " ]; do sleep 0.02; done; "; }

  void submit(const std::string& guid, const std::vector<std::string>& argv) {
    std::vector<std::string> words = {"run",     "--detach", "--guid", guid, "--wait-for-capacity",
                                      "--retry", "infra=0",  "--"};
    words.insert(words.end(), argv.begin(), argv.end());
    const Ran ran = house_.muster(words);
    ASSERT_EQ(ran.status, 0) << ran.err << house_.daemon_output();
  }
  void submit_script(const std::string& guid, const std::string& script) {
    submit(guid, {"/bin/sh", "-c", script});
  }

  // A job that waits at the gate and has something to tidy, once it waits.
  void submit_with_finally(const std::string& guid, const std::string& first = "") {
    const std::string job = house_.write(
        "finally.yaml",
        "version: 1\nkind: job\nretry: { infra: 0 }\nsteps: [ { id: wait, shell: 'echo $$ > " +
            file("pid") + "; " + until_gate() + "' } ]\nfinally: [ { id: tidy, shell: '" + first +
            "echo tidied > " + file("tidied") + "' } ]\n");
    const Ran ran = house_.muster({"run", "--detach", "--guid", guid, "--wait-for-capacity", job});
    ASSERT_EQ(ran.status, 0) << ran.err << house_.daemon_output();
    wait_for_file(file("pid"));
  }

  const Event* wait_for(const std::function<bool(const Event&)>& is_it) {
    for (const Event& event : tail_->events()) {
      if (is_it(event)) return &event;
    }
    if (tail_->wait_for(is_it, kPatience)) {
      for (const Event& event : tail_->events()) {
        if (is_it(event)) return &event;
      }
    }
    ADD_FAILURE() << "it did not happen\n" << house_.daemon_output();
    return nullptr;
  }
  void wait_started(const std::string& guid) {
    wait_for([&](const Event& event) {
      return event_type(event) == "attempt_started" && event_guid(event) == guid;
    });
  }
  Ending ending_of(const std::string& guid) {
    const Event* event = wait_for([&](const Event& each) {
      return event_type(each) == "attempt_ended" && event_guid(each) == guid;
    });
    return event == nullptr ? Ending{} : std::get<AttemptEnded>(event->body).ending;
  }
  // Until the worker has come for the `times`th time.
  void wait_joined(int times = 2) {
    EXPECT_TRUE(eventually([&] {
      tail_->catch_up();
      int joined = 0;
      for (const Event& event : tail_->events()) joined += event_type(event) == "worker_joined";
      return joined >= times;
    })) << house_.daemon_output();
  }
  size_t count_events(const std::string& type, const std::string& guid) {
    tail_->catch_up();
    size_t count = 0;
    for (const Event& event : tail_->events()) {
      count += event_type(event) == type && event_guid(event) == guid;
    }
    return count;
  }

  pid_t child_of(pid_t parent, const std::string& name) {
    pid_t found = -1;
    EXPECT_TRUE(eventually([&] {
      for (const ProcessLook& look : all_processes()) {
        if (look.parent == parent && look.name == name) found = look.pid;
      }
      return found > 0;
    })) << name;
    return found;
  }
  pid_t launcher() { return child_of(worker_->pid(), "muster-launcher"); }

  // The process whose number a script wrote down.
  static bool runs(const std::string& pid_file) {
    const std::string text = read_text(pid_file);
    pid_t pid = -1;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    for (const ProcessLook& look : all_processes()) {
      if (look.pid == pid) return look.state != 'Z' && look.state != 'X';
    }
    return false;
  }
  bool eventually_ends(const std::string& pid_file) {
    return eventually([&] { return !runs(pid_file); });
  }
  void wait_for_file(const std::string& path) {
    EXPECT_TRUE(eventually([&] { return !read_text(path).empty(); })) << path;
  }
  // A process that leaves everything by which it could be known, but its cgroup.
  std::string hide() const {
    return "(env -i setsid sh -c 'echo $$ > " + file("hidden") + "; exec sleep 600' &); ";
  }
  void wait_hidden(const std::string& guid) {
    wait_started(guid);
    wait_for_file(file("hidden"));
    const std::string lock =
        read_text(house_.home().dir + "/worker/local/attempts/" + guid + "/1/lock");
    if (const size_t at = lock.find(" /"); at != std::string::npos) {
      cgroup_ = lock.substr(at + 1, lock.find('\n') - at - 1);
    }
  }
  // Where this machine has cgroups for jobs: nothing that had hidden lives, and the cgroup is gone.
  // Elsewhere the worker says that it has none.
  void expect_contained() {
    if (!find_own_cgroup_dir().ok()) {
      EXPECT_THAT(read_text(house_.home().logs_dir() + "/worker-local.log"),
                  HasSubstr("jobs get no cgroups"));
      return;
    }
    EXPECT_TRUE(eventually_ends(file("hidden")));
    EXPECT_THAT(cgroup_, HasSubstr("/muster-"));
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(cgroup_); })) << cgroup_;
  }
  // Whether the worker still has something to take from the attempts that it had started.
  bool is_supervised() const {
    std::error_code failed;
    const std::filesystem::directory_iterator links(house_.home().dir + "/worker/local/running",
                                                    failed);
    return links != std::filesystem::directory_iterator();
  }

  House house_;
  std::vector<std::string> worker_flags_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
  std::string cgroup_;  // of the job that hides something
};

TEST_F(SupervisorTest, AJobGoesOnWhenItsWorkerIsKilled) {
  start();
  const std::unique_ptr<Child> collector = house_.start_collector();
  submit_script("worker-killed",
                "echo $$ > " + file("pid") + "; echo begun; " + until_gate() + "echo done");
  wait_started("worker-killed");
  wait_for_file(file("pid"));
  worker_->kill_now();
  EXPECT_TRUE(runs(file("pid")));
  start_worker();
  wait_joined();
  EXPECT_TRUE(runs(file("pid")));
  open_gate();
  EXPECT_EQ(ending_of("worker-killed").outcome, Outcome::pass) << house_.daemon_output();

  EXPECT_EQ(count_events("attempt_leased", "worker-killed"), 1u);
  EXPECT_EQ(count_events("attempt_started", "worker-killed"), 1u);
  EXPECT_EQ(count_events("result", "worker-killed"), 1u);
  const std::string log = house_.muster({"log", "worker-killed"}).out;
  EXPECT_THAT(log, HasSubstr("begun\ndone\n"));
  expect_ended_once(tail_->events(), {"worker-killed"});
  expect_status_logs_complete(house_, {"worker-killed"});
  expect_ledger_agrees(house_, tail_->events());
}

TEST_F(SupervisorTest, WhatEndedWhileThereWasNoWorkerIsToldWhenItIsBack) {
  start();
  const std::unique_ptr<Child> collector = house_.start_collector();
  submit_script("ended-alone", "echo $$ > " + file("pid") + "; " + until_gate() + "exit 3");
  wait_for_file(file("pid"));
  wait_started("ended-alone");
  worker_->kill_now();
  open_gate();
  EXPECT_TRUE(eventually_ends(file("pid")));
  start_worker();
  const Ending ending = ending_of("ended-alone");
  EXPECT_EQ(ending.outcome, Outcome::fail) << ending.message << house_.daemon_output();
  EXPECT_EQ(ending.exit_code, 3);
  EXPECT_EQ(count_events("attempt_leased", "ended-alone"), 1u);
  EXPECT_TRUE(eventually([&] { return !is_supervised(); }));
  // Nothing of it is told again.
  worker_->kill_now();
  start_worker();
  wait_joined(3);
  submit("after-that", {"true"});
  EXPECT_EQ(ending_of("after-that").outcome, Outcome::pass);
  expect_ended_once(tail_->events(), {"ended-alone", "after-that"});
  EXPECT_EQ(count_events("result", "ended-alone"), 1u);
  EXPECT_EQ(count_events("report_refused", "ended-alone"), 0u);
}

TEST_F(SupervisorTest, AWorkerThatIsStoppedLeavesItsJobsToTheNext) {
  start();
  submit_script("worker-upgraded", until_gate() + "echo done");
  wait_started("worker-upgraded");
  EXPECT_EQ(worker_->stop(), 0);
  start_worker();
  wait_joined();
  open_gate();
  EXPECT_EQ(ending_of("worker-upgraded").outcome, Outcome::pass) << house_.daemon_output();
}

TEST_F(SupervisorTest, EndJobsEndsThemWithTheWorker) {
  start("20s", {"--end-jobs"});
  submit_script("ended-with-it", "echo $$ > " + file("pid") + "; " + until_gate());
  wait_started("ended-with-it");
  wait_for_file(file("pid"));
  EXPECT_EQ(worker_->stop(), 0);
  EXPECT_FALSE(runs(file("pid")));
  const Ending ending = ending_of("ended-with-it");
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("the worker was shut down"));
}

// They were killed at once, as those of a lease that runs out.
TEST_F(SupervisorTest, FinallyStepsRunWhenTheWorkerEndsItsJobs) {
  start("2s", {"--end-jobs"});
  submit_with_finally("tidied-at-the-end", "sleep 3; ");
  EXPECT_EQ(worker_->stop(kEndPatience), 0);
  EXPECT_EQ(read_text(file("tidied")), "tidied\n");
  const Ending ending = ending_of("tidied-at-the-end");
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("the worker was shut down"));
}

TEST(MusterUp, AStopRunsTheFinallyStepsOfJobs) {
  House house(MUSTER_BIN_DIR);
  const std::unique_ptr<Child> up = house.start_up();
  const std::unique_ptr<Client> client = house.connect();
  const std::string pid_file = house.home().dir + "/pid";
  const std::string tidied = house.home().dir + "/tidied";
  const std::string job = house.write(
      "finally.yaml", "version: 1\nkind: job\nsteps: [ { id: wait, shell: 'echo $$ > " + pid_file +
                          "; exec sleep 600' } ]\nfinally: [ { id: tidy, shell: 'echo tidied > " +
                          tidied + "' } ]\n");
  const Ran ran = house.muster({"run", "--detach", "--wait-for-capacity", job});
  ASSERT_EQ(ran.status, 0) << ran.err << house.daemon_output();
  ASSERT_TRUE(eventually([&] { return !read_text(pid_file).empty(); })) << house.daemon_output();
  EXPECT_EQ(up->stop(kEndPatience), 0);
  EXPECT_EQ(read_text(tidied), "tidied\n");
}

TEST_F(SupervisorTest, ALauncherThatIsKilledTakesNoJobWithIt) {
  start();
  submit_script("launcher-killed", until_gate() + "echo done");
  wait_started("launcher-killed");
  ::kill(launcher(), SIGKILL);
  submit("after-launcher", {"true"});
  EXPECT_EQ(ending_of("after-launcher").outcome, Outcome::pass) << house_.daemon_output();
  open_gate();
  EXPECT_EQ(ending_of("launcher-killed").outcome, Outcome::pass) << house_.daemon_output();
}

TEST_F(SupervisorTest, AJobEndsWithItsSupervisorAndWhatItLeftBehindToo) {
  start();
  submit_script("supervisor-killed", "setsid sh -c 'echo $$ > " + file("away") +
                                         "; exec sleep 600' & echo $$ > " + file("pid") + "; " +
                                         until_gate());
  wait_started("supervisor-killed");
  wait_for_file(file("away"));
  wait_for_file(file("pid"));
  ::kill(child_of(launcher(), "muster-job"), SIGKILL);
  const Ending ending = ending_of("supervisor-killed");
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("supervisor died"));
  EXPECT_LT(ending.started, ending.finished);
  EXPECT_TRUE(eventually_ends(file("pid")));
  EXPECT_TRUE(eventually_ends(file("away")));
}

TEST_F(SupervisorTest, ASupervisorThatDiedWithItsWorkerIsFoundDead) {
  start();
  submit_script("both-killed",
                "setsid sh -c 'echo $$ > " + file("away") + "; exec sleep 600' & " + until_gate());
  wait_started("both-killed");
  wait_for_file(file("away"));
  const pid_t supervisor = child_of(launcher(), "muster-job");
  worker_->kill_now();
  ::kill(supervisor, SIGKILL);
  start_worker();
  const Ending ending = ending_of("both-killed");
  EXPECT_EQ(ending.cause, Cause::worker) << ending.message;
  EXPECT_LT(ending.started, ending.finished) << "`task show` said that it ran for 0 s";
  EXPECT_FALSE(runs(file("away")));
}

// They did not, and the device stayed as the job had left it.
TEST_F(SupervisorTest, FinallyStepsRunAlthoughTheSupervisorWasKilled) {
  start();
  submit_with_finally("tidied-after-all", "pwd; ");
  ::kill(child_of(launcher(), "muster-job"), SIGKILL);
  const Ending ending = ending_of("tidied-after-all");
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_EQ(ending.message, "the attempt's supervisor died while it ran");
  EXPECT_LT(ending.started, ending.finished);
  EXPECT_TRUE(eventually_ends(file("pid")));
  EXPECT_TRUE(std::filesystem::exists(file("tidied")));
  const std::string log = house_.muster({"log", "tidied-after-all"}).out;
  EXPECT_THAT(log, HasSubstr("supervisor died while it ran; what it is to do finally is done now\n"
                             "muster: step tidy\n"));
  EXPECT_THAT(log, HasSubstr("/workspace\n"));
}

TEST_F(SupervisorTest, FinallyStepsRunAlthoughWorkerAndSupervisorWereKilled) {
  start();
  submit_with_finally("tidied-later");
  const pid_t supervisor = child_of(launcher(), "muster-job");
  worker_->kill_now();
  ::kill(supervisor, SIGKILL);
  start_worker();
  EXPECT_THAT(ending_of("tidied-later").message, HasSubstr("supervisor died"));
  EXPECT_TRUE(std::filesystem::exists(file("tidied")));
}

TEST_F(SupervisorTest, FinallyStepsAreNotTriedForEver) {
  start();
  // Its supervisor is the parent of its shell.
  submit_with_finally("never-tidied", "kill -9 $PPID; ");
  ::kill(child_of(launcher(), "muster-job"), SIGKILL);
  const Ending ending = ending_of("never-tidied");
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("died while it ran, as did the one before it"));
}

// Neither its groups nor its ancestry nor its environment say whose it was: a child that had forked
// twice, begun a session and cleared its environment outlived a supervisor that was killed.
TEST_F(SupervisorTest, WhatHidesFromAKilledSupervisorIsFoundByItsCgroup) {
  start("20s", {"--log-level", "debug"});
  submit_script("hides-well", hide() + until_gate());
  wait_hidden("hides-well");
  ::kill(child_of(launcher(), "muster-job"), SIGKILL);
  EXPECT_THAT(ending_of("hides-well").message, HasSubstr("supervisor died"));
  expect_contained();
}

// A child that carried no mark and was adopted by the worker outlived its job.
TEST_F(SupervisorTest, WhatHidesFromAKilledSupervisorIsAdoptedAndKilledByTheWorker) {
  start();
  submit_script("hides-adopted", hide() + until_gate());
  wait_hidden("hides-adopted");
  ::kill(child_of(launcher(), "muster-job"), SIGKILL);
  EXPECT_THAT(ending_of("hides-adopted").message, HasSubstr("supervisor died"));
  EXPECT_TRUE(eventually_ends(file("hidden")));
  submit("after-hides", {"true"});
  EXPECT_EQ(ending_of("after-hides").outcome, Outcome::pass) << "the launcher is no stray";
}

// It had no timeout any more, and could not be cancelled.
TEST_F(SupervisorTest, AJobThatStopsItsSupervisorIsKilledWithIt) {
  start();
  submit_script("stops-its-supervisor",
                "echo $$ > " + file("pid") + "; kill -STOP $PPID; " + until_gate());
  wait_started("stops-its-supervisor");
  wait_for_file(file("pid"));
  const Ending ending = ending_of("stops-its-supervisor");
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("was stopped (SIGSTOP) and was killed"));
  EXPECT_TRUE(eventually_ends(file("pid")));
}

// It counted as alive for ever.
TEST_F(SupervisorTest, ALockThatTheJobHoldsIsNoProofOfLife) {
  start();
  submit_script("locks-itself", "setsid flock \"${MUSTER_LOG_PATH%/*}/lock\" sh -c 'echo $$ > " +
                                    file("away") + "; exec sleep 600' & " + until_gate());
  wait_started("locks-itself");
  const pid_t supervisor = child_of(launcher(), "muster-job");
  struct stat lock {};
  const std::string path = file("worker/local/attempts/locks-itself/1/lock");
  ASSERT_EQ(::stat(path.c_str(), &lock), 0);
  const std::string waits = "-> FLOCK  ADVISORY  WRITE [0-9]+ [0-9a-f]+:[0-9a-f]+:";
  const std::regex waiter(waits + std::to_string(lock.st_ino) + " ");
  EXPECT_TRUE(eventually([&] {
    const Result<std::string> locks = read_file("/proc/locks", 1 << 20);
    return locks.ok() && std::regex_search(*locks, waiter);
  }));
  // The worker looks when the job has the lock, not between.
  worker_->signal(SIGSTOP);
  ::kill(supervisor, SIGKILL);
  wait_for_file(file("away"));
  worker_->signal(SIGCONT);
  const Ending ending = ending_of("locks-itself");
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("something of the job held its lock"));
  EXPECT_TRUE(eventually_ends(file("away")));
}

// Any process could say hello in the place of a supervisor, which was heard no more then.
TEST_F(SupervisorTest, AHelloOfWhoIsNoSupervisorIsRefused) {
  start();
  submit_script("not-its-own", "echo $$ > " + file("pid") + "; " + until_gate());
  wait_started("not-its-own");
  const std::optional<UniqueFd> impostor =
      dial_local(house_.home().dir + "/worker/local", "run.sock");
  ASSERT_TRUE(impostor);
  EXPECT_EQ(send_local(impostor->get(), "hello 1 1 not-its-own"), Passed::done);
  std::string heard;
  Passed passed = Passed::later;
  EXPECT_TRUE(eventually([&] {
    passed = receive_local(impostor->get(), heard, 10'000);
    return passed != Passed::later;
  }));
  EXPECT_EQ(passed, Passed::gone) << heard;
  EXPECT_EQ(house_.muster({"cancel", "not-its-own", "--reason", "enough"}).status, 0);
  EXPECT_EQ(ending_of("not-its-own").cause, Cause::user);
  EXPECT_TRUE(eventually_ends(file("pid")));
}

TEST_F(SupervisorTest, WhatSaysNoHelloIsDropped) {
  start();
  std::optional<UniqueFd> silent;
  ASSERT_TRUE(eventually([&] {
    silent = dial_local(house_.home().dir + "/worker/local", "run.sock");
    return silent.has_value();
  }));
  std::string heard;
  EXPECT_TRUE(eventually([&] { return receive_local(silent->get(), heard, 100) == Passed::gone; }));
}

TEST_F(SupervisorTest, WhatHidesIsFoundByAWorkerThatRestarts) {
  start("20s", {"--log-level", "debug"});
  submit_script("hides-again", hide() + until_gate());
  wait_hidden("hides-again");
  const pid_t supervisor = child_of(launcher(), "muster-job");
  worker_->kill_now();
  ::kill(supervisor, SIGKILL);
  start_worker();
  EXPECT_EQ(ending_of("hides-again").cause, Cause::worker);
  expect_contained();
}

TEST_F(SupervisorTest, WhatHidesEndsWithItsJob) {
  start("20s", {"--log-level", "debug"});
  submit_script("hides-in-vain", hide() + until_gate());
  wait_hidden("hides-in-vain");
  open_gate();
  EXPECT_EQ(ending_of("hides-in-vain").outcome, Outcome::pass);
  EXPECT_FALSE(runs(file("hidden"))) << "it had ended before that was said";
  EXPECT_THAT(house_.muster({"log", "hides-in-vain"}).out, HasSubstr("muster: killed a process"));
  expect_contained();
}

// Fencing holds with a worker that does nothing at all.
TEST_F(SupervisorTest, ALeaseThatRunsOutEndsTheJobOfAStoppedWorker) {
  start("2s");
  submit_script("worker-stopped", "echo $$ > " + file("pid") + "; " + until_gate());
  wait_started("worker-stopped");
  wait_for_file(file("pid"));
  worker_->signal(SIGSTOP);
  EXPECT_TRUE(eventually_ends(file("pid")));
  worker_->signal(SIGCONT);
  const Ending ending = ending_of("worker-stopped");
  EXPECT_EQ(ending.cause, Cause::worker) << ending.message;
}

TEST_F(SupervisorTest, ALeaseThatRunsOutEndsTheJobOfADeadWorker) {
  start("2s");
  submit_script("worker-dead", "echo $$ > " + file("pid") + "; " + until_gate());
  wait_started("worker-dead");
  wait_for_file(file("pid"));
  worker_->kill_now();
  EXPECT_TRUE(eventually_ends(file("pid")));
}

TEST_F(SupervisorTest, ACancelReachesAJobThatWasTakenUp) {
  start();
  submit_script("taken-up-again", "echo $$ > " + file("pid") + "; " + until_gate());
  wait_started("taken-up-again");
  wait_for_file(file("pid"));
  worker_->kill_now();
  start_worker();
  wait_joined();
  EXPECT_EQ(house_.muster({"cancel", "taken-up-again", "--reason", "enough"}).status, 0);
  const Ending ending = ending_of("taken-up-again");
  EXPECT_EQ(ending.cause, Cause::user);
  EXPECT_THAT(ending.message, HasSubstr("enough"));
  EXPECT_TRUE(eventually_ends(file("pid")));
}

// A worker that went away, a cancel, a machine that shuts down: what is to be tidied is.
TEST_F(SupervisorTest, FinallyStepsRunThoughTheWorkerWasKilledAndThenTheJobCancelled) {
  start();
  submit_with_finally("tidied-cancelled");
  worker_->kill_now();
  start_worker();
  wait_joined();
  EXPECT_EQ(house_.muster({"cancel", "tidied-cancelled", "--reason", "enough"}).status, 0);
  EXPECT_EQ(ending_of("tidied-cancelled").cause, Cause::user);
  EXPECT_EQ(read_text(file("tidied")), "tidied\n");
}

TEST_F(SupervisorTest, FinallyStepsRunThoughTheWorkerIsAwayAndTheMachineShutsDown) {
  start();
  submit_with_finally("tidied-alone");
  const pid_t supervisor = child_of(launcher(), "muster-job");
  worker_->kill_now();
  ::kill(supervisor, SIGTERM);
  wait_for_file(file("tidied"));
  start_worker();
  const Ending ending = ending_of("tidied-alone");
  EXPECT_EQ(ending.cause, Cause::worker) << ending.message;
  EXPECT_THAT(house_.muster({"log", "tidied-alone"}).out, HasSubstr("muster: step tidy\n"));
}

// AVE's scheduler went on as a copy of itself when an exec failed.
TEST_F(SupervisorTest, AFailedExecIsAnErrorAndNeverASecondWorker) {
  start();
  submit("no-such-program", {"/nonexistent/program"});
  const Ending ending = ending_of("no-such-program");
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_THAT(ending.message, HasSubstr("No such file or directory"));
  EXPECT_TRUE(eventually([&] { return !is_supervised(); }));
  const pid_t only = launcher();
  EXPECT_TRUE(eventually([&] {
    size_t below = 0;
    for (const ProcessLook& look : all_processes()) {
      below += look.parent == worker_->pid() || look.parent == only;
    }
    return below == 1;
  }));
}

}  // namespace
}  // namespace muster
