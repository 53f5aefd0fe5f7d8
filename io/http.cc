#include "io/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <optional>

#include "io/archive_name.h"

namespace muster {
namespace {

constexpr size_t kHeadBytesMax = 256 << 10;
constexpr long kConnectionsKept = 16;

void init_library() {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct FreeEasy {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

// One request under way.
struct Exchange {
  HttpRequest request;
  HttpClient::Done done;
  HttpReply reply;
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> headers;
  std::array<char, CURL_ERROR_SIZE> why{};
  size_t sent = 0;  // of the body
  size_t head_bytes = 0;
  std::string overflow;  // why we ended it ourselves

  bool is_ftp() const { return request.url.starts_with("ftp://"); }
  long status() const {
    long code = 0;
    ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }
};

size_t take_head(char* bytes, size_t, size_t size, void* into) {
  Exchange& exchange = *static_cast<Exchange*>(into);
  exchange.head_bytes += size;
  if (exchange.head_bytes > kHeadBytesMax) {
    exchange.overflow = "the head of the answer does not end";
    return 0;
  }
  const std::string_view line(bytes, size);
  const size_t colon = line.find(':');
  if (colon == line.npos || exchange.is_ftp()) return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  exchange.reply.headers[name] = std::string(value);
  return size;
}

size_t take_body(char* bytes, size_t, size_t size, void* into) {
  Exchange& exchange = *static_cast<Exchange*>(into);
  const bool good = exchange.is_ftp() || exchange.status() / 100 == 2;
  if (good && exchange.request.take) {
    if (exchange.request.take({bytes, size})) return size;
    exchange.overflow = "ended by us";
    return 0;
  }
  const size_t bytes_max = exchange.request.reply_max;
  if (exchange.reply.body.size() + size > bytes_max) {
    exchange.overflow = "its answer is longer than " + std::to_string(bytes_max) +
                        " bytes, and was not read further";
    return 0;
  }
  exchange.reply.body.append(bytes, size);
  return size;
}

size_t give_body(char* into, size_t, size_t size, void* from) {
  Exchange& exchange = *static_cast<Exchange*>(from);
  const size_t given = std::min(size, exchange.request.body.size() - exchange.sent);
  std::copy_n(exchange.request.body.data() + exchange.sent, given, into);
  exchange.sent += given;
  return given;
}

// Called when a connection must be made anew in the midst of a request.
int seek_body(void* of, curl_off_t offset, int origin) {
  Exchange& exchange = *static_cast<Exchange*>(of);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  exchange.sent = std::min(static_cast<size_t>(offset), exchange.request.body.size());
  return CURL_SEEKFUNC_OK;
}

void set_body(CURL* easy, Exchange& exchange) {
  ::curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  ::curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(exchange.request.body.size()));
  ::curl_easy_setopt(easy, CURLOPT_READFUNCTION, &give_body);
  ::curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
  ::curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &seek_body);
  ::curl_easy_setopt(easy, CURLOPT_SEEKDATA, &exchange);
}

void set_http(CURL* easy, Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  if (request.method == "PUT" || request.method == "POST") {
    set_body(easy, exchange);
    ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method == "HEAD") {
    ::curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    ::curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  // Our bodies are small: waiting for a word before they are sent would cost a second.
  curl_slist* list = ::curl_slist_append(nullptr, "Expect:");
  list = ::curl_slist_append(list, ("Content-Type: " + request.content_type).c_str());
  if (request.is_gzip) list = ::curl_slist_append(list, "Content-Encoding: gzip");
  if (!request.idempotency_key.empty()) {
    list = ::curl_slist_append(list, ("Idempotency-Key: " + request.idempotency_key).c_str());
  }
  if (!request.token.empty()) {
    list = ::curl_slist_append(list, ("Authorization: Bearer " + request.token).c_str());
  }
  exchange.headers.reset(list);
  ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  if (!request.user.empty()) {
    ::curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    ::curl_easy_setopt(easy, CURLOPT_USERNAME, request.user.c_str());
    ::curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (!request.ca_file.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
}

void set_ftp(CURL* easy, Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  // One command names the whole path. Folders are made on the way down.
  ::curl_easy_setopt(easy, CURLOPT_FTP_FILEMETHOD,
                     request.make_dirs ? long{CURLFTPMETHOD_MULTICWD} : long{CURLFTPMETHOD_NOCWD});
  ::curl_easy_setopt(
      easy, CURLOPT_FTP_CREATE_MISSING_DIRS,
      request.make_dirs ? long{CURLFTP_CREATE_DIR_RETRY} : long{CURLFTP_CREATE_DIR_NONE});
  ::curl_easy_setopt(easy, CURLOPT_FTP_SKIP_PASV_IP, 1L);
  ::curl_easy_setopt(easy, CURLOPT_NETRC, long{CURL_NETRC_OPTIONAL});
  if (request.method == "APPE" || request.method == "STOR") {
    set_body(easy, exchange);
    ::curl_easy_setopt(easy, CURLOPT_APPEND, request.method == "APPE" ? 1L : 0L);
  } else if (request.method == "SIZE") {
    ::curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.from > 0) {
    ::curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(request.from));
  }
}

void set_options(CURL* easy, Exchange& exchange) {
  const HttpRequest& request = exchange.request;
  const std::optional<UnixUrl> unix = parse_unix_url(request.url);
  const std::string url = unix ? "http://localhost" + unix->path : request.url;
  if (unix) ::curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, unix->socket.c_str());
  const long seconds = std::max<long>(1, static_cast<long>(request.silence_max / 1s));
  ::curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
  ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.why.data());
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
  ::curl_easy_setopt(easy, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
  ::curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, seconds);
  ::curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds);
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, seconds);
  ::curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  ::curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  ::curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_head);
  ::curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  exchange.is_ftp() ? set_ftp(easy, exchange) : set_http(easy, exchange);
}

