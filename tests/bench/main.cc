// muster_bench: the figures of the README, measured on this machine.
//
//   muster_bench [-o human|json] [--only NAME]
//
// NAME is sink_down, core, flat, engine, log, recovery, ledger, tasks, restart, hostile, idle,
// memory, sweep, archive, jobs or sinks. The table goes to stdout with facts about the machine;
// with -o json one object a line does: {"bench": NAME, "value": NUMBER, "unit": TEXT}.
#include <sys/vfs.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/bench.h"

namespace muster::bench {
namespace {

constexpr int kExitUsage = 64;

struct Options {
  bool json = false;
  std::string only;
};

bool parse(const std::vector<std::string>& arguments, Options& options) {
  for (size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "-o" && (value == "json" || value == "human")) {
      options.json = value == "json";
    } else if (arguments[i] == "--only") {
      options.only = value;
    } else {
      return false;
    }
  }
  return arguments.size() % 2 == 0;
}

void print_table(const Figures& figures, const MachineFacts& facts) {
  std::printf("%s\n\n", describe(facts).c_str());
  std::printf("%-28s %16s  %-10s %s\n", "bench", "value", "unit", "goal");
  for (const Figure& figure : figures) {
    std::printf("%-28s %16.1f  %-10s %s\n", figure.bench.c_str(), figure.value, figure.unit.c_str(),
                figure.goal.c_str());
  }
  std::printf("\nEach figure is the median of %d runs.\n", kRuns);
}

int run(const Options& options, const std::string& bin_dir) {
  const std::string disk = find_disk(bin_dir);
  Figures figures;
  const std::vector<std::pair<std::string, std::function<void()>>> benches = {
      {"sink_down", [&] { bench_sink_down(disk, figures); }},  // before others grow this process
      {"core", [&] { bench_decide_apply(figures); }},
      {"flat", [&] { bench_flat(figures); }},
      {"engine", [&] { bench_engine(figures); }},
      {"log", [&] { bench_append(disk, figures); }},
      {"recovery", [&] { bench_recovery(disk, figures); }},
      {"ledger", [&] { bench_ledger(bin_dir, disk, figures); }},
      {"tasks", [&] { bench_durable_tasks(bin_dir, disk, figures); }},
      {"restart", [&] { bench_restart(bin_dir, disk, figures); }},
      {"hostile", [&] { bench_hostile(bin_dir, disk, figures); }},
      {"idle", [&] { bench_idle(bin_dir, disk, figures); }},
      {"memory", [&] { bench_memory(bin_dir, disk, figures); }},
      {"sweep", [&] { bench_verify_sweep(bin_dir, disk, figures); }},
      {"archive", [&] { bench_archive(bin_dir, disk, figures); }},
      {"jobs", [&] { bench_jobs(bin_dir, disk, figures); }},
      {"sinks", [&] { bench_sinks(bin_dir, disk, figures); }},
  };
  for (const auto& [name, measure] : benches) {
    if (!options.only.empty() && options.only != name) continue;
    std::fprintf(stderr, "measuring %s\n", name.c_str());
    measure();
  }
  if (options.json) {
    print_json(figures);
  } else {
    print_table(figures, measure_machine(disk));
  }
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  if (!muster::bench::parse(std::vector<std::string>(argv + 1, argv + argc), options)) {
    std::fprintf(stderr,
                 "usage: muster_bench [-o human|json] [--only "
                 "sink_down|core|flat|engine|log|recovery|ledger|tasks|restart|hostile|idle|"
                 "memory|sweep|archive|jobs|"
                 "sinks]\n");
    return muster::bench::kExitUsage;
  }
  return muster::bench::run(options, std::filesystem::path(argv[0]).parent_path().string());
}
