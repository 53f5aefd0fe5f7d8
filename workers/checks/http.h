// The http check and action: one request, and what the server answers. Redirects are answers like
// others; certificates are verified against the system's; no proxy is used.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

// Of an answer's body, so much is read and searched. More than that is not waited for.
inline constexpr size_t kHttpBodyReadMax = 1 << 20;
inline constexpr size_t kHttpHeadReadMax = 256 << 10;

std::vector<std::string> http_arguments(const HttpCheck& check);
std::optional<HttpCheck> parse_http_arguments(CheckArguments arguments);

// Blocks until the server has answered; the caller's timeout ends it.
CheckVerdict run_http_check(const HttpCheck& check);

}  // namespace muster
