// Where the collector listens for HTTP: on HOME/run/collector.http, for who may open it, and where
// the configuration says so on TCP, where writing needs the token. The port of TCP is written to
// HOME/run/collector.port.
#pragma once

#include <memory>
#include <string>

#include "collectors/http_server.h"
#include "core/result.h"
#include "io/config.h"
#include "io/home.h"

namespace muster {

class HttpService {
 public:
  // Errors: an address is taken, the token cannot be read, or there is none although others than
  // this machine may come in.
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

// True for an address that only this machine reaches.
bool is_loopback_host(const std::string& host);

}  // namespace muster
