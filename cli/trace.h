// The whole chain of a job: the task that somebody asked for, the verifications and repairs that
// run on its behalf, at any depth, and everything that happened to them in the order of the log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/text.h"
#include "core/event.h"

namespace muster {

struct TraceTask {
  TaskSpecPtr spec;
  uint32_t depth = 0;                // below the root
  std::vector<std::string> devices;  // of its newest attempt
  TaskState state = TaskState::queued;
  Verdict verdict = Verdict::none;
  std::optional<Ending> ending;
};

struct TraceEvent {
  uint64_t seq = 0;
  Event event;
  std::string json;  // io/event_json.h has its form
};

struct Trace {
  std::string guid;                // the one that was asked about
  bool complete = true;            // false: the source may lack the newest events
  std::vector<TraceTask> tasks;    // each before those that it caused, those in order of submission
  std::vector<TraceEvent> events;  // by seq
};

// GUIDs of the chain that `guid` belongs to, the root first. `parent_of` gives an empty text for a
// root and for what is not known. Rings, which only a submitter can make, are cut; at most
// `count_max` are found.
std::vector<std::string> find_chain(
    const std::string& guid, const std::function<std::string(const std::string&)>& parent_of,
    const std::function<std::vector<std::string>(const std::string&)>& children_of,
    size_t count_max);

// `chain` is as find_chain gives it; `events` are all that concern its tasks, in any order.
Trace make_trace(const std::string& guid, const std::vector<std::string>& chain,
                 std::vector<TraceEvent> events);

// A line for each task, those that it caused indented below it, and a line for each event: what
// came of checks is told by the records, so results of verify and repair tasks are left out, and
// so is progress.
std::string render_trace(const Trace& trace, const Look& look);

}  // namespace muster
