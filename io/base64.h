// Base64 (RFC 4648, with padding): bytes inside JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster {

std::string base64_encode(std::string_view bytes);
// Nothing for what base64_encode does not write.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace muster
