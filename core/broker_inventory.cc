// The inventory: which ones are taken, and what follows from them and from what listers find. All
// that is derived here is a function of the inventory in force and of what workers list.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

namespace {

constexpr std::string_view kBroker = "broker";
constexpr std::string_view kSerial = "serial";  // key of a profile: tells a thing from its likes

std::string serial_of(const Profile& profile) {
  const auto found = profile.find(std::string(kSerial));
  return found == profile.end() ? std::string() : found->second;
}

// Only a person says that it is fit again.
bool waits_for_person(const DeviceJudged& judged) {
  return judged.health == DeviceHealth::locked || judged.health == DeviceHealth::needs_human ||
         (judged.health == DeviceHealth::quarantined && judged.who != kBroker);
}

// invalid_*: why a part of an inventory cannot be used, as a sentence, or empty.

std::string invalid_pools(const std::vector<std::string>& pools, const std::string& subject) {
  for (const std::string& pool : pools) {
    if (const auto problem = invalid_name(pool, subject + "pool")) return *problem;
  }
  return "";
}

std::string invalid_workers(const std::vector<WorkerSpec>& workers) {
  for (const WorkerSpec& worker : workers) {
    if (const auto problem = invalid_name(worker.name, "worker")) return *problem;
    const std::string subject = "worker " + worker.name + ": ";
    if (std::string problem = invalid_pools(worker.pools, subject); !problem.empty())
      return problem;
  }
  return "";
}

std::string invalid_device(const DeviceSpec& device) {
  if (const auto problem = invalid_name(device.name, "device")) return *problem;
  const std::string subject = "device " + device.name + ": ";
  if (const auto problem = invalid_name(device.worker, subject + "worker")) return *problem;
  if (std::string problem = invalid_pools(device.pools, subject); !problem.empty()) return problem;
  if (device.lister.empty()) return "";
  return invalid_name(device.lister, subject + "lister").value_or("");
}

std::string invalid_devices(const std::vector<DeviceSpec>& devices) {
  if (devices.size() > kInventoryDevicesMax) {
    return "at most " + std::to_string(kInventoryDevicesMax) + " devices in an inventory";
  }
  std::map<std::string, std::string> by_serial;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (std::string problem = invalid_device(devices[i]); !problem.empty()) return problem;
    const std::string serial = serial_of(devices[i].profile);
    const auto [same, added] = by_serial.emplace(serial, devices[i].name);
    if (!serial.empty() && !added) {
      return "device " + devices[i].name + " has the serial " + serial + " of device " +
             same->second + ": a serial names one thing";
    }
    if (i > 0 && devices[i - 1].name >= devices[i].name) {
      return "devices must be sorted by name and unique: " + devices[i].name;
    }
  }
  return "";
}

// Devices are sorted by name.
const DeviceSpec* find_device(const Inventory& inventory, const std::string& name) {
  const auto found = std::lower_bound(
      inventory.devices.begin(), inventory.devices.end(), name,
      [](const DeviceSpec& device, const std::string& wanted) { return device.name < wanted; });
  return found != inventory.devices.end() && found->name == name ? &*found : nullptr;
}

std::string no_such_member(const Inventory& inventory, const std::string& member) {
  std::vector<std::string> names;
  for (const DeviceSpec& device : inventory.devices) names.push_back(device.name);
  return "no device of the inventory is named " + quote_text(member) + suggest(member, names);
}

std::string invalid_stack(const Inventory& inventory, const StackSpec& stack) {
  if (const auto problem = invalid_name(stack.name, "stack")) return *problem;
  const std::string subject = "stack " + stack.name + ": ";
  if (stack.members.size() < 2) return subject + "has fewer than two members";
  if (stack.members.size() > kStackMembersMax) {
    return subject + "has more than " + std::to_string(kStackMembersMax) + " members";
  }
  std::set<std::string_view> seen;
  const DeviceSpec* first = nullptr;
  for (const std::string& member : stack.members) {
    if (!seen.insert(member).second) return subject + member + " is a member twice";
    const DeviceSpec* device = find_device(inventory, member);
    if (!device) return subject + no_such_member(inventory, member);
    if (!first) first = device;
    if (device->worker != first->worker) {
      return subject + first->name + " is on worker " + first->worker + " and " + device->name +
             " on worker " + device->worker +
             ": a stack's devices are leased together, so one worker must reach them all";
    }
  }
  return "";
}

