#include <cstdio>
#include <cstdlib>

#include "core/strategy_run.h"
#include "io/scenario.h"
#include "tests/bench/bench.h"

namespace muster::bench {
namespace {

constexpr size_t kNodes = 100;
constexpr int kRepeats = 200;
constexpr int kDiamonds = 20;
constexpr int kScenarios = 5'000;

Verifier make_verifier(std::string tag, std::vector<std::string> deps) {
  return {std::move(tag), "", NoopCheck{}, std::move(deps), 60s};
}

// Each verifier needs up to three before it, as in real strategies.
Strategy wide_strategy() {
  Strategy strategy;
  strategy.name = "bench";
  for (size_t i = 0; i < kNodes; ++i) {
    std::vector<std::string> deps;
    for (size_t back : {size_t{1}, size_t{7}, size_t{20}}) {
      if (back <= i) deps.push_back("verifier_" + std::to_string(i - back));
    }
    strategy.verifiers.push_back(make_verifier("verifier_" + std::to_string(i), std::move(deps)));
  }
  return strategy;
}

Strategy stacked_diamonds() {
  Strategy strategy;
  strategy.name = "diamonds";
  strategy.verifiers.push_back(make_verifier("top0", {}));
  for (int i = 1; i <= kDiamonds; ++i) {
    const std::string n = std::to_string(i), below = "top" + std::to_string(i - 1);
    strategy.verifiers.push_back(make_verifier("left" + n, {below}));
    strategy.verifiers.push_back(make_verifier("right" + n, {below}));
    strategy.verifiers.push_back(make_verifier("top" + n, {"left" + n, "right" + n}));
  }
  return strategy;
}

// Everything passes at once: what is left is the engine. Records and results are taken as workers
// take them.
void verify_once(const Strategy& strategy) {
  StrategyRun run(strategy, {.parallel_max = 16}, kNever);
  size_t records = 0;
  size_t results = 0;
  for (std::vector<EngineStep> steps = run.next(kNever); !steps.empty(); steps = run.next(kNever)) {
    for (const EngineStep& step : steps) run.finish(step, {true, "", 1ms}, kNever);
    records += run.take_records().size();
    results += run.take_results().size();
    run.take_progress();
  }
  if (run.done() && run.passed() && records == results + 1) return;
  std::fprintf(stderr, "muster_bench: the engine did not verify everything\n");
  std::exit(1);
}

double median_us(const Strategy& strategy) {
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) {
    const Stopwatch watch;
    for (int i = 0; i < kRepeats; ++i) verify_once(strategy);
    times.push_back(watch.us() / kRepeats);
  }
  return median(times);
}

double scenarios_per_second() {
  const std::string scenario = R"({"id": 1, "op": "repair", "verifiers": [
      {"tag": "ssh", "deps": []}, {"tag": "power", "deps": ["ssh"], "fail_count": 1},
      {"tag": "disk", "deps": ["ssh"], "results": ["pass", "fail:full"]},
      {"tag": "tpm", "deps": ["ssh"]}, {"tag": "web", "deps": ["disk", "tpm"], "fail_count": 2}],
      "repairs": [
      {"tag": "rpm", "deps": [], "triggers": ["ssh", "power"], "decrement": true},
      {"tag": "clean", "deps": ["ssh"], "triggers": ["disk"], "repair": "raise:no"},
      {"tag": "usb", "deps": [], "triggers": ["ssh", "disk", "tpm", "web"], "fixes": ["web"]}]})";
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) {
    const Stopwatch watch;
    for (int i = 0; i < kScenarios; ++i) {
      if (!answer_scenario(scenario, ScenarioRules::sound).malformed) continue;
      std::fprintf(stderr, "muster_bench: the scenario is malformed\n");
      std::exit(1);
    }
    rates.push_back(kScenarios / watch.seconds());
  }
  return median(rates);
}

}  // namespace

void bench_engine(Figures& figures) {
  figures.push_back({"engine_node_us", median_us(wide_strategy()) / kNodes, "us", "under 5"});
  figures.push_back({"engine_diamonds_us", median_us(stacked_diamonds()), "us", "under 1000"});
  figures.push_back({"scenarios_per_s", scenarios_per_second(), "scenarios/s", "over 2000"});
}

}  // namespace muster::bench
