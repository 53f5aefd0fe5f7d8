#include "collectors/archive_service.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "collectors/decibel_http.h"
#include "core/duration_text.h"
#include "core/limits.h"
#include "io/file.h"

namespace muster {
namespace {

constexpr Duration kSweepEvery = 10min;

}  // namespace

ArchiveService::ArchiveService(const Home& home, const Config& config, HttpServer::Handler api)
    : limits_{config.archive.keep, config.archive.bytes_max},
      store_(home.archive_dir()),
      http_(store_, clock_),
      api_(std::move(api)) {}

Result<std::unique_ptr<ArchiveService>> ArchiveService::start(const Home& home,
                                                              const Config& config,
                                                              HttpServer::Handler api) {
  std::unique_ptr<ArchiveService> service(new ArchiveService(home, config, std::move(api)));
  if (const Result<Done> listening = service->listen(home, config); !listening) {
    return Error{listening.error()};
  }
  service->sweeper_ = std::jthread([raw = service.get()] { raw->sweep_again_and_again(); });
  return service;
}

ArchiveService::~ArchiveService() {
  stop_.raise();
  http_.stop();
  if (!port_file_.empty()) ::unlink(port_file_.c_str());
}

Result<Done> ArchiveService::listen(const Home& home, const Config& config) {
  const auto handler = [this](const HttpCall& call) {
    return call.path.starts_with(kApiPath) ? api_(call) : http_.answer(call);
  };
  HttpListen by_socket;
  by_socket.socket = home.http_socket();
  by_socket.body_max = kArchiveAppendBytesMax;
  spool_decibel_bodies(home, by_socket);
  auto socket_server = HttpServer::start(by_socket, handler);
  if (!socket_server) return Error{socket_server.error()};
  socket_server_ = std::move(*socket_server);
  if (config.http_host.empty()) return Done{};

  const Result<std::string> token = load_http_token(config);
  if (!token) return Error{token.error()};
  HttpListen by_tcp;
  by_tcp.host = config.http_host;
  by_tcp.port = config.http_port;
  by_tcp.token = *token;
  by_tcp.body_max = kArchiveAppendBytesMax;
  spool_decibel_bodies(home, by_tcp);
  auto tcp_server = HttpServer::start(by_tcp, handler);
  if (!tcp_server) return Error{tcp_server.error()};
  tcp_server_ = std::move(*tcp_server);
  port_file_ = home.run_dir() + "/collector.port";
  const std::string port = std::to_string(tcp_server_->port());
  spdlog::info("HTTP on {}:{}{}", config.http_host, port,
               token->empty() ? ", for reading only: no http_token_file is configured" : "");
  return write_file_atomically(port_file_, port + "\n");
}

void ArchiveService::sweep_again_and_again() {
  while (!stop_.raised()) {
    const ArchiveSweep sweep = store_.sweep(limits_, clock_.now());
    if (sweep.removed_folders > 0) {
      spdlog::info("archive: removed {} of {} tasks; {} of {} are left",
                   format_size(sweep.removed_bytes), sweep.removed_folders,
                   format_size(sweep.bytes), sweep.folders);
    }
    for (const std::string& problem : sweep.problems) spdlog::warn("archive: {}", problem);
    if (sweep.bytes > limits_.bytes_max) {
      spdlog::warn("archive: {} are more than the {} it may have, but pinned or being written",
                   format_size(sweep.bytes), format_size(limits_.bytes_max));
    }
    stop_.wait_for(kSweepEvery);
  }
}

}  // namespace muster
