#include "cli/api_client.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "io/archive_name.h"
#include "io/json_members.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// What a refusal says, or at least its number.
std::string reason_of(const HttpReply& reply) {
  const Json json = Json::parse(reply.body, nullptr, false);
  const std::string said = json.is_object() ? JsonMembers(json).text("error") : std::string();
  return said.empty() ? "it answers " + std::to_string(reply.status) : said;
}

}  // namespace

Result<ApiAddress> collector_address(const Home& home, const Config& config) {
  ApiAddress address;
  address.base = unix_url(home.http_socket());
  address.is_likely = ::access(home.http_socket().c_str(), F_OK) == 0;
  if (address.is_likely || !config.archive.url.starts_with("http")) return address;
  const Result<std::string> token = load_http_token(config);
  if (!token) return Error{token.error()};
  return ApiAddress{config.archive.url, *token, true};
}

ApiReply ApiClient::ask(const std::string& method, const std::string& path, Duration silence_max) {
  HttpRequest request;
  request.method = method;
  request.url = address_.base + path;
  request.token = address_.token;
  request.silence_max = silence_max;
  ApiReply answer;
  request.take = [&](std::string_view bytes) {
    answer.body += bytes;
    return true;
  };
  const HttpReply reply = client_.ask(std::move(request));
  answer.status = reply.fault.empty() ? reply.status : 0;
  if (!reply.fault.empty()) answer.reason = reply.fault;
  if (reply.fault.empty() && !reply.ok()) {
    answer.reason = reason_of(reply);
    answer.body = reply.body;
  }
  return answer;
}

ApiReply ApiClient::stream(const std::string& path, Duration silence_max,
                           const std::function<bool(std::string_view)>& take) {
  HttpRequest request;
  request.url = address_.base + path;
  request.token = address_.token;
  request.silence_max = silence_max;
  request.take = take;
  const HttpReply reply = client_.ask(std::move(request));
  ApiReply answer;
  answer.status = reply.fault.empty() ? reply.status : 0;
  if (!reply.fault.empty()) answer.reason = reply.fault;
  if (reply.fault.empty() && !reply.ok()) answer.reason = reason_of(reply);
  return answer;
}

}  // namespace muster
