// What a device went through, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "io/device_history.h"

namespace muster {

std::string render_history(const std::string& device, const std::vector<HistoryEntry>& entries,
                           const Look& look);

}  // namespace muster
