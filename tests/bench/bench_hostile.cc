#include <memory>
#include <utility>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/durable_tasks.h"
#include "tests/support/chaos_client.h"

namespace muster::bench {
namespace {

constexpr double kWarmUpSeconds = 1;
constexpr double kSecondsPerRun = 3;
constexpr int kHostileRuns =
    5;  // with and without in turn, so that what else the machine does hits both

}  // namespace

void bench_hostile(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  DurableTasks tasks(bin_dir, dir);
  const std::vector<Bytes> frames = load_frames(MUSTER_SOURCE_DIR "/tests/golden/wire");
  tasks.run_pipelined(kWarmUpSeconds);
  std::vector<double> alone;
  std::vector<double> beside;
  std::vector<double> hostile;
  double grown = 0;
  for (int run = 0; run < kHostileRuns; ++run) {
    alone.push_back(tasks.run_pipelined(kSecondsPerRun));
    const uint64_t before = tasks.broker_bytes();
    const Stopwatch watch;
    const ChaosClient chaos({tasks.endpoint(), frames, static_cast<uint32_t>(run + 1), true});
    beside.push_back(tasks.run_pipelined(kSecondsPerRun));
    hostile.push_back(static_cast<double>(chaos.sent()) / watch.seconds());
    grown += static_cast<double>(tasks.broker_bytes()) - static_cast<double>(before);
  }
  figures.push_back({"hostile_alone_tasks_per_s", median(alone), "tasks/s", ""});
  figures.push_back({"hostile_beside_tasks_per_s", median(beside), "tasks/s", ""});
  figures.push_back(
      {"hostile_slowdown_percent", 100 * (1 - median(beside) / median(alone)), "%", "<= 20"});
  figures.push_back({"hostile_frames_per_s", median(hostile), "frames/s", ""});
  figures.push_back({"hostile_broker_growth_bytes", grown / kHostileRuns, "bytes", "<= 32000000"});
}

}  // namespace muster::bench
