#include "collectors/http_service.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

#include "collectors/decibel_http.h"
#include "core/limits.h"
#include "io/file.h"

namespace muster {

Result<std::unique_ptr<HttpService>> HttpService::start(const Home& home, const Config& config,
                                                        const HttpServer::Handler& handler) {
  std::unique_ptr<HttpService> service(new HttpService);
  HttpListen by_socket;
  by_socket.socket = home.http_socket();
  by_socket.body_max = kArchiveAppendBytesMax;
  spool_decibel_bodies(home, by_socket);
  auto socket_server = HttpServer::start(by_socket, handler);
  if (!socket_server) return Error{socket_server.error()};
  service->socket_server_ = std::move(*socket_server);
  if (config.http_host.empty()) return service;
  const Result<Done> listening = service->listen_on_tcp(home, config, handler);
  if (!listening) return Error{listening.error()};
  return service;
}

HttpService::~HttpService() {
  if (!port_file_.empty()) ::unlink(port_file_.c_str());
}

Result<Done> HttpService::listen_on_tcp(const Home& home, const Config& config,
                                        const HttpServer::Handler& handler) {
  if (const std::optional<std::string> why = invalid_http(home, config)) return Error{*why};
  const Result<std::string> token = load_http_token_digest(config);
  if (!token) return Error{token.error()};
  HttpListen by_tcp;
  by_tcp.host = config.http_host;
  by_tcp.port = config.http_port;
  by_tcp.token_digest = *token;
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

std::optional<std::string> invalid_http(const Home& home, const Config& config) {
  if (config.http_host.empty()) return std::nullopt;
  const Result<std::string> token = load_http_token_digest(config);
  if (!token) return token.error();
  const std::string key = "http in " + home.config_file() + " is " + config.http_host;
  addrinfo* found = nullptr;
  const int fault = ::getaddrinfo(config.http_host.c_str(), nullptr, nullptr, &found);
  if (fault == 0) ::freeaddrinfo(found);
  // That nobody can be asked now may pass.
  if (fault == EAI_NONAME || fault == EAI_NODATA) {
    return key + ", and no address is known of such a host: say one of this machine's, such as " +
           "127.0.0.1";
  }
  if (token->empty() && !is_loopback_host(config.http_host)) {
    return key +
           ", where other machines come in, and there is no token: name a file with one in "
           "http_token_file, or let http be 127.0.0.1:PORT";
  }
  return std::nullopt;
}

bool is_loopback_host(const std::string& host) {
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return host == "localhost";
}

}  // namespace muster
