// What one decision of the broker has given away so far. For core/broker_*.cc only.
#pragma once

#include "core/broker_core.h"
#include "core/lookup_map.h"

namespace muster {

struct BrokerCore::Scratch {
  LookupSet<DeviceIx> taken_devices;
  LookupMap<WorkerIx, uint32_t> device_leases;  // made by this decision, with devices
  LookupMap<WorkerIx, uint32_t> leases;         // all of them
};

}  // namespace muster
