#include <csignal>
#include <memory>

#include "io/ledger.h"
#include "tests/bench/bench.h"
#include "tests/bench/durable_tasks.h"
#include "tests/support/mariadb_server.h"

namespace muster::bench {
namespace {

constexpr double kWarmUpSeconds = 1;
constexpr double kSecondsPerRun = 4;
constexpr uint64_t kQueuedTasks = 100'000;
constexpr uint64_t kManyQueuedTasks = 1'000'000;
constexpr uint64_t kTasksPerWait = 1'000;
constexpr Duration kCatchUpPatience = std::chrono::seconds(120);

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
  DurableTasks tasks(bin_dir, dir);
  tasks.run_pipelined(kWarmUpSeconds);
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) rates.push_back(tasks.run_pipelined(kSecondsPerRun));
  figures.push_back({"durable_tasks_per_s", median(rates), "tasks/s", ">= 209000"});

  std::vector<double> p50;
  std::vector<double> p99;
  for (int run = 0; run < kRuns; ++run) {
    const std::vector<double> times = tasks.run_one_in_flight(kSecondsPerRun);
    p50.push_back(quantile(times, 0.50));
    p99.push_back(quantile(times, 0.99));
  }
  figures.push_back({"durable_p50_us", median(p50), "us", "<= 603"});
  figures.push_back({"durable_p99_us", median(p99), "us", ""});
}

void bench_restart(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  constexpr double kLoadSeconds = 2;
  const auto measure = [&](int signal) {
    std::vector<double> delays;
    for (int run = 0; run < kRuns; ++run) {
      DurableTasks tasks(bin_dir, dir);
      tasks.run_pipelined(kLoadSeconds);
      delays.push_back(tasks.restart_broker(signal));
    }
    return median(delays);
  };
  figures.push_back({"restart_delay_ms", measure(SIGTERM), "ms", "<= 2000"});
  figures.push_back({"restart_after_kill_delay_ms", measure(SIGKILL), "ms", "<= 2000"});
}

void bench_memory(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::unique_ptr<Child> broker = house.start_broker();
  house.connect();
  figures.push_back(
      {"idle_rss_bytes", static_cast<double>(resident_bytes(broker->pid())), "bytes", ""});
  Submitter submitter(house, "nobody");
  uint64_t sent = 0;
  const auto submit_up_to = [&](uint64_t count) {
    for (; sent < count; sent += kTasksPerWait) {
      submitter.submit(kTasksPerWait);
      while (submitter.accepted() <= sent) submitter.take_one();
    }
  };
  submit_up_to(kQueuedTasks);
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
  submit_up_to(kManyQueuedTasks);
  figures.push_back({"queued_1m_rss_bytes", static_cast<double>(resident_bytes(broker->pid())),
                     "bytes", "<= 700000000"});
}

}  // namespace muster::bench
