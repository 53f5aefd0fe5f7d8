// Devices and workers as text for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "core/messages.h"

namespace muster {

std::string render_device_table(const std::vector<DeviceInfo>& devices, const Look& look);
std::string render_device(const DeviceInfo& device, const Look& look);
std::string render_drains(const std::vector<DrainReply::Outcome>& results, bool resume,
                          const Look& look);
std::string render_worker_table(const std::vector<WorkerInfo>& workers, const Look& look);

Color health_color(DeviceHealth health);

// What a person's change of each device came to: "phone-7  locked".
std::string render_device_changes(const std::vector<ChangeDevicesReply::Outcome>& results,
                                  DeviceChange change, const Look& look);

// "type=handset, pretty=yuga".
std::string profile_text(const Profile& profile);

}  // namespace muster
