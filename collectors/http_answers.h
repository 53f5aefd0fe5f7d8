// Pieces of answers that every part of the collector's HTTP gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "collectors/http_server.h"

namespace muster {

HttpAnswer refuse_method(const HttpCall& call);    // 405
HttpAnswer refuse_number(const std::string& key);  // 400

// A JSON document.
HttpAnswer answer_json(std::string json);

// A word of the query; "" when it is not there.
std::string query_text(const HttpCall& call, const char* key);

// A number of the query; `fallback` when it is not there, nothing when it is none.
std::optional<uint64_t> query_number(const HttpCall& call, const char* key, uint64_t fallback);

}  // namespace muster
