#include "collectors/http_server_request.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "core/guid.h"
#include "io/archive_name.h"

namespace muster {
namespace {

// Those for which httplib reads a body.
constexpr std::array<std::string_view, 5> kWithBody = {"POST", "PUT", "PATCH", "DELETE", "PRI"};
// Those that httplib lets through and nobody answers.
constexpr std::array<std::string_view, 3> kUnknown = {"CONNECT", "TRACE", "PRI"};

template <typename Words>
bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_chunked(const httplib::Request& request) {
  return lower(request.get_header_value("Transfer-Encoding")) == "chunked";
}

// Of a form httplib would make parameters and files.
bool is_form(const httplib::Request& request) {
  const std::string type = lower(request.get_header_value("Content-Type"));
  return type.starts_with("application/x-www-form-urlencoded") || type.starts_with("multipart/");
}

// Nothing when what is said is no length, or said twice.
std::optional<uint64_t> length_of(const httplib::Request& request) {
  if (!request.has_header("Content-Length")) return 0;
  const std::string text = request.get_header_value("Content-Length");
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || request.get_header_value_count("Content-Length") > 1) return std::nullopt;
  return length;
}

}  // namespace

void HeadBounds::take(std::string_view bytes) {
  for (const char c : bytes) {
    if (ended_ || status_ != 0) return;
    ++bytes_;
    ++line_bytes_;
    if (bytes_ > kHeadBytesMax) status_ = lines_ == 0 ? 414 : 431;
    if (lines_ > 0 && line_bytes_ > kHeaderBytesMax) status_ = 431;
    if (c == '\n') {
      ended_ = lines_ > 0 && line_bytes_ == 2 && last_ == '\r';
      if (!ended_ && lines_ > kHttpHeadersMax) status_ = 431;
      ++lines_;
      line_bytes_ = 0;
    }
    last_ = c;
  }
}

std::optional<HttpAnswer> HeadBounds::refusal() const {
  if (status_ == 0) return std::nullopt;
  if (status_ == 414) return http_refusal(414, "the target is too long");
  return http_refusal(431, "a head may have " + std::to_string(kHeadBytesMax) +
                               " bytes, a line of it " + std::to_string(kHeaderBytesMax) +
                               ", and a request " + std::to_string(kHttpHeadersMax) + " headers");
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool has_body(const httplib::Request& request) { return contains(kWithBody, request.method); }

bool says_length(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

std::optional<HttpAnswer> refuse_method_of(const httplib::Request& request) {
  if (!contains(kUnknown, request.method)) return std::nullopt;
  return http_refusal(501, "nothing here knows the method " + request.method);
}

HttpAnswer refuse_size(size_t body_max) {
  return http_refusal(413, "a body may have " + std::to_string(body_max) + " bytes");
}

std::optional<HttpAnswer> refuse_body(const httplib::Request& request, size_t body_max) {
  if (request.has_header("Content-Encoding")) {
    return http_refusal(415, "bodies are taken as they are: no Content-Encoding");
  }
  if (is_form(request)) {
    return http_refusal(
        415, "a form is not taken: Content-Type: application/octet-stream (curl: -T FILE, no -d)");
  }
  const std::optional<uint64_t> length = length_of(request);
  if (!length) return http_refusal(400, "Content-Length is no length");
  const bool encoded = request.has_header("Transfer-Encoding");
  if (encoded && (!is_chunked(request) || request.has_header("Content-Length"))) {
    return http_refusal(400,
                        "Transfer-Encoding is \"chunked\", and has no Content-Length beside it");
  }
  if (*length > body_max) return refuse_size(body_max);
  if (request.method == "PUT" && !says_length(request)) {
    return http_refusal(411, "say how long the body is: Content-Length");
  }
  return std::nullopt;
}

std::string path_of(std::string_view target) {
  // What a proxy is asked for may come here too: http://HOST/PATH.
  if (!target.starts_with('/') && target.find("://") != target.npos) {
    target.remove_prefix(target.find("://") + 3);
    target.remove_prefix(std::min(target.find('/'), target.size()));
  }
  return std::string(target.substr(0, target.find('?')));
}

Result<std::map<std::string, std::string>> parse_query(std::string_view target) {
  std::map<std::string, std::string> query;
  std::string_view rest = target.substr(std::min(target.find('?'), target.size()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view pair = rest.substr(0, rest.find('&'));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::optional<std::string> key = url_decode(pair.substr(0, equals));
    const std::optional<std::string> value =
        url_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!key || !value) return Error{"the query has a broken % escape"};
    if (!pair.empty() && !query.emplace(*key, *value).second) {
      return Error{"the query says " + quote_text(*key) + " twice"};
    }
    rest.remove_prefix(pair.size());
  }
  return query;
}

}  // namespace muster
