// Changes of the file of grants (core/access.h): one at a time, and there whole or not at all.
// Lines that do not concern the key stay as they are.
#pragma once

#include <string>

#include "core/access.h"
#include "core/result.h"

namespace muster {

// Grants this to the key, instead of what it had. Errors: the file has faults, or the name is
// another key's, or the key has another name.
Result<Done> allow_key(const std::string& path, const std::string& key, const Grant& grant);

// False: no key has this name.
Result<bool> revoke_key(const std::string& path, const std::string& name);

}  // namespace muster
