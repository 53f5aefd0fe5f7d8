// Handing tasks in.
#pragma once

#include <vector>

#include "cli/session.h"
#include "core/task.h"
#include "io/task_file.h"

namespace muster {

struct LoadedTasks {
  std::vector<TaskSpec> tasks;      // signed; each stands after those that it depends on
  std::vector<std::string> places;  // of each: "nightly.yaml:7:1"
  std::vector<bool> left_devices;   // of each: TaskFile::leaves_devices
};

// Whether tasks that leave their devices to their source learn them (cli/source_roles.h), or
// whoever asks gives them.
enum class Roles : uint8_t { learned, given };

// Every task of every file. Prints the files' problems on stderr; throws Failure: 64 when there are
// errors among them, 8 when a source cannot be asked for devices.
LoadedTasks load_tasks(const std::vector<std::string>& paths, const ArrayFlags& flags, Roles roles,
                       Output& output);

// Gives every task a GUID that has none, and all of them the submitter.
void sign_tasks(std::vector<TaskSpec>& tasks);

// One GUID for all of them, which says that they belong together.
void group_tasks(std::vector<TaskSpec>& tasks, size_t first, size_t end);

// Returns when the broker has recorded the tasks it accepts, with one result for each, in order.
std::vector<SubmitResult> submit_tasks(Session& session, const std::vector<TaskSpec>& tasks);

// Prints what was accepted, and for programs what was refused too.
void show_submissions(Output& output, const std::vector<SubmitResult>& results);

// Says on stderr that the tasks go on without this process, and how to find them again.
void say_tasks_go_on(Output& output, const std::vector<std::string>& guids);

// GUIDs of the accepted ones. Throws Failure when any was refused: a caller that is about to wait
// must not wait for half of them. Its status is 69 when each may be accepted later, else 64.
// `places`, if given, says where each task stands ("nightly.yaml:7:1").
std::vector<std::string> accepted_or_throw(const std::vector<SubmitResult>& results,
                                           const std::vector<std::string>& places = {});

}  // namespace muster
