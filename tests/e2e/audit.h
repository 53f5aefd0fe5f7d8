// Looks at what a house left behind: the log, the status.log files and the ledger must tell one
// story, in which every accepted task ended exactly once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/task.h"
#include "io/ledger.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/house.h"

namespace muster {

// What the log says about one task.
struct TaskLife {
  uint64_t submissions = 0;
  uint64_t ends = 0;  // events that gave it a verdict
  Verdict verdict = Verdict::none;
  uint64_t leases = 0;
  std::map<uint32_t, uint64_t> attempt_ends;  // by attempt
};
std::map<std::string, TaskLife> fold_lives(const std::vector<Event>& events);

// The GUID that the event ends, or empty.
std::string ended_guid(const Event& event);

// Every task was submitted once and ended once, and no attempt ended twice.
void expect_ended_once(const std::vector<Event>& events, const std::vector<std::string>& guids);

// Each task's status.log is there, parses without a problem and has no group left open. Waits for
// the collector.
void expect_status_logs_complete(const House& house, const std::vector<std::string>& guids);

// The newest event that the ledger in the house has; 0 when it cannot be read.
uint64_t ledger_position(const House& house);

// The ledger took in the log up to its head and says the same about every task. Waits for the
// collector.
void expect_ledger_agrees(const House& house, const std::vector<Event>& events);

// Each event of the log is one row, as it was logged, but for those numbered in `poison`, which are
// none.
void expect_ledger_rows(Ledger& ledger, const std::vector<Event>& log,
                        const std::set<uint64_t>& poison = {});

// Each event of a task is one document of `db`, with all that is said of it, likewise.
void expect_couchdb_documents(CouchDbServer& couchdb, const std::string& db,
                              const std::vector<Event>& log, const std::string& log_id,
                              const std::set<uint64_t>& poison = {});

}  // namespace muster
