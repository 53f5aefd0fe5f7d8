#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "core/broker_core.h"
#include "tests/bench/bench.h"

namespace muster::bench {
namespace {

constexpr int kFewWorkers = 4;
constexpr int kManyWorkers = 4'000;
constexpr uint64_t kFewQueued = 1'000;
constexpr uint64_t kManyQueued = 1'000'000;
constexpr uint64_t kTasksPerFlatRun = 100'000;
constexpr uint32_t kSlots = 256;
constexpr uint32_t kCredit = 1'024;
constexpr int kTasksPerSubmit = 64;
constexpr uint64_t kTasksPerRun = 200'000;
constexpr double kSecondsPerRunMax = 10;

// A broker's core with workers that finish whatever they are given, without sockets, log or
// codec: what is left is the cost of deciding and applying.
class CoreOnly {
 public:
  explicit CoreOnly(int workers, uint32_t slots = kSlots, uint32_t credit = kCredit)
      : core_(make_options()), slots_(slots), credit_(credit) {
    take(Start{1});
    for (int i = 0; i < workers; ++i) {
      const std::string name = "worker-" + std::to_string(i);
      take_message(name, Hello{kProtocolMin, kProtocolMax, Role::worker, name, "bench"});
      sync(name, {});
    }
    take_message("submitter", Hello{kProtocolMin, kProtocolMax, Role::submitter, "bench", "bench"});
  }

  void submit(uint64_t first) {
    Submit message;
    message.watch = true;
    for (uint64_t i = first; i < first + kTasksPerSubmit; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "bench-core-" + std::to_string(1'000'000'000 + i);
      spec->kind = TaskKind::verify;
      spec->work = std::string(200, 'x');
      message.tasks.push_back(std::move(spec));
    }
    take_message("submitter", message);
  }

  // One wake-up: dispatch, and let every worker finish what it was given.
  void turn() {
    now_ += Duration{100};
    if (core_.dispatch_due()) take(Dispatch{});
    for (Send& send : core_.drain_sends(now_)) {
      const Desired* desired = std::get_if<Desired>(&send.envelope.message);
      if (desired && !desired->run.empty()) sync(send.peer, desired->run);
    }
  }

  uint64_t events() const { return events_; }
  uint64_t ended() const { return core_.ended_count(); }

 private:
  struct WorkerState {
    uint64_t syncs = 0;
    uint64_t reports = 0;
  };

  static BrokerOptions make_options() {
    BrokerOptions options;
    options.log_id = "bench";
    options.version = "bench";
    options.invalid_work = [](const TaskSpec&) { return std::nullopt; };
    return options;
  }

  void take(const Input& input) {
    const Decision decision = core_.decide(input, now_);
    for (const Event& event : decision.events) core_.apply(event);
    core_.note(input, now_);
    events_ += decision.events.size();
  }

  void take_message(const std::string& peer, Message message) {
    take(FromPeer{peer, Envelope{1, std::move(message)}});
  }

  void sync(const std::string& name, const std::vector<Assignment>& done) {
    WorkerState& worker = workers_[name];
    Sync message;
    message.number = ++worker.syncs;
    message.incarnation = 1;
    message.full = worker.syncs == 1;
    message.slots = slots_;
    message.credit = credit_;
    constexpr uint64_t kStream = uint64_t{1} << 32;
    message.unacked_first = done.empty() ? 0 : kStream + worker.reports + 1;
    for (const Assignment& assignment : done) {
      Report report;
      report.seq = kStream + ++worker.reports;
      report.token = {assignment.spec->guid, assignment.attempt};
      report.time = now_;
      report.body = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now_, now_);
      message.reports.push_back(std::move(report));
    }
    message.unacked_last = done.empty() ? 0 : kStream + worker.reports;
    take_message(name, std::move(message));
  }

  BrokerCore core_;
  uint32_t slots_;
  uint32_t credit_;
  Instant now_ = from_us(1'700'000'000'000'000);
  uint64_t events_ = 0;
  std::map<std::string, WorkerState> workers_;
};

double run_core() {
  CoreOnly house(kFewWorkers);
  const uint64_t before = house.events();
  uint64_t submitted = 0;
  const Stopwatch watch;
  while (house.ended() < kTasksPerRun && watch.seconds() < kSecondsPerRunMax) {
    if (submitted < kTasksPerRun) {
      house.submit(submitted);
      submitted += kTasksPerSubmit;
    }
    house.turn();
  }
  if (house.ended() == 0) {
    std::fprintf(stderr, "muster_bench: the core ended no task\n");
    std::exit(1);
  }
  return static_cast<double>(house.events() - before) / watch.seconds();
}

// Microseconds from submit to end of a task, while so many others wait and so many workers are
// there, all of which together take kTasksPerSubmit at a time, or more.
double task_us(uint64_t queued, int workers) {
  constexpr uint32_t kSlotsEach = kTasksPerSubmit / kFewWorkers;
  CoreOnly house(workers, kSlotsEach, kSlotsEach);
  uint64_t submitted = 0;
  const auto submit = [&] {
    house.submit(submitted);
    submitted += kTasksPerSubmit;
  };
  while (submitted < queued) submit();
  const Stopwatch watch;
  while (house.ended() < kTasksPerFlatRun) {
    submit();
    house.turn();
  }
  return watch.us() / static_cast<double>(house.ended());
}

double median_task_us(uint64_t queued, int workers) {
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) times.push_back(task_us(queued, workers));
  return median(times);
}

}  // namespace

void bench_flat(Figures& figures) {
  const double usual = median_task_us(kFewQueued, kFewWorkers);
  const double many_queued = median_task_us(kManyQueued, kFewWorkers);
  const double many_workers = median_task_us(kFewQueued, kManyWorkers);
  figures.push_back({"core_task_us", usual, "us", ""});
  figures.push_back({"core_task_1m_queued_us", many_queued, "us", ""});
  figures.push_back({"core_task_4000_workers_us", many_workers, "us", ""});
  figures.push_back({"flat_in_queued_ratio", many_queued / usual, "", "<= 1.2"});
  figures.push_back({"flat_in_workers_ratio", many_workers / usual, "", "<= 1.2"});
}

void bench_decide_apply(Figures& figures) {
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) rates.push_back(run_core());
  figures.push_back({"decide_apply_per_s", median(rates), "events/s", ""});
}

}  // namespace muster::bench
