// What a deciBel's answer to a document means. Pure: bytes in, a decision out. What may be somebody
// else's (a proxy's page) never condemns a document: then it is `away`.
#pragma once

#include <optional>
#include <string>

#include "core/time.h"
#include "io/http.h"

namespace muster {

enum class DecibelAct : uint8_t {
  taken,       // it has the document, from this time or an earlier one
  away,        // it fails, or nobody answered: the same again, later
  locked_out,  // we may not write there: in minutes
  misplaced,   // nothing takes documents at this address
  refused,     // it will never take this document
};

struct DecibelAnswer {
  DecibelAct act = DecibelAct::away;
  std::string reason;                   // unless taken: for people
  std::optional<Duration> retry_after;  // of away
};

// The head is the answer: of a body that is too long, or breaks off, the beginning is enough. `now`
// is for a Retry-After that is a date.
DecibelAnswer read_decibel_answer(const HttpReply& reply, Instant now);

}  // namespace muster
