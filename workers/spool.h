// The worker's spool: what it has said and nobody has acknowledged, in one SQLite file. It outlives
// the worker, so that a result is never lost to a crash.
//
//   meta(key, value)                           incarnation, format
//   reports(seq INTEGER PRIMARY KEY, bytes)    encode_report of each unacknowledged report
//   attempts(guid, attempt)                    started and not ended
//   groups(guid, attempt, pgid, boot_id)       process groups that such attempts started
//   journals(guid, attempt, bytes, ended)      how much of the journal of a supervised attempt is
//                                              among the reports (workers/supervised.h)
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "io/sqlite.h"
#include "workers/journal.h"

namespace muster {

class Spool {
 public:
  // Opens or creates HOME/worker/NAME/spool.db and begins a new incarnation: greater than any
  // before in this spool, and not below `unix_seconds` so that a spool that was lost is not
  // mistaken for an old one.
  static Result<std::unique_ptr<Spool>> open(const std::string& dir, uint64_t unix_seconds);

  uint64_t incarnation() const { return incarnation_; }
  // As found at open, oldest first.
  std::vector<Report> take_unacked() { return std::exchange(unacked_, {}); }
  std::vector<AttemptToken> take_interrupted() { return std::exchange(interrupted_, {}); }
  std::vector<JournalMark> take_journals() { return std::exchange(journals_, {}); }
  // Kills what interrupted attempts of this boot have left running. The groups' leaders died with
  // the worker; what is meant here are their descendants.
  size_t kill_leftovers();

  // In one durable step: adds reports, forgets those up to `acked`, and notes how far journals have
  // been taken. An attempt is open from its first report to its Ending. False: there is so little
  // to forget, and nothing to add, that it was put off.
  Result<bool> commit(const std::vector<Report>& reports, uint64_t acked,
                      const std::vector<JournalMark>& journals);

  Result<Done> note_group(const AttemptToken& token, pid_t pgid);

 private:
  Spool() = default;
  Result<Done> prepare(uint64_t unix_seconds);
  Result<Done> load();
  Result<Done> load_journals();
  Result<Done> load_groups();
  DbStatus add(const Report& report);
  DbStatus note(const JournalMark& journal);

  std::unique_ptr<Database> db_;
  Statement add_report_;
  Statement forget_reports_;
  Statement open_attempt_;
  Statement close_attempt_;
  Statement close_groups_;
  Statement add_group_;
  Statement note_journal_;
  Statement forget_journal_;
  uint64_t incarnation_ = 0;
  std::deque<uint64_t> stored_;  // sequence numbers in the file, ascending
  std::string boot_id_;
  std::vector<Report> unacked_;
  std::vector<AttemptToken> interrupted_;
  std::vector<JournalMark> journals_;
  std::vector<pid_t> leftovers_;
};

}  // namespace muster
