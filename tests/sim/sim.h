// The simulator's ground: true time, the heap of what happens next, chance, clocks that disagree,
// and the trace. One thread, no real time, no libc randomness: a seed says everything.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace muster::sim {

// xoshiro256** filled by splitmix64, with draws of our own: those of <random> differ between
// libraries.
class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();
  // 0 .. n - 1; n > 0.
  uint64_t below(uint64_t n) { return next() % n; }
  // True in `per_mille` of a thousand cases.
  bool chance(uint32_t per_mille) { return below(1000) < per_mille; }
  // Any length in [from, to].
  Duration between(Duration from, Duration to);
  // A length in [from, to], with every order of magnitude equally likely: mostly short, now and
  // then very long. from > 0.
  Duration heavy_tail(Duration from, Duration to);
  // One of `items`, which are not empty.
  template <typename Items>
  const auto& one_of(const Items& items) {
    return items[below(items.size())];
  }

 private:
  std::array<uint64_t, 4> state_;
};

// The clock of one process: it began somewhere and runs at a rate of its own.
class SimClock {
 public:
  SimClock() = default;
  // `drift_ppm`: microseconds gained in a second of true time.
  SimClock(Instant at_zero, int64_t drift_ppm) : at_zero_(at_zero), drift_ppm_(drift_ppm) {}

  Instant at(Duration true_time) const;
  // The first true time at which this clock shows `instant` or later.
  Duration when(Instant instant) const;

 private:
  Instant at_zero_;
  int64_t drift_ppm_ = 0;
};

class Sim {
 public:
  Sim(uint64_t seed, bool tracing) : random_(seed), tracing_(tracing) {}

  // True time since the run began. No process of the house can read it.
  Duration now() const { return now_; }
  Random& random() { return random_; }

  // Runs `action` after `delay` of true time; actions of the same instant run in the order in which
  // they were asked for. An action whose subject may be gone by then must find out itself.
  void after(Duration delay, std::function<void()> action);

  // Moves to the next action and runs it. False when there is none before `end`.
  bool step(Duration end);

  // What happened, for the hash that two runs of a seed must agree on.
  void note(std::string_view what, std::string_view bytes);
  uint64_t hash() const { return hash_; }

  // What happened, for people. Callers build the text only when somebody reads it.
  bool tracing() const { return tracing_; }
  void trace(std::string_view who, std::string_view text) const;

 private:
  struct Action {
    Duration due;
    uint64_t order;
    std::function<void()> run;
    bool operator<(const Action& other) const {  // the heap's top is the greatest
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  Random random_;
  bool tracing_;
  Duration now_{0};
  uint64_t next_order_ = 0;
  std::vector<Action> heap_;
  uint64_t hash_ = 0;
};

}  // namespace muster::sim
