// Findings of doctor as text for people.
#pragma once

#include <string>
#include <vector>

#include "cli/finding.h"
#include "cli/text.h"

namespace muster {

// A line for each finding, "ok    broker   ipc://...", and what to do below those that are not ok.
std::string render_findings(const std::vector<Finding>& findings, const Look& look);

}  // namespace muster
