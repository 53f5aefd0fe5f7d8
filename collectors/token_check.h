// The bearer token of those who may write over HTTP: kept as its SHA-256 (a token is drawn at
// random, so that nobody finds it by trying words), compared in constant time. Whoever shows wrong
// ones again and again is told to come back. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/http_server.h"
#include "core/time.h"

namespace muster {

// Wrong tokens of one address within an interval; more are not looked at until it is over.
inline constexpr uint32_t kWrongTokensMax = 20;
inline constexpr Duration kWrongTokensInterval = std::chrono::minutes(1);
// Addresses that are told apart; the others count as one.
inline constexpr size_t kWrongTokenAddressesMax = 1'000;

class TokenCheck {
 public:
  enum class Said : uint8_t { right, wrong, too_often };

  // `digest` is of the token, in hexadecimal digits; empty: there is none, and all are wrong.
  explicit TokenCheck(std::string digest) : digest_(std::move(digest)) {}

  bool has_token() const { return !digest_.empty(); }

  // Of the header Authorization, "Bearer TOKEN", as a peer at `address` has sent it. The right
  // token is right however many wrong ones came from there: others may share the address.
  Said judge(std::string_view authorization, const std::string& address, Instant now);
  // The same as an answer over HTTP; nothing: it is right.
  std::optional<HttpAnswer> refuse(std::string_view authorization, const std::string& address,
                                   Instant now);

 private:
  struct Wrong {
    uint32_t count = 0;
    Instant until;  // the interval's end
  };

  const std::string digest_;
  std::mutex mutex_;
  std::map<std::string, Wrong> wrong_;  // by address; "": of the others
};

}  // namespace muster
