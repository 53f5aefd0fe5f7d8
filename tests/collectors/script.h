// A scripted stretch of the log with every kind of event and every way a task can go.
#pragma once

#include <string>
#include <vector>

#include "collectors/sink.h"

namespace muster {

// Numbers the events from 1 and spaces their times a second apart.
std::vector<SequencedEvent> number_events(std::vector<EventBody> bodies);

// The time of the event with this number.
Instant script_time(uint64_t seq);

TaskSpec script_spec(const std::string& guid, TaskKind kind = TaskKind::job);
EventBody submitted(const std::string& guid, TaskKind kind = TaskKind::job);
EventBody leased(const std::string& guid, uint32_t attempt, std::vector<std::string> devices = {});
EventBody started(const std::string& guid, uint32_t attempt);
// By the worker "bench"; number_events says when.
EventBody reported(const std::string& guid, uint32_t attempt, AttemptReported::Body body);
EventBody record(const std::string& guid, uint32_t attempt, const std::string& status,
                 const std::string& operation, const std::string& message = "");
EventBody case_result(const std::string& guid, uint32_t attempt, const std::string& name,
                      Outcome outcome);
// By the worker's word, unless `worker` is empty. Verdict::none: tried again.
EventBody attempt_ended(const std::string& guid, uint32_t attempt, Outcome outcome, Cause cause,
                        Verdict verdict, const std::string& message = "",
                        const std::string& worker = "bench");
// By this inventory of devices alone.
EventBody applied(std::vector<DeviceSpec> devices);
EventBody task_ended(const std::string& guid, Cause cause, const std::string& message);

// GUIDs of make_script's tasks.
inline const std::string kPassing = "https://lab.example/run/1?job=a";
inline const std::string kRetried = "0194-retried-task";
inline const std::string kCancelled = "0194-cancelled-in-queue";
inline const std::string kSilent = "0194-silent-attempts";
inline const std::string kNonsense = "0194-töricht-records";
inline const std::string kUnfinished = "0194-still-running";

// Several tasks, interleaved. All but kUnfinished end.
std::vector<SequencedEvent> make_script();

}  // namespace muster
