#include <memory>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/durable_tasks.h"
#include "tests/support/chaos_client.h"

namespace muster::bench {
namespace {

constexpr double kWarmUpSeconds = 1;
constexpr double kSecondsPerRun = 3;
// Without and with it in turn, so that what else the machine does hits both.
constexpr int kHostileRuns = 5;

struct Rates {
  std::vector<double> tasks;   // a second
  std::vector<double> cpu_us;  // of the broker, for each task

  void measure(DurableTasks& durable) {
    const double cpu = durable.broker_cpu_seconds();
    const uint64_t ended = durable.ended();
    tasks.push_back(durable.run_pipelined(kSecondsPerRun));
    cpu_us.push_back(1e6 * (durable.broker_cpu_seconds() - cpu) /
                     static_cast<double>(durable.ended() - ended));
  }
};

}  // namespace

void bench_hostile(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  DurableTasks durable(bin_dir, dir);
  const std::vector<Bytes> frames = load_frames(MUSTER_SOURCE_DIR "/tests/golden/wire");
  durable.run_pipelined(kWarmUpSeconds);
  Rates alone;
  Rates beside;
  std::vector<double> hostile;
  std::vector<double> growth;
  for (int run = 0; run < kHostileRuns; ++run) {
    alone.measure(durable);
    const uint64_t before = durable.broker_bytes();
    const Stopwatch watch;
    const ChaosClient chaos({durable.endpoint(), frames, static_cast<uint32_t>(run + 1), true});
    beside.measure(durable);
    hostile.push_back(static_cast<double>(chaos.sent()) / watch.seconds());
    growth.push_back(static_cast<double>(durable.broker_bytes()) - static_cast<double>(before));
  }
  figures.push_back({"hostile_alone_tasks_per_s", median(alone.tasks), "tasks/s", ""});
  figures.push_back({"hostile_beside_tasks_per_s", median(beside.tasks), "tasks/s", ""});
  figures.push_back({"hostile_slowdown_percent",
                     100 * (1 - median(beside.tasks) / median(alone.tasks)), "%", "<= 20"});
  figures.push_back({"hostile_alone_cpu_us", median(alone.cpu_us), "us/task", ""});
  figures.push_back({"hostile_beside_cpu_us", median(beside.cpu_us), "us/task", ""});
  figures.push_back({"hostile_frames_per_s", median(hostile), "frames/s", ""});
  figures.push_back({"hostile_broker_growth_bytes", median(growth), "bytes", "<= 32000000"});
}

}  // namespace muster::bench
