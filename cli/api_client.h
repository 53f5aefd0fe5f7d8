// The HTTP API of a collector as the CLI asks it (docs/api.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/time.h"
#include "io/config.h"
#include "io/home.h"
#include "io/http.h"

namespace muster {

struct ApiAddress {
  std::string base;        // http, https or http+unix, without a path
  std::string token;       // empty: none
  bool is_likely = false;  // a collector of this home listens there, or the configuration says so
};

// The home's own socket or, where no collector of this home listens, the http(s) address that the
// configuration has for its archive. Errors: its token cannot be read.
Result<ApiAddress> collector_address(const Home& home, const Config& config);

struct ApiReply {
  int status = 0;      // 0: nobody answers
  std::string body;    // of any answer, but for one that was streamed
  std::string reason;  // of any other: what the collector says, or why nobody answers
  bool ok() const { return status >= 200 && status < 300; }
};

class ApiClient {
 public:
  explicit ApiClient(ApiAddress address) : address_(std::move(address)) {}

  // `path` begins with /. Waits for an answer that stands still for `silence_max` at most.
  ApiReply ask(const std::string& method, const std::string& path,
               Duration silence_max = std::chrono::seconds(30));
  // The same for an answer without end: its bytes go to `take`, which says false to leave.
  ApiReply stream(const std::string& path, Duration silence_max,
                  const std::function<bool(std::string_view)>& take);

  const std::string& base() const { return address_.base; }

 private:
  ApiAddress address_;
  HttpClient client_;
};

}  // namespace muster
