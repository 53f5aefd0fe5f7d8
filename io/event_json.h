// Events and task specs as JSON, for the ledger, `muster events -o json` and the feeds. The form is
// stable: fields are added, never renamed or removed.
//
// An event is one object on one line. Every event has
//   seq, time (of the broker), type (event_type), and where it concerns a task its guid and, when
//   it has any, metadata {};
// and by type:
//   broker_started     epoch, version
//   inventory_applied  who, lab, workers [{name, pools}], devices [{name, profile {}, worker,
//                      pools, strategy, owner, where}], strategies [name]
//   worker_joined      worker, incarnation, lab, pools, slots, version
//   worker_lost        worker, incarnation, reason
//   task_submitted     spec
//   attempt_leased     attempt, worker, incarnation, devices [name]
//   attempt_started    attempt, worker, report, reported_at, log_url, argv
//   record             attempt, worker, report, reported_at, status, subdir, operation, fields {},
//                      message
//   result             attempt, worker, report, reported_at, suite, name, outcome, duration_s,
//                      message
//   attempt_ended      attempt, worker, report, ending, verdict or retry_at
//   report_refused     attempt, worker, report, reason
//   cancel_requested   reason, who
//   task_ended         ending, verdict
//   progress           attempt, worker, report, reported_at, percent, text
//   device_judged      device, health, reason, who, until, failures
//   device_listed      worker, lister, device, profile {}
//   device_unlisted    worker, device
//   task_retried       reason, who
//   source_fetched     attempt, worker, report, reported_at, url, ref, sha
//   shout              attempt, worker, report, reported_at, json
//   measurement        attempt, worker, report, reported_at, table, row {}
//   artifact           attempt, worker, report, reported_at, name, url, bytes, sha256
//   call_failed        attempt, worker, report, reported_at, method, arguments, peer, error
//   call_made          attempt, worker, report, reported_at, method, arguments, peer
//   daemon_logged      daemon, logged_at, level, text, left_out
// ending is {outcome, cause, status, status_name, exit_code, signal, message, started, finished}.
// spec is {guid, kind, name, parent, submitter, pool, devices [{role, name, selector}], priority,
// timeouts {queue_s, run_s, silence_s, grace_s}, retry {infra, test}, wait_for_capacity, work};
// work is {noop: {bytes}} or {verify: {level}} or {job: {argv or dir, path, tags; cwd, env {},
// env_pass}}.
//
// A string or list that is empty and a time that is "never" are left out, and so are worker and
// report when the broker itself speaks. Times are RFC 3339 in UTC, durations (_s) seconds. `report`
// is a decimal string, because it may exceed 2^53; of the other numbers, those that do (none in
// practice) are decimal strings too. Bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event.h"
#include "core/task.h"

namespace muster {

class JsonWriter;

// The types, each as event_type gives it.
const std::vector<std::string>& event_types();

std::string event_to_json(uint64_t seq, const Event& event);

// The members of an event that depend on its type, into the object that `json` has begun.
void write_event_body(JsonWriter& json, const Event& event);

// The parts by themselves.
std::string task_spec_to_json(const TaskSpec& spec);
std::string ending_to_json(const Ending& ending);
std::string device_to_json(const DeviceSpec& device);

// The inverse, but for `work`, which stays empty. What is missing or of the wrong type keeps its
// default.
TaskSpec task_spec_from_json(std::string_view json);

// The inverse; nothing for types that this build does not know. As above for what is missing, and
// for `work`; of an inventory, what is not in its event is lost.
std::optional<Event> event_from_json(std::string_view json);

// ["a","b"]
std::string names_to_json(const std::vector<std::string>& names);

// The inverse. Anything but an array of strings gives an empty list.
std::vector<std::string> names_from_json(std::string_view json);

}  // namespace muster
