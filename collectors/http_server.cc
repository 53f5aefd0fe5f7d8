#include "collectors/http_server.h"

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>

#include "collectors/http_connection.h"
#include "collectors/http_server_request.h"
#include "collectors/token_check.h"
#include "core/limits.h"
#include "io/archive_name.h"
#include "io/clock.h"

namespace muster {
namespace {

constexpr size_t kFileChunkBytes = 64 << 10;
constexpr int kBacklog = 1024;
constexpr char kRetryAfter[] = "5";
constexpr char kAnyPath[] = R"([\s\S]*)";  // "." is no line break

// What a connection is told that nobody can serve.
std::string make_too_many() {
  const std::string body =
      http_refusal(503, "too many connections are open: try again in a while").body;
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: " +
         std::string(kRetryAfter) +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// Why the request whose head this thread has read is refused, for whoever answers it: a wrong token
// counts once.
std::optional<HttpAnswer>& refusal_at_hand() {
  thread_local std::optional<HttpAnswer> refusal;
  return refusal;
}

// httplib's server with connections of ours.
class Listener final : public httplib::Server {
 public:
  // Why a request is not to be read further, or nothing.
  using Refuse = std::function<std::optional<HttpAnswer>(const httplib::Request&)>;

  Listener(const HttpListen& listen, size_t body_max, Refuse refuse)
      : pace_(listen.pace), request_max_(kHeadBytesMax + body_max), refuse_(std::move(refuse)) {
    new_task_queue = [crowd = listen.crowd] { return new HttpThreads(crowd); };
    set_payload_max_length(body_max);
    set_keep_alive_timeout(kHttpIdleMax / 1s);
  }

  // httplib's own backlog is 5.
  void widen_backlog() { ::listen(svr_sock_, kBacklog); }
  void end_connections() { ending_.begin(); }

 private:
  bool process_and_close_socket(socket_t fd) override {
    if (HttpThreads::turn() == HttpTurn::drop) return ::close(fd) == 0;
    HttpConnection connection(fd, ending_, pace_, request_max_);
    if (HttpThreads::turn() == HttpTurn::refuse) {
      connection.write(too_many_.data(), too_many_.size());
      connection.close_gently();
      return true;
    }
    bool closed = false;
    bool understood = true;
    const auto prepare = [&](httplib::Request& request) {
      understood = true;
      refusal_at_hand() = refuse_(request);
      const bool refused = refusal_at_hand().has_value();
      // httplib would read on until the client has gone.
      if (!refused && has_body(request) && !says_length(request)) {
        request.set_header("Content-Length", "0");
      }
      request.ranges.clear();
      if (!refused && !has_unread_body(request)) return;
      request.headers.erase("Connection");
      request.set_header("Connection", "close");
      closed = true;
    };
    // Where a head that is none ends nobody knows.
    while (understood && !closed && !connection.broken() && connection.await_request()) {
      understood = false;
      if (!process_request(connection, false, closed, prepare) || connection.ends()) break;
    }
    connection.refuse_head();
    connection.close_gently();
    return true;
  }

  // Of the body that a GET may bring nothing is read: what follows is no request.
  static bool has_unread_body(const httplib::Request& request) {
    return !has_body(request) && says_length(request);
  }

  HttpEnding ending_;
  HttpPace pace_;
  size_t request_max_;
  Refuse refuse_;
  const std::string too_many_ = make_too_many();
};

// A body as it comes, in memory or in a file that has no name.
class SpooledBody {
 public:
  // In memory where no `dir` is named.
  SpooledBody(const std::string& dir, size_t bytes_max) : bytes_max_(bytes_max) {
    if (dir.empty()) return;
    std::string name = dir + "/body-XXXXXX";
    file_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    if (file_.valid()) {
      ::unlink(name.c_str());
    } else {
      problem_ = name + ": " + errno_text(errno);
    }
  }

  void take(std::string_view bytes) {
    bytes_ += bytes.size();
    if (bytes_ > bytes_max_ || !problem_.empty()) return;
    if (!file_.valid()) {
      text_ += bytes;
    } else if (const Result<Done> written = write_all(file_.get(), bytes); !written) {
      problem_ = "a body cannot be kept: " + written.error();
    }
  }

  std::optional<HttpAnswer> refusal() const {
    if (bytes_ > bytes_max_) return refuse_size(bytes_max_);
    if (!problem_.empty()) return http_refusal(507, problem_);
    return std::nullopt;
  }
  int file() const { return file_.get(); }
  std::string take_text() { return std::move(text_); }

 private:
  const size_t bytes_max_;
  uint64_t bytes_ = 0;
  UniqueFd file_;
  std::string text_;
  std::string problem_;
};

void set_file(httplib::Response& response, HttpAnswer&& answer) {
  const auto file = std::make_shared<UniqueFd>(std::move(answer.file));
  const uint64_t from = answer.file_offset;
  const auto send = [file, from](size_t offset, size_t length, httplib::DataSink& sink) {
    std::array<char, kFileChunkBytes> chunk;
    const size_t want = std::min(length, chunk.size());
    const ssize_t size =
        ::pread(file->get(), chunk.data(), want, static_cast<off_t>(from + offset));
    return size > 0 && sink.write(chunk.data(), static_cast<size_t>(size));
  };
  response.set_content_provider(answer.file_bytes, answer.type, send);
}

void set_stream(httplib::Response& response, HttpAnswer&& answer) {
  const auto stream = [send = std::move(answer.stream)](size_t, httplib::DataSink& sink) {
    send([&](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); });
    sink.done();
    return true;
  };
  response.set_chunked_content_provider(answer.type, stream);
}

void set_answer(httplib::Response& response, HttpAnswer&& answer) {
  response.status = answer.status;
  for (const auto& [key, value] : answer.headers) response.set_header(key, value);
  if (answer.stream) {
    set_stream(response, std::move(answer));
  } else if (answer.file.valid() && answer.file_bytes > 0) {
    set_file(response, std::move(answer));
  } else {
    response.set_content(answer.body, answer.type);
  }
}

class HttplibServer final : public HttpServer {
 public:
  HttplibServer(HttpListen listen, Handler handler)
      : listen_(std::move(listen)),
        token_(listen_.token_digest),
        handler_(std::move(handler)),
        server_(listen_, std::max(listen_.body_max, listen_.spools ? listen_.spool_max : 0),
                [this](const httplib::Request& request) { return refusal(request); }) {
    set_hooks();
    const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server_.Get(kAnyPath, serve);  // HEAD too
    // Whose bodies httplib would take into memory as far as the largest may go.
    const auto serve_body = [this](const httplib::Request& request, httplib::Response& response,
                                   const httplib::ContentReader& read) {
      answer_body(request, response, read);
    };
    server_.Options(kAnyPath, serve);
    server_.Put(kAnyPath, serve_body);
    server_.Patch(kAnyPath, serve_body);
    server_.Post(kAnyPath, serve_body);
    server_.Delete(kAnyPath, serve);
    server_.Delete(kAnyPath, serve_body);  // one that has a body
  }

