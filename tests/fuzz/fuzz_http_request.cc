// Whatever a client writes to the collector's HTTP: answers that begin as answers do, and a server
// that is there for the next one. What its handlers make of a target is asked here, too.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "collectors/api_routes.h"
#include "collectors/decibel_search.h"
#include "collectors/http_server.h"
#include "io/archive_name.h"
#include "tests/support/fuzz_check.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

class Server {
 public:
  Server() : path_(scratch_ / "h") {
    routes_.add("GET", "/api/v1/tasks/{guid}", {"limit", "after"},
                [](const HttpCall&, const std::vector<std::string>& parameters) {
                  HttpAnswer answer;
                  answer.body = parameters.at(0);
                  return answer;
                });
    HttpListen listen;
    listen.socket = path_;
    auto server = HttpServer::start(listen, [this](const HttpCall& call) { return answer(call); });
    require(server.ok());
    server_ = std::move(*server);
  }

  // All that is answered to `bytes`, after which the client says nothing.
  std::string exchange(std::string_view bytes) const {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    require(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;  // it was refused before it was whole
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    ::shutdown(fd.get(), SHUT_WR);
    std::string answer;
    char piece[4096];
    for (ssize_t size = 0; (size = ::read(fd.get(), piece, sizeof piece)) > 0;) {
      answer.append(piece, static_cast<size_t>(size));
    }
    return answer;
  }

 private:
  HttpAnswer answer(const HttpCall& call) const {
    for (const auto& [name, value] : call.headers) require(name.find('\n') == name.npos);
    if (call.path.starts_with(kArchivePath)) {
      const Result<ArchiveName> name = parse_archive_path(call.path);
      return name.ok() ? HttpAnswer() : http_refusal(404, name.error());
    }
    const Result<DecibelQuery> query = parse_decibel_query(call.query);
    if (call.path == "/search" && !query.ok()) return http_refusal(400, query.error());
    return routes_.answer(call);
  }

  Scratch scratch_;
  std::string path_;
  ApiRoutes routes_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const muster::Server server;
  const std::string answer = server.exchange(muster::fuzz_bytes(data, size));
  muster::require(answer.empty() || answer.starts_with("HTTP/1."));
  return 0;
}
