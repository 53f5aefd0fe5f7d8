// What a database of CouchDB says itself of how far it was filled with the events of one log: a
// local document, which no replication carries to another database.
//
//   GET, PUT DB/_local/muster-LOG
//   {"schema":"muster.couchdb_checkpoint/1","log":LOG,"cursor":N,"written":TIME}
//
// Pure: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "io/http.h"

namespace muster {

// Below the database's address.
std::string couch_checkpoint_path(const std::string& log_id);

struct CouchCheckpoint {
  uint64_t cursor = 0;  // every event up to it was there; 0: nothing is noted
  std::string rev;      // that the next one is written over; empty: there is none
};

// Of an answer to POST DB/_all_docs {"keys":[ids]}: the places of those of `ids` that were never
// documents there, in ascending order. None, too, where it is no answer to that question.
std::vector<size_t> missing_documents(const HttpReply& reply, const std::vector<std::string>& ids);

// Nothing is noted, too, where the answer says that there is no such document, or no database, and
// where the document is not ours. Nothing: no answer of CouchDB's to that question.
std::optional<CouchCheckpoint> read_couch_checkpoint(const HttpReply& reply,
                                                     const std::string& log_id);

std::string couch_checkpoint_body(const std::string& log_id, uint64_t cursor,
                                  const std::string& rev, Instant now);

}  // namespace muster
