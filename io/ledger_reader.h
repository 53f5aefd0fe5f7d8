// Questions to a ledger, wherever it is asked: where it lies (io/ledger.h), or through a collector
// (cli/remote_ledger.h). The answers are the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/event.h"
#include "core/messages.h"
#include "core/report.h"
#include "core/result.h"
#include "core/task.h"
#include "core/time.h"
#include "io/action_stats.h"
#include "io/measure_table.h"

namespace muster {

// How far the log has been taken in. An empty log_id: nothing yet.
struct LedgerPosition {
  std::string log_id;
  uint64_t seq = 0;
};

// A task as of the ledger's position.
struct LedgerTask {
  uint64_t seq = 0;       // of the event that submitted it
  TaskInfo info;          // in brief form without spec.work and attempts
  Instant started;        // of the newest attempt; kNever: none started
  std::string worker;     // of the newest attempt
  std::string spec_json;  // io/event_json.h has its form
};

struct LedgerTaskFilter {
  std::optional<TaskState> state;
  std::optional<TaskKind> kind;
  std::string parent;            // empty: any
  uint64_t before = UINT64_MAX;  // those that were submitted by an earlier event
  uint32_t max = 100;
};

struct LedgerResult {
  uint64_t seq = 0;
  uint32_t attempt = 0;
  Instant time;
  CaseResult result;
};

// A report of an attempt beside its results.
template <typename Body>
struct LedgerReport {
  uint64_t seq = 0;
  uint32_t attempt = 0;
  Instant time;
  Body body;
};

struct LedgerEventFilter {
  std::string guid;  // empty: all
  std::string type;  // empty: all
  uint64_t from = 1;
  uint32_t max = 1'000;
};

struct LedgerEvent {
  uint64_t seq = 0;
  Instant time;
  std::string type;
  std::string guid;    // empty: concerns no task
  std::string worker;  // that it came from or speaks of; may be empty
  std::string json;    // the whole event on one line (io/event_json.h)
};

// One attempt that held a device.
struct LedgerUse {
  uint64_t seq = 0;  // of the event that leased it
  std::string guid;
  AttemptInfo attempt;
  TaskKind kind = TaskKind::job;
  std::string name;    // of the task
  std::string parent;  // of the task, or empty
};

// One change of a device's health.
struct LedgerJudgement {
  uint64_t seq = 0;
  Instant time;
  DeviceJudged judged;
};

// A repair action that ran on a device.
struct LedgerRepair {
  uint64_t seq = 0;
  Instant time;
  std::string guid;  // of the repair task
  uint32_t attempt = 0;
  CaseResult result;  // pass: what it is for passes since then
};

// A repair action that came up in a repair, and the device as the inventory had it then.
struct LedgerActionRun {
  uint64_t seq = 0;      // of the event that reported it
  std::string strategy;  // empty: no inventory knew the device, or gave it none
  std::string model;     // of the device's profile, else its type; may be empty
  std::string action;
  Outcome outcome = Outcome::skip;  // pass: repaired; fail: ran in vain; skip: did not run
  Duration duration{0};
};

// One bound for a column of a table of measurements.
enum class MeasureOperator : uint8_t { equal, not_equal, less, at_most, greater, at_least };
struct MeasureCondition {
  // Or guid, attempt, time of the row itself; a column that a job has called so stands in quotes:
  // "\"time\"".
  std::string column;
  MeasureOperator op = MeasureOperator::equal;
  std::string value;  // as text; read by the column's type

  // It names one task, for whose GUID people write its beginning.
  bool names_task() const {
    return column == "guid" && (op == MeasureOperator::equal || op == MeasureOperator::not_equal);
  }
};

struct MeasureQuery {
  std::string table;
  std::vector<MeasureCondition> conditions;  // all of them
  uint32_t max = 1'000;                      // rows, the newest
  uint64_t before = UINT64_MAX;              // those that an earlier event has reported
};

// Columns are in the order in which they came up. A row has a cell for each, or nothing there.
struct MeasureAnswer {
  std::string wrong;        // why the question has no answer; then there is nothing else
  bool is_unknown = false;  // that is: there is no such table
  struct Row {
    uint64_t seq = 0;
    std::string guid;
    uint32_t attempt = 0;
    Instant time;
    std::vector<std::optional<MeasureValue>> cells;
  };
  std::vector<std::string> columns;
  std::vector<Row> rows;  // oldest first
  bool more = false;      // there are older ones
};

// One entry of what a device went through.
struct HistoryEntry {
  uint64_t seq = 0;
  Instant time;  // of an attempt: when it was leased
  std::variant<DeviceJudged, LedgerUse, LedgerRepair> what;
};

// Rows that come after event `after`, at most `max` of them.
struct LedgerSlice {
  uint64_t after = 0;
  uint32_t max = UINT32_MAX;
};

// One thread at a time. Every error names the place and what to do.
class LedgerReader {
 public:
  virtual ~LedgerReader() = default;

  virtual Result<LedgerPosition> position() = 0;

  // GUIDs that begin with `prefix`, at most `max`, newest first; only itself when `prefix` is a
  // whole GUID. The word "last" means the newest task. Empty when there is none.
  virtual Result<std::vector<std::string>> find_guids(std::string_view prefix, uint32_t max) = 0;

  // The task with its attempts, or nothing when the ledger does not know it.
  virtual Result<std::optional<LedgerTask>> task(const std::string& guid) = 0;

  // Brief, newest first.
  virtual Result<std::vector<LedgerTask>> tasks(const LedgerTaskFilter& filter) = 0;

  // In the order in which they were reported.
  virtual Result<std::vector<LedgerResult>> results(const std::string& guid,
                                                    const LedgerSlice& slice = {}) = 0;
  virtual Result<std::vector<LedgerReport<SourceFetched>>> sources(
      const std::string& guid, const LedgerSlice& slice = {}) = 0;

  // Rows of one table of measurements, of all tasks. A question that is wrong is told which tables,
  // columns or values there may be.
  virtual Result<MeasureAnswer> query_measurements(const MeasureQuery& query) = 0;

  // By name; with what jobs call their columns, and of which type these are.
  virtual Result<std::vector<MeasureTable>> measure_tables() = 0;

  // In the order of the log.
  virtual Result<std::vector<LedgerEvent>> events(const LedgerEventFilter& filter) = 0;

  virtual Result<bool> has_device(const std::string& name) = 0;

  // The newest `max` entries before event `before`, oldest first. None of a device that
  // it does not know.
  virtual Result<std::vector<HistoryEntry>> device_history(const std::string& device, uint32_t max,
                                                           uint64_t before = UINT64_MAX) = 0;

  // Of one strategy or of all (empty); sorted by strategy, action and model.
  virtual Result<std::vector<ActionStat>> action_stats(const std::string& strategy) = 0;

  // Names of the strategies that devices have or had.
  virtual Result<std::vector<std::string>> strategies() = 0;
};

}  // namespace muster
