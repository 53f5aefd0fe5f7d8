// Applying an inventory file, for `inventory apply` and `up --inventory`.
#pragma once

#include <string>

#include "cli/session.h"

namespace muster {

// Prints the file's problems on stderr; throws Failure (64) when there are errors among them.
InventoryReply apply_inventory(Session& session, const std::string& path);

}  // namespace muster