std::string invalid_stacks(const Inventory& inventory) {
  if (inventory.stacks.size() > kInventoryDevicesMax) {
    return "at most " + std::to_string(kInventoryDevicesMax) + " stacks in an inventory";
  }
  std::set<std::string_view> names;
  std::map<std::string_view, std::set<std::string_view>> together;
  for (const StackSpec& stack : inventory.stacks) {
    if (std::string problem = invalid_stack(inventory, stack); !problem.empty()) return problem;
    if (!names.insert(stack.name).second) return "two stacks are named " + stack.name;
    for (const std::string& member : stack.members) {
      std::set<std::string_view>& with = together[member];
      with.insert(stack.members.begin(), stack.members.end());
      if (with.size() > kDevicesPerLeaseMax) {
        return "device " + member + " is in stacks with more than " +
               std::to_string(kDevicesPerLeaseMax - 1) +
               " other devices, which would all be leased with it";
      }
    }
  }
  return "";
}

std::string invalid_policy(const HealthPolicy& policy) {
  if (policy.quarantine_after < 1 || policy.quarantine_after > kQuarantineAfterMax) {
    return "health: a device is quarantined after 1 to " + std::to_string(kQuarantineAfterMax) +
           " failures in a row";
  }
  if (policy.reverify.size() > kReverifyStepsMax) {
    return "health: reverify has at most " + std::to_string(kReverifyStepsMax) + " back-offs";
  }
  for (const Duration backoff : policy.reverify) {
    if (backoff <= Duration{0} || backoff > kTimeoutMax) {
      return "health: a back-off of reverify is not positive or longer than 30 days";
    }
  }
  if (policy.fresh < Duration{0} || policy.fresh > kTimeoutMax) {
    return "health: fresh is negative or longer than 30 days";
  }
  return "";
}

std::string invalid_allow(const std::vector<std::string>& allow) {
  for (const std::string& text : allow) {
    const Result<Selector> selector = Selector::parse(text);
    if (!selector.ok()) return "allow: " + selector.error();
  }
  return "";
}

std::string invalid_caps(const std::vector<Cap>& caps) {
  if (caps.size() > kCapsMax) return "at most " + std::to_string(kCapsMax) + " caps";
  std::set<std::string_view> pools;
  for (const Cap& cap : caps) {
    if (!cap.pool.empty()) {
      if (const auto problem = invalid_name(cap.pool, "a cap's pool")) return *problem;
    }
    const std::string whose = cap.pool.empty() ? "the lab" : "pool " + cap.pool;
    if (!pools.insert(cap.pool).second) return "caps: " + whose + " has two";
    if (cap.max_running == 0 && cap.max_running_per_device == 0) {
      return "caps: that of " + whose + " bounds nothing: give it max_running or " +
             "max_running_per_device, or leave it out";
    }
    if (cap.max_running > kCapMax || cap.max_running_per_device > kCapMax) {
      return "caps: that of " + whose + " is at most " + std::to_string(kCapMax);
    }
  }
  return "";
}

std::string invalid_shares(const std::vector<Share>& shares) {
  if (shares.size() > kSharesMax) return "at most " + std::to_string(kSharesMax) + " shares";
  std::set<std::string_view> submitters;
  for (const Share& share : shares) {
    if (share.submitter.empty() || share.submitter.size() > kSubmitterBytesMax) {
      return "shares: one names no submitter, or one whose name is too long";
    }
    const std::string whose = "shares: " + quote_text(share.submitter);
    if (!submitters.insert(share.submitter).second) return whose + " has two weights";
    if (share.weight < 1 || share.weight > kWeightMax) {
      return whose + ": its weight must be 1 to " + std::to_string(kWeightMax);
    }
  }
  return "";
}

