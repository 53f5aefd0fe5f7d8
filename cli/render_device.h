// Devices and workers as text for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "core/messages.h"

namespace muster {

std::string render_device_table(const std::vector<DeviceInfo>& devices, const Look& look);
std::string render_device(const DeviceInfo& device, const Look& look);
std::string render_worker_table(const std::vector<WorkerInfo>& workers, const Look& look);

// "type=handset, pretty=yuga".
std::string profile_text(const Profile& profile);

}  // namespace muster
