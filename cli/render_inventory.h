// What applying an inventory file would change, for people and programs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/text.h"
#include "core/inventory_diff.h"
#include "core/task.h"

namespace muster {

struct InventoryPlan {
  std::string file;
  std::vector<InventoryChange> changes;
  // Who holds the devices that would be removed, by device. They drain: what runs goes on to its
  // end, and nothing new is leased.
  std::map<std::string, AttemptToken> holders;
};

std::string render_inventory_plan(const InventoryPlan& plan, const Look& look);

}  // namespace muster
