// HOST:PORT, as configurations have it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace muster {

// Its parts; nothing for anything else. The host may be anything, brackets included.
std::optional<std::pair<std::string, uint16_t>> split_host_port(const std::string& text);

}  // namespace muster
