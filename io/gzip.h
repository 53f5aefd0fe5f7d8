// gzip, for bodies of HTTP requests. (zlib; nothing else of ours compresses.)
#pragma once

#include <string>
#include <string_view>

namespace muster {

// At a level that costs little: JSON becomes a fifth or less of itself.
std::string gzip(std::string_view bytes);

}  // namespace muster
