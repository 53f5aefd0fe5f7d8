// Appending to a file whose length is on record elsewhere, so that what a crash left behind can be
// told from what counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster {

// Cuts DIR/NAME (both made if missing) to `length` bytes, then appends `text`. The result is the
// new length. A file shorter than `length`, which somebody else must have cut, is appended to where
// it ends. With `sync` the file, and DIR when `length` is 0, are durable on return. Errors name the
// path, with errno's text.
Result<uint64_t> append_at(const std::string& dir, const std::string& name, uint64_t length,
                           std::string_view text, bool sync);

// Makes the entries of a directory durable.
Result<Done> sync_dir(const std::string& dir);

// Makes everything on the file system that holds `dir` durable.
Result<Done> sync_file_system(const std::string& dir);

}  // namespace muster
