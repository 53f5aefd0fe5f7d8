// schemas/wire.capnp: workers, devices and the inventory.
#include "io/codec_wire.h"

namespace muster::wire {

static_assert(same(StopReason::CANCELLED, muster::StopReason::cancelled));
static_assert(same(StopReason::FENCED, muster::StopReason::fenced));
static_assert(same(DeviceState::OFFLINE, muster::DeviceState::offline));
static_assert(same(DeviceState::IDLE, muster::DeviceState::idle));
static_assert(same(DeviceState::LEASED, muster::DeviceState::leased));
static_assert(same(DeviceState::VERIFYING, muster::DeviceState::verifying));
static_assert(same(DeviceState::REPAIRING, muster::DeviceState::repairing));
static_assert(same(DeviceState::RUNNING, muster::DeviceState::running));
static_assert(same(DeviceHealth::UNKNOWN, muster::DeviceHealth::unknown));
static_assert(same(DeviceHealth::GOOD, muster::DeviceHealth::good));
static_assert(same(DeviceHealth::BAD, muster::DeviceHealth::bad));
static_assert(same(DeviceHealth::QUARANTINED, muster::DeviceHealth::quarantined));
static_assert(same(DeviceHealth::NEEDS_HUMAN, muster::DeviceHealth::needs_human));
static_assert(same(DeviceHealth::LOCKED, muster::DeviceHealth::locked));
static_assert(same(DeviceChange::LOCK, muster::DeviceChange::lock));
static_assert(same(DeviceChange::UNLOCK, muster::DeviceChange::unlock));
static_assert(same(DeviceChange::QUARANTINE, muster::DeviceChange::quarantine));
static_assert(same(DeviceChange::RELEASE, muster::DeviceChange::release));

static void write(HeldAttempt::Builder to, const muster::HeldAttempt& from) {
  put_token(to, from.token);
  to.setRunning(from.running);
}

static void read(Reading& in, HeldAttempt::Reader from, muster::HeldAttempt& to) {
  read_token(in, from, to.token);
  to.running = from.getRunning();
}

void write(Sync::Builder to, const muster::Sync& from) {
  using Builder = Sync::Builder;
  to.setNumber(from.number);
  to.setIncarnation(from.incarnation);
  to.setFull(from.full);
  to.setUnackedFirst(from.unacked_first);
  to.setUnackedLast(from.unacked_last);
  put_list(to, &Builder::initReports, from.reports);
  put(to, &Builder::setLab, from.lab);
  put_texts(to, &Builder::initPools, from.pools);
  to.setSlots(from.slots);
  to.setCredit(from.credit);
  put_list(to, &Builder::initHeld, from.held);
  put(to, &Builder::setVersion, from.version);
  put_list(to, &Builder::initListed, from.listed);
  put(to, &Builder::setRefusing, from.refusing);
  put_list(to, &Builder::initListers, from.listers);
  to.setListedAll(from.listed_all);
}

void read(Reading& in, Sync::Reader from, muster::Sync& to) {
  to.number = from.getNumber();
  to.incarnation = from.getIncarnation();
  to.full = from.getFull();
  to.unacked_first = from.getUnackedFirst();
  to.unacked_last = from.getUnackedLast();
  read_list(in, from.getReports(), to.reports, "reports in a sync", kReportsPerSyncMax);
  in.text(from.getLab(), to.lab, "the lab's name");
  read_texts(in, from.getPools(), to.pools, "pools of a worker");
  to.slots = from.getSlots();
  to.credit = from.getCredit();
  read_list(in, from.getHeld(), to.held, "held attempts", kCreditMax);
  in.text(from.getVersion(), to.version, "the worker's version");
  read_list(in, from.getListed(), to.listed, "listed devices", kListedDevicesMax);
  in.text(from.getRefusing(), to.refusing, "why a worker takes no new work");
  read_list(in, from.getListers(), to.listers, "listers of a worker", kListersMax);
  to.listed_all = from.getListedAll();
}

static void write(ActionUse::Builder to, const muster::ActionUse& from) {
  put(to, &ActionUse::Builder::setTag, from.tag);
  to.setCount(from.count);
}

static void read(Reading& in, ActionUse::Reader from, muster::ActionUse& to) {
  in.text(from.getTag(), to.tag, "a repair action's tag");
  to.count = from.getCount();
}

static void write(Assignment::Builder to, const muster::Assignment& from) {
  using Builder = Assignment::Builder;
  write(to.initSpec(), *from.spec);
  to.setAttempt(from.attempt);
  put_list(to, &Builder::initDevices, from.devices);
  put(to, &Builder::setStrategy, from.strategy);
  put_list(to, &Builder::initUsed, from.used);
}

static void read(Reading& in, Assignment::Reader from, muster::Assignment& to) {
  using R = Assignment::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "the spec of an assignment");
  to.attempt = from.getAttempt();
  read_list(in, from.getDevices(), to.devices, "devices of an assignment", kDevicesPerLeaseMax);
  in.data(from.getStrategy(), to.strategy);
  read_list(in, from.getUsed(), to.used, "used repair actions", kStrategyNodesMax);
}

