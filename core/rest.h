// Rest: a worker that holds nothing, owes no report and has nothing to tell that the broker has not
// answered is heard seldom, so that thousands of them cost next to nothing. Both sides go by the
// lease, which the broker says in each Desired.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/limits.h"
#include "core/time.h"

namespace muster {

// The broker gives up a worker that rests after this much silence. It holds no lease that could
// hurt anybody.
constexpr Duration rest_silence_max(Duration lease) { return lease + lease / 2; }

// The longest rest. What is lost at its end is said once more a beat later, and at the end of
// another rest at the latest: two of them, and an eighth of a lease for the way, are within
// rest_silence_max, and one and a few beats are within the lease, which is all that brokers of
// earlier builds wait. Nor may the session be forgotten meanwhile.
constexpr Duration rest_max(Duration lease) {
  return std::min<Duration>(lease / 16 * 11, kPeerSilenceMax / 3);
}

// Well mixed bits of `number` (splitmix64): not for secrets.
constexpr uint64_t mix_bits(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

// How long the rest after a Sync is, by what the worker and the Sync draw: almost rest_max, so that
// those which began together drift apart. The first one after a connection was made may end
// anywhere: all workers come at once when a broker has restarted. Never less than a beat.
constexpr Duration rest_after(Duration lease, Duration beat, bool first, uint64_t draw) {
  const Duration most = rest_max(lease);
  const Duration least = first ? Duration{0} : most - most / 11;
  const auto width = static_cast<uint64_t>(std::max<int64_t>((most - least).count(), 0));
  return std::max(beat, least + Duration(static_cast<int64_t>(mix_bits(draw) % (width + 1))));
}

}  // namespace muster