std::string invalid_inventory(const Inventory& inventory) {
  for (const std::string& problem :
       {invalid_workers(inventory.workers), invalid_devices(inventory.devices),
        invalid_stacks(inventory), invalid_policy(inventory.health), invalid_allow(inventory.allow),
        invalid_caps(inventory.caps), invalid_shares(inventory.shares)}) {
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace

Decision BrokerCore::decide_inventory(const FromPeer& input, const ApplyInventory& apply,
                                      Instant now) const {
  const Inventory& wanted = *apply.inventory;
  Decision decision;
  if (std::string problem = invalid_inventory(wanted); !problem.empty()) {
    const bool too_many =
        wanted.devices.size() > kInventoryDevicesMax || wanted.stacks.size() > kInventoryDevicesMax;
    return refuse(input, too_many ? RefusalCode::limit : RefusalCode::invalid,
                  cut_text(problem, kMessageLengthMax));
  }
  InventoryReply answer;
  for (const DeviceSpec& device : wanted.devices) {
    const auto found = device_by_name_.find(device.name);
    if (found == device_by_name_.end() || !devices_[found->second].declared) {
      ++answer.devices_added;
    } else if (!(devices_[found->second].spec == device)) {
      ++answer.devices_changed;
    }
  }
  for (const Device& device : devices_) {
    if (device.declared && !find_device(wanted, device.spec.name)) ++answer.devices_removed;
  }
  if (!(wanted == *inventory_)) {
    decision.events.push_back(
        Event{now, InventoryApplied{apply.inventory, cut_text(apply.who, kNameLengthMax)}});
    decide_replaced(apply, now, decision);
    decide_consequences(decision, now);
  }
  decision.sends.push_back(answer_to(input, answer));
  return decision;
}

// What was known of a device counts no more when another thing has its name now, or when it is
// looked at in another way. What waits for a person goes on waiting.
void BrokerCore::decide_replaced(const ApplyInventory& apply, Instant now,
                                 Decision& decision) const {
  const Inventory& wanted = *apply.inventory;
  std::map<std::string_view, const std::string*> strategies;
  for (const StrategyBlob& blob : wanted.strategies) strategies.emplace(blob.name, &blob.bytes);
  std::map<std::string_view, const std::string*> strategies_before;
  for (const StrategyBlob& blob : inventory_->strategies) {
    strategies_before.emplace(blob.name, &blob.bytes);
  }
  const auto same_content = [&](const std::string& name) {
    const auto one = strategies_before.find(name);
    const auto other = strategies.find(name);
    if (one == strategies_before.end() || other == strategies.end()) {
      return one == strategies_before.end() && other == strategies.end();
    }
    return *one->second == *other->second;
  };
  for (const DeviceSpec& spec : wanted.devices) {
    const auto found = device_by_name_.find(spec.name);
    if (found == device_by_name_.end()) continue;
    const DeviceSpec& before = devices_[found->second].spec;
    std::string what;
    if (serial_of(before.profile) != serial_of(spec.profile)) {
      what = "serial";
    } else if (before.strategy != spec.strategy) {
      what = "strategy";
    } else if (!spec.strategy.empty() && !same_content(spec.strategy)) {
      what = "content of its strategy";
    }
    DeviceJudged judgement = device_as_judged(found->second, {});
    const bool nothing_known = judgement.health == DeviceHealth::unknown &&
                               judgement.failures == 0 && judgement.job_failures == 0;
    if (what.empty() || nothing_known || waits_for_person(judgement)) continue;
    judgement.health = DeviceHealth::unknown;
    judgement.reason = "the inventory gives it another " + what;
    judgement.who = cut_text(apply.who, kNameLengthMax);
    judgement.until = kNever;
    judgement.failures = judgement.job_failures = 0;
    judgement.level.clear();
    decision.events.push_back(Event{now, std::move(judgement)});
  }
}

// What the worker's listers found or lost since it last said so. Both lists are sorted by name. Of
// listers that have only just begun it is not known what they lost.
void BrokerCore::decide_listed(const Sync& sync, const std::string& name, const Worker* worker,
                               Instant now, Decision& decision) const {
  static const std::map<std::string, ListedDevice> kNothing;
  const std::map<std::string, ListedDevice>& before = worker ? worker->listed : kNothing;
  auto old = before.begin();
  const auto is_gone = [&] {
    if (sync.listed_all) decision.events.push_back(Event{now, DeviceUnlisted{name, old->first}});
    ++old;
  };
  for (const ListedDevice& listed : sync.listed) {
    while (old != before.end() && old->first < listed.name) is_gone();
    const bool same = old != before.end() && old->first == listed.name;
    if (!same || !(old->second == listed)) {
      decision.events.push_back(Event{now, DeviceListed{name, listed}});
    }
    if (same) ++old;
  }
  while (old != before.end()) is_gone();
}

void BrokerCore::apply_event(const InventoryApplied& event, Instant) {
  inventory_ = event.inventory;
  for (Device& device : devices_) device.declared = device.allowed = false;
  for (const WorkerSpec& spec : inventory_->workers) worker_ix(spec.name);
  for (const DeviceSpec& spec : inventory_->devices) {
    const auto found = device_by_name_.find(spec.name);
    Device& device =
        devices_[found == device_by_name_.end() ? add_device_slot(spec.name) : found->second];
    device.spec = spec;
    device.declared = true;
    device.undeclared = false;
    device.worker = worker_ix(spec.worker);
  }
  index_inventory();
  index_caps();
  match_classes();
  index_strays();
  for (DeviceIx ix = 0; ix < devices_.size(); ++ix) {
    index_reverify(ix);
    index_gone(ix);
  }
  for (WorkerIx ix = 0; ix < workers_.size(); ++ix) {
    unindex_worker(ix);  // it may serve other pools now
    index_worker(ix);
  }
  if (!plain_classes_.empty()) plain_dispatch_due_ = true;
}

void BrokerCore::apply_event(const DeviceListed& event, Instant) {
  Worker& worker = workers_[worker_ix(event.worker)];
  remove_listed(worker, event.device.name);
  add_listed(worker, event.device);
  refresh_undeclared(event.device.name, true);
}

void BrokerCore::apply_event(const DeviceUnlisted& event, Instant) {
  remove_listed(workers_[worker_ix(event.worker)], event.name);
  refresh_undeclared(event.name, true);
}

// Stacks, serials, selectors, and which listed devices are nobody's declared ones.
void BrokerCore::index_inventory() {
  allow_.clear();
  for (const std::string& text : inventory_->allow) {
    if (Result<Selector> selector = Selector::parse(text); selector.ok()) {
      allow_.push_back(std::move(*selector));
    }
  }
  strategy_for_.clear();
  for (const StrategyBlob& blob : inventory_->strategies) {
    if (allow_.empty() || !options_.strategy_selector) break;
    const std::optional<std::string> text = options_.strategy_selector(blob.bytes);
    if (!text) continue;
    Result<Selector> selector = Selector::parse(*text);
    if (selector.ok()) strategy_for_.emplace_back(std::move(*selector), blob.name);
  }
  devices_by_serial_.clear();
  for (DeviceIx ix = 0; ix < devices_.size(); ++ix) {
    devices_[ix].companions.clear();
    devices_[ix].stacks.clear();
    index_serial(ix, true);
  }
  for (uint32_t place = 0; place < inventory_->stacks.size(); ++place) {
    const StackSpec& stack = inventory_->stacks[place];
    for (const std::string& member : stack.members) {
      Device& device = devices_[device_by_name_.find(member)->second];
      device.stacks.push_back(place);
      std::vector<DeviceIx>& companions = device.companions;
      for (const std::string& other : stack.members) {
        if (other != member) companions.push_back(device_by_name_.find(other)->second);
      }
    }
  }
  const auto by_name = [&](DeviceIx a, DeviceIx b) {
    return devices_[a].spec.name < devices_[b].spec.name;
  };
  for (Device& device : devices_) {
    std::vector<DeviceIx>& companions = device.companions;
    std::sort(companions.begin(), companions.end(), by_name);
    companions.erase(std::unique(companions.begin(), companions.end()), companions.end());
  }
  std::set<std::string> names;
  for (const Worker& worker : workers_) {
    for (const auto& [name, listed] : worker.listed) names.insert(name);
  }
  for (const std::string& name : names) refresh_undeclared(name, false);
  for (Worker& worker : workers_) worker.devices.clear();
  for (const auto& [name, ix] : device_by_name_) {
    if (devices_[ix].known()) workers_[devices_[ix].worker].devices.push_back(ix);
  }
}

void BrokerCore::index_serial(DeviceIx ix, bool in) {
  const DeviceSpec& spec = devices_[ix].spec;
  const std::string serial = serial_of(spec.profile);
  if (serial.empty()) return;
  std::vector<DeviceIx>& same = devices_by_serial_[serial];
  std::erase(same, ix);
  if (in) same.push_back(ix);
}

const std::vector<BrokerCore::DeviceIx>& BrokerCore::devices_of_serial(
    const Profile& profile) const {
  static const std::vector<DeviceIx> kNobody;
  const std::string serial = serial_of(profile);
  if (serial.empty()) return kNobody;
  const std::vector<DeviceIx>* found = devices_by_serial_.find(serial);
  return found ? *found : kNobody;
}

void BrokerCore::count_listed(Worker& worker, const ListedDevice& listed) {
  ++worker.listed_serials[{listed.lister, serial_of(listed.profile)}];
}

void BrokerCore::add_listed(Worker& worker, const ListedDevice& listed) {
  worker.listed[listed.name] = listed;
  count_listed(worker, listed);
  mark_listed(listed);
}

void BrokerCore::remove_listed(Worker& worker, const std::string& name) {
  const auto found = worker.listed.find(name);
  if (found == worker.listed.end()) return;
  const ListedDevice listed = std::move(found->second);
  worker.listed.erase(found);
  const auto count = worker.listed_serials.find({listed.lister, serial_of(listed.profile)});
  if (--count->second == 0) worker.listed_serials.erase(count);
  mark_listed(listed);
}

// A declared device may have come or gone.
void BrokerCore::mark_listed(const ListedDevice& listed) {
  const auto mark = [&](DeviceIx ix) {
    mark_device(ix);
    index_strays_of(devices_[ix].spec.name);
    index_reverify(ix);
  };
  const auto found = device_by_name_.find(listed.name);
  if (found != device_by_name_.end()) mark(found->second);
  for (const DeviceIx ix : devices_of_serial(listed.profile)) {
    if (found == device_by_name_.end() || ix != found->second) mark(ix);
  }
}

bool BrokerCore::device_present(const Device& device) const {
  if (device.spec.lister.empty() || device.allowed) return true;
  if (device.worker == kNone) return false;
  const Worker& worker = workers_[device.worker];
  const std::string serial = serial_of(device.spec.profile);
  if (!serial.empty()) return worker.listed_serials.contains({device.spec.lister, serial});
  const auto found = worker.listed.find(device.spec.name);
  return found != worker.listed.end() && found->second.lister == device.spec.lister;
}

BrokerCore::DeviceIx BrokerCore::declared_as(const Worker& worker,
                                             const ListedDevice& listed) const {
  for (const DeviceIx ix : devices_of_serial(listed.profile)) {
    if (devices_[ix].declared) return ix;
  }
  const auto found = device_by_name_.find(listed.name);
  if (found == device_by_name_.end()) return kNone;
  const Device& device = devices_[found->second];
  if (!device.declared || device.spec.worker != worker.name) return kNone;
  const bool may_be = serial_of(device.spec.profile).empty() || serial_of(listed.profile).empty();
  return may_be ? found->second : kNone;
}

bool BrokerCore::is_allowed(const DeviceSpec& device) const {
  return std::any_of(allow_.begin(), allow_.end(), [&](const Selector& selector) {
    return selector.matches(match_profile(device));
  });
}

DeviceSpec BrokerCore::make_undeclared(const Worker& worker, const ListedDevice& listed) const {
  DeviceSpec spec;
  spec.name = listed.name;
  spec.profile = listed.profile;
  spec.worker = worker.name;
  spec.lister = listed.lister;
  for (const auto& [selector, strategy] : strategy_for_) {
    if (!selector.matches(match_profile(spec))) continue;
    spec.strategy = strategy;
    break;
  }
  return spec;
}

// The worker that lists an undeclared device of this name that may be used. When several do, the
// one that did so first keeps it; then they count by name.
const BrokerCore::Worker* BrokerCore::lister_of_undeclared(const std::string& name) const {
  if (allow_.empty()) return nullptr;
  const auto lists = [&](const Worker& worker) {
    const auto found = worker.listed.find(name);
    return found != worker.listed.end() && declared_as(worker, found->second) == kNone &&
           is_allowed(make_undeclared(worker, found->second));
  };
  const auto present = device_by_name_.find(name);
  if (present != device_by_name_.end() && devices_[present->second].undeclared) {
    const Worker& worker = workers_[devices_[present->second].worker];
    if (lists(worker)) return &worker;
  }
  for (const auto& [worker_name, ix] : worker_by_name_) {
    if (lists(workers_[ix])) return &workers_[ix];
  }
  return nullptr;
}

// A listed device that nobody declared is a device while it is plugged in and allowed. `match`: the
// classes are told; otherwise match_classes() follows.
void BrokerCore::refresh_undeclared(const std::string& name, bool match) {
  const auto found = device_by_name_.find(name);
  if (found != device_by_name_.end() && devices_[found->second].declared) return;
  const Worker* lister = lister_of_undeclared(name);
  if (!lister && (found == device_by_name_.end() || !devices_[found->second].allowed)) return;
  // What is plugged in under ever new names takes the places of what it was before.
  const bool may_forget =
      !gone_.empty() && (std::get<0>(*gone_.begin()) == false || gone_.size() >= kGoneDevicesKept);
  if (found == device_by_name_.end() && may_forget) forget_device(std::get<2>(*gone_.begin()));
  const DeviceIx ix = found == device_by_name_.end() ? add_device_slot(name) : found->second;
  Device& device = devices_[ix];
  if (match && device.allowed) std::erase(workers_[device.worker].devices, ix);
  device.allowed = lister != nullptr;
  if (lister) {
    index_serial(ix, false);
    device.spec = make_undeclared(*lister, lister->listed.at(name));
    device.undeclared = true;
    device.worker = worker_ix(lister->name);
    index_serial(ix, true);
    if (match) workers_[device.worker].devices.push_back(ix);
  }
  if (!match) return;
  match_device(ix);
  index_strays_of(name);
  index_reverify(ix);
  index_gone(ix);
}

BrokerCore::DeviceIx BrokerCore::add_device_slot(const std::string& name) {
  DeviceIx ix = static_cast<DeviceIx>(devices_.size());
  if (free_devices_.empty()) {
    devices_.emplace_back();
  } else {
    ix = free_devices_.back();
    free_devices_.pop_back();
  }
  device_by_name_.emplace(name, ix);
  return ix;
}

// Nothing is known of it that would be missed.
bool BrokerCore::is_blank(const Device& device) {
  return device.health == DeviceHealth::unknown && device.failures == 0 &&
         device.job_failures == 0 && device.uses.empty();
}

// Keeps gone_ true for the device: undeclared, gone, of no use to a task, and no person's word is
// kept with it.
void BrokerCore::index_gone(DeviceIx ix) {
  Device& device = devices_[ix];
  if (device.gone_at != 0) {
    gone_.erase({false, device.gone_at, ix});
    gone_.erase({true, device.gone_at, ix});
  }
  const bool by_person =
      device.health == DeviceHealth::locked ||
      (device.health == DeviceHealth::quarantined && device.health_who != kBroker);
  if (!device.undeclared || device.known() || device.holder != kNone || by_person ||
      is_served(device.spec.name)) {
    device.gone_at = 0;
    return;
  }
  if (device.gone_at == 0) device.gone_at = head_;
  gone_.emplace(!is_blank(device), device.gone_at, ix);
}

void BrokerCore::forget_device(DeviceIx ix) {
  Device& device = devices_[ix];
  assert(device.waiters.empty() && device.reverify_at == kNever);
  gone_.erase(gone_.begin());
  index_serial(ix, false);
  device_by_name_.erase(device.spec.name);
  device = Device{};
  free_devices_.push_back(ix);
}

}  // namespace muster
