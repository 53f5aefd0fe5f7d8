// The slots of a snapshot. Private to io/codec_snapshot*.cc; see io/codec_common.h.
#pragma once

#include <string>
#include <utility>

#include "core/broker_snapshot.h"
#include "io/codec_parts.h"
#include "schemas/snapshot.capnp.h"

namespace muster::wire {

using broker_state::HardClass;
using broker_state::HardDevice;
using broker_state::HardTask;
using broker_state::HardWorker;

// A list of numbers, also of times.
inline uint64_t number_of(uint64_t number) { return number; }
inline int64_t number_of(Instant instant) { return to_us(instant); }
template <typename Builder, typename List, typename Container>
void put_numbers(Builder& to, List (Builder::*init)(unsigned), const Container& from) {
  if (from.empty()) return;
  List list = (to.*init)(static_cast<unsigned>(from.size()));
  unsigned i = 0;
  for (const auto& number : from) list.set(i++, static_cast<decltype(list[0])>(number_of(number)));
}
template <typename List, typename Container>
void read_numbers(Reading& in, const List& from, Container& to, const char* what) {
  if (!in.room(from.size(), kUnbounded, sizeof(typename Container::value_type), what)) return;
  for (const auto number : from) to.push_back(number);
}

void write(TaskRef::Builder to, const muster::TaskRef& from);
void read(Reading& in, TaskRef::Reader from, muster::TaskRef& to);
void write(TaskSlot::Builder to, const HardTask& from);
void read(Reading& in, TaskSlot::Reader from, HardTask& to);
void write(WorkerSlot::Builder to, const HardWorker& from);
void read(Reading& in, WorkerSlot::Reader from, HardWorker& to);
void write(DeviceSlot::Builder to, const HardDevice& from);
void read(Reading& in, DeviceSlot::Reader from, HardDevice& to);
void write(ClassSlot::Builder to, const HardClass& from);
void read(Reading& in, ClassSlot::Reader from, HardClass& to);
void write(TypicalTime::Builder to, const std::pair<std::string, Duration>& from);
void read(Reading& in, TypicalTime::Reader from, std::pair<std::string, Duration>& to);
void write(Counter::Builder to, const std::pair<const std::string, uint64_t>& from);

}  // namespace muster::wire
