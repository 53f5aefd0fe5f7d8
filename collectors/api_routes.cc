#include "collectors/api_routes.h"

#include <optional>
#include <utility>

#include "core/guid.h"
#include "io/archive_name.h"

namespace muster {
namespace {

// Of a path. Two slashes in a row, or one at the end, make an empty part.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    parts.push_back(part);
    path.remove_prefix(part.size());
  }
  return parts;
}

bool is_parameter(std::string_view part) { return part.starts_with('{'); }

bool fits(std::string_view path, const std::vector<std::string_view>& parts) {
  const std::vector<std::string_view> own = split(path);
  if (own.size() != parts.size()) return false;
  for (size_t i = 0; i < own.size(); ++i) {
    if (is_parameter(own[i]) ? parts[i].empty() : own[i] != parts[i]) return false;
  }
  return true;
}

// Nothing when an escape is broken, or what it stands for is no text.
std::optional<std::vector<std::string>> read_parameters(
    std::string_view path, const std::vector<std::string_view>& parts) {
  const std::vector<std::string_view> own = split(path);
  std::vector<std::string> parameters;
  for (size_t i = 0; i < own.size(); ++i) {
    if (!is_parameter(own[i])) continue;
    std::optional<std::string> text = url_decode(parts[i]);
    const bool sound = text && text->find('\0') == text->npos && sanitize_utf8(*text) == *text;
    if (!sound) return std::nullopt;
    parameters.push_back(std::move(*text));
  }
  return parameters;
}

}  // namespace

void ApiRoutes::add(std::string method, std::string path, std::vector<std::string> words,
                    ApiRoute::Handler handler) {
  QueryWords query;
  query.words = std::move(words);
  routes_.push_back({{std::move(method), std::move(path), std::move(query)}, std::move(handler)});
}

HttpAnswer ApiRoutes::answer(const HttpCall& call) const {
  const std::vector<std::string_view> parts = split(call.path);
  std::string allowed;
  for (const ApiRoute& route : routes_) {
    if (!fits(route.path, parts)) continue;
    if (!route.takes(call)) {
      route.add_methods(allowed);
      continue;
    }
    const auto parameters = read_parameters(route.path, parts);
    if (!parameters) return http_refusal(400, "a part of the path is no text: %XX of UTF-8");
    if (std::optional<HttpAnswer> refused = refuse_query(call, route.query)) {
      return std::move(*refused);
    }
    return route.handler(call, *parameters);
  }
  if (allowed.empty()) return refuse_path();
  return refuse_method(call, allowed);
}

}  // namespace muster
