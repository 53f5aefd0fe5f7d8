// What the decibel sink keeps of tasks that have not ended: their cases as they come, so that
// memory holds none of them, and how far the sink has come. One SQLite file; everything that one
// delivery changes, changes together, and with the position.
//
// Of one task no more cases are kept than fit into a document (io/decibel_run.h); beyond that they
// are counted. Of those that have ended the newest kEndedTasksKept are remembered, without cases,
// for a person may have them retried.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/sink.h"
#include "core/task.h"
#include "io/decibel_run.h"
#include "io/sqlite.h"

namespace muster {

struct DecibelTask {
  int64_t id = 0;
  TaskKind kind = TaskKind::job;
  uint64_t ended = 0;     // the number of the event that ended it, or 0
  uint64_t reopened = 0;  // of the event that had it retried last, or 0
  // What its next document says of the run: guid, name, start (of the first attempt since it was
  // submitted or retried), iterations so far, and as supersedes the key of the one before.
  DecibelRun run;
  std::string hw;  // what the submitter says that it runs on; empty: its devices
};

struct DecibelAttempt {
  uint32_t number = 0;
  std::string hw;
  std::string log_link;
  Instant start;
  Instant end;  // kNever: it has not ended
  // Once it has ended; nothing: it was skipped.
  std::optional<DecibelResult> result;
  std::string message;
  DecibelTotals unlisted;  // cases of it that are not kept
};

class DecibelSpool {
 public:
  // Opens or creates `file`. `place` names where documents go: for another place than the file's
  // everything begins anew.
  static Result<std::unique_ptr<DecibelSpool>> open(const std::string& file,
                                                    const std::string& place);

  Result<SinkPosition> read_position();

  // What follows is in effect once it is committed, durably, all or nothing.
  Result<Done> begin();
  Result<Done> commit(const SinkPosition& position);
  void roll_back() { transaction_.reset(); }

  // Nothing when it is not known.
  Result<std::optional<DecibelTask>> find(std::string_view guid);
  // As it is known, or new.
  Result<DecibelTask> find_or_add(std::string_view guid);
  Result<Done> put(const DecibelTask& task);

  // Of the task with this id; new when it is not known.
  Result<DecibelAttempt> attempt(int64_t task, uint32_t number);
  Result<Done> put_attempt(int64_t task, const DecibelAttempt& attempt);

  // A case of an attempt, reported at `at` by event `seq`; no result: it was skipped. `package` is
  // its suite too.
  Result<Done> add_case(int64_t task, uint32_t attempt, uint64_t seq, const DecibelCase& test,
                        std::optional<DecibelResult> result, Instant at);

  // In order. The suites are those of the attempt's cases, with totals and times; only name, start,
  // end and totals are set. Whoever is called may ask for the cases of that suite.
  using EachAttempt = std::function<Result<Done>(const DecibelAttempt&)>;
  using EachSuite = std::function<Result<Done>(const DecibelSuite&)>;
  using EachCase = std::function<void(const DecibelCase&)>;
  Result<Done> each_attempt(int64_t task, const EachAttempt& take);
  Result<Done> each_suite(int64_t task, uint32_t attempt, const EachSuite& take);
  Result<Done> each_case(int64_t task, uint32_t attempt, const std::string& suite,
                         const EachCase& take);

  // An end that deciBel refused, for the document of a later one: the event itself. A repeat is
  // harmless.
  Result<Done> put_refused_end(std::string_view guid, const SequencedEvent& at);
  // Those of the task before event `seq`, in order; they are not kept any more.
  Result<std::vector<SequencedEvent>> take_refused_ends(std::string_view guid, uint64_t seq);

  // Of the task that ended by event `task.ended`: its attempts, cases and refused ends until then
  // go, and so does the task that ended longest ago where there are too many.
  Result<Done> clear(const DecibelTask& task);

  // Forgets every task, and begins with the first event again. Durable on return.
  Result<Done> forget();

 private:
  explicit DecibelSpool(Database db) : db_(std::move(db)) {}
  Result<Done> prepare_statements();
  Result<Done> check_place(const std::string& place);
  Result<Done> count_unlisted(int64_t task, uint32_t attempt, std::optional<DecibelResult> result);
  Result<Done> wipe(const SinkPosition& position);

  Database db_;
  std::string place_;
  std::optional<Transaction> transaction_;
  Statement find_;
  Statement add_;
  Statement put_;
  Statement find_attempt_;
  Statement put_attempt_;
  Statement all_attempts_;
  Statement room_;
  Statement add_case_;
  Statement grow_;
  Statement suites_;
  Statement cases_;
  Statement put_refused_;
  Statement refused_;
  Statement clear_refused_;
  Statement clear_cases_;
  Statement clear_attempts_;
  Statement reset_;
  Statement prune_;
  Statement set_position_;
};

}  // namespace muster
