// Placement: which devices a task gets. Whoever gets a device gets the whole of every stack that it
// is in, or nothing; what it did not ask for is collateral.
#include <algorithm>

#include "core/broker_core.h"

namespace muster {

// State of one search: `chosen` grows and shrinks along `order`.
struct BrokerCore::Search {
  const TaskClass& task_class;
  const Scratch* scratch = nullptr;
  WorkerIx worker = kNone;
  std::vector<size_t> order;  // of requests
  std::vector<DeviceIx> chosen;
  size_t steps = 0;  // left
};

bool BrokerCore::device_free(DeviceIx ix, const Scratch& scratch) const {
  const auto held = [&](DeviceIx device) {
    return devices_[device].holder != kNone || scratch.taken_devices.contains(device);
  };
  if (held(ix)) return false;
  // The same thing may be in use under another name.
  const std::vector<DeviceIx>& same = devices_of_serial(devices_[ix].spec.profile);
  return std::none_of(same.begin(), same.end(), held);
}

// Stands for everything with the device's serial: that is one thing, whatever its names.
BrokerCore::DeviceIx BrokerCore::thing_of(DeviceIx ix) const {
  const std::vector<DeviceIx>& same = devices_of_serial(devices_[ix].spec.profile);
  return same.empty() ? ix : *std::min_element(same.begin(), same.end());
}

// Health left aside. What is not plugged in may be repaired.
bool BrokerCore::device_available(DeviceIx ix, const TaskClass& task_class,
                                  const Scratch& scratch) const {
  if (scratch.fit_is_enough) return true;
  return (task_class.kind != TaskKind::job || device_present(devices_[ix])) &&
         device_free(ix, scratch) && !reserved_from(task_class, ix, scratch);
}

bool BrokerCore::device_usable(DeviceIx ix, const TaskClass& task_class,
                               const Scratch* scratch) const {
  const Device& device = devices_[ix];
  if (!device.known()) return false;
  if (scratch &&
      !(fit_now(task_class, ix, *scratch) && device_available(ix, task_class, *scratch))) {
    return false;
  }
  return std::all_of(device.companions.begin(), device.companions.end(),
                     [&](DeviceIx companion_ix) {
                       const Device& companion = devices_[companion_ix];
                       if (!companion.known() || companion.worker != device.worker) return false;
                       return !scratch || (fit_beside_now(task_class, companion_ix, *scratch) &&
                                           device_available(companion_ix, task_class, *scratch));
                     });
}

bool BrokerCore::worker_takes_device(WorkerIx ix, const Scratch* scratch) const {
  if (!scratch || scratch->fit_is_enough) return true;
  const Worker& worker = workers_[ix];
  const uint32_t* taken = scratch->device_leases.find(ix);
  return takes_work(worker) && worker.credit > 0 &&
         worker.held_devices + (taken ? *taken : 0) < worker.slots;
}

bool BrokerCore::share_stack(DeviceIx one, DeviceIx other) const {
  const std::vector<DeviceIx>& companions = devices_[one].companions;
  return std::find(companions.begin(), companions.end(), other) != companions.end();
}

bool BrokerCore::is_candidate(const TaskClass& task_class, size_t request, DeviceIx ix) const {
  const std::vector<DeviceIx>& candidates = task_class.candidates[request];
  const size_t place = place_among(candidates, ix);
  return place < candidates.size() && candidates[place] == ix;
}

// The next candidate for the request from `place` on, which moves behind it; kNone: no more. Those
// that somebody holds are passed where they would not do.
BrokerCore::DeviceIx BrokerCore::next_candidate(const TaskClass& task_class, size_t request,
                                                bool held_do, size_t& place) {
  const std::vector<DeviceIx>& candidates = task_class.candidates[request];
  if (!held_do && !task_class.unheld.empty()) place = task_class.unheld[request].next(place);
  return place < candidates.size() ? candidates[place++] : kNone;
}

std::vector<BrokerCore::DeviceIx> BrokerCore::collateral_of(
    const std::vector<DeviceIx>& devices) const {
  std::map<std::string_view, DeviceIx> rest;
  for (const DeviceIx ix : devices) {
    for (const DeviceIx companion : devices_[ix].companions) {
      if (std::find(devices.begin(), devices.end(), companion) == devices.end()) {
        rest.emplace(devices_[companion].spec.name, companion);
      }
    }
  }
  std::vector<DeviceIx> collateral;
  for (const auto& [name, ix] : rest) collateral.push_back(ix);
  return collateral;
}

std::optional<BrokerCore::Placement> BrokerCore::find_placement(const TaskClass& task_class,
                                                                const Scratch* scratch,
                                                                bool* gave_up) const {
  ++placements_asked_;
  if (task_class.candidates.empty()) return std::nullopt;
  const bool together = std::any_of(task_class.with.begin(), task_class.with.end(),
                                    [](uint32_t with) { return with != kNone; });
  Search search{task_class, scratch, kNone, search_order(task_class), {}, kPlacementStepsMax};
  LookupSet<WorkerIx> tried;
  const bool held_do = !scratch || scratch->fit_is_enough;
  for (size_t place = 0;;) {
    const DeviceIx candidate = next_candidate(task_class, 0, held_do, place);
    if (candidate == kNone) break;
    const WorkerIx worker = devices_[candidate].worker;
    if (tried.contains(worker) || !device_usable(candidate, task_class, scratch) ||
        !worker_takes_device(worker, scratch)) {
      continue;
    }
    tried.insert(worker);
    Placement placement{worker, {}, {}};
    bool placed = false;
    if (!together && place_requests(task_class, worker, scratch, placement.devices)) {
      placement.collateral = collateral_of(placement.devices);
      placed = placement.devices.size() + placement.collateral.size() <= kDevicesPerLeaseMax;
    }
    // Any devices would do for each request alone, but not any for all of them.
    if (!placed && (together || !placement.devices.empty())) {
      search.worker = worker;
      search.chosen.assign(task_class.requests.size(), kNone);
      placed = search_requests(search, 0);
      placement.devices = search.chosen;
      if (placed) placement.collateral = collateral_of(placement.devices);
    }
    if (placed) return placement;
    if (search.steps == 0) break;
  }
  if (gave_up) *gave_up = search.steps == 0;
  return std::nullopt;
}

// Distinct devices of one worker for all requests: a bipartite matching by augmenting paths, in
// candidate order, so that the answer is found whenever there is one and the cost stays polynomial.
bool BrokerCore::place_requests(const TaskClass& task_class, WorkerIx worker,
                                const Scratch* scratch, std::vector<DeviceIx>& chosen) const {
  struct Owner {
    size_t request = 0;
    DeviceIx device = kNone;
  };
  std::map<DeviceIx, Owner> owners;  // by thing
  std::set<DeviceIx> visited;
  const auto usable = [&](DeviceIx candidate) {
    return devices_[candidate].worker == worker && device_usable(candidate, task_class, scratch);
  };
  const bool held_do = !scratch || scratch->fit_is_enough;
  // The first one whose thing `take` takes.
  const auto find_first = [&](size_t request, const auto& take) {
    for (size_t place = 0;;) {
      const DeviceIx candidate = next_candidate(task_class, request, held_do, place);
      if (candidate == kNone) return false;
      if (!usable(candidate) || !take(thing_of(candidate))) continue;
      owners[thing_of(candidate)] = {request, candidate};
      return true;
    }
  };
  const std::function<bool(size_t)> augment = [&](size_t request) {
    const auto is_new = [&](DeviceIx thing) {
      return !owners.contains(thing) && !visited.contains(thing);
    };
    const auto is_left = [&](DeviceIx thing) {
      const auto held = owners.find(thing);
      return held != owners.end() && visited.insert(thing).second && augment(held->second.request);
    };
    return find_first(request, is_new) || find_first(request, is_left);
  };
  for (size_t request = 0; request < task_class.requests.size(); ++request) {
    visited.clear();
    if (!augment(request)) return false;
  }
  chosen.assign(task_class.requests.size(), kNone);
  for (const auto& [thing, owner] : owners) chosen[owner.request] = owner.device;
  return true;
}

// Requests that must be together one after the other, so that a choice is tested at once.
std::vector<size_t> BrokerCore::search_order(const TaskClass& task_class) {
  const size_t count = task_class.requests.size();
  std::vector<size_t> order;
  std::vector<bool> listed(count, false);
  const auto list = [&](size_t request) {
    if (listed[request]) return;
    listed[request] = true;
    order.push_back(request);
  };
  for (size_t first = 0; first < count; ++first) {
    size_t next = order.size();
    list(first);
    for (; next < order.size(); ++next) {
      const size_t request = order[next];
      for (size_t other = 0; other < count; ++other) {
        if (task_class.with[request] == other || task_class.with[other] == request) list(other);
      }
    }
  }
  return order;
}

// Whether `candidate` may serve `request` beside what is chosen so far.
bool BrokerCore::search_fits(const Search& search, size_t request, DeviceIx candidate) const {
  const std::vector<uint32_t>& with = search.task_class.with;
  for (size_t other = 0; other < search.chosen.size(); ++other) {
    const DeviceIx chosen = search.chosen[other];
    if (chosen == kNone) continue;
    if (thing_of(chosen) == thing_of(candidate)) return false;
    const bool together = with[request] == other || with[other] == request;
    if (together && !share_stack(chosen, candidate)) return false;
  }
  return devices_[candidate].worker == search.worker &&
         device_usable(candidate, search.task_class, search.scratch);
}

// Backtracking in candidate order. False with no steps left: given up.
bool BrokerCore::search_requests(Search& search, size_t position) const {
  const TaskClass& task_class = search.task_class;
  if (position == search.order.size()) {
    return search.chosen.size() + collateral_of(search.chosen).size() <= kDevicesPerLeaseMax;
  }
  const size_t request = search.order[position];
  // Only a stack's few devices can be with one that is chosen.
  const std::vector<DeviceIx>* candidates = &task_class.candidates[request];
  bool in_stack = false;
  for (size_t other = 0; other < search.chosen.size() && !in_stack; ++other) {
    const bool together = task_class.with[request] == other || task_class.with[other] == request;
    if (!together || search.chosen[other] == kNone) continue;
    candidates = &devices_[search.chosen[other]].companions;
    in_stack = true;
  }
  for (const DeviceIx candidate : *candidates) {
    if (search.steps == 0) return false;
    --search.steps;
    if (in_stack && !is_candidate(task_class, request, candidate)) continue;
    if (!search_fits(search, request, candidate)) continue;
    search.chosen[request] = candidate;
    if (search_requests(search, position + 1)) return true;
    search.chosen[request] = kNone;
  }
  return false;
}

// A device that served one of the task's requests before serves the same one again: whoever looks
// at two attempts finds the same thing under the same role.
void BrokerCore::keep_roles(const Task& task, Placement& placement) const {
  if (task.attempts.empty()) return;
  const TaskClass& task_class = classes_[task.task_class];
  std::vector<DeviceIx>& devices = placement.devices;
  const std::vector<std::string>& before = task.attempts.back().device_names;
  const auto is_alone = [&](size_t request) {
    return task_class.with[request] == kNone &&
           std::find(task_class.with.begin(), task_class.with.end(), request) ==
               task_class.with.end();
  };
  for (size_t i = 0; i < devices.size(); ++i) {
    const auto found = std::find_if(devices.begin(), devices.end(), [&](DeviceIx ix) {
      return devices_[ix].spec.name == before[i];
    });
    if (found == devices.end()) continue;
    const auto j = static_cast<size_t>(found - devices.begin());
    if (i != j && is_alone(i) && is_alone(j) && is_candidate(task_class, i, devices[j]) &&
        is_candidate(task_class, j, devices[i])) {
      std::swap(devices[i], devices[j]);
    }
  }
}

}  // namespace muster
