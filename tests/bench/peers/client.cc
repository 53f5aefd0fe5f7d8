#include "tests/bench/peers/client.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/bench/bench.h"

namespace muster::bench {
namespace {

// A task begins with its number and the time when it was sent; the rest is noise, which no server
// can compress.
struct TaskHead {
  uint64_t number;
  int64_t sent_ns;
};

constexpr size_t kLatencyTasksMax = 2'000;  // as many as muster's own bench takes

constexpr uint64_t kNumbersAheadMax = 1 << 20;  // far more than any window

int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int64_t to_ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

std::string make_noise() {
  std::string noise(kPeerTaskBytes, '\0');
  uint64_t state = 88172645463325252;
  for (char& byte : noise) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return noise;
}

const std::string& noise() {
  static const std::string noise = make_noise();
  return noise;
}

TaskHead head_of(std::string_view bytes) {
  TaskHead head;
  if (bytes.size() != kPeerTaskBytes) {
    fail_client("a message has " + std::to_string(bytes.size()) + " bytes");
  }
  std::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

}  // namespace

void fail_client(const std::string& what) {
  std::fprintf(stderr, "muster_peer_client: %s\n", what.c_str());
  std::fflush(stderr);
  _exit(1);
}

void make_result(std::string_view task, std::string& result) {
  const TaskHead head = head_of(task);
  result = noise();
  std::memcpy(result.data(), &head, sizeof head);
}

Work::Work(const ClientOptions& options)
    : load_(options.load()),
      one_in_flight_(options.one_in_flight),
      measure_from_ns_(now_ns() + to_ns(options.warm_up_seconds)),
      measure_until_ns_(measure_from_ns_ + to_ns(options.seconds)),
      task_(noise()) {}

size_t Work::room() const {
  const size_t in_flight = sent_ - done_.load(std::memory_order_acquire);
  return in_flight + load_.batch <= load_.window ? load_.batch : 0;
}

size_t Work::wait_for_room() {
  for (;;) {
    const uint64_t done = done_.load(std::memory_order_acquire);
    if (const size_t tasks = room(); tasks > 0) return tasks;
    done_.wait(done, std::memory_order_acquire);
  }
}

std::string_view Work::next_task() {
  const TaskHead head = {sent_++, now_ns()};
  std::memcpy(task_.data(), &head, sizeof head);
  return task_;
}

void Work::take(std::string_view result) {
  const TaskHead head = head_of(result);
  if (head.number > taken_ + kNumbersAheadMax) fail_client("a result of no task of ours");
  if (head.number >= seen_.size()) seen_.resize(head.number + (1 << 16));
  if (seen_[head.number]) fail_client("task " + std::to_string(head.number) + " has two results");
  seen_[head.number] = true;
  ++taken_;
  if (one_in_flight_ && measured_from_ns_ != 0) {
    times_us_.push_back(static_cast<double>(now_ns() - head.sent_ns) / 1e3);
  }
}

void Work::end_batch() {
  const int64_t now = now_ns();
  if (measured_from_ns_ == 0 && now >= measure_from_ns_) {
    measured_from_ns_ = now;
    measured_from_taken_ = taken_;
  } else if (now >= measure_until_ns_ || times_us_.size() >= kLatencyTasksMax) {
    print_and_exit(now);
  }
  done_.store(taken_, std::memory_order_release);
  done_.notify_one();
}

void Work::print_and_exit(int64_t now_ns) {
  const double seconds = static_cast<double>(now_ns - measured_from_ns_) / 1e9;
  std::printf("%.1f %.1f %.1f\n", static_cast<double>(taken_ - measured_from_taken_) / seconds,
              quantile(times_us_, 0.5), quantile(times_us_, 0.99));
  std::fflush(stdout);
  _exit(0);
}

}  // namespace muster::bench
