// muster_sim: runs seeds of the simulation.
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

int run(uint64_t first, uint64_t count, const RunOptions& options) {
  Marks marks;
  Duration length{0};
  uint64_t events = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    RunResult result;
    const std::string failure = run_checked(seed, options, result);
    marks.add(result.marks);
    length += result.length;
    events += result.events;
    if (failure.empty()) continue;
    std::printf("%s\nrepeat with: ./dev sim %llu%s\n", failure.c_str(),
                static_cast<unsigned long long>(seed), options.race ? " --race" : "");
    return EXIT_FAILURE;
  }
  std::printf("%llu seeds, %.1f virtual hours, %llu events, nothing wrong\n",
              static_cast<unsigned long long>(count), static_cast<double>(length.count()) / 3.6e9,
              static_cast<unsigned long long>(events));
  for (size_t i = 0; i < kMarks; ++i) {
    const auto mark = static_cast<Mark>(i);
    const std::string name(to_string(mark));
    std::printf("  %-22s %llu\n", name.c_str(), static_cast<unsigned long long>(marks.count(mark)));
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace muster::sim

int main(int argc, char** argv) {
  using namespace muster::sim;
  uint64_t count = 1;
  uint64_t first = 1;
  std::string plant = "none";
  RunOptions options;
  std::vector<std::string> plants;
  for (const auto& [name, value] : kPlants) plants.push_back(name);
  muster::FlagSet flags("muster_sim", "Runs seeds of the simulation until a checker speaks.");
  flags.number("seeds", "N", "how many seeds to run", 1, UINT64_MAX, &count);
  flags.number("first", "SEED", "the first of them", 0, UINT64_MAX, &first);
  flags.number("seed", "SEED", "the first of them (the same as --first)", 0, UINT64_MAX, &first);
  flags.choice("plant", plants, "plant this bug in the shells", &plant);
  flags.enable("race", "twenty submitters, three devices", &options.race);
  flags.enable("trace", "print what happens", &options.trace);
  if (const std::optional<int> status = flags.parse_or_exit_status(argc, argv)) return *status;
  options.plant = kPlants.at(plant);
  racing = options.race;
  std::signal(SIGABRT, on_abort);
  return run(first, count, options);
}
