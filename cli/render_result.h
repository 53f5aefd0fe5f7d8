// Test cases of tasks: as a table, as JUnit XML, and the findings of verifications.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/render_json.h"
#include "cli/text.h"

namespace muster {

// The verdict in one line, then a table of the cases.
std::string render_result(const TaskResult& result, const Look& look);

// What came with a task's result: its metadata as they are, and under "muster." its attempt,
// worker, devices and the commits of its sources. In the order in which they are shown.
std::vector<std::pair<std::string, std::string>> result_properties(const TaskResult& result);

// A <testsuites> document as CI systems read it, with the properties in every suite. Well-formed
// whatever a job printed: characters that XML forbids are dropped, ill-formed UTF-8 replaced. A
// task that ended otherwise than its cases say has one more case, named after the task, in the
// suite "muster": an infrastructure fault is an <error> there, never a <failure>.
std::string render_junit(const TaskResult& result);

// What one device's verification or repair found.
struct Verification {
  std::string device;
  TaskResult result;
};

// "good", "bad" or "not verified".
std::string verification_health(const TaskInfo& task);

// What is wrong with a device, in one line: its first failing check and how many more there are, or
// how the task ended. Empty when it is good.
std::string verification_cause(const Verification& verification);

// A line for each device with its failing checks below, and of a repair the actions that ran.
std::string render_verifications(const std::vector<Verification>& verifications, const Look& look);

// "4 devices: 2 good, 1 bad, 1 not verified", and below it those that are not good, why, and where
// to see more.
std::string render_verification_summary(const std::vector<Verification>& verifications);

}  // namespace muster
