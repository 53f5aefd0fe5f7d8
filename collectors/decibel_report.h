// Gathers what the log says of each task into the spool, and makes deciBel's document of it when
// the task ends.
//
// A document has, of each attempt since the task was submitted or retried, the suites of its cases,
// and before them one named "muster.attempt" with one case: what became of the attempt itself. So
// no attempt is without a result, and a fault of the lab is an error of its own beside what the
// tests said. A task that ended without an attempt has that suite too. What was skipped has no
// result: a task that was gets no document.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "collectors/decibel_spool.h"
#include "core/event.h"

namespace muster {

// The lab's own, for runs whose submitter says nothing else in the task's metadata: sw, team,
// framework, hw, origin and comment.
struct DecibelDefaults {
  std::string sw;
  std::string team;
  std::string framework = "muster";
  std::string origin;
};

class DecibelReport {
 public:
  // `kinds`: tasks of others are none of deciBel's. The spool outlives it.
  DecibelReport(DecibelSpool& spool, DecibelDefaults defaults, std::set<TaskKind> kinds)
      : spool_(spool), defaults_(std::move(defaults)), kinds_(std::move(kinds)) {}

  struct Document {
    std::string key;
    std::string xml;
  };

  // Takes one event of the log `log_id`, within the spool's transaction. Gives the document that is
  // due with it.
  Result<std::optional<Document>> take(const SequencedEvent& at, const std::string& log_id);

  // The same for an event that was refused before, after others of its task. Nothing when the
  // task's results went, or will go, with another document.
  Result<std::optional<Document>> take_again(const SequencedEvent& at, const std::string& log_id);

  // The document of this event was refused: a later one of its task, which has been retried, says
  // how that attempt ended.
  Result<Done> note_refused(const SequencedEvent& at);

  // Nobody wants the document of this event any more: what waits for it goes.
  Result<Done> drop(const SequencedEvent& at);

 private:
  Result<Done> note_submitted(const TaskSpec& spec);
  Result<Done> note_leased(const AttemptLeased& leased, Instant time);
  Result<Done> note_report(const AttemptReported& report, uint64_t seq);
  Result<Done> note_retried(const TaskRetried& retried, uint64_t seq);
  Result<Done> note_attempt_ended(const AttemptEnded& ended, Instant time);
  // The task that this event has ended, when its results wait for no later end.
  Result<std::optional<DecibelTask>> find_ended_by(const SequencedEvent& at);
  // The task, when its reports are wanted: it is of a kind that is, and has not ended.
  Result<std::optional<DecibelTask>> find_open(std::string_view guid);

  Result<std::optional<Document>> end_task(std::string_view guid, Verdict verdict,
                                           const Ending& ending, const SequencedEvent& at,
                                           const std::string& log_id);
  Result<std::string> write(const DecibelTask& task, const DecibelRun& run);

  DecibelSpool& spool_;
  DecibelDefaults defaults_;
  std::set<TaskKind> kinds_;
};

// "LOG:0000000000004711": of the document that event `seq` completed.
std::string decibel_key(std::string_view log_id, uint64_t seq);

}  // namespace muster