  ~HttplibServer() override {
    server_.stop();
    server_.end_connections();
    if (thread_.joinable()) thread_.join();
    if (!listen_.socket.empty()) ::unlink(listen_.socket.c_str());
  }

  Result<Done> begin() {
    const Result<Done> bound = listen_.socket.empty() ? bind_tcp() : bind_socket();
    if (!bound) return bound;
    server_.widen_backlog();
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // else stop() would not be heard
    return Done{};
  }

  uint16_t port() const override { return listen_.port; }

 private:
  void set_hooks() {
    using httplib::Request;
    using httplib::Response;
    using Reply = httplib::Server::HandlerResponse;
    server_.set_pre_routing_handler([](const Request&, Response& response) {
      std::optional<HttpAnswer> refused = std::exchange(refusal_at_hand(), std::nullopt);
      if (refused) set_answer(response, std::move(*refused));
      return refused ? Reply::Handled : Reply::Unhandled;
    });
    server_.set_expect_100_continue_handler([](const Request&, Response& response) {
      std::optional<HttpAnswer> refused = std::exchange(refusal_at_hand(), std::nullopt);
      if (!refused) return 100;
      set_answer(response, std::move(*refused));
      return response.status;
    });
    // What httplib refuses by itself.
    const auto explain = [](const Request&, Response& response) {
      if (!response.body.empty()) return Reply::Unhandled;
      const std::string why = response.status == 416   ? "Range is no range: say offset=N"
                              : response.status == 414 ? "the target is too long"
                                                       : "that is no request that is understood";
      set_answer(response, http_refusal(response.status, why));
      // Where the next request begins is anybody's guess.
      response.set_header("Connection", "close");
      return Reply::Handled;
    };
    server_.set_error_handler(httplib::Server::HandlerWithResponse(explain));
    // Of requests there are as many as one likes, whatever httplib counts.
    server_.set_post_routing_handler([](const Request& request, Response& response) {
      const bool is_old = request.version == "HTTP/1.0" &&
                          lower(request.get_header_value("Connection")) != "keep-alive";
      const bool ends = response.headers.erase("Connection") > 0 || is_old;
      response.headers.erase("Keep-Alive");
      if (ends) {
        response.set_header("Connection", "close");
      } else {
        response.set_header("Keep-Alive", "timeout=" + std::to_string(kHttpIdleMax / 1s));
      }
    });
  }

