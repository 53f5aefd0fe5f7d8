// What people are told, with real processes: which task an answer speaks of, why a verification
// ends although its device is away, what became of the tasks that were handed in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr char kStrategy[] = R"(version: 1
kind: strategy
name: bench
verify:
  - { tag: ready, description: It is there, check: { noop: {} } }
)";

constexpr char kInventory[] = R"(version: 1
kind: inventory
lab: e2e
strategies: [bench.yaml]
workers: { local: {}, elsewhere: {} }
devices:
  good-1: { type: bench, strategy: bench, worker: local }
  away-1: { type: bench, strategy: bench, worker: elsewhere }
)";

class AnswersTest : public testing::Test {
 protected:
  AnswersTest() : house_(MUSTER_BIN_DIR) {
    house_.write("bench.yaml", kStrategy);
    const std::string inventory = house_.write("inventory.yaml", kInventory);
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
    expect(0, {"inventory", "apply", inventory});
  }

  Ran expect(int status, const std::vector<std::string>& arguments) {
    return expect_run(house_, status, arguments);
  }

  House house_;
  std::unique_ptr<Child> up_;
};

// Neither ever came back.
TEST_F(AnswersTest, VerifyAndRepairEndWhenTheDeviceIsAway) {
  for (const std::string verb : {"verify", "repair"}) {
    for (const std::string flag : {"--timeout", "--queue-timeout"}) {
      const Ran ran = expect(10, {verb, "away-1", flag, "300ms"});
      EXPECT_THAT(ran.out, HasSubstr("not verified"));
      EXPECT_THAT(ran.out, HasSubstr("error (capacity): waited 300ms in the queue: "));
      EXPECT_THAT(ran.out, HasSubstr("elsewhere"));
    }
  }
}

// It was the verification that had been done for the job.
TEST_F(AnswersTest, LastIsTheTaskThatSomebodySubmitted) {
  const std::vector<std::string> job = {"run", "--wait", "--guid",   "the-job-of-ann",
                                        "-d",  "good-1", "--verify", "always",
                                        "--",  "true"};
  expect(0, job);
  EXPECT_EQ(expect(0, {"task", "show", "last", "-o", "quiet"}).out, "the-job-of-ann\n");
  EXPECT_THAT(expect(0, {"log", "last"}).err, HasSubstr("last is task the-job-of-ann"));
  EXPECT_EQ(expect(0, {"task", "explain", "the-job-of-ann"}).err, "");
}

// The person was told of neither.
TEST_F(AnswersTest, SubmitSaysWhatWasRefusedWhereAndWhatGoesOn) {
  const std::string file = house_.write(
      "jobs.yaml",
      "version: 1\nkind: job\nguid: the-good-one\nrun: [\"true\"]\n---\n"
      "version: 1\nkind: job\nguid: the-other-one\ndevice: no-such-1\nrun: [\"true\"]\n");
  const Ran ran = expect(64, {"submit", file});
  EXPECT_EQ(ran.out, "the-good-one\n");
  EXPECT_THAT(ran.err, HasSubstr(file + ":6:1: the broker refused task the-other-one: "));
  EXPECT_THAT(ran.err, HasSubstr("1 task was accepted and will run: the-good-one"));
  EXPECT_THAT(ran.err, HasSubstr("submit only that again"));
  expect(0, {"wait", "the-good-one"});
}

// It was an empty table, and a success.
TEST_F(AnswersTest, StatisticsOfAStrategyThatIsNotThere) {
  EXPECT_THAT(expect(64, {"strategy", "stats", "benhc"}).err,
              HasSubstr("no strategy is named \"benhc\"; did you mean bench?"));
  expect(0, {"strategy", "stats", "bench"});
  expect(0, {"strategy", "stats"});
}

// People were told to try again.
TEST_F(AnswersTest, AnAttemptThatNeverWasIsSaidToBeNone) {
  expect(0, {"run", "--wait", "--guid", "ran-only-once", "--", "true"});
  EXPECT_THAT(expect(64, {"log", "last", "--attempt", "9"}).err,
              HasSubstr("has ended and has no attempt 9: it had 1 attempt"));
}

}  // namespace
}  // namespace muster
