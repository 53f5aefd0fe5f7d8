#include "core/inventory_diff.h"

#include <map>
#include <utility>

#include "core/duration_text.h"

namespace muster {

namespace {

using Fields = std::map<std::string, std::string>;  // name to text; what is empty is left out

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

// Quoted where the blanks of an argument would be lost.
std::string command_text(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& argument : argv) {
    const bool plain = !argument.empty() && argument.find_first_of(" \t\n\"'") == argument.npos;
    text += (text.empty() ? "" : " ") + (plain ? argument : "\"" + argument + "\"");
  }
  return text;
}

std::string power_text(const PowerSpec& power) {
  if (!power.argv.empty()) return command_text(power.argv);
  return power.method.empty() ? power.url : power.method + " " + power.url;
}

Fields fields_of(const DeviceSpec& device) {
  Fields fields = {{"worker", device.worker},
                   {"pools", join(device.pools)},
                   {"strategy", device.strategy},
                   {"owner", device.owner},
                   {"where", device.where},
                   {"lister", device.lister},
                   {"power", power_text(device.power)}};
  for (const auto& [key, value] : device.profile) fields["profile." + key] = value;
  return fields;
}
Fields fields_of(const WorkerSpec& worker) { return {{"pools", join(worker.pools)}}; }
Fields fields_of(const StackSpec& stack) { return {{"devices", join(stack.members)}}; }
Fields fields_of(const std::vector<Cap>& caps) {
  Fields fields;
  for (const Cap& cap : caps) {
    const std::string whose = cap.pool.empty() ? "lab." : "pools." + cap.pool + ".";
    if (cap.max_running > 0) fields[whose + "max_running"] = std::to_string(cap.max_running);
    if (cap.max_running_per_device > 0) {
      fields[whose + "max_running_per_device"] = std::to_string(cap.max_running_per_device);
    }
  }
  return fields;
}
Fields fields_of(const std::vector<Share>& shares) {
  Fields fields;
  for (const Share& share : shares) fields[share.submitter] = std::to_string(share.weight);
  return fields;
}
Fields fields_of(const HealthPolicy& health) {
  std::vector<std::string> pauses;
  for (const Duration pause : health.reverify) pauses.push_back(format_duration(pause));
  return {{"quarantine_after", std::to_string(health.quarantine_after)},
          {"reverify", join(pauses)},
          {"fresh", format_duration(health.fresh)}};
}

std::vector<InventoryChange::Field> diff_fields(const Fields& from, const Fields& to) {
  std::vector<InventoryChange::Field> changes;
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [name, text] : from) both[name].first = text;
  for (const auto& [name, text] : to) both[name].second = text;
  for (auto& [name, texts] : both) {
    if (texts.first == texts.second) continue;
    changes.push_back({name, std::move(texts.first), std::move(texts.second)});
  }
  return changes;
}

// The fields in which two parts that differ do so. A strategy has none.
template <typename Part>
std::vector<InventoryChange::Field> changed_fields(const Part& from, const Part& to) {
  return diff_fields(fields_of(from), fields_of(to));
}
std::vector<InventoryChange::Field> changed_fields(const StrategyBlob&, const StrategyBlob&) {
  return {};
}

template <typename Part>
void diff_parts(const char* part, const std::vector<Part>& from, const std::vector<Part>& to,
                std::vector<InventoryChange>& changes) {
  std::map<std::string_view, std::pair<const Part*, const Part*>> both;
  for (const Part& each : from) both[each.name].first = &each;
  for (const Part& each : to) both[each.name].second = &each;
  for (const auto& [name, pair] : both) {
    const auto& [before, after] = pair;
    InventoryChange change{ChangeKind::changed, part, std::string(name), {}};
    if (before == nullptr) {
      change.kind = ChangeKind::added;
    } else if (after == nullptr) {
      change.kind = ChangeKind::removed;
    } else if (*before == *after) {
      continue;
    } else {
      change.fields = changed_fields(*before, *after);
    }
    changes.push_back(std::move(change));
  }
}

void add_change(const char* part, std::vector<InventoryChange::Field> fields,
                std::vector<InventoryChange>& changes) {
  if (!fields.empty()) changes.push_back({ChangeKind::changed, part, "", std::move(fields)});
}

}  // namespace

std::vector<InventoryChange> diff_inventories(const Inventory& from, const Inventory& to) {
  std::vector<InventoryChange> changes;
  add_change("lab", diff_fields({{"", from.lab}}, {{"", to.lab}}), changes);
  diff_parts("worker", from.workers, to.workers, changes);
  diff_parts("strategy", from.strategies, to.strategies, changes);
  diff_parts("device", from.devices, to.devices, changes);
  diff_parts("stack", from.stacks, to.stacks, changes);
  add_change("health", changed_fields(from.health, to.health), changes);
  std::vector<std::string> selectors_from, selectors_to;
  for (const std::string& text : from.allow) selectors_from.push_back("[" + text + "]");
  for (const std::string& text : to.allow) selectors_to.push_back("[" + text + "]");
  add_change("allow", diff_fields({{"", join(selectors_from)}}, {{"", join(selectors_to)}}),
             changes);
  add_change("caps", changed_fields(from.caps, to.caps), changes);
  add_change("shares", changed_fields(from.shares, to.shares), changes);
  return changes;
}

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added:
      return "added";
    case ChangeKind::changed:
      return "changed";
    case ChangeKind::removed:
      return "removed";
  }
  return "changed";
}

}  // namespace muster
