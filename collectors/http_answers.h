// Pieces of answers that every part of the collector's HTTP gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/http_server.h"

namespace muster {

HttpAnswer refuse_path();  // 404
// 405; `allowed` as the header Allow has them: "GET, HEAD".
HttpAnswer refuse_method(const HttpCall& call, const std::string& allowed);
HttpAnswer refuse_number(const std::string& key);  // 400

// Words of a query that there are, and where they are told.
struct QueryWords {
  std::vector<std::string> words;
  std::string document = "docs/api.md";

  // Why `word` is none of them, with the one that may be meant.
  std::string why_not(const std::string& word) const;
};

// What is served of a path with one method. schemas/json/openapi.json has the same; a test compares
// both.
struct HttpRoute {
  std::string method;  // GET (and so HEAD), POST or PUT
  std::string path;    // "/api/v1/tasks/{guid}"; the last part in braces may hold slashes
  QueryWords query;    // that it takes

  bool takes(const HttpCall& call) const {
    return method == call.method || (method == "GET" && call.reads());
  }
  // The methods that it takes, added to those of a 405.
  void add_methods(std::string& allowed) const {
    allowed += (allowed.empty() ? "" : ", ") + method;
    if (method == "GET") allowed += ", HEAD";
  }
};

// 405 or 400 when none of those of `routes` that have this path takes the call.
std::optional<HttpAnswer> refuse_call(const HttpCall& call, const std::vector<HttpRoute>& routes,
                                      std::string_view path);

// 400 when the query has a word that is none of these, or a value that is no text.
std::optional<HttpAnswer> refuse_query(const HttpCall& call, const QueryWords& known);

// A JSON document.
HttpAnswer answer_json(std::string json);

// A word of the query; "" when it is not there.
std::string query_text(const HttpCall& call, const char* key);

// A number of the query; `fallback` when it is not there, nothing when it is none.
std::optional<uint64_t> query_number(const HttpCall& call, const char* key, uint64_t fallback);

}  // namespace muster
