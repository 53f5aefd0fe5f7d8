// Inventory files: which workers and devices a lab is meant to have (desired state; what is
// observed is the broker's).
//
//   version: 1
//   kind: inventory
//   lab: lund-3
//   strategies: [strategies/linux-host.yaml]     # relative to this file
//   defaults: { strategy: linux-host, worker: rack3-b, pools: [general] }    # of devices
//   workers:
//     rack3-b: { pools: [wifi, general] }
//   devices:
//     phone-7: { type: handset, pretty: yuga, worker: rack3-b, pools: [wifi], where: "shelf C" }
//     relay-7: { type: relay, uid: "4.a", power: { command: [relay, "{operation}"] } }
//   stacks:
//     seat-7: [phone-7, relay-7]
//   health: { quarantine_after: 3, reverify: [15m, 1h, 6h], fresh: 10m }
//   allow: [ { type: handset } ]                 # listed devices that may be used undeclared
//
// The keys worker, pools, strategy, owner, where, lister and power of a device are ours; all others
// are its profile, whose values are kept as they are written. A device without a worker takes the
// default, or the only worker there is; one without a strategy the default where that is for such
// devices, or the only strategy that is. docs/inventory.md has all of it.
#pragma once

#include <string>
#include <vector>

#include "core/device.h"
#include "io/object_reader.h"

namespace muster {

struct InventoryFile {
  Inventory inventory;    // fit to be applied when there are no errors
  FileProblems problems;  // of the strategy files too, under their own names
};

// Reads the inventory and every strategy file it names.
InventoryFile load_inventory_file(const std::string& path);

std::vector<NamedKeyTable> inventory_file_keys();

}  // namespace muster
