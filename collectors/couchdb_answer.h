// What CouchDB's answers to a bulk of documents mean. Pure: bytes in, a decision out. What is not
// CouchDB's own (a proxy's page, half an answer) never condemns an event: then it is `away`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"
#include "io/http.h"

namespace muster {

enum class CouchAct : uint8_t {
  taken,           // every document has an outcome of its own
  away,            // it fails, or nobody answered: the same documents again, later
  locked_out,      // user or password are wrong, or may not write here: in minutes
  no_database,     // it is to be made, then the same again
  wrong_encoding,  // the same again, not compressed
  refused,         // nothing was stored, and these documents together never will be
  too_large,       // likewise: less at a time
};

struct CouchAnswer {
  CouchAct act = CouchAct::away;
  std::string reason;                   // unless taken: in CouchDB's words, for people
  std::optional<Duration> retry_after;  // of away
  // By the documents' place in the request, of taken, and `refused` of refused and too_large too:
  // those to blame, where it names them.
  std::vector<size_t> conflicts;
  std::vector<std::pair<size_t, std::string>> refused;
  std::vector<size_t> again;  // not stored, through no fault of theirs, as far as one can tell
  std::vector<std::pair<size_t, std::string>> failed;  // those of `again` with an error of its own
};

// `ids` are the documents' ids in the order of the request; `now` is for a Retry-After that is a
// date.
CouchAnswer read_bulk_answer(const HttpReply& reply, const std::vector<std::string>& ids,
                             Instant now);

// Seconds, or a date (RFC 9110, IMF-fixdate); nothing for anything else. Dates that are past are 0.
std::optional<Duration> read_retry_after(const std::string& text, Instant now);

// "503 service_unavailable: ...", or the beginning of what else there is; a few hundred bytes at
// most, as every reason here.
std::string describe_couch_answer(const HttpReply& reply);

}  // namespace muster
