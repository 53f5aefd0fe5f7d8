// The devices of a simulated lab: what is on which worker, what belongs together, and what is
// plugged in. The inventory is written from it; so is what the workers' listers find.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/device.h"
#include "tests/sim/sim.h"

namespace muster::sim {

enum class Stacking : uint8_t {
  none,    // every device for itself
  pairs,   // a handset and its relay; the other handset is alone
  shared,  // two handsets, each in a stack with the same relay
  whole,   // everything on a worker
};

// Three devices on each worker: handset, relay, handset.
class SimLab {
 public:
  static constexpr uint32_t kPerWorker = 3;

  SimLab(Random& random, uint32_t workers, bool stacked)
      : workers_(workers),
        listers_(random.chance(500)),
        allows_(random.chance(500)),
        twice_(random.chance(300)) {
    if (stacked) stacking_ = static_cast<Stacking>(random.below(4));
  }

  uint32_t device_count() const { return workers_ * kPerWorker; }
  Stacking stacking() const { return stacking_; }
  bool allows_undeclared() const { return allows_; }
  std::vector<std::string> device_names() const;
  Inventory inventory() const;
  // Leaves out stacks whose devices are not all declared on one worker.
  static void drop_broken_stacks(Inventory& inventory);

  // What the worker's lister finds now, by name.
  std::vector<ListedDevice> listed(const std::string& worker) const;
  void unplug(const std::string& device) { unplugged_.insert(device); }
  void plug(const std::string& device) { unplugged_.erase(device); }
  void plug_all() { unplugged_.clear(); }

  // The thing behind a device, whatever it is called.
  static std::string thing_of(const DeviceSpec& device);

 private:
  std::string worker_of(uint32_t device) const;
  // A handset that is plugged in, and that nobody declared; 0: there is none.
  uint32_t undeclared() const;

  uint32_t workers_;
  Stacking stacking_ = Stacking::none;
  bool listers_;  // handsets are there while they are plugged in
  bool allows_;   // handsets that nobody declared may be used
  bool twice_;    // the last handset is listed under two names
  std::set<std::string> unplugged_;
};

}  // namespace muster::sim
