// The devices that jobs of a .vcsjob file ask for: AVE's profiles as a task's device requests.
#pragma once

#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "io/vcsjob.h"

namespace muster {

// One request for each profile: a selector of its keys and values. What is nested is named with
// dots ("sim.operator"); of a list one value must do. A list of maps means devices of one stack
// (DeviceRequest::with). Roles are the profile's `type`, numbered from the second on, or "device".
// The jobs run one after the other on the same devices, so that of equal profiles as many are asked
// for as the most demanding job has. `profiles` that selectors cannot express are an error, which
// names the job.
Result<std::vector<DeviceRequest>> roles_of(const std::vector<VcsJob>& jobs);

}  // namespace muster
