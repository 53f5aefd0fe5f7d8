#include "workers/checks/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/guid.h"
#include "workers/checks/connect.h"

namespace muster {
namespace {

using Handle = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

struct Answer {
  std::string body;
  size_t head_bytes = 0;
  bool is_cut = false;  // the body is longer than what is read of one
};

// Both return how much was taken; less than there is ends the transfer.
size_t take_head(const char*, size_t, size_t size, void* into) {
  Answer& answer = *static_cast<Answer*>(into);
  answer.head_bytes += size;
  return answer.head_bytes <= kHttpHeadReadMax ? size : 0;
}

size_t take_body(const char* bytes, size_t, size_t size, void* into) {
  Answer& answer = *static_cast<Answer*>(into);
  const size_t room = kHttpBodyReadMax - answer.body.size();
  answer.body.append(bytes, std::min(room, size));
  answer.is_cut = size > room;
  return answer.is_cut ? 0 : size;
}

// "GET http://host/path", without the name and password that a URL may hold.
std::string name_of(const HttpCheck& check) {
  std::string url = check.url;
  const size_t scheme = url.find("://");
  if (scheme != url.npos) {
    const size_t host = scheme + 3;
    const size_t end = std::min(url.find_first_of("/?#", host), url.size());
    const size_t at = url.rfind('@', end);
    if (at != url.npos && at >= host && at < end) url.erase(host, at + 1 - host);
  }
  return check.method + " " + url;
}

// Sends the request. The reason why there is no answer, or an empty text.
std::string request(CURL* curl, const HttpCheck& check, const curl_slist* headers, Answer* answer) {
  std::array<char, CURL_ERROR_SIZE> why{};
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
  ::curl_easy_setopt(curl, CURLOPT_URL, check.url.c_str());
  if (!check.body.empty() || check.method == "POST" || check.method == "PUT") {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(check.body.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, check.body.c_str());
  }
  if (check.method == "HEAD") ::curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  ::curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, check.method.c_str());
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  ::curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_head);
  ::curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  const CURLcode code = ::curl_easy_perform(curl);
  if (answer->head_bytes > kHttpHeadReadMax) return "the head of the answer does not end";
  if (code == CURLE_OK || answer->is_cut) return "";
  return why[0] != '\0' ? why.data() : ::curl_easy_strerror(code);
}

bool is_wanted(const HttpCheck& check, long status) {
  return check.status == 0 ? status >= 200 && status < 300 : status == long{check.status};
}

// Control characters would end the line and begin a header that nobody asked for.
bool is_one_line(const std::string& text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

}  // namespace

std::vector<std::string> http_arguments(const HttpCheck& check) {
  std::vector<std::string> words = {
      "http", check.method, check.url, check.body, std::to_string(check.status), check.contains};
  words.insert(words.end(), check.headers.begin(), check.headers.end());
  return words;
}

std::optional<HttpCheck> parse_http_arguments(CheckArguments arguments) {
  if (arguments.size() < 5) return std::nullopt;
  const std::optional<uint64_t> status = parse_argument(arguments[3]);
  if (!status || *status > 599) return std::nullopt;
  HttpCheck check;
  check.method = arguments[0];
  check.url = arguments[1];
  check.body = arguments[2];
  check.status = static_cast<uint32_t>(*status);
  check.contains = arguments[4];
  check.headers.assign(arguments.begin() + 5, arguments.end());
  return check;
}

CheckVerdict run_http_check(const HttpCheck& check) {
  const std::string name = name_of(check);
  Headers headers(nullptr, &::curl_slist_free_all);
  for (const std::string& header : check.headers) {
    if (!is_one_line(header)) return {false, name + ": a header has a line break"};
    curl_slist* const known = headers.release();
    curl_slist* const longer = ::curl_slist_append(known, header.c_str());
    headers.reset(longer == nullptr ? known : longer);
    if (longer == nullptr) return {false, name + ": out of memory"};
  }
  if (!is_one_line(check.method) || check.method.find(' ') != check.method.npos) {
    return {false, name + ": the method is not one word"};
  }
  const Handle curl(::curl_easy_init(), &::curl_easy_cleanup);
  if (!curl) return {false, name + ": out of memory"};
  say(name + ": waiting for the answer");
  Answer answer;
  const std::string fault = request(curl.get(), check, headers.get(), &answer);
  if (!fault.empty()) return {false, name + ": " + fault};
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  const std::string said = name + ": answers " + std::to_string(status);
  if (!is_wanted(check, status)) {
    const std::string wanted = check.status == 0 ? "2xx" : std::to_string(check.status);
    return {false, said + " instead of " + wanted +
                       (answer.body.empty() ? "" : ": " + shown_answer(answer.body))};
  }
  if (check.contains.empty() || answer.body.find(check.contains) != answer.body.npos) {
    return {true, said};
  }
  return {false, said + " without \"" + check.contains + "\"" +
                     (answer.is_cut ? " in the first MiB" : "") +
                     (answer.body.empty() ? "" : ": " + shown_answer(answer.body))};
}

}  // namespace muster
