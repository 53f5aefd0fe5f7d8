#include "collectors/token_check.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "io/sha256.h"

namespace muster {
namespace {

constexpr std::string_view kBearer = "bearer ";

// The name of a scheme is the same in any case (RFC 9110, 11.1).
bool is_bearer(std::string_view authorization) {
  return std::equal(kBearer.begin(), kBearer.end(), authorization.begin(),
                    authorization.begin() +
                        static_cast<std::ptrdiff_t>(std::min(kBearer.size(), authorization.size())),
                    [](char ours, char theirs) {
                      return ours == std::tolower(static_cast<unsigned char>(theirs));
                    });
}

}  // namespace

TokenCheck::Said TokenCheck::judge(std::string_view authorization, const std::string& address,
                                   Instant now) {
  const bool bears = is_bearer(authorization);
  const std::string digest = sha256_hex(authorization.substr(bears ? kBearer.size() : 0));
  if (bears && has_token() && equal_in_constant_time(digest, digest_)) return Said::right;
  if (authorization.empty()) return Said::wrong;  // nothing was tried
  const std::lock_guard lock(mutex_);
  std::erase_if(wrong_, [&](const auto& entry) { return entry.second.until <= now; });
  const bool is_one_more = !wrong_.contains(address) && wrong_.size() >= kWrongTokenAddressesMax;
  Wrong& wrong = wrong_[is_one_more ? std::string() : address];
  if (wrong.count == 0) wrong.until = now + kWrongTokensInterval;
  if (wrong.count >= kWrongTokensMax) return Said::too_often;
  ++wrong.count;
  return Said::wrong;
}

std::optional<HttpAnswer> TokenCheck::refuse(std::string_view authorization,
                                             const std::string& address, Instant now) {
  switch (judge(authorization, address, now)) {
    case Said::right:
      return std::nullopt;
    case Said::wrong:
      break;
    case Said::too_often:
      HttpAnswer answer = http_refusal(429, "too many wrong tokens came from your address");
      const auto seconds = kWrongTokensInterval / std::chrono::seconds(1);
      answer.headers.emplace_back("Retry-After", std::to_string(seconds));
      return answer;
  }
  return http_refusal(401,
                      "writing needs the header \"Authorization: Bearer TOKEN\"; the token is in "
                      "the collector's http_token_file");
}

}  // namespace muster
