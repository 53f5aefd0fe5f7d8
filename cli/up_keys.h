// The keys that `muster up` makes for itself.
#pragma once

#include <string>
#include <vector>

#include "io/config.h"
#include "io/home.h"

namespace muster {

// Where one of `listens` is tcp:// and the configuration is not insecure: makes the pairs of the
// broker, the worker, the collector and the administrator that are not there, and allows those that
// it has made. What was there stays as it is, allowed or not. Returns the names of those made.
Result<std::vector<std::string>> make_own_keys(const Config& config, const Home& home,
                                               const std::vector<std::string>& listens,
                                               const std::string& worker);

}  // namespace muster
