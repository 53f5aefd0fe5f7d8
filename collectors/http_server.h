// An HTTP server for few words and many waiters: every connection has a thread of its own while it
// is open, so that a client that is slow, or waits, holds up no other. (cpp-httplib parses; this
// header keeps it out of everybody's sight.)
//
// Bounds: HttpCrowd has those of connections; more get 503 and `Retry-After` before they were
// heard. A head of 64 KiB with lines of 8 KiB (collectors/http_server_request.h has both),
// kHttpHeadersMax headers and a body of `body_max` or `spool_max`; a request must be there within a
// minute of its first byte, an idle connection is closed after half a minute, and one whose client
// takes an answer too slowly as HttpPace says. When the server ends nobody is waited for, and what
// moves has a second more.
//
// What a request is refused for is seen in its head, and answered before its body is read: 401 to
// whoever may not write, 411 for a PUT that says no length, 413, 431, and 415 for a body that is
// compressed or a form. The connection ends with such an answer. `Range` is not heeded. The body of
// every refusal is a "muster.error/1".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/result.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

// A request as its handler sees it: one that its sender may make.
struct HttpCall {
  std::string method;  // GET, HEAD, PUT, POST, PATCH, DELETE or OPTIONS
  std::string path;    // as it was sent, escapes and all, without what follows a ?
  std::map<std::string, std::string> query;    // of the target, decoded
  std::map<std::string, std::string> headers;  // by name in lower case; the first of each
  std::string body;
  // In place of `body`, where HttpListen::spools says so: a file that has it, open for as long as
  // the handler runs; or -1.
  int body_file = -1;
  bool is_local = true;  // by the Unix socket; else by TCP

  // "" where there is none.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  bool reads() const { return method == "GET" || method == "HEAD"; }
};

// Sends bytes of an answer that has no length. False when the client has gone, takes them too
// slowly (HttpPace), or the server is to end.
using HttpSend = std::function<bool(std::string_view)>;

struct HttpAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string type = "application/json";
  std::string body;
  // In place of `body`: so many bytes of a file.
  UniqueFd file;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;
  // In place of both: called once, in the connection's thread, and not for a HEAD. The answer ends
  // when it returns.
  std::function<void(const HttpSend&)> stream;
};

// {"schema": "muster.error/1", "error": REASON}
HttpAnswer http_refusal(int status, const std::string& reason);

// How slowly a client may take an answer. Waiting for it uses up `patience`, and each byte that it
// takes brings back what it is worth at `bytes_per_second`; when none is left the connection ends.
struct HttpPace {
  Duration patience = std::chrono::seconds(30);
  int64_t bytes_per_second = 16 << 10;  // a bad line has more
  int64_t time_us_for(int64_t bytes) const { return bytes * 1'000'000 / bytes_per_second; }
};

struct HttpCrowd {
  size_t connections_max = kHttpConnectionsMax;  // that are served at once
  size_t waiting_max = 128;                      // that wait for one of those to end
};

struct HttpListen {
  std::string socket;  // path of a Unix socket, made with mode 0600; empty: TCP
  std::string host;    // of TCP
  uint16_t port = 0;   // 0: any that is free
  // Of the token of those who may write by TCP (SHA-256, io/sha256.h); empty: nobody may.
  std::string token_digest;
  HttpCrowd crowd{};
  HttpPace pace{};
  size_t body_max = 1 << 20;
  // Of requests whose bodies may be larger, up to `spool_max`: they go to a file in `spool_dir`
  // that nobody sees, and not into memory. Null: of none.
  std::function<bool(const std::string& path)> spools;
  size_t spool_max = 0;
  std::string spool_dir;

  size_t max_of(const std::string& path) const {
    return spools && spools(path) ? spool_max : body_max;
  }
};

class HttpServer {
 public:
  // Called in many threads at once.
  using Handler = std::function<HttpAnswer(const HttpCall&)>;

  // Listens when it returns. Errors: the address is taken, or is none of this machine's.
  static Result<std::unique_ptr<HttpServer>> start(HttpListen listen, Handler handler);

  // Takes nothing new and waits for the handlers; those that wait for something must have been
  // told.
  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;

 protected:
  HttpServer() = default;
};

// True when both are equal; how long it takes tells nothing about where they differ.
bool equal_in_constant_time(const std::string& a, const std::string& b);

}  // namespace muster
