#include "cli/render_device.h"

#include <algorithm>

#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {
namespace {

Color state_color(DeviceState state) {
  return state == DeviceState::offline ? Color::doubt : Color::none;
}

std::string holder_text(const AttemptToken& token) {
  if (token.guid.empty()) return "";
  return token.guid + " (attempt " + std::to_string(token.attempt) + ")";
}

// "no adb; by kim@bench; left alone for 12m more".
std::string reason_text(const DeviceInfo& device, const Look& look) {
  std::vector<std::string> parts;
  if (!device.health_reason.empty()) parts.push_back(device.health_reason);
  if (!device.health_who.empty()) parts.push_back("by " + device.health_who);
  if (device.until > look.now) {
    parts.push_back(
        "left alone for " +
        format_duration(std::chrono::ceil<std::chrono::seconds>(device.until - look.now)) +
        " more");
  }
  return join(parts, "; ");
}

std::string held_text(const DeviceInfo& device) {
  if (device.held_by.guid.empty() || device.progress.empty()) return device.held_by.guid;
  return device.held_by.guid + ": " + device.progress;
}

std::string power_text(const PowerSpec& power) {
  if (!power.argv.empty()) return join(power.argv, " ");
  return power.url.empty() ? "" : power.method + " " + power.url;
}

std::string done_text(DeviceChange change) {
  switch (change) {
    case DeviceChange::lock:
      return "locked";
    case DeviceChange::unlock:
      return "unlocked";
    case DeviceChange::quarantine:
      return "quarantined";
    case DeviceChange::release:
      break;
  }
  return "released";
}

}  // namespace

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

std::string profile_text(const Profile& profile) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : profile) parts.push_back(key + "=" + value);
  return join(parts, ", ");
}

std::string render_device_table(const std::vector<DeviceInfo>& devices, const Look& look) {
  if (devices.empty()) return "no devices\n";
  const bool any_stack = std::any_of(devices.begin(), devices.end(),
                                     [](const DeviceInfo& one) { return !one.stacks.empty(); });
  std::vector<std::string> head = {"DEVICE",  "STATE",   "HEALTH", "WORKER",
                                   "PROFILE", "HELD BY", "REASON"};
  if (any_stack) head.insert(head.begin() + 4, "STACK");
  Table table(std::move(head));
  for (const DeviceInfo& device : devices) {
    std::vector<Cell> row = {device.spec.name + (device.undeclared ? " (undeclared)" : "") +
                                 (device.draining ? " (draining)" : ""),
                             {to_string(device.state), state_color(device.state)},
                             {to_string(device.health), health_color(device.health)},
                             device.spec.worker,
                             profile_text(device.spec.profile),
                             held_text(device),
                             reason_text(device, look)};
    if (any_stack) row.insert(row.begin() + 4, Cell(join(device.stacks, ", ")));
    table.add(std::move(row));
  }
  return table.render(look);
}

std::string render_device(const DeviceInfo& device, const Look& look) {
  Fields fields;
  fields.add("device", device.spec.name);
  if (device.undeclared) {
    fields.add("declared", std::string("no: a lister found it, no inventory names it") +
                               (device.allowed ? "; a selector of allow lets it be used" : ""));
  }
  if (device.draining) {
    fields.add("draining", "the inventory does not name it any more; it goes when it is free");
  }
  fields.add("state", {to_string(device.state), state_color(device.state)});
  fields.add("absent", {device.absent, Color::doubt});
  fields.add("health", {to_string(device.health), health_color(device.health)});
  fields.add("reason", device.health_reason);
  if (device.health_since != kNever) {
    fields.add("since", short_time(device.health_since) + " (" +
                            relative_time(device.health_since, look) + ")");
  }
  fields.add("judged by", device.health_who);
  if (device.failures > 0) fields.add("failures", std::to_string(device.failures) + " in a row");
  if (device.until != kNever) {
    fields.add("left alone until",
               short_time(device.until) + " (" + relative_time(device.until, look) + ")");
  }
  fields.add("held by", holder_text(device.held_by));
  fields.add("progress", device.progress);
  fields.add(device.stacks.size() > 1 ? "stacks" : "stack", join(device.stacks, ", "));
  fields.add("worker", device.spec.worker);
  fields.add("pools", join(device.spec.pools, ", "));
  fields.add("strategy", device.spec.strategy);
  fields.add("profile", profile_text(device.spec.profile));
  fields.add("owner", device.spec.owner);
  fields.add("where", device.spec.where);
  fields.add("lister", device.spec.lister);
  fields.add("power", power_text(device.spec.power));
  return fields.render(look);
}

std::string render_device_changes(const std::vector<ChangeDevicesReply::Outcome>& results,
                                  DeviceChange change, const Look& look) {
  std::string text;
  for (const ChangeDevicesReply::Outcome& result : results) {
    text += printable(result.name) + "  ";
    if (!result.refused.empty()) {
      text += paint("refused: " + printable(result.refused), Color::bad, look);
    } else if (!result.already.empty()) {
      text += paint(printable(result.already), Color::doubt, look);
    } else {
      text += paint(done_text(change), Color::good, look);
    }
    text += "\n";
  }
  return text;
}

// Why it takes no new work: a person's word, or its own.
std::string refusal_text(const WorkerInfo& worker) {
  return worker.draining ? by_whom(*worker.draining) : worker.refusing;
}

std::string render_drains(const std::vector<DrainReply::Outcome>& results, bool resume,
                          const Look& look) {
  std::string text;
  for (const DrainReply::Outcome& result : results) {
    text += (result.name.empty() ? "the broker" : printable(result.name)) + " ";
    if (!result.refused.empty()) {
      text += paint(printable(result.refused), Color::bad, look);
    } else if (!result.already.empty()) {
      text += paint(printable(result.already), Color::doubt, look);
    } else {
      text += paint(resume ? "takes work again" : "takes no new work", Color::good, look);
    }
    if (!resume && result.refused.empty()) {
      text +=
          result.held == 0 ? "; it holds nothing" : "; it holds " + counted(result.held, "attempt");
    }
    text += "\n";
  }
  return text;
}

std::string render_worker_table(const std::vector<WorkerInfo>& workers, const Look& look) {
  if (workers.empty()) return "no workers\n";
  const bool any_refuses = std::any_of(workers.begin(), workers.end(), [](const WorkerInfo& one) {
    return !one.refusing.empty() || one.draining;
  });
  std::vector<std::string> head = {"WORKER", "STATE", "HELD",       "SLOTS",
                                   "LAB",    "POOLS", "LAST HEARD", "VERSION"};
  if (any_refuses) head.emplace_back("REFUSES WORK");
  Table table(std::move(head));
  for (const WorkerInfo& worker : workers) {
    const bool takes_work = worker.present && worker.refusing.empty() && !worker.draining;
    const char* state = takes_work         ? "present"
                        : !worker.present  ? "lost"
                        : !worker.draining ? "refusing"
                        : worker.held > 0  ? "draining"
                                           : "drained";
    std::vector<Cell> row = {worker.name,
                             {state, takes_work ? Color::good : Color::bad},
                             std::to_string(worker.held),
                             std::to_string(worker.slots),
                             worker.lab,
                             join(worker.pools, ","),
                             relative_time(worker.last_heard, look),
                             worker.version};
    if (any_refuses) row.emplace_back(refusal_text(worker));
    table.add(std::move(row));
  }
  return table.render(look);
}

}  // namespace muster