// RFC 959: not available (no permission, no such folder), a name that is not allowed, one that
// cannot be read. Others (no room, no account, a service that goes down) may pass.
bool is_refusal(int ftp_code) { return ftp_code == 550 || ftp_code == 553 || ftp_code == 501; }

HttpReply finish(Exchange& exchange, CURLcode code) {
  HttpReply reply = std::move(exchange.reply);
  const bool ftp = exchange.is_ftp();
  reply.status = static_cast<int>(exchange.status());
  const auto fail = [&](const std::string& reason) {
    const std::optional<UnixUrl> unix = parse_unix_url(exchange.request.url);
    const bool is_nobody_there = unix && code == CURLE_COULDNT_CONNECT;
    reply.fault = is_nobody_there ? "nobody answers on the socket " + unix->socket
                                  : without_credentials(exchange.request.url) + ": " + reason;
    reply.refused = ftp && is_refusal(reply.status);
    if (ftp) reply.status = 0;
  };
  if (!exchange.overflow.empty()) {
    fail(exchange.overflow);
  } else if (ftp && code == CURLE_REMOTE_FILE_NOT_FOUND) {
    reply.status = 404;
  } else if (code != CURLE_OK) {
    fail(exchange.why[0] != '\0' ? exchange.why.data() : ::curl_easy_strerror(code));
  } else if (ftp) {
    reply.status = 200;
    curl_off_t size = -1;
    ::curl_easy_getinfo(exchange.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (exchange.request.method == "SIZE" && size < 0) reply.status = 404;
    if (size >= 0) reply.headers["content-length"] = std::to_string(size);
  }
  return reply;
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl() {
    init_library();
    multi_ = ::curl_multi_init();
    ::curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kConnectionsKept);
    ::curl_multi_setopt(multi_, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
  }
  ~Impl() {
    drop_all();
    ::curl_multi_cleanup(multi_);
  }

  Id start(HttpRequest request, Done done) {
    auto exchange = std::make_unique<Exchange>();
    exchange->request = std::move(request);
    exchange->done = std::move(done);
    exchange->easy.reset(::curl_easy_init());
    set_options(exchange->easy.get(), *exchange);
    ::curl_multi_add_handle(multi_, exchange->easy.get());
    exchanges_.emplace(++last_, std::move(exchange));
    return last_;
  }

  void drop(Id id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    ::curl_multi_remove_handle(multi_, found->second->easy.get());
    exchanges_.erase(found);
  }

  void drop_all() {
    while (!exchanges_.empty()) drop(exchanges_.begin()->first);
  }

  size_t active() const { return exchanges_.size(); }

  void run(Duration wait, const std::vector<int>& fds) {
    move();
    std::vector<curl_waitfd> extra;
    for (const int fd : fds) extra.push_back({fd, CURL_WAIT_POLLIN, 0});
    const bool ended = finish_all();
    const int wait_ms =
        ended ? 0 : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
    ::curl_multi_poll(multi_, extra.data(), static_cast<unsigned int>(extra.size()),
                      std::max(0, wait_ms), nullptr);
    move();
    finish_all();
  }

  void wake() { ::curl_multi_wakeup(multi_); }

 private:
  void move() {
    int running = 0;
    ::curl_multi_perform(multi_, &running);
  }

  // True when something ended. A Done may start other requests.
  bool finish_all() {
    bool ended = false;
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Exchange* exchange = nullptr;
      ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
      HttpReply reply = muster::finish(*exchange, code);
      const Done done = std::move(exchange->done);
      drop(id_of(*exchange));
      ended = true;
      done(std::move(reply));
    }
    return ended;
  }

  Id id_of(const Exchange& exchange) const {
    const auto found = std::find_if(exchanges_.begin(), exchanges_.end(), [&](const auto& entry) {
      return entry.second.get() == &exchange;
    });
    return found == exchanges_.end() ? 0 : found->first;
  }

  CURLM* multi_ = nullptr;
  std::map<Id, std::unique_ptr<Exchange>> exchanges_;
  Id last_ = 0;
};

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}
HttpClient::~HttpClient() = default;

HttpClient::Id HttpClient::start(HttpRequest request, Done done) {
  return impl_->start(std::move(request), std::move(done));
}
void HttpClient::cancel(Id id) { impl_->drop(id); }
void HttpClient::cancel_all() { impl_->drop_all(); }
size_t HttpClient::active() const { return impl_->active(); }
void HttpClient::run(Duration wait, const std::vector<int>& fds) { impl_->run(wait, fds); }
void HttpClient::wake() { impl_->wake(); }

HttpReply HttpClient::ask(HttpRequest request) {
  std::optional<HttpReply> answer;
  start(std::move(request), [&](HttpReply reply) { answer = std::move(reply); });
  while (!answer) run(1s);
  return std::move(*answer);
}

}  // namespace muster
