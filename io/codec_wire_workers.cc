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
}

static void write(Assignment::Builder to, const muster::Assignment& from) {
  using Builder = Assignment::Builder;
  write(to.initSpec(), *from.spec);
  to.setAttempt(from.attempt);
  put_list(to, &Builder::initDevices, from.devices);
  put(to, &Builder::setStrategy, from.strategy);
}

static void read(Reading& in, Assignment::Reader from, muster::Assignment& to) {
  using R = Assignment::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "the spec of an assignment");
  to.attempt = from.getAttempt();
  read_list(in, from.getDevices(), to.devices, "devices of an assignment", kDevicesPerTaskMax);
  in.data(from.getStrategy(), to.strategy);
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
}

void read(Reading& in, ListDevices::Reader from, muster::ListDevices& to) {
  in.text(from.getSelector(), to.selector, "the selector");
  in.text(from.getName(), to.name, "a device's name");
}

static void write(DeviceInfo::Builder to, const muster::DeviceInfo& from) {
  write(to.initSpec(), from.spec);
  to.setState(to_wire<DeviceState>(from.state));
  to.setHealth(to_wire<DeviceHealth>(from.health));
  put(to, &DeviceInfo::Builder::setHealthReason, from.health_reason);
  to.setHealthSince(to_us(from.health_since));
  put(to, &DeviceInfo::Builder::setHeldByGuid, from.held_by.guid);
  to.setHeldByAttempt(from.held_by.attempt);
}

static void read(Reading& in, DeviceInfo::Reader from, muster::DeviceInfo& to) {
  using R = DeviceInfo::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "a device's spec");
  in.enumerant(from.getState(), muster::DeviceState::running, to.state, "state of a device");
  in.enumerant(from.getHealth(), muster::DeviceHealth::bad, to.health, "health of a device");
  in.text(from.getHealthReason(), to.health_reason, "the reason for a device's health");
  in.time(from.getHealthSince(), to.health_since, "the time of a device's health");
  in.text(from.getHeldByGuid(), to.held_by.guid, "the GUID of what holds a device");
  to.held_by.attempt = from.getHeldByAttempt();
}

void write(DeviceList::Builder to, const muster::DeviceList& from) {
  put_list(to, &DeviceList::Builder::initDevices, from.devices);
}

void read(Reading& in, DeviceList::Reader from, muster::DeviceList& to) {
  read_list(in, from.getDevices(), to.devices, "devices", kInventoryDevicesMax);
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

}  // namespace muster::wire
