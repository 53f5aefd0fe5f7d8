#include "tests/bench/collector_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "io/clock.h"
#include "io/codec.h"
#include "io/event_log_sqlite.h"
#include "io/file.h"
#include "tests/bench/bench.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr uint64_t kTasks = 10'000;
constexpr uint64_t kTasksPerBlock = 50;
constexpr uint64_t kCases = 6;  // of each task
constexpr uint64_t kEventsPerTask = kCases + 4;
constexpr double kBytesPerMb = 1e6;
constexpr const char* kWorker = "rack-3";
constexpr Duration kPatience = std::chrono::minutes(10);

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n", what.c_str());
  std::exit(1);
}

// A job that came, ran and ended, as a broker records it.
void add_task(uint64_t task, Instant now, std::vector<Event>& events) {
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = "bench-collector-" + std::to_string(task);
  spec->kind = TaskKind::job;
  spec->name = "smoke";
  spec->submitter = "ci@builder";
  spec->work = encode_work(NoopWork{std::string(200, 'x')});
  const AttemptToken token{spec->guid, 1};
  const uint64_t first = (uint64_t{1} << 32) + task * kEventsPerTask;
  const auto report = [&](uint64_t number, decltype(AttemptReported::body) body) {
    events.push_back(
        {now, AttemptReported{{kWorker, first + number}, token, now, std::move(body)}});
  };
  events.push_back({now, TaskSubmitted{spec}});
  events.push_back({now, AttemptLeased{token, kWorker, 1, {}}});
  report(1, AttemptStarted{"file:///srv/archive/" + std::to_string(task), {"./smoke.sh"}});
  for (uint64_t i = 0; i < kCases; ++i) {
    const std::string name = "case_" + std::to_string(i);
    report(2 + i, CaseResult{"smoke", name, Outcome::pass, 1500us, std::string(80, 'm')});
  }
  events.push_back(
      {now, AttemptEnded{{kWorker, first + 2 + kCases},
                         token,
                         make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now, now),
                         Verdict::pass,
                         kNever}});
}

// The number of its last event.
uint64_t make_log(const std::string& dir) {
  Result<std::unique_ptr<EventLog>> log = open_event_log_sqlite(dir);
  if (!log.ok()) give_up(log.error());
  Instant now = SystemClock().now() - std::chrono::hours(1);
  std::vector<Event> events = {{now, BrokerStarted{1, "bench"}},
                               {now, WorkerJoined{kWorker, 1, "lab", {}, 64, "bench"}}};
  for (uint64_t task = 0; task < kTasks; task += kTasksPerBlock) {
    for (uint64_t i = 0; i < kTasksPerBlock; ++i) add_task(task + i, now += 1ms, events);
    const uint64_t first = (*log)->head() + 1;
    const AppendResult done =
        (*log)->append(first, static_cast<uint32_t>(events.size()), encode_block(first, events));
    if (done.fault != AppendFault::none) give_up("append: " + done.reason);
    events.clear();
  }
  return (*log)->head();
}

bool all_sinks_have_come_to(uint64_t end, House& house) {
  std::istringstream lines(house.muster({"sink", "status", "-o", "jsonl"}).out);
  size_t sinks = 0;
  for (std::string line; std::getline(lines, line); ++sinks) {
    const nlohmann::json sink = nlohmann::json::parse(line, nullptr, false);
    if (!sink.is_object() || sink.value("cursor", uint64_t{0}) < end) return false;
  }
  return sinks > 0;
}

}  // namespace

double collector_peak_mb(const std::string& bin_dir, const std::string& dir,
                         const std::string& password, const std::string& config) {
  House house(bin_dir, dir);
  house.write("home/password", password + "\n");
  house.write("home/muster.yaml", config);
  const uint64_t end = make_log(house.home().broker_dir());
  const std::unique_ptr<Child> broker = house.start_broker();
  house.connect();
  const std::unique_ptr<Child> collector = house.start_collector();
  if (!eventually([&] { return all_sinks_have_come_to(end, house); }, kPatience)) {
    give_up("the collector does not come to the end of the log\n" + house.daemon_output());
  }
  return static_cast<double>(peak_resident_bytes(collector->pid())) / kBytesPerMb;
}

}  // namespace muster::bench
