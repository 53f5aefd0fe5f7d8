// gzip, for bodies of HTTP requests. (zlib. The event log is packed by io/lz4.h.)
#pragma once

#include <string>
#include <string_view>

namespace muster {

// At a level that costs little: JSON becomes a fifth or less of itself.
std::string gzip(std::string_view bytes);

}  // namespace muster
