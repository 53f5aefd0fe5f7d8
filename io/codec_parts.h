// The parts that messages and events share. Private to io/codec_*.cc; see io/codec_common.h.
#pragma once

#include "core/device.h"
#include "core/event.h"
#include "core/log_line.h"
#include "core/report.h"
#include "core/task.h"
#include "io/codec_common.h"
#include "schemas/device.capnp.h"
#include "schemas/event.capnp.h"
#include "schemas/log.capnp.h"
#include "schemas/report.capnp.h"
#include "schemas/task.capnp.h"

namespace muster::wire {

// codec_task.cc
void write(TaskSpec::Builder to, const muster::TaskSpec& from);
void read(Reading& in, TaskSpec::Reader from, muster::TaskSpec& to);
void write(TaskSpec::Builder to, const TaskSpecPtr& from);
void read(Reading& in, TaskSpec::Reader from, TaskSpecPtr& to);
void write(Ending::Builder to, const muster::Ending& from);
void read(Reading& in, Ending::Reader from, muster::Ending& to);

// codec_device.cc
void write(DeviceSpec::Builder to, const muster::DeviceSpec& from);
void read(Reading& in, DeviceSpec::Reader from, muster::DeviceSpec& to);
void write(Inventory::Builder to, const muster::Inventory& from);
void read(Reading& in, Inventory::Reader from, InventoryPtr& to);

void write(ListedDevice::Builder to, const muster::ListedDevice& from);
void read(Reading& in, ListedDevice::Reader from, muster::ListedDevice& to);
void write(ListerState::Builder to, const muster::ListerState& from);
void read(Reading& in, ListerState::Reader from, muster::ListerState& to);
void write(Draining::Builder to, const muster::Draining& from);
void read(Reading& in, Draining::Reader from, muster::Draining& to);

// codec_event.cc
void write(CancelRequested::Builder to, const muster::CancelRequested& from);
void read(Reading& in, CancelRequested::Reader from, muster::CancelRequested& to);
void write(DeviceJudged::Builder to, const muster::DeviceJudged& from);
void read(Reading& in, DeviceJudged::Reader from, muster::DeviceJudged& to);

// codec_report.cc
void write(AttemptStarted::Builder to, const muster::AttemptStarted& from);
void read(Reading& in, AttemptStarted::Reader from, muster::AttemptStarted& to);
void write(Record::Builder to, const muster::Record& from);
void read(Reading& in, Record::Reader from, muster::Record& to);
void write(CaseResult::Builder to, const muster::CaseResult& from);
void read(Reading& in, CaseResult::Reader from, muster::CaseResult& to);
void write(Progress::Builder to, const muster::Progress& from);
void read(Reading& in, Progress::Reader from, muster::Progress& to);
void write(SourceFetched::Builder to, const muster::SourceFetched& from);
void read(Reading& in, SourceFetched::Reader from, muster::SourceFetched& to);
void write(Shout::Builder to, const muster::Shout& from);
void read(Reading& in, Shout::Reader from, muster::Shout& to);
void write(Measurement::Builder to, const muster::Measurement& from);
void read(Reading& in, Measurement::Reader from, muster::Measurement& to);
void write(Artifact::Builder to, const muster::Artifact& from);
void read(Reading& in, Artifact::Reader from, muster::Artifact& to);
void write(CallFailed::Builder to, const muster::CallFailed& from);
void read(Reading& in, CallFailed::Reader from, muster::CallFailed& to);
void write(CallMade::Builder to, const muster::CallMade& from);
void read(Reading& in, CallMade::Reader from, muster::CallMade& to);
void write(Report::Builder to, const muster::Report& from);
void read(Reading& in, Report::Reader from, muster::Report& to);

// codec_log.cc
void write(LogLine::Builder to, const muster::LogLine& from);
void read(Reading& in, LogLine::Reader from, muster::LogLine& to);

// A fencing token is two fields of the struct that carries it.
template <typename Builder>
inline void put_token(Builder& to, const AttemptToken& from) {
  put(to, &Builder::setGuid, from.guid);
  to.setAttempt(from.attempt);
}
template <typename Reader>
inline void read_token(Reading& in, const Reader& from, AttemptToken& to) {
  in.text(from.getGuid(), to.guid, "the attempt's GUID");
  to.attempt = from.getAttempt();
}

}  // namespace muster::wire
