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
}

void read(Reading& in, DeviceSpec::Reader from, muster::DeviceSpec& to) {
  in.text(from.getName(), to.name, "a device's name");
  read_map(in, from.getProfile(), to.profile, "a device's profile");
  in.text(from.getWorker(), to.worker, "a device's worker");
  read_texts(in, from.getPools(), to.pools, "pools of a device");
  in.text(from.getStrategy(), to.strategy, "a device's strategy");
  in.text(from.getOwner(), to.owner, "a device's owner");
  in.text(from.getWhere(), to.where, "a device's place");
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

void write(Inventory::Builder to, const muster::Inventory& from) {
  put(to, &Inventory::Builder::setLab, from.lab);
  put_list(to, &Inventory::Builder::initWorkers, from.workers);
  put_list(to, &Inventory::Builder::initDevices, from.devices);
  put_list(to, &Inventory::Builder::initStrategies, from.strategies);
}

void read(Reading& in, Inventory::Reader from, InventoryPtr& to) {
  auto inventory = std::make_shared<muster::Inventory>();
  in.text(from.getLab(), inventory->lab, "the lab's name");
  read_list(in, from.getWorkers(), inventory->workers, "workers", kInventoryDevicesMax);
  read_list(in, from.getDevices(), inventory->devices, "devices", kInventoryDevicesMax);
  read_list(in, from.getStrategies(), inventory->strategies, "strategies", kInventoryDevicesMax);
  to = std::move(inventory);
}

}  // namespace muster::wire
