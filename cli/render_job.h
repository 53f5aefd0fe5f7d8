// Jobs of a .vcsjob file, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "io/vcsjob.h"

namespace muster {

// PATH, TAGS, USUALLY, ABOUT; what cannot run says why.
std::string render_jobs(const std::vector<VcsJob>& jobs, const Look& look);

}  // namespace muster
