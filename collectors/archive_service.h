// The collector's archive: HOME/archive behind HTTP, and kept within its limits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "collectors/archive_http.h"
#include "collectors/http_server.h"
#include "collectors/stop.h"
#include "io/archive_store.h"
#include "io/config.h"
#include "io/home.h"

namespace muster {

inline constexpr std::string_view kApiPath = "/api/";

class ArchiveService {
 public:
  // Listens on HOME/run/collector.http and, where the configuration says so, on TCP, whose port is
  // written to HOME/run/collector.port. What is asked below kApiPath is `api`'s to answer. Sweeps
  // now and every few minutes.
  static Result<std::unique_ptr<ArchiveService>> start(const Home& home, const Config& config,
                                                       HttpServer::Handler api);
  ~ArchiveService();

 private:
  ArchiveService(const Home& home, const Config& config, HttpServer::Handler api);
  Result<Done> listen(const Home& home, const Config& config);
  void sweep_again_and_again();

  ArchiveLimits limits_;
  SystemClock clock_;
  ArchiveStore store_;
  ArchiveHttp http_;
  HttpServer::Handler api_;
  Stop stop_;
  std::unique_ptr<HttpServer> socket_server_;
  std::unique_ptr<HttpServer> tcp_server_;  // null: no TCP
  std::string port_file_;                   // of the TCP server; empty: not written
  std::jthread sweeper_;
};

}  // namespace muster