static void write(StopOrder::Builder to, const muster::StopOrder& from) {
  put_token(to, from.token);
  to.setReason(to_wire<StopReason>(from.reason));
  put(to, &StopOrder::Builder::setText, from.text);
}

static void read(Reading& in, StopOrder::Reader from, muster::StopOrder& to) {
  read_token(in, from, to.token);
  in.enumerant(from.getReason(), muster::StopReason::fenced, to.reason, "reason to stop");
  in.text(from.getText(), to.text, "the reason to stop");
}

void write(Desired::Builder to, const muster::Desired& from) {
  to.setEpoch(from.epoch);
  to.setNumber(from.number);
  to.setSyncNumber(from.sync_number);
  to.setLease(from.lease.count());
  to.setAcked(from.acked);
  put_list(to, &Desired::Builder::initRun, from.run);
  put_list(to, &Desired::Builder::initStop, from.stop);
}

void read(Reading& in, Desired::Reader from, muster::Desired& to) {
  to.epoch = from.getEpoch();
  to.number = from.getNumber();
  to.sync_number = from.getSyncNumber();
  in.duration(from.getLease(), to.lease, "the lease");
  to.acked = from.getAcked();
  read_list(in, from.getRun(), to.run, "assignments", kAssignmentsPerDesiredMax);
  read_list(in, from.getStop(), to.stop, "orders to stop", kCreditMax);
}

void write(ListDevices::Builder to, const muster::ListDevices& from) {
  put(to, &ListDevices::Builder::setSelector, from.selector);
  put(to, &ListDevices::Builder::setName, from.name);
  put(to, &ListDevices::Builder::setAfter, from.after);
}

void read(Reading& in, ListDevices::Reader from, muster::ListDevices& to) {
  in.text(from.getSelector(), to.selector, "the selector");
  in.text(from.getName(), to.name, "a device's name");
  in.text(from.getAfter(), to.after, "the name before a device's");
}

static void write(DeviceInfo::Builder to, const muster::DeviceInfo& from) {
  write(to.initSpec(), from.spec);
  to.setState(to_wire<DeviceState>(from.state));
  to.setHealth(to_wire<DeviceHealth>(from.health));
  put(to, &DeviceInfo::Builder::setHealthReason, from.health_reason);
  to.setHealthSince(to_us(from.health_since));
  put(to, &DeviceInfo::Builder::setHeldByGuid, from.held_by.guid);
  to.setHeldByAttempt(from.held_by.attempt);
  put(to, &DeviceInfo::Builder::setHealthWho, from.health_who);
  to.setUntil(to_us(from.until));
  to.setFailures(from.failures);
  put_texts(to, &DeviceInfo::Builder::initStacks, from.stacks);
  to.setUndeclared(from.undeclared);
  put(to, &DeviceInfo::Builder::setProgress, from.progress);
  to.setDraining(from.draining);
  put(to, &DeviceInfo::Builder::setAbsent, from.absent);
  to.setAllowed(from.allowed);
}

