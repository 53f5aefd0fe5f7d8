#include "tests/bench/durable_tasks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <variant>

#include "io/codec.h"
#include "tests/bench/bench.h"

namespace muster::bench {
namespace {

constexpr Duration kPatience = std::chrono::seconds(20);
constexpr std::string_view kPrefix = "bench-tasks-";

std::string guid_of(uint64_t task) {
  return std::string(kPrefix) + std::to_string(1'000'000'000 + task);
}

uint64_t task_of(const std::string& guid) {
  return std::stoull(guid.substr(kPrefix.size())) - 1'000'000'000;
}

}  // namespace

void fail(const House& house, const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n%s", what.c_str(), house.daemon_output().c_str());
  std::exit(1);
}

Submitter::Submitter(House& house, std::string pool)
    : house_(house), client_(house.connect()), pool_(std::move(pool)) {}

void Submitter::submit(uint64_t count) {
  Submit message;
  message.watch = pool_.empty();
  for (uint64_t i = 0; i < count; ++i) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = guid_of(++submitted_);
    spec->submitter = "bench@localhost";
    spec->pool = pool_;
    spec->wait_for_capacity = !pool_.empty();
    spec->work = encode_work(NoopWork{payloads_.of(submitted_)});
    message.tasks.push_back(std::move(spec));
  }
  client_->post(message);
}

void Submitter::take_one() {
  const std::optional<Message> pushed = client_->next_push(kPatience);
  if (!pushed) fail(house_, "the broker fell silent");
  if (const TaskNews* news = std::get_if<TaskNews>(&*pushed)) {
    for (const TaskChange& change : news->changes) {
      if (change.state != TaskState::ended) continue;
      if (change.ending->message != payloads_.of(task_of(change.guid))) {
        fail(house_, "a task ended without its result");
      }
      ++ended_;
    }
  } else if (const SubmitReply* reply = std::get_if<SubmitReply>(&*pushed)) {
    accepted_ += reply->results.size();
    for (const SubmitResult& result : reply->results) {
      if (!result.refused.empty()) fail(house_, "refused: " + result.refused);
    }
  } else if (const Refused* refused = std::get_if<Refused>(&*pushed)) {
    fail(house_, "refused: " + refused->reason);
  }
}

DurableTasks::DurableTasks(const std::string& bin_dir, const std::string& dir)
    : house_(bin_dir, dir), broker_(house_.start_broker()) {
  for (int i = 0; i < kWorkers; ++i) {
    workers_.push_back(house_.start_worker("bench-" + std::to_string(i), kWorkerSlots));
  }
  const std::unique_ptr<Client> watcher = house_.connect();
  EventTail tail(*watcher);
  int joined = 0;
  const auto all_joined = [&](const Event& event) {
    joined += std::holds_alternative<WorkerJoined>(event.body);
    return joined == kWorkers;
  };
  if (!tail.wait_for(all_joined, kPatience)) fail(house_, "the workers did not join");
  submitter_ = std::make_unique<Submitter>(house_, "");
}

double DurableTasks::run_pipelined(double seconds) {
  const uint64_t before = submitter_->ended();
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    // By opportunity, but in batches that are worth a message.
    while (kWindow - submitter_->in_flight() >= kBatchMax / 4) {
      submitter_->submit(std::min(kBatchMax, kWindow - submitter_->in_flight()));
    }
    submitter_->take_one();
  }
  return static_cast<double>(submitter_->ended() - before) / watch.seconds();
}

std::vector<double> DurableTasks::run_one_in_flight(double seconds) {
  std::vector<double> times;
  while (submitter_->in_flight() > 0) submitter_->take_one();
  const Stopwatch whole;
  while (times.size() < kLatencyTasks && whole.seconds() < seconds) {
    const Stopwatch watch;
    submitter_->submit(1);
    while (submitter_->in_flight() > 0) submitter_->take_one();
    times.push_back(watch.us());
  }
  return times;
}

double DurableTasks::restart_broker(int signal) {
  const std::unique_ptr<Client> client = house_.connect();
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = "bench-restart";
  spec->submitter = "bench@localhost";
  spec->work = encode_work(NoopWork{});
  const Stopwatch watch;
  broker_->signal(signal);
  if (!broker_->wait(kPatience)) fail(house_, "the broker did not end");
  broker_ = house_.start_broker();
  const auto answer = client->ask(Submit{{spec}, false}, kPatience);
  if (!std::holds_alternative<Message>(answer)) fail(house_, "no answer after a restart");
  return watch.us() / 1'000;
}

uint64_t DurableTasks::broker_bytes() const { return resident_bytes(broker_->pid()); }

}  // namespace muster::bench
