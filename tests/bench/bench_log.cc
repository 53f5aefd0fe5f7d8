#include <cstdio>
#include <cstdlib>

#include "core/event.h"
#include "io/codec.h"
#include "io/event_log_sqlite.h"
#include "tests/bench/bench.h"
#include "tests/bench/payloads.h"
#include "tests/support/child.h"

namespace muster::bench {
namespace {

constexpr double kSecondsPerRun = 1.5;
constexpr int kBlocksMax = 50'000;

// Blocks as the broker writes them most: tasks of 200 bytes of work each.
std::vector<Event> make_events(size_t count) {
  const Payloads payloads;
  std::vector<Event> events;
  for (size_t i = 0; i < count; ++i) {
    TaskSpec spec;
    spec.guid = "bench-append-" + std::to_string(1'000'000 + i);
    spec.kind = TaskKind::verify;
    spec.submitter = "bench@localhost";
    spec.work = encode_work(NoopWork{payloads.of(i)});
    events.push_back(
        {from_us(1'700'000'000'000'000), TaskSubmitted{std::make_shared<TaskSpec>(spec)}});
  }
  return events;
}

// Events a second, each block encoded and synced on its own.
double run_appends(const std::string& dir, const std::vector<Event>& events) {
  const ScratchDir scratch(dir);
  Result<std::unique_ptr<EventLog>> log = open_event_log_sqlite(scratch.path() + "/log");
  if (!log.ok()) {
    std::fprintf(stderr, "muster_bench: %s\n", log.error().c_str());
    std::exit(1);
  }
  uint64_t first = (*log)->head() + 1;
  const Stopwatch watch;
  int blocks = 0;
  for (; blocks < kBlocksMax && watch.seconds() < kSecondsPerRun; ++blocks) {
    const Bytes bytes = encode_block(first, events);
    const AppendResult appended =
        (*log)->append(first, static_cast<uint32_t>(events.size()), bytes);
    if (appended.fault != AppendFault::none) {
      std::fprintf(stderr, "muster_bench: append: %s\n", appended.reason.c_str());
      std::exit(1);
    }
    first += events.size();
  }
  return static_cast<double>(blocks) * static_cast<double>(events.size()) / watch.seconds();
}

}  // namespace

void bench_append(const std::string& dir, Figures& figures) {
  for (const size_t size : {1, 16, 256}) {
    const std::vector<Event> events = make_events(size);
    std::vector<double> rates;
    for (int run = 0; run < kRuns; ++run) rates.push_back(run_appends(dir, events));
    figures.push_back({"append_" + std::to_string(size) + "_per_s", median(rates), "events/s", ""});
  }
}

}  // namespace muster::bench
