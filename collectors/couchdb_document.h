// The CouchDB document of an event (schemas/json/couchdb_event.schema.json,
// "muster.couchdb_event/1"; docs/sinks.md). Fields are added, never renamed or removed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/sink.h"

namespace muster {

// "LOG_ID:0000000000000042": the same for every delivery of the event, ascending with its number.
// `log_id` has letters, digits and -._~ only (ours are UUIDs). Not for a partitioned database.
std::string couchdb_id(std::string_view log_id, uint64_t seq);

// One line of JSON. Text that is not UTF-8 has U+FFFD in its place, and an integer that a double
// does not hold exactly is a decimal string: views of CouchDB have doubles only. What was shouted
// is there as the object that it is.
std::string couchdb_document(std::string_view log_id, const SequencedEvent& at);

}  // namespace muster
