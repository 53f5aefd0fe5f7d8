#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/bench/bench.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr int kWorkers = 4;
constexpr int kDevices = 1'000;
constexpr uint32_t kSlots = 64;  // of each worker

std::string make_inventory() {
  std::string text =
      "version: 1\nkind: inventory\nlab: bench\nstrategies: [sweep.yaml]\nworkers:\n";
  for (int i = 0; i < kWorkers; ++i) text += "  w" + std::to_string(i) + ": {}\n";
  text += "devices:\n";
  for (int i = 0; i < kDevices; ++i) {
    text += "  dut-" + std::to_string(i) + ": { type: bench, strategy: sweep, worker: w" +
            std::to_string(i % kWorkers) + " }\n";
  }
  return text;
}

void run_or_fail(House& house, const std::vector<std::string>& arguments) {
  const Ran ran = house.muster(arguments, std::chrono::seconds(120));
  if (ran.status == 0) return;
  std::fprintf(stderr, "muster_bench: muster %s: exit %d\n%s%s", arguments.front().c_str(),
               ran.status, ran.err.c_str(), house.daemon_output().c_str());
  std::exit(1);
}

}  // namespace

// `muster verify --all` as people run it, its own start included.
void bench_verify_sweep(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  house.write("sweep.yaml",
              "version: 1\nkind: strategy\nname: sweep\nverify:\n"
              "  - { tag: ready, description: It is there, check: { noop: {} } }\n");
  const std::unique_ptr<Child> broker = house.start_broker();
  std::vector<std::unique_ptr<Child>> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.push_back(house.start_worker("w" + std::to_string(i), kSlots));
  }
  const std::unique_ptr<Client> client = house.connect();
  run_or_fail(house, {"inventory", "apply", house.write("lab.yaml", make_inventory())});
  std::vector<double> seconds;
  for (int i = 0; i < kRuns; ++i) {
    const Stopwatch watch;
    run_or_fail(house, {"verify", "--all", "-o", "quiet"});
    seconds.push_back(watch.seconds());
  }
  figures.push_back({"verify_sweep_1000_s", median(std::move(seconds)), "s", "seconds"});
}

}  // namespace muster::bench
