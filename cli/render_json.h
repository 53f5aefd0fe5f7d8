// Answers as JSON: each function gives one document on one line, without a line feed. `schema` is
// its name and version; within a version fields are added, never renamed or removed. As in
// io/event_json.h: what is empty or never happened is left out, times are RFC 3339 in UTC, names
// that end in _s are seconds.
//
//   muster.task/1          guid, state, verdict?, exit_status?, ending?, submitted, ended?,
//                          not_before?, cancelling?, attempt_count, status_log?, spec {},
//                          attempts [{attempt, worker, devices, leased, log_url, ending?,
//                          progress?}], children [{guid, kind, name, state, verdict?}]
//   muster.task_change/1   guid, state, attempt?, worker?, log_url?, verdict?, ending?
//   muster.explanation/1   guid, state, summary, reasons [], ahead, estimate_s?
//   muster.trace/1         guid, complete, tasks [{guid, kind, name, parent?, depth, devices,
//   state,
//                          verdict?, ending?}], events [io/event_json.h]
//   muster.submission/1    guid, known, refused?
//   muster.cancellation/1  guid, refused?
//   muster.retry/1         guid, refused?, code?
//   muster.result/1        guid, verdict?, ending?, complete, metadata? {}, attempt?, worker?,
//                          devices?, sources? [{url, ref, sha}], cases [{suite, name, outcome,
//                          duration_s, message?}]
//   muster.verification/1  device, and what muster.result/1 has
//   muster.repair/1        the same
//   muster.device/1        name, profile {}, worker, pools, strategy, owner, where, lister, power
//   {},
//                          state, health, health_reason?, health_since?, health_who?, until?,
//                          failures?, stacks?, undeclared?, allowed?, held_by? {guid, attempt},
//                          progress?
//   muster.device_change/1 device, change, refused?
//   muster.device_record/1 device, seq, time, what (health, attempt, action), guid?; health:
//   health,
//                          reason?, who?, until?, failures; attempt: kind, name?, parent?, attempt,
//                          worker, ending?; action: attempt, action, outcome, duration_s, message?
//   muster.action_stat/1   strategy?, action, model?, tried, repaired, failed, not_tried, median_s?
//   muster.measurement/1   table, seq, time, guid, attempt, row {}
//   muster.measure_table/1 name, columns [{name, type}]
//   muster.worker/1        name, present, incarnation, lab, pools, version, slots, held,
//                          last_heard?, lease_until?
//   muster.event/1         io/event_json.h
//   muster.sink/1          name, place, state (ok, behind, failing, starting), log?, cursor?,
//                          head?, lag_events?, lag_s?, delivered, batches, failures, buried,
//                          dead_letters?, failing?, error?, failing_since?, retry_at?
//   muster.sink_order/1    sink, done [seq], refused [{seq, answer}]
//   muster.dead_letter/1   collectors/dead_letters.h
//   muster.finding/1       subject, condition (ok, warn, fail), text, advice?
//   muster.file/1          file, ok, problems [{line?, column?, warning, message}]
//   muster.inventory/1     file, devices_added, devices_changed, devices_removed
//   muster.inventory_diff/1  file, changes [{change (added, changed, removed), part, name?,
//                          fields? [{field?, from?, to?}], held_by? {guid, attempt}}]
//   muster.strategy/1      name, for?, verifiers [{tag, description?, check, deps, timeout_s,
//                          when?, blame?, levels?}], actions [{tag, description?, run, deps,
//                          triggers, timeout_s, when?, then_wait_s?, attempts, per_day?}], closing
//                          [{tag, description?, run, when, timeout_s}], total_s?
//   muster.forecast/1      strategy, passes, at_most_s, failures [TAG], entries [{after_s, what
//                          (check, action, wait, skipped, closing), tag, at_most_s, passes?, why?}]
//   muster.up/1            home, endpoint, worker, pid
//   muster.key/1           name, public, allowed, role?, labs? [], pools? [], file?
//   muster.version/1       version, protocol_min, protocol_max
//   muster.artifact/1      guid, attempt, name, bytes, complete, sha256?, stored?, url, path? (of
//                          what artifact get has fetched); artifact_list has `pinned` too
//   muster.artifact_pin/1  guid, pinned
//   muster.error/1         error, hint?, exit_status
//   muster.KIND_list/1     KINDs [...], of documents as above; task_list has `total` too
#pragma once

#include <string>
#include <vector>

#include "cli/action_stats.h"
#include "cli/finding.h"
#include "cli/history.h"
#include "cli/render_inventory.h"
#include "cli/trace.h"
#include "core/event.h"
#include "core/messages.h"
#include "core/repair_forecast.h"
#include "core/report.h"
#include "core/strategy.h"
#include "io/vcsjob.h"
#include "io/yaml.h"

namespace muster {

// A task's test cases. `complete` is false when the ledger had not everything yet.
struct TaskResult {
  TaskInfo task;
  std::vector<CaseResult> cases;
  bool complete = true;
  std::vector<SourceFetched> sources;  // of the last attempt
};

std::string task_json(const TaskInfo& task, const std::string& status_log,
                      const std::vector<TaskInfo>& children = {});
std::string change_json(const TaskChange& change);
std::string explanation_json(const Explanation& explanation);
std::string submission_json(const SubmitResult& result);
std::string cancellation_json(const CancelResult& result);
std::string retry_json(const RetryTasksResult& result);
std::string result_json(const TaskResult& result);
std::string verification_json(const std::string& device, const TaskResult& result);
std::string repair_json(const std::string& device, const TaskResult& result);
std::string device_json(const DeviceInfo& device);
std::string device_change_json(const ChangeDevicesReply::Outcome& result, DeviceChange change);
std::string device_record_json(const std::string& device, const HistoryEntry& entry);
std::string action_stat_json(const ActionStat& stat);
std::string trace_json(const Trace& trace);
std::string drain_json(const DrainReply::Outcome& result, bool resume);
std::string worker_json(const WorkerInfo& worker);
std::string event_json(uint64_t seq, const Event& event);
// Of an event that is JSON already (io/event_json.h).
std::string event_json(const std::string& json);
std::string finding_json(const Finding& finding);
std::string job_json(const VcsJob& job);

std::string file_json(const std::string& file, const FileProblems& problems);
std::string inventory_json(const std::string& file, const InventoryReply& reply);
std::string inventory_diff_json(const InventoryPlan& plan);
std::string strategy_json(const Strategy& strategy);
std::string forecast_json(const Strategy& strategy, const Forecast& forecast);
std::string up_json(const std::string& home, const std::string& endpoint, const std::string& worker,
                    int64_t pid);
std::string version_json();
std::string error_json(const std::string& error, const std::string& hint, int exit_status);

// {"schema":"muster.KIND_list/1","KINDs":[...]} with one item a line; `extra` is put before the
// items: "\"total\":7".
std::string list_json(const std::string& kind, const std::vector<std::string>& items,
                      const std::string& extra = "");

}  // namespace muster