static void read(Reading& in, DeviceInfo::Reader from, muster::DeviceInfo& to) {
  using R = DeviceInfo::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "a device's spec");
  in.enumerant(from.getState(), muster::DeviceState::running, to.state, "state of a device");
  in.enumerant(from.getHealth(), muster::DeviceHealth::locked, to.health, "health of a device");
  in.text(from.getHealthReason(), to.health_reason, "the reason for a device's health");
  in.time(from.getHealthSince(), to.health_since, "the time of a device's health");
  in.text(from.getHeldByGuid(), to.held_by.guid, "the GUID of what holds a device");
  to.held_by.attempt = from.getHeldByAttempt();
  in.text(from.getHealthWho(), to.health_who, "who judged a device");
  in.time(from.getUntil(), to.until, "the end of a back-off");
  to.failures = from.getFailures();
  read_texts(in, from.getStacks(), to.stacks, "stacks of a device");
  to.undeclared = from.getUndeclared();
  in.text(from.getProgress(), to.progress, "the progress of an attempt");
  to.draining = from.getDraining();
  in.text(from.getAbsent(), to.absent, "why a device is not there");
  to.allowed = from.getAllowed();
}

void write(DeviceList::Builder to, const muster::DeviceList& from) {
  put_list(to, &DeviceList::Builder::initDevices, from.devices);
  to.setMore(from.more);
}

void read(Reading& in, DeviceList::Reader from, muster::DeviceList& to) {
  read_list(in, from.getDevices(), to.devices, "devices", kInventoryDevicesMax);
  to.more = from.getMore();
}

static void write(WorkerInfo::Builder to, const muster::WorkerInfo& from) {
  using Builder = WorkerInfo::Builder;
  put(to, &Builder::setName, from.name);
  to.setPresent(from.present);
  to.setIncarnation(from.incarnation);
  put(to, &Builder::setLab, from.lab);
  put_texts(to, &Builder::initPools, from.pools);
  put(to, &Builder::setVersion, from.version);
  to.setSlots(from.slots);
  to.setHeld(from.held);
  to.setLastHeard(to_us(from.last_heard));
  to.setLeaseUntil(to_us(from.lease_until));
  put(to, &Builder::setRefusing, from.refusing);
  put_list(to, &Builder::initListers, from.listers);
  if (from.draining) write(to.initDraining(), *from.draining);
}

static void read(Reading& in, WorkerInfo::Reader from, muster::WorkerInfo& to) {
  in.text(from.getName(), to.name, "a worker's name");
  to.present = from.getPresent();
  to.incarnation = from.getIncarnation();
  in.text(from.getLab(), to.lab, "the lab's name");
  read_texts(in, from.getPools(), to.pools, "pools of a worker");
  in.text(from.getVersion(), to.version, "a worker's version");
  to.slots = from.getSlots();
  to.held = from.getHeld();
  in.time(from.getLastHeard(), to.last_heard, "the time a worker was heard");
  in.time(from.getLeaseUntil(), to.lease_until, "the end of a worker's lease");
  in.text(from.getRefusing(), to.refusing, "why a worker takes no new work");
  read_list(in, from.getListers(), to.listers, "listers of a worker", kListersMax);
  if (from.hasDraining()) read(in, from.getDraining(), to.draining.emplace());
}

void write(WorkerList::Builder to, const muster::WorkerList& from) {
  put_list(to, &WorkerList::Builder::initWorkers, from.workers);
}

void read(Reading& in, WorkerList::Reader from, muster::WorkerList& to) {
  read_list(in, from.getWorkers(), to.workers, "workers");
}

void write(ApplyInventory::Builder to, const muster::ApplyInventory& from) {
  write(to.initInventory(), *from.inventory);
  put(to, &ApplyInventory::Builder::setWho, from.who);
}

void read(Reading& in, ApplyInventory::Reader from, muster::ApplyInventory& to) {
  using R = ApplyInventory::Reader;
  read_member(in, from, &R::hasInventory, &R::getInventory, to.inventory, "the inventory");
  in.text(from.getWho(), to.who, "who applies the inventory");
}

void write(InventoryReply::Builder to, const muster::InventoryReply& from) {
  to.setDevicesAdded(from.devices_added);
  to.setDevicesChanged(from.devices_changed);
  to.setDevicesRemoved(from.devices_removed);
}

