// muster_bench_peers: muster beside other brokers, in one run on the same work (README.md,
// "Performance"). Started by ./dev bench --peers.
//
//   muster_bench_peers [-o human|markdown|json] [--runs N] [--seconds N] [--only PEER,PEER...]
//
// Each run measures every broker once, and each run begins with another of them, so that a machine
// that grows slower or faster does so to all. Figures are medians of the runs.
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/durable_tasks.h"
#include "tests/bench/peers/measure.h"
#include "tests/bench/peers/options.h"
#include "tests/bench/peers/supervise.h"

namespace muster::bench {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 64;

double load_average() {
  double average = 0;
  return ::getloadavg(&average, 1) == 1 ? average : -1;
}

Result<std::vector<Compared>> measure_all(const PeersOptions& options, const std::string& bin_dir,
                                          const std::string& dir) {
  std::vector<Compared> compared = {{"", "muster", {}}};
  for (const Peer* peer : options.peers) {
    compared.push_back({std::string(peer->key), std::string(peer->title), {}});
  }
  for (int run = 0; run < options.runs; ++run) {
    for (size_t i = 0; i < compared.size(); ++i) {
      const size_t turn = (i + static_cast<size_t>(run)) % compared.size();
      Compared& one = compared[turn];
      std::fprintf(stderr, "run %d of %d: %s", run + 1, options.runs, one.title.c_str());
      const Result<PeerRun> measured =
          turn == 0 ? measure_muster(bin_dir, dir, options.seconds)
                    : measure_peer(*options.peers[turn - 1], bin_dir, dir, options.seconds);
      if (!measured.ok()) return Error{measured.error()};
      std::fprintf(stderr, ": %.0f tasks/s, p50 %.0f us\n", measured->tasks_per_s,
                   measured->p50_us);
      one.runs.push_back(*measured);
    }
  }
  return compared;
}

void print_settings(const PeersOptions& options) {
  std::printf(
      "\n"
      "Tasks and results of %zu bytes, one producer, %d workers, all on this machine.\n"
      "tasks/s: the producer pipelines; p50, p99: one task in flight; memory: the server's\n"
      "after the run. x: muster : it; more is better for tasks/s, less for p50.\n"
      "Medians of %d runs of %.0f s.\n\n",
      kTaskBytes, kWorkers, options.runs, options.seconds);
  std::printf(
      "muster: %lu in flight, %lu a batch, %u a worker; by Unix socket, as by default\n"
      "  SQLite log: whatever the broker says is on disk\n"
      "  watched submits; the verdict of a worker brings the result\n",
      static_cast<unsigned long>(kWindow), static_cast<unsigned long>(kBatchMax), kWorkerSlots);
  for (const Peer* peer : options.peers) {
    std::printf("%s: %zu in flight, %zu a batch, %zu a worker; by loopback TCP\n  %s\n  %s\n",
                std::string(peer->title).c_str(), peer->load.window, peer->load.batch,
                peer->load.credit, std::string(peer->served).c_str(),
                std::string(peer->used).c_str());
  }
}

int run(const PeersOptions& options, const std::string& bin_dir, const std::string& dir) {
  const double load = load_average();
  const MachineFacts facts = measure_machine(dir);
  const Result<std::vector<Compared>> compared = measure_all(options, bin_dir, dir);
  if (!compared.ok()) {
    std::fprintf(stderr, "\nmuster_bench_peers: %s\n", compared.error().c_str());
    return kExitFailed;
  }
  if (options.output == PeersOutput::json) {
    print_json(make_peer_figures(*compared));
    return 0;
  }
  const bool markdown = options.output == PeersOutput::markdown;
  std::printf(
      "%s; load %.1f before the first run\n\n%s", describe(facts).c_str(), load,
      render_comparison(*compared, markdown ? TableStyle::markdown : TableStyle::aligned).c_str());
  print_settings(options);
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster::bench;
  const auto options = parse_peers_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    std::fprintf(stderr, "muster_bench_peers: %s\n%s", options.error().c_str(),
                 std::string(kPeersUsage).c_str());
    return kExitUsage;
  }
  const std::string bin_dir = std::filesystem::path(argv[0]).parent_path().string();
  return supervise(find_disk(bin_dir),
                   [&](const std::string& dir) { return run(*options, bin_dir, dir); });
}
