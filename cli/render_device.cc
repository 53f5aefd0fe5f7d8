#include "cli/render_device.h"

#include "cli/values.h"

namespace muster {
namespace {

Color health_color(DeviceHealth health) {
  switch (health) {
    case DeviceHealth::good:
      return Color::good;
    case DeviceHealth::bad:
    case DeviceHealth::quarantined:
    case DeviceHealth::needs_human:
      return Color::bad;
    case DeviceHealth::locked:
      return Color::doubt;
    case DeviceHealth::unknown:
      break;
  }
  return Color::none;
}

Color state_color(DeviceState state) {
  return state == DeviceState::offline ? Color::doubt : Color::none;
}

std::string holder_text(const AttemptToken& token) {
  if (token.guid.empty()) return "";
  return token.guid + " (attempt " + std::to_string(token.attempt) + ")";
}

}  // namespace

std::string profile_text(const Profile& profile) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : profile) parts.push_back(key + "=" + value);
  return join(parts, ", ");
}

std::string render_device_table(const std::vector<DeviceInfo>& devices, const Look& look) {
  if (devices.empty()) return "no devices\n";
  Table table({"DEVICE", "STATE", "HEALTH", "WORKER", "PROFILE", "HELD BY", "REASON"});
  for (const DeviceInfo& device : devices) {
    table.add({device.spec.name,
               {to_string(device.state), state_color(device.state)},
               {to_string(device.health), health_color(device.health)},
               device.spec.worker,
               profile_text(device.spec.profile),
               device.held_by.guid,
               device.health_reason});
  }
  return table.render(look);
}

std::string render_device(const DeviceInfo& device, const Look& look) {
  Fields fields;
  fields.add("device", device.spec.name);
  fields.add("state", {to_string(device.state), state_color(device.state)});
  fields.add("health", {to_string(device.health), health_color(device.health)});
  fields.add("reason", device.health_reason);
  if (device.health_since != kNever) {
    fields.add("since", short_time(device.health_since) + " (" +
                            relative_time(device.health_since, look) + ")");
  }
  fields.add("held by", holder_text(device.held_by));
  fields.add("worker", device.spec.worker);
  fields.add("pools", join(device.spec.pools, ", "));
  fields.add("strategy", device.spec.strategy);
  fields.add("profile", profile_text(device.spec.profile));
  fields.add("owner", device.spec.owner);
  fields.add("where", device.spec.where);
  return fields.render(look);
}

std::string render_worker_table(const std::vector<WorkerInfo>& workers, const Look& look) {
  if (workers.empty()) return "no workers\n";
  Table table({"WORKER", "STATE", "HELD", "SLOTS", "LAB", "POOLS", "LAST HEARD", "VERSION"});
  for (const WorkerInfo& worker : workers) {
    table.add({worker.name,
               {worker.present ? "present" : "lost", worker.present ? Color::good : Color::bad},
               std::to_string(worker.held),
               std::to_string(worker.slots),
               worker.lab,
               join(worker.pools, ","),
               relative_time(worker.last_heard, look),
               worker.version});
  }
  return table.render(look);
}

}  // namespace muster
