// Where the collector listens for HTTP: on HOME/run/collector.http, for who may open it, and where
// the configuration says so on TCP, where writing needs the token. The port of TCP is written to
// HOME/run/collector.port.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "collectors/http_server.h"
#include "core/result.h"
#include "io/config.h"
#include "io/home.h"

namespace muster {

class HttpService {
 public:
  // Errors: an address is taken, or what invalid_http says.
  static Result<std::unique_ptr<HttpService>> start(const Home& home, const Config& config,
                                                    const HttpServer::Handler& handler);
  // As ~HttpServer: whoever waits in the handler must have been told.
  ~HttpService();

 private:
  HttpService() = default;
  Result<Done> listen_on_tcp(const Home& home, const Config& config,
                             const HttpServer::Handler& handler);

  std::unique_ptr<HttpServer> socket_server_;
  std::unique_ptr<HttpServer> tcp_server_;  // null: no TCP
  std::string port_file_;                   // empty: not written
};

// Why the configuration's HTTP cannot be had as long as it says so, or nothing: its token cannot be
// read, there is none although other machines come in, or nothing is known of its host.
std::optional<std::string> invalid_http(const Home& home, const Config& config);

// True for an address that only this machine reaches.
bool is_loopback_host(const std::string& host);

}  // namespace muster
