// An HTTP server for few words and many waiters: every connection has a thread of its own while it
// is open, so that a client that is slow, or waits, holds up no other. (cpp-httplib parses; this
// header keeps it out of everybody's sight.)
//
// Bounds: kHttpConnectionsMax connections at once (more wait to be accepted), a head of 64 KiB with
// lines of 8 KiB (collectors/http_server_request.h has both), kHttpHeadersMax headers and a body of
// `body_max` or `spool_max`; a request must be there within a
// minute of its first byte, an idle connection is closed after half a minute, and so is one whose
// client takes nothing of an answer for as long.
//
// What a request is refused for is seen in its head, and answered before its body is read: 401 to
// whoever may not write, 411 for a PUT that says no length, 413, 431, and 415 for a body that is
// compressed or a form. The connection ends with such an answer. `Range` is not heeded. The body of
// every refusal is a "muster.error/1".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
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

  // "" where there is none.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  bool reads() const { return method == "GET" || method == "HEAD"; }
};

// Sends bytes of an answer that has no length. False when the client has gone, takes nothing for as
// long as an answer may stand still, or the server is to end.
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

struct HttpListen {
  std::string socket;  // path of a Unix socket, made with mode 0600; empty: TCP
  std::string host;    // of TCP
  uint16_t port = 0;   // 0: any that is free
  std::string token;   // of those who may write by TCP; empty: nobody may
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
