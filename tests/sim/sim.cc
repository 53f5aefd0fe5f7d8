#include "tests/sim/sim.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/guid.h"

namespace muster::sim {
namespace {

constexpr int64_t kMillion = 1'000'000;

uint64_t rotate_left(uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

uint64_t splitmix(uint64_t& state) {
  uint64_t mixed = (state += 0x9e3779b97f4a7c15ull);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = splitmix(seed);
}

uint64_t Random::next() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

Duration Random::between(Duration from, Duration to) {
  return from + Duration(below(static_cast<uint64_t>((to - from).count()) + 1));
}

Duration Random::heavy_tail(Duration from, Duration to) {
  int doublings = 0;
  while ((from.count() << (doublings + 1)) <= to.count()) ++doublings;
  const Duration low(from.count() << below(static_cast<uint64_t>(doublings) + 1));
  return between(low, std::min(low * 2, to));
}

Instant SimClock::at(Duration true_time) const {
  return at_zero_ + true_time + Duration(true_time.count() * drift_ppm_ / kMillion);
}

Duration SimClock::when(Instant instant) const {
  const int64_t shown = (instant - at_zero_).count();
  Duration guess(shown * kMillion / (kMillion + drift_ppm_));
  while (at(guess) < instant) guess += Duration(1);
  return guess;
}

void Sim::after(Duration delay, std::function<void()> action) {
  const Duration due = now_ + std::max(delay, Duration(0));
  heap_.push_back({due, next_order_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end());
}

bool Sim::step(Duration end) {
  if (heap_.empty() || heap_.front().due > end) return false;
  std::pop_heap(heap_.begin(), heap_.end());
  const Action action = std::move(heap_.back());
  heap_.pop_back();
  now_ = action.due;
  action.run();
  return true;
}

void Sim::note(std::string_view what, std::string_view bytes) {
  const int64_t now_us = now_.count();
  hash_ = hash64({reinterpret_cast<const char*>(&now_us), sizeof now_us}, hash_);
  hash_ = hash64(what, hash_);
  hash_ = hash64(bytes, hash_);
}

void Sim::trace(std::string_view who, std::string_view text) const {
  std::printf("%12.6f %-9.*s %.*s\n", static_cast<double>(now_.count()) / 1e6,
              static_cast<int>(who.size()), who.data(), static_cast<int>(text.size()), text.data());
}

}  // namespace muster::sim
