// What applying an inventory would change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/device.h"

namespace muster {

enum class ChangeKind : uint8_t { added, changed, removed };

// One part of an inventory that differs: a worker, strategy, device or stack by its name, or one of
// "lab", "health", "allow", "caps" and "shares", of which there is one each and which have no
// name.
struct InventoryChange {
  struct Field {
    std::string name;  // "worker", "profile.serial", ...; empty: the part as a whole
    std::string from;  // as text; empty: it had none
    std::string to;
    bool operator==(const Field&) const = default;
  };
  ChangeKind kind = ChangeKind::changed;
  std::string part;
  std::string name;
  std::vector<Field> fields;  // of what changed, in a fixed order
  bool operator==(const InventoryChange&) const = default;
};

// The changes that lead from `from` to `to`: lab, workers, strategies, devices, stacks, health,
// allow, caps, shares; within each by name. The order in which workers, strategies and stacks are
// written means
// nothing; what is in a strategy is not compared field by field.
std::vector<InventoryChange> diff_inventories(const Inventory& from, const Inventory& to);

std::string_view to_string(ChangeKind kind);

}  // namespace muster
