// muster_sim: runs seeds of the simulation.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "io/flags.h"
#include "tests/sim/house.h"
#include "tests/sim/scale.h"

namespace muster::sim {
namespace {

const std::map<std::string, Plant> kPlants = {
    {"none", Plant::none},
    {"send_before_durable", Plant::send_before_durable},
    {"log_loses_tail", Plant::log_loses_tail},
    {"no_self_stop", Plant::no_self_stop},
    {"spool_forgets", Plant::spool_forgets},
    {"jobs_not_taken_up", Plant::jobs_not_taken_up},
    {"journal_read_again", Plant::journal_read_again},
    {"caps_raised", Plant::caps_raised},
    {"shares_forgotten", Plant::shares_forgotten},
    {"drains_forgotten", Plant::drains_forgotten},
};

uint64_t running_seed = 0;
bool racing = false;

// An assert of the core fired: say which seed did it before the process ends.
void on_abort(int) {
  std::fprintf(stderr, "\nrepeat with: ./dev sim %llu%s\n",
               static_cast<unsigned long long>(running_seed), racing ? " --race" : "");
}

// Every `kTwice`-th seed runs twice, which must not make a difference.
constexpr uint64_t kTwice = 20;

std::string run_checked(uint64_t seed, const RunOptions& options, RunResult& result) {
  running_seed = seed;
  result = run_seed(seed, options);
  if (!result.failure.empty() || options.trace || seed % kTwice != 0) return result.failure;
  return run_seed(seed, options).hash == result.hash ? "" : "D1: a second run went another way";
}

// What to run: so many seeds, or as many as fit into a time.
struct Plan {
  uint64_t first = 1;
  uint64_t count = 1;
  std::chrono::seconds time{0};  // zero: count
};

// What many runs came to.
struct Sum {
  uint64_t seeds = 0;
  uint64_t hash = 0;  // of all that happened: the same for each compiler and sanitizer
  Marks marks;
  Duration length{0};
  uint64_t events = 0;

  void add(const RunResult& result) {
    ++seeds;
    hash = (hash ^ result.hash) * 0x100000001b3ull;
    marks.add(result.marks);
    length += result.length;
    events += result.events;
  }
};

void print(const Sum& sum) {
  std::printf(
      "%llu seeds, %.1f virtual hours, %llu events, hash %016llx, nothing wrong\n",
      static_cast<unsigned long long>(sum.seeds), static_cast<double>(sum.length.count()) / 3.6e9,
      static_cast<unsigned long long>(sum.events), static_cast<unsigned long long>(sum.hash));
  for (size_t i = 0; i < kMarks; ++i) {
    const auto mark = static_cast<Mark>(i);
    const std::string name(to_string(mark));
    std::printf("  %-22s %llu\n", name.c_str(),
                static_cast<unsigned long long>(sum.marks.count(mark)));
  }
}

int run(const Plan& plan, const RunOptions& options) {
  const auto end = std::chrono::steady_clock::now() + plan.time;
  const auto goes_on = [&](uint64_t done) {
    return plan.time.count() == 0 ? done < plan.count : std::chrono::steady_clock::now() < end;
  };
  Sum sum;
  for (uint64_t seed = plan.first; goes_on(sum.seeds); ++seed) {
    RunResult result;
    const std::string failure = run_checked(seed, options, result);
    sum.add(result);
    if (failure.empty()) continue;
    std::printf("%s\nrepeat with: ./dev sim %llu%s\n", failure.c_str(),
                static_cast<unsigned long long>(seed), options.race ? " --race" : "");
    return EXIT_FAILURE;
  }
  print(sum);
  return EXIT_SUCCESS;
}

int run_big(const ScaleOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const ScaleResult result = run_scale(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!result.failure.empty()) {
    std::printf("%s\nrepeat with: ./dev sim %llu --scale\n", result.failure.c_str(),
                static_cast<unsigned long long>(options.seed));
    return EXIT_FAILURE;
  }
  std::printf(
      "%u devices, %llu tasks, %llu attempts, %llu workers lost, %llu events in %.1f virtual "
      "minutes; %.1f s, hash %016llx, nothing wrong\n",
      options.devices, static_cast<unsigned long long>(options.tasks),
      static_cast<unsigned long long>(result.attempts),
      static_cast<unsigned long long>(result.workers_lost),
      static_cast<unsigned long long>(result.events),
      static_cast<double>(result.length.count()) / 6e7, took.count(),
      static_cast<unsigned long long>(result.hash));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace muster::sim

int main(int argc, char** argv) {
  using namespace muster::sim;
  Plan plan;
  uint64_t minutes = 0;
  uint64_t hours = 0;
  std::string plant = "none";
  RunOptions options;
  bool scale = false;
  std::vector<std::string> plants;
  for (const auto& [name, value] : kPlants) plants.push_back(name);
  muster::FlagSet flags("muster_sim", "Runs seeds of the simulation until a checker speaks.");
  flags.number("seeds", "N", "how many seeds to run", 1, UINT64_MAX, &plan.count);
  flags.number("first", "SEED", "the first of them", 0, UINT64_MAX, &plan.first);
  flags.number("seed", "SEED", "the first of them (the same as --first)", 0, UINT64_MAX,
               &plan.first);
  flags.number("hours", "N", "run seeds for so long", 0, 1'000, &hours);
  flags.number("minutes", "N", "and so much longer", 0, 60'000, &minutes);
  flags.choice("plant", plants, "plant this bug in the shells", &plant);
  flags.enable("scale", "a big lab instead: 100,000 devices and 1,000,000 tasks", &scale);
  flags.enable("race", "twenty submitters, three devices", &options.race);
  flags.enable("trace", "print what happens", &options.trace);
  if (const std::optional<int> status = flags.parse_or_exit_status(argc, argv)) return *status;
  options.plant = kPlants.at(plant);
  racing = options.race;
  std::signal(SIGABRT, on_abort);
  plan.time = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  if (scale) return run_big({plan.first});
  return run(plan, options);
}
