// Runs the simulation over seeds, and proves that its checkers can fail and that it still tests
// what it once did.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "core/guid.h"
#include "tests/sim/house.h"
#include "tests/sim/scale.h"

namespace muster::sim {
namespace {

constexpr uint64_t kFixedSeeds = 1'500;
constexpr uint64_t kDrawnSeedsEach = 925;
constexpr uint64_t kDrawn = 20;  // tests that run side by side; 20,000 seeds with the fixed ones
constexpr uint64_t kRaceSeeds = 100;

void run_seeds(uint64_t first, uint64_t count, Marks& marks) {
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const RunResult result = run_seed(seed, {});
    marks.add(result.marks);
    ASSERT_EQ(result.failure, "") << "repeat with: ./dev sim " << seed;
  }
}

TEST(Sim, FixedSeedsPassAndHitEveryMark) {
  Marks marks;
  run_seeds(1, kFixedSeeds, marks);
  for (size_t i = 0; i < kMarks; ++i) {
    const auto mark = static_cast<Mark>(i);
    EXPECT_GT(marks.count(mark), 0u) << to_string(mark) << " was not seen in " << kFixedSeeds
                                     << " seeds: the simulation does not test it any more";
  }
}

// Twenty submitters want the three devices of one worker, alone or in stacks with one relay: nobody
// gets what somebody else has, and everybody gets a turn.
TEST(Sim, TwentyRaceForThreeDevices) {
  for (uint64_t seed = 1; seed <= kRaceSeeds; ++seed) {
    RunOptions options;
    options.race = true;
    ASSERT_EQ(run_seed(seed, options).failure, "")
        << "repeat with: ./dev sim " << seed << " --race";
  }
}

// Other seeds for each commit that CI builds, the same for everybody who builds that commit.
class SimDrawn : public ::testing::TestWithParam<uint64_t> {};

TEST_P(SimDrawn, SeedsOfTheCommitPass) {
  const char* commit = std::getenv("MUSTER_COMMIT");
  const std::string drawn_from = commit ? commit : "no commit is known";
  const uint64_t first = hash64(drawn_from) % 1'000'000'000 + GetParam() * kDrawnSeedsEach;
  Marks marks;
  run_seeds(first, kDrawnSeedsEach, marks);
}
INSTANTIATE_TEST_SUITE_P(Sim, SimDrawn, ::testing::Range<uint64_t>(0, kDrawn));

// ./dev sim 1 --scale is the big one.
TEST(SimScale, EveryTaskOfALabWithManyDevicesEndsOnceAndNoDeviceIsHadByTwo) {
  const ScaleOptions options{1, 2'000, 20'000};
  const ScaleResult result = run_scale(options);
  EXPECT_EQ(result.failure, "");
  EXPECT_GT(result.workers_lost, 0u);
  EXPECT_GT(result.attempts, options.tasks) << "some were tried again";
  EXPECT_EQ(result.hash, run_scale(options).hash);
}

TEST(Sim, SameSeedSameHash) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const RunResult once = run_seed(seed, {});
    const RunResult again = run_seed(seed, {});
    EXPECT_EQ(once.hash, again.hash) << "repeat with: ./dev sim " << seed;
    EXPECT_EQ(once.events, again.events);
    EXPECT_NE(once.hash, run_seed(seed + 1'000, {}).hash);
  }
}

struct Canary {
  const char* name;
  Plant plant;
  uint64_t seeds_max;
  const char* says = "";  // the checker
};

class SimCanary : public ::testing::TestWithParam<Canary> {};

TEST_P(SimCanary, IsCaught) {
  const Canary& canary = GetParam();
  for (uint64_t seed = 1; seed <= canary.seeds_max; ++seed) {
    const std::string failure = run_seed(seed, {canary.plant, false}).failure;
    if (!failure.empty() && failure.find(canary.says) != std::string::npos) return;
  }
  FAIL() << "no checker saw " << canary.name << " in " << canary.seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    Sim, SimCanary,
    ::testing::Values(Canary{"send_before_durable", Plant::send_before_durable, 20},
                      Canary{"log_loses_tail", Plant::log_loses_tail, 50},
                      Canary{"no_self_stop", Plant::no_self_stop, 2000},
                      Canary{"spool_forgets", Plant::spool_forgets, 100},
                      Canary{"jobs_not_taken_up", Plant::jobs_not_taken_up, 200},
                      Canary{"journal_read_again", Plant::journal_read_again, 200},
                      Canary{"caps_raised", Plant::caps_raised, 200, "R: a cap was exceeded"},
                      Canary{"shares_forgotten", Plant::shares_forgotten, 400,
                             "R: leased out of turn"},
                      Canary{"drains_forgotten", Plant::drains_forgotten, 200,
                             "R: leased to a worker that drains"}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace muster::sim
