// Measuring what doctor judges (cli/finding.h), for `doctor` and for `up`.
#pragma once

#include "cli/finding.h"
#include "cli/session.h"

namespace muster {

// Never throws for what is wrong: that is what the facts are for. Waits for the broker at most
// `patience`.
DoctorFacts measure(Session& session, Duration patience);

}  // namespace muster
