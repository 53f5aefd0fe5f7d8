// LZ4 frames (lz4_Frame_format.md of the LZ4 project): for what is kept in bulk.
// `lz4 -d` reads them too.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster {

// Whether the bytes begin as a frame does.
bool is_lz4(std::string_view bytes);

// One frame, with checksums and the number of its bytes. It lies in `room`, which only grows, until
// the next call with that.
std::string_view pack_lz4(std::string_view bytes, std::string& room);

// What a frame of pack_lz4 holds. An error when it is damaged, or would hold more than `bytes_max`.
Result<std::string> unpack_lz4(std::string_view frame, size_t bytes_max);

}  // namespace muster