void read(Reading&, InventoryReply::Reader from, muster::InventoryReply& to) {
  to.devices_added = from.getDevicesAdded();
  to.devices_changed = from.getDevicesChanged();
  to.devices_removed = from.getDevicesRemoved();
}

void write(CurrentInventory::Builder to, const muster::CurrentInventory& from) {
  write(to.initInventory(), *from.inventory);
}

void read(Reading& in, CurrentInventory::Reader from, muster::CurrentInventory& to) {
  using R = CurrentInventory::Reader;
  read_member(in, from, &R::hasInventory, &R::getInventory, to.inventory, "the inventory");
}

void write(ChangeDevices::Builder to, const muster::ChangeDevices& from) {
  put_texts(to, &ChangeDevices::Builder::initNames, from.names);
  to.setChange(to_wire<DeviceChange>(from.change));
  put(to, &ChangeDevices::Builder::setReason, from.reason);
  put(to, &ChangeDevices::Builder::setWho, from.who);
}

void read(Reading& in, ChangeDevices::Reader from, muster::ChangeDevices& to) {
  read_texts(in, from.getNames(), to.names, "names of devices", kInventoryDevicesMax);
  in.enumerant(from.getChange(), muster::DeviceChange::release, to.change, "change of a device");
  in.text(from.getReason(), to.reason, "the reason of a change");
  in.text(from.getWho(), to.who, "who changes a device");
}

static void write(ChangeDevicesReply::Result::Builder to,
                  const muster::ChangeDevicesReply::Outcome& from) {
  put(to, &ChangeDevicesReply::Result::Builder::setName, from.name);
  put(to, &ChangeDevicesReply::Result::Builder::setRefused, from.refused);
  put(to, &ChangeDevicesReply::Result::Builder::setAlready, from.already);
}

static void read(Reading& in, ChangeDevicesReply::Result::Reader from,
                 muster::ChangeDevicesReply::Outcome& to) {
  in.text(from.getName(), to.name, "a device's name");
  in.text(from.getRefused(), to.refused, "the reason of a refusal");
  in.text(from.getAlready(), to.already, "what a device was already");
}

void write(ChangeDevicesReply::Builder to, const muster::ChangeDevicesReply& from) {
  put_list(to, &ChangeDevicesReply::Builder::initResults, from.results);
}

void read(Reading& in, ChangeDevicesReply::Reader from, muster::ChangeDevicesReply& to) {
  read_list(in, from.getResults(), to.results, "changed devices", kInventoryDevicesMax);
}

void write(Drain::Builder to, const muster::Drain& from) {
  put_texts(to, &Drain::Builder::initWorkers, from.workers);
  to.setResume(from.resume);
  put(to, &Drain::Builder::setReason, from.reason);
  put(to, &Drain::Builder::setWho, from.who);
}

void read(Reading& in, Drain::Reader from, muster::Drain& to) {
  read_texts(in, from.getWorkers(), to.workers, "names of workers", kPeersMax);
  to.resume = from.getResume();
  in.text(from.getReason(), to.reason, "the reason of a drain");
  in.text(from.getWho(), to.who, "who drains");
}

static void write(DrainReply::Result::Builder to, const muster::DrainReply::Outcome& from) {
  put(to, &DrainReply::Result::Builder::setName, from.name);
  put(to, &DrainReply::Result::Builder::setRefused, from.refused);
  put(to, &DrainReply::Result::Builder::setAlready, from.already);
  to.setHeld(from.held);
}

static void read(Reading& in, DrainReply::Result::Reader from, muster::DrainReply::Outcome& to) {
  in.text(from.getName(), to.name, "a worker's name");
  in.text(from.getRefused(), to.refused, "the reason of a refusal");
  in.text(from.getAlready(), to.already, "what a worker was already");
  to.held = from.getHeld();
}

void write(DrainReply::Builder to, const muster::DrainReply& from) {
  put_list(to, &DrainReply::Builder::initResults, from.results);
}

void read(Reading& in, DrainReply::Reader from, muster::DrainReply& to) {
  read_list(in, from.getResults(), to.results, "drained workers", kPeersMax);
}

}  // namespace muster::wire
