// schemas/device.capnp.
#include "io/codec_parts.h"

namespace muster::wire {

void write(DeviceSpec::Builder to, const muster::DeviceSpec& from) {
  using Builder = DeviceSpec::Builder;
  put(to, &Builder::setName, from.name);
  put_list(to, &Builder::initProfile, from.profile);
  put(to, &Builder::setWorker, from.worker);
  put_texts(to, &Builder::initPools, from.pools);
  put(to, &Builder::setStrategy, from.strategy);
  put(to, &Builder::setOwner, from.owner);
  put(to, &Builder::setWhere, from.where);
  put(to, &Builder::setLister, from.lister);
  if (from.power == muster::PowerSpec{}) return;
  PowerSpec::Builder power = to.initPower();
  put_texts(power, &PowerSpec::Builder::initArgv, from.power.argv);
  put(power, &PowerSpec::Builder::setMethod, from.power.method);
  put(power, &PowerSpec::Builder::setUrl, from.power.url);
}

void read(Reading& in, DeviceSpec::Reader from, muster::DeviceSpec& to) {
  in.text(from.getName(), to.name, "a device's name");
  read_map(in, from.getProfile(), to.profile, "a device's profile");
  in.text(from.getWorker(), to.worker, "a device's worker");
  read_texts(in, from.getPools(), to.pools, "pools of a device");
  in.text(from.getStrategy(), to.strategy, "a device's strategy");
  in.text(from.getOwner(), to.owner, "a device's owner");
  in.text(from.getWhere(), to.where, "a device's place");
  in.text(from.getLister(), to.lister, "a device's lister");
  const PowerSpec::Reader power = from.getPower();
  read_texts(in, power.getArgv(), to.power.argv, "arguments");
  in.text(power.getMethod(), to.power.method, "an HTTP method");
  in.text(power.getUrl(), to.power.url, "a URL");
}

void write(ListedDevice::Builder to, const muster::ListedDevice& from) {
  put(to, &ListedDevice::Builder::setLister, from.lister);
  put(to, &ListedDevice::Builder::setName, from.name);
  put_list(to, &ListedDevice::Builder::initProfile, from.profile);
}

void read(Reading& in, ListedDevice::Reader from, muster::ListedDevice& to) {
  in.text(from.getLister(), to.lister, "a lister's name");
  in.text(from.getName(), to.name, "a listed device's name");
  read_map(in, from.getProfile(), to.profile, "a listed device's profile");
}

void write(ListerState::Builder to, const muster::ListerState& from) {
  put(to, &ListerState::Builder::setName, from.name);
  put(to, &ListerState::Builder::setFault, from.fault);
}

void read(Reading& in, ListerState::Reader from, muster::ListerState& to) {
  in.text(from.getName(), to.name, "a lister's name");
  in.text(from.getFault(), to.fault, "a lister's fault");
}

static void write(StackSpec::Builder to, const muster::StackSpec& from) {
  put(to, &StackSpec::Builder::setName, from.name);
  put_texts(to, &StackSpec::Builder::initMembers, from.members);
}

static void read(Reading& in, StackSpec::Reader from, muster::StackSpec& to) {
  in.text(from.getName(), to.name, "a stack's name");
  read_texts(in, from.getMembers(), to.members, "members of a stack", kStackMembersMax);
}

static void write(HealthPolicy::Builder to, const muster::HealthPolicy& from) {
  to.setQuarantineAfter(from.quarantine_after);
  auto reverify = to.initReverify(static_cast<unsigned>(from.reverify.size()));
  for (unsigned i = 0; i < reverify.size(); ++i) reverify.set(i, from.reverify[i].count());
  to.setFresh(from.fresh.count());
}

static void read(Reading& in, HealthPolicy::Reader from, muster::HealthPolicy& to) {
  to.quarantine_after = from.getQuarantineAfter();
  const auto reverify = from.getReverify();
  if (!in.room(reverify.size(), kReverifyStepsMax, sizeof(Duration), "back-offs")) return;
  to.reverify.resize(reverify.size());
  for (unsigned i = 0; i < reverify.size(); ++i) {
    in.duration(reverify[i], to.reverify[i], "a back-off");
  }
  in.duration(from.getFresh(), to.fresh, "how long a verification counts");
}

void write(WorkerSpec::Builder to, const muster::WorkerSpec& from) {
  put(to, &WorkerSpec::Builder::setName, from.name);
  put_texts(to, &WorkerSpec::Builder::initPools, from.pools);
}

void read(Reading& in, WorkerSpec::Reader from, muster::WorkerSpec& to) {
  in.text(from.getName(), to.name, "a worker's name");
  read_texts(in, from.getPools(), to.pools, "pools of a worker");
}

void write(StrategyBlob::Builder to, const muster::StrategyBlob& from) {
  put(to, &StrategyBlob::Builder::setName, from.name);
  put(to, &StrategyBlob::Builder::setBytes, from.bytes);
}

void read(Reading& in, StrategyBlob::Reader from, muster::StrategyBlob& to) {
  in.text(from.getName(), to.name, "a strategy's name");
  in.data(from.getBytes(), to.bytes);
}

static void write(Cap::Builder to, const muster::Cap& from) {
  put(to, &Cap::Builder::setPool, from.pool);
  to.setMaxRunning(from.max_running);
  to.setMaxRunningPerDevice(from.max_running_per_device);
}

static void read(Reading& in, Cap::Reader from, muster::Cap& to) {
  in.text(from.getPool(), to.pool, "the pool of a cap");
  to.max_running = from.getMaxRunning();
  to.max_running_per_device = from.getMaxRunningPerDevice();
}

static void write(Share::Builder to, const muster::Share& from) {
  put(to, &Share::Builder::setSubmitter, from.submitter);
  to.setWeight(from.weight);
}

static void read(Reading& in, Share::Reader from, muster::Share& to) {
  in.text(from.getSubmitter(), to.submitter, "the submitter of a share");
  to.weight = from.getWeight();
}

void write(Draining::Builder to, const muster::Draining& from) {
  put(to, &Draining::Builder::setWho, from.who);
  put(to, &Draining::Builder::setReason, from.reason);
  to.setSince(to_us(from.since));
}

void read(Reading& in, Draining::Reader from, muster::Draining& to) {
  in.text(from.getWho(), to.who, "who drains");
  in.text(from.getReason(), to.reason, "the reason of a drain");
  in.time(from.getSince(), to.since, "the time of a drain");
}

void write(Inventory::Builder to, const muster::Inventory& from) {
  put(to, &Inventory::Builder::setLab, from.lab);
  put_list(to, &Inventory::Builder::initWorkers, from.workers);
  put_list(to, &Inventory::Builder::initDevices, from.devices);
  put_list(to, &Inventory::Builder::initStrategies, from.strategies);
  put_list(to, &Inventory::Builder::initStacks, from.stacks);
  if (!(from.health == muster::HealthPolicy{})) write(to.initHealth(), from.health);
  put_texts(to, &Inventory::Builder::initAllow, from.allow);
  put_list(to, &Inventory::Builder::initCaps, from.caps);
  put_list(to, &Inventory::Builder::initShares, from.shares);
}

void read(Reading& in, Inventory::Reader from, InventoryPtr& to) {
  auto inventory = std::make_shared<muster::Inventory>();
  in.text(from.getLab(), inventory->lab, "the lab's name");
  read_list(in, from.getWorkers(), inventory->workers, "workers", kInventoryDevicesMax);
  read_list(in, from.getDevices(), inventory->devices, "devices", kInventoryDevicesMax);
  read_list(in, from.getStrategies(), inventory->strategies, "strategies", kInventoryDevicesMax);
  read_list(in, from.getStacks(), inventory->stacks, "stacks", kInventoryDevicesMax);
  if (from.hasHealth()) read(in, from.getHealth(), inventory->health);
  read_texts(in, from.getAllow(), inventory->allow, "selectors", kInventoryDevicesMax);
  read_list(in, from.getCaps(), inventory->caps, "caps", kCapsMax);
  read_list(in, from.getShares(), inventory->shares, "shares", kSharesMax);
  to = std::move(inventory);
}

}  // namespace muster::wire
