#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "core/limits.h"
#include "io/codec.h"
#include "io/ledger.h"
#include "tests/bench/bench.h"
#include "tests/support/house.h"
#include "tests/support/mariadb_server.h"

namespace muster::bench {
namespace {

constexpr int kWorkers = 4;
constexpr uint64_t kWindow = 4'096;  // tasks in flight
constexpr uint64_t kBatchMax = 256;  // tasks of one Submit
constexpr double kWarmUpSeconds = 1;
constexpr double kSecondsPerRun = 4;
constexpr uint64_t kLatencyTasks = 2'000;
constexpr uint64_t kQueuedTasks = 100'000;
constexpr Duration kPatience = std::chrono::seconds(20);
constexpr Duration kCatchUpPatience = std::chrono::seconds(120);

[[noreturn]] void fail(const House& house, const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n%s", what.c_str(), house.daemon_output().c_str());
  std::exit(1);
}

// Submits tasks of 200 bytes that a worker ends at once, and counts those that ended.
class Submitter {
 public:
  Submitter(House& house, std::string pool)
      : house_(house), client_(house.connect()), pool_(std::move(pool)) {}

  void submit(uint64_t count) {
    Submit message;
    message.watch = pool_.empty();
    for (uint64_t i = 0; i < count; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "bench-tasks-" + std::to_string(1'000'000'000 + ++submitted_);
      spec->submitter = "bench@localhost";
      spec->pool = pool_;
      spec->wait_for_capacity = !pool_.empty();
      spec->work = work_;
      message.tasks.push_back(std::move(spec));
    }
    client_->post(message);
  }

  // Takes one message from the broker.
  void take_one() {
    const std::optional<Message> pushed = client_->next_push(kPatience);
    if (!pushed) fail(house_, "the broker fell silent");
    if (const TaskNews* news = std::get_if<TaskNews>(&*pushed)) {
      for (const TaskChange& change : news->changes) ended_ += change.state == TaskState::ended;
    } else if (const SubmitReply* reply = std::get_if<SubmitReply>(&*pushed)) {
      accepted_ += reply->results.size();
      for (const SubmitResult& result : reply->results) {
        if (!result.refused.empty()) fail(house_, "refused: " + result.refused);
      }
    } else if (const Refused* refused = std::get_if<Refused>(&*pushed)) {
      fail(house_, "refused: " + refused->reason);
    }
  }

  uint64_t in_flight() const { return submitted_ - ended_; }
  uint64_t ended() const { return ended_; }
  uint64_t accepted() const { return accepted_; }

 private:
  House& house_;
  std::unique_ptr<Client> client_;
  std::string pool_;
  Bytes work_ = encode_work(NoopWork{std::string(200, 'x')});
  uint64_t submitted_ = 0;
  uint64_t accepted_ = 0;
  uint64_t ended_ = 0;
};

// Keeps the window full for so long; the number of tasks that ended a second.
double run_pipelined(Submitter& submitter, double seconds) {
  const uint64_t before = submitter.ended();
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    // By opportunity, but in batches that are worth a message.
    while (kWindow - submitter.in_flight() >= kBatchMax / 4) {
      submitter.submit(std::min(kBatchMax, kWindow - submitter.in_flight()));
    }
    submitter.take_one();
  }
  return static_cast<double>(submitter.ended() - before) / watch.seconds();
}

// Microseconds from submit to the news that the task ended, one task at a time.
std::vector<double> run_one_in_flight(Submitter& submitter) {
  std::vector<double> times;
  while (submitter.in_flight() > 0) submitter.take_one();
  const Stopwatch whole;
  while (times.size() < kLatencyTasks && whole.seconds() < kSecondsPerRun) {
    const Stopwatch watch;
    submitter.submit(1);
    while (submitter.in_flight() > 0) submitter.take_one();
    times.push_back(watch.us());
  }
  return times;
}

// The most memory that a collector has needed for the whole log at once; its ledger lies at
// `place`.
double collector_peak_bytes(House& house, const LedgerPlace& place) {
  const std::unique_ptr<Child> collector = house.start_collector();
  const auto caught_up = [&] {
    Result<Ledger> ledger = Ledger::open(place);
    if (!ledger.ok()) return false;
    const Result<LedgerPosition> position = ledger->position();
    return position.ok() && position->seq >= kQueuedTasks;
  };
  if (!eventually(caught_up, kCatchUpPatience)) fail(house, "the ledger did not catch up");
  return static_cast<double>(peak_resident_bytes(collector->pid()));
}

}  // namespace

void bench_durable_tasks(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::unique_ptr<Child> broker = house.start_broker();
  std::vector<std::unique_ptr<Child>> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.push_back(house.start_worker("bench-" + std::to_string(i), 64));
  }
  const std::unique_ptr<Client> watcher = house.connect();
  EventTail tail(*watcher);
  int joined = 0;
  const auto all_joined = [&](const Event& event) {
    joined += std::holds_alternative<WorkerJoined>(event.body);
    return joined == kWorkers;
  };
  if (!tail.wait_for(all_joined, kPatience)) fail(house, "the workers did not join");

  Submitter submitter(house, "");
  run_pipelined(submitter, kWarmUpSeconds);
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) rates.push_back(run_pipelined(submitter, kSecondsPerRun));
  figures.push_back({"durable_tasks_per_s", median(rates), "tasks/s", ">= 209000"});

  std::vector<double> p50;
  std::vector<double> p99;
  for (int run = 0; run < kRuns; ++run) {
    const std::vector<double> times = run_one_in_flight(submitter);
    p50.push_back(quantile(times, 0.50));
    p99.push_back(quantile(times, 0.99));
  }
  figures.push_back({"durable_p50_us", median(p50), "us", "<= 603"});
  figures.push_back({"durable_p99_us", median(p99), "us", ""});
}

void bench_memory(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::unique_ptr<Child> broker = house.start_broker();
  house.connect();
  figures.push_back(
      {"idle_rss_bytes", static_cast<double>(resident_bytes(broker->pid())), "bytes", ""});
  Submitter submitter(house, "nobody");
  for (uint64_t sent = 0; sent < kQueuedTasks; sent += kQueuedTasks / 100) {
    submitter.submit(kQueuedTasks / 100);
    while (submitter.accepted() <= sent) submitter.take_one();
  }
  figures.push_back({"queued_100k_rss_bytes", static_cast<double>(resident_bytes(broker->pid())),
                     "bytes", "<= 70000000"});
  figures.push_back({"collector_peak_bytes",
                     collector_peak_bytes(house, {house.home().ledger_file(), {}}), "bytes",
                     "<= 100000000"});
  const MariadbServer server({}, dir);
  const std::string password =
      house.write("ledger.password", std::string(MariadbServer::kPassword) + "\n");
  house.write("home/muster.yaml", "ledger: { server: " + server.options().socket +
                                      ", user: muster, password_file: " + password + " }\n");
  figures.push_back({"collector_mariadb_peak_bytes", collector_peak_bytes(house, server.place()),
                     "bytes", "<= 100000000"});
}

}  // namespace muster::bench
