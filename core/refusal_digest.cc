#include "core/refusal_digest.h"

#include <utility>

namespace muster {

void RefusalDigest::note(AccessRefused refused) {
  Kind kind{refused.key, refused.address, refused.what};
  if (!kinds_.contains(kind) && kinds_.size() >= kRefusalKindsMax) {
    kind = Kind();  // nobody wants nothing
    refused = {"", "", "", "various", "others were refused too", refused.count};
  }
  Waiting& waiting = kinds_[std::move(kind)];
  waiting.count += refused.count;
  waiting.refused = std::move(refused);
}

std::vector<AccessRefused> RefusalDigest::drain(Instant now) {
  std::vector<AccessRefused> told;
  for (auto next = kinds_.begin(); next != kinds_.end();) {
    const auto current = next++;
    Waiting& waiting = current->second;
    if (waiting.due > now) continue;
    if (waiting.count == 0) {
      kinds_.erase(current);
      continue;
    }
    waiting.refused.count = std::exchange(waiting.count, 0);
    told.push_back(waiting.refused);
    waiting.due = now + kRefusalInterval;
  }
  return told;
}

}  // namespace muster