  Result<Done> bind_tcp() {
    server_.set_tcp_nodelay(true);
    // httplib's own options would let two servers have one port.
    server_.set_socket_options([](socket_t fd) {
      const int on = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    const std::string where = listen_.host + ":" + std::to_string(listen_.port);
    errno = 0;
    const int port = listen_.port == 0 ? server_.bind_to_any_port(listen_.host)
                     : server_.bind_to_port(listen_.host, listen_.port) ? listen_.port
                                                                        : -1;
    if (port <= 0) {
      return Error{"cannot listen on " + where + (errno == 0 ? "" : ": " + errno_text(errno)) +
                   "; is something else there, or is the host another machine? (http in "
                   "muster.yaml)"};
    }
    listen_.port = static_cast<uint16_t>(port);
    return Done{};
  }

  Result<Done> bind_socket() {
    if (listen_.socket.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{"the path of a Unix socket may have 107 bytes: " + listen_.socket};
    }
    ::unlink(listen_.socket.c_str());  // whoever listened there has gone: its home is locked by us
    server_.set_address_family(AF_UNIX);
    const mode_t mask = ::umask(0177);
    errno = 0;
    const bool bound = server_.bind_to_port(listen_.socket, 1);
    const int error_number = errno;
    ::umask(mask);
    if (bound) return Done{};
    return Error{"cannot listen on " + listen_.socket + ": " + errno_text(error_number)};
  }

  // By what its head says.
  std::optional<HttpAnswer> refusal(const httplib::Request& request) {
    if (std::optional<HttpAnswer> refused = refuse_method_of(request)) return refused;
    if (!has_body(request)) return std::nullopt;
    if (listen_.socket.empty()) {
      std::optional<HttpAnswer> refused = token_.refuse(request.get_header_value("Authorization"),
                                                        request.remote_addr, SystemClock().now());
      if (refused) return refused;
    }
    return refuse_body(request, listen_.max_of(path_of(request.target)));
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    HttpCall call;
    call.body = request.body;
    hand_over(request, std::move(call), response);
  }

  // A body whose length is not said before is read to its end, wherever it goes: what follows it
  // would be taken for a request.
  void answer_body(const httplib::Request& request, httplib::Response& response,
                   const httplib::ContentReader& read) {
    const std::string path = path_of(request.target);
    const size_t body_max = listen_.max_of(path);
    SpooledBody body(listen_.spools && listen_.spools(path) ? listen_.spool_dir : "", body_max);
    const bool whole = read([&](const char* bytes, size_t size) {
      body.take({bytes, size});
      return true;
    });
    if (!whole) return;  // httplib has said why
    if (std::optional<HttpAnswer> refused = body.refusal()) {
      return set_answer(response, std::move(*refused));
    }
    HttpCall call;
    call.body_file = body.file();
    call.body = body.take_text();
    hand_over(request, std::move(call), response);
  }

  void hand_over(const httplib::Request& request, HttpCall call, httplib::Response& response) {
    Result<std::map<std::string, std::string>> query = parse_query(request.target);
    if (!query) return set_answer(response, http_refusal(400, query.error()));
    call.is_local = !listen_.socket.empty();
    call.method = request.method;
    call.path = path_of(request.target);
    call.query = std::move(*query);
    for (const auto& [key, value] : request.headers) call.headers.emplace(lower(key), value);
    set_answer(response, handler_(call));
    response.set_header("Accept-Ranges", "none");
  }

  HttpListen listen_;
  TokenCheck token_;
  Handler handler_;
  Listener server_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpListen listen, Handler handler) {
  auto server = std::make_unique<HttplibServer>(std::move(listen), std::move(handler));
  if (const Result<Done> begun = server->begin(); !begun) return Error{begun.error()};
  return std::unique_ptr<HttpServer>(std::move(server));
}

HttpAnswer http_refusal(int status, const std::string& reason) {
  using Json = nlohmann::ordered_json;
  const Json json = {{"schema", "muster.error/1"}, {"error", reason}};
  HttpAnswer answer;
  answer.status = status;
  answer.body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return answer;
}

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  unsigned char differs = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    differs = static_cast<unsigned char>(differs | (a[i] ^ other));
  }
  return differs == 0;
}

}  // namespace muster
