// muster_chaos [--minutes M] [--seed N]: chaos with real processes (docs/testing.md).
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "io/flags.h"
#include "tests/chaos/run.h"

namespace muster {
namespace {

ChaosOptions options;

void go(ChaosRun& run) {
  run.make_chaos();
  if (testing::Test::HasFailure()) return;
  run.drain();
  if (testing::Test::HasFatalFailure()) return;
  run.audit();
  run.audit_leftovers();
}

TEST(Chaos, NothingIsLostDoubledOrLeftBehind) {
  ChaosRun run(options);
  go(run);
  std::printf("\n%s\n", run.summary().c_str());
  if (!HasFailure()) return;
  run.keep_house();
  std::printf("again: ./dev chaos --minutes %llu --seed %llu\n",
              static_cast<unsigned long long>(options.minutes),
              static_cast<unsigned long long>(options.seed));
}

}  // namespace
}  // namespace muster

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  muster::ChaosOptions& options = muster::options;
  options.seed = std::random_device()();
  muster::FlagSet flags("muster_chaos",
                        "Real processes, and everything that can befall them, in the order of a "
                        "seed. Fails when a task, an event or a device was lost or doubled.");
  flags.number("minutes", "M", "how long", 1, 24 * 60, &options.minutes);
  flags.number("seed", "N", "the order of the faults; drawn when it is not given", 0, UINT32_MAX,
               &options.seed);
  flags.text("keep", "DIR", "where the house goes when something is wrong", &options.keep);
  std::string disks = "auto";
  flags.choice("disks", {"auto", "preload"}, "auto: mounts where that is allowed", &disks);
  if (const auto status = flags.parse_or_exit_status(argc, argv)) return *status;
  if (disks == "auto") options.disks = muster::choose_disk_means();
  std::printf("chaos: seed %llu, %llu min; disks: %s\n",
              static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(options.minutes), describe(options.disks));
  std::fflush(stdout);
  return RUN_ALL_TESTS();
}
