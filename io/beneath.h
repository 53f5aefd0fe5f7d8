// Files of a tree that may not be trusted to stay inside it: paths are resolved so that neither
// "..", nor an absolute path, nor a symbolic link leads out of the tree's directory.
#pragma once

#include <string>

#include "core/result.h"
#include "io/file.h"

namespace muster {

// A descriptor (O_PATH) of `path` under the directory `dir`. The kernel does the resolving
// (openat2 with RESOLVE_BENEATH); where it cannot, open_beneath_by_components does. The reason is a
// sentence about `path` without the directory: "\"../x\" leads out of the tree".
Result<UniqueFd> open_beneath(const std::string& dir, const std::string& path);

// The same for kernels before 5.6 and for sandboxes that forbid openat2. A tree that changes at the
// same time may mislead it; the caller runs what the tree holds anyway.
Result<UniqueFd> open_beneath_by_components(const std::string& dir, const std::string& path);

}  // namespace muster
