// Refusals on their way into the log: what is alike within kRefusalInterval is one event with a
// count, and of kinds that are not alike a bounded number is told apart. However many are refused,
// the log gets at most kRefusalKindsMax + 1 events in an interval.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/event.h"
#include "core/time.h"

namespace muster {

inline constexpr Duration kRefusalInterval = std::chrono::minutes(1);
inline constexpr size_t kRefusalKindsMax = 64;

class RefusalDigest {
 public:
  // Alike are those with the same key, address and `what`. The newest reason is told.
  void note(AccessRefused refused);

  // What is to be told now: the first of a kind at once, later ones when the interval is over.
  std::vector<AccessRefused> drain(Instant now);

 private:
  using Kind = std::tuple<std::string, std::string, std::string>;
  struct Waiting {
    AccessRefused refused;  // the newest
    uint64_t count = 0;     // since it was told
    Instant due;            // not told before
  };

  std::map<Kind, Waiting> kinds_;
};

}  // namespace muster
