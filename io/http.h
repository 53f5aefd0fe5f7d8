// HTTP and FTP requests through libcurl, the one wrapper of it for clients. Many at a time in one
// thread; connections are kept and used again.
//
//   HttpClient client;
//   const HttpReply reply = client.ask({.url = "http://box:7180/archive/v1/..."});
//
// Certificates are verified against the system's; no proxy is used and no redirect followed. Names
// and passwords of FTP servers may stand in ~/.netrc; reasons for people never show them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace muster {

inline constexpr size_t kHttpReplyBytesMax = 16 << 20;

struct HttpRequest {
  // Of ftp://: GET (from a file, or a folder with /), APPE and STOR with `body`, SIZE, DELE.
  std::string method = "GET";
  std::string url;    // http, https, http+unix (io/archive_name.h) or ftp
  std::string token;  // a bearer token; empty: none
  std::string user;   // of HTTP's basic authentication; empty: none
  std::string password;
  std::string content_type = "application/octet-stream";  // of a body over HTTP
  bool is_gzip = false;                                   // the body is compressed, and says so
  std::string idempotency_key;                            // over HTTP, printable; empty: none
  std::string ca_file;     // certificates to trust instead of the system's; empty: those
  std::string body;        // of PUT, POST, APPE and STOR
  bool make_dirs = false;  // of ftp: folders that are missing on the way
  uint64_t from = 0;       // of ftp's GET: so many bytes are left out at the beginning
  Duration silence_max = std::chrono::seconds(30);  // of the connection, either way, and to connect
  size_t reply_max = kHttpReplyBytesMax;            // of HttpReply::body; a longer one is a fault
  // Takes a good answer's body as it comes; false ends the request. Without it the reply has the
  // body.
  std::function<bool(std::string_view)> take;
};

struct HttpReply {
  std::string fault;     // why there was no whole answer, with the address; empty: there was
  int status = 0;        // of HTTP; of FTP 200, 404 for a file that is not there, or 0
  bool refused = false;  // beside a fault, of FTP: the server will not do that, asked again or not
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  bool ok() const { return fault.empty() && status >= 200 && status < 300; }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class HttpClient {
 public:
  using Id = uint64_t;
  using Done = std::function<void(HttpReply)>;

  HttpClient();
  ~HttpClient();  // what is under way is given up; no Done is called
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Begins a request. `done` is called by run(), once.
  Id start(HttpRequest request, Done done);
  void cancel(Id id);  // no Done is called
  void cancel_all();
  size_t active() const;

  // Moves what is under way; waits up to `wait` for something to move, for one of `fds` to become
  // readable, or for wake().
  void run(Duration wait, const std::vector<int>& fds = {});
  // From any thread.
  void wake();

  // One request, waiting for its end; what else is under way moves too.
  HttpReply ask(HttpRequest request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster
