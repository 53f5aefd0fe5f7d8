// How long a broker takes to begin again: by all events of its log, by a snapshot and what is
// behind it, and what taking a snapshot costs a broker that goes on.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

#include "core/broker_core.h"
#include "io/broker_options.h"
#include "io/codec.h"
#include "io/codec_snapshot.h"
#include "io/event_log_sqlite.h"
#include "io/recovery.h"
#include "tests/bench/bench.h"
#include "tests/bench/payloads.h"
#include "tests/support/child.h"

namespace muster::bench {
namespace {

constexpr uint64_t kEvents = 10'000'000;
constexpr uint64_t kTail = 500'000;         // behind the snapshot: half of what a broker lets grow
constexpr uint64_t kTasksPerBlock = 64;     // a busy broker's wake-up
constexpr uint64_t kTasksInFlight = 1'024;  // from the submit to the end
constexpr uint64_t kBlocksPerAppend = 64;   // only so that making the log is quick
constexpr uint64_t kQueued = 1'000'000;
constexpr Instant kZero{std::chrono::hours(500'000)};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n", what.c_str());
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (!result.ok()) give_up(result.error());
  return std::move(*result);
}

std::string guid_of(uint64_t task) {
  return "bench-recovery-" + std::to_string(100'000'000 + task);
}

TaskSpecPtr make_spec(uint64_t task, const Payloads& payloads) {
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = guid_of(task);
  spec->kind = TaskKind::job;
  spec->name = "bench";
  spec->submitter = "bench@localhost";
  spec->work = encode_work(NoopWork{payloads.of(task)});
  return spec;
}

// The log of a house that ends tasks as quickly as they come: submit, lease, start and end of each,
// of many tasks at a time.
class LogMaker {
 public:
  explicit LogMaker(EventLog& log) : log_(log) {
    events_.push_back({kZero, BrokerStarted{1, "bench"}});
    for (int i = 0; i < 4; ++i) {
      events_.push_back({kZero, WorkerJoined{worker(i), 1, "lab", {}, 1'024, "bench"}});
    }
  }

  void make(uint64_t events) {
    while (log_.head() < events) {
      std::vector<StoredBlock> blocks;
      uint64_t first = log_.head() + 1;
      while (blocks.size() < kBlocksPerAppend && first <= events) {
        step();
        blocks.push_back({first, static_cast<uint32_t>(events_.size()), ""});
        blocks.back().bytes = encode_block(first, events_);
        first += events_.size();
        events_.clear();
      }
      std::vector<NewBlock> fresh;
      for (const StoredBlock& block : blocks)
        fresh.push_back({block.first, block.count, block.bytes});
      const AppendResult appended = log_.append(fresh);
      if (appended.fault != AppendFault::none) give_up(appended.reason);
    }
  }

 private:
  static std::string worker(uint64_t number) { return "worker-" + std::to_string(number % 4); }

  // One wake-up: new tasks come, and those that came some time ago end.
  void step() {
    for (uint64_t i = 0; i < kTasksPerBlock; ++i) {
      now_ += Duration(20);
      const AttemptToken fresh{guid_of(submitted_), 1};
      events_.push_back({now_, TaskSubmitted{make_spec(submitted_, payloads_)}});
      events_.push_back({now_, AttemptLeased{fresh, worker(submitted_), 1, {}}});
      ++submitted_;
      if (submitted_ <= kTasksInFlight) continue;
      const Origin origin{worker(ended_), (uint64_t{1} << 32) + 2 * ended_ + 1};
      const AttemptToken token{guid_of(ended_), 1};
      const std::string log = "http://collector:7180/archive/" + token.guid + "/1/log";
      events_.push_back({now_, AttemptReported{origin, token, now_, AttemptStarted{log, {}}}});
      events_.push_back({now_, AttemptEnded{{origin.worker, origin.seq + 1},
                                            token,
                                            make_ending(Outcome::pass, Cause::none, StatusCode::ok,
                                                        "", now_, now_),
                                            Verdict::pass,
                                            kNever}});
      ++ended_;
    }
  }

  EventLog& log_;
  Payloads payloads_;
  std::vector<Event> events_;
  Instant now_ = kZero;
  uint64_t submitted_ = 0;
  uint64_t ended_ = 0;
};

// A recovery as a broker's start does it; in seconds.
double recover(const EventLog& log, uint64_t by_snapshot) {
  BrokerCore core(make_broker_options(log.log_id()));
  const Stopwatch watch;
  const Recovered recovered =
      need(recover_core(log, core, [](const std::string& problem) { give_up(problem); }));
  const double seconds = watch.seconds();
  if (recovered.snapshot != by_snapshot || core.head() != log.head()) give_up("a wrong recovery");
  return seconds;
}

// What the broker waits for when a snapshot of `core` begins, in milliseconds.
double stall_ms(const BrokerCore& core) {
  std::vector<double> stalls;
  for (int run = 0; run < kRuns; ++run) {
    const Stopwatch watch;
    const BrokerSnapshot snapshot = core.snapshot();
    stalls.push_back(watch.us() / 1e3);
  }
  return median(std::move(stalls));
}

void store_snapshot(EventLog& log, const BrokerCore& core) {
  const BrokerSnapshot snapshot = core.snapshot();
  SnapshotEncoder encoder(snapshot, need(place_of_snapshot(log, kZero)));
  need(log.snapshots().write(snapshot.head, [&] { return encoder.next(); }));
}

double stall_with_queue_ms() {
  BrokerCore core(make_broker_options("bench"));
  const Payloads payloads;
  for (uint64_t task = 0; task < kQueued; ++task) {
    core.apply({kZero, TaskSubmitted{make_spec(task, payloads)}});
  }
  return stall_ms(core);
}

}  // namespace

void bench_recovery(const std::string& dir, Figures& figures) {
  const ScratchDir scratch(dir);
  {
    const std::unique_ptr<EventLog> log = need(open_event_log_sqlite(scratch.path() + "/log"));
    LogMaker maker(*log);
    maker.make(kEvents - kTail);
    BrokerCore core(make_broker_options(log->log_id()));
    need(recover_core(*log, core, [](const std::string&) {}));
    figures.push_back({"snapshot_stall_ms", stall_ms(core), "ms", ""});
    const Stopwatch watch;
    store_snapshot(*log, core);
    figures.push_back({"snapshot_write_s", watch.seconds(), "s", "in a thread"});
    maker.make(kEvents);
    std::vector<double> runs;
    for (int run = 0; run < kRuns; ++run) runs.push_back(recover(*log, core.head()));
    figures.push_back({"recovery_10m_snapshot_s", median(std::move(runs)), "s", "< 2"});
    for (const StoredSnapshot& stored : log->snapshots().list()) {
      std::remove((scratch.path() + "/log/snapshot-" +
                   std::string(20 - std::to_string(stored.head).size(), '0') +
                   std::to_string(stored.head))
                      .c_str());
    }
    figures.push_back({"recovery_10m_events_s", recover(*log, 0), "s", "< 20"});
  }
  figures.push_back({"snapshot_stall_1m_queued_ms", stall_with_queue_ms(), "ms", ""});
}

}  // namespace muster::bench
