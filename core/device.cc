#include "core/device.h"

namespace muster {

std::string_view to_string(DeviceState state) {
  switch (state) {
    case DeviceState::offline:
      return "offline";
    case DeviceState::idle:
      return "idle";
    case DeviceState::leased:
      return "leased";
    case DeviceState::verifying:
      return "verifying";
    case DeviceState::repairing:
      return "repairing";
    case DeviceState::running:
      return "running";
  }
  return "unknown";
}

std::string by_whom(const Draining& draining) {
  return "by " + draining.who + (draining.reason.empty() ? "" : ": " + draining.reason);
}

std::string_view to_string(DeviceHealth health) {
  switch (health) {
    case DeviceHealth::unknown:
      return "unknown";
    case DeviceHealth::good:
      return "good";
    case DeviceHealth::bad:
      return "bad";
    case DeviceHealth::quarantined:
      return "quarantined";
    case DeviceHealth::needs_human:
      return "needs_human";
    case DeviceHealth::locked:
      return "locked";
  }
  return "unknown";
}

}  // namespace muster
