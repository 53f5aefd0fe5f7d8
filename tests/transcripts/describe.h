// Events and messages as short lines for transcripts and for the simulation's trace.
#pragma once

#include <string>

#include "core/event.h"
#include "core/messages.h"

namespace muster {

// `zero` is the instant that reads "0s"; others read "+12.5s", and kNever reads "never".
std::string describe(Instant instant, Instant zero);
std::string describe(Duration duration);

// "job-000001/2".
std::string describe(const AttemptToken& token);
// "fail test FAILURES exit=5 "two cases failed"".
std::string describe(const Ending& ending);
// "attempt_leased job-000001/1 w1 inc=1 [dut1 dut2]".
std::string describe(const Event& event, Instant zero);
// "#7 submit_reply job-000001 accepted"; the request's number only where there is one.
std::string describe(const Envelope& envelope, Instant zero);

}  // namespace muster
