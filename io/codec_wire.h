// The bodies of the messages. Private to io/codec_wire*.cc; see io/codec_common.h.
#pragma once

#include "core/messages.h"
#include "io/codec_parts.h"
#include "schemas/wire.capnp.h"

namespace muster::wire {

// codec_wire_tasks.cc
void write(Submit::Builder to, const muster::Submit& from);
void read(Reading& in, Submit::Reader from, muster::Submit& to);
void write(SubmitReply::Builder to, const muster::SubmitReply& from);
void read(Reading& in, SubmitReply::Reader from, muster::SubmitReply& to);
void write(Watch::Builder to, const muster::Watch& from);
void read(Reading& in, Watch::Reader from, muster::Watch& to);
void write(TaskNews::Builder to, const muster::TaskNews& from);
void read(Reading& in, TaskNews::Reader from, muster::TaskNews& to);
void write(Cancel::Builder to, const muster::Cancel& from);
void read(Reading& in, Cancel::Reader from, muster::Cancel& to);
void write(CancelReply::Builder to, const muster::CancelReply& from);
void read(Reading& in, CancelReply::Reader from, muster::CancelReply& to);
void write(RetryTasks::Builder to, const muster::RetryTasks& from);
void read(Reading& in, RetryTasks::Reader from, muster::RetryTasks& to);
void write(RetryTasksReply::Builder to, const muster::RetryTasksReply& from);
void read(Reading& in, RetryTasksReply::Reader from, muster::RetryTasksReply& to);
void write(ListTasks::Builder to, const muster::ListTasks& from);
void read(Reading& in, ListTasks::Reader from, muster::ListTasks& to);
void write(TaskList::Builder to, const muster::TaskList& from);
void read(Reading& in, TaskList::Reader from, muster::TaskList& to);
void write(ShowTask::Builder to, const muster::ShowTask& from);
void read(Reading& in, ShowTask::Reader from, muster::ShowTask& to);
void write(TaskInfo::Builder to, const muster::TaskInfo& from);
void read(Reading& in, TaskInfo::Reader from, muster::TaskInfo& to);
void write(ExplainTask::Builder to, const muster::ExplainTask& from);
void read(Reading& in, ExplainTask::Reader from, muster::ExplainTask& to);
void write(Explanation::Builder to, const muster::Explanation& from);
void read(Reading& in, Explanation::Reader from, muster::Explanation& to);

// codec_wire_workers.cc
void write(Sync::Builder to, const muster::Sync& from);
void read(Reading& in, Sync::Reader from, muster::Sync& to);
void write(Desired::Builder to, const muster::Desired& from);
void read(Reading& in, Desired::Reader from, muster::Desired& to);
void write(ListDevices::Builder to, const muster::ListDevices& from);
void read(Reading& in, ListDevices::Reader from, muster::ListDevices& to);
void write(DeviceList::Builder to, const muster::DeviceList& from);
void read(Reading& in, DeviceList::Reader from, muster::DeviceList& to);
void write(WorkerList::Builder to, const muster::WorkerList& from);
void read(Reading& in, WorkerList::Reader from, muster::WorkerList& to);
void write(ApplyInventory::Builder to, const muster::ApplyInventory& from);
void read(Reading& in, ApplyInventory::Reader from, muster::ApplyInventory& to);
void write(InventoryReply::Builder to, const muster::InventoryReply& from);
void read(Reading& in, InventoryReply::Reader from, muster::InventoryReply& to);
void write(CurrentInventory::Builder to, const muster::CurrentInventory& from);
void read(Reading& in, CurrentInventory::Reader from, muster::CurrentInventory& to);
void write(ChangeDevices::Builder to, const muster::ChangeDevices& from);
void read(Reading& in, ChangeDevices::Reader from, muster::ChangeDevices& to);
void write(ChangeDevicesReply::Builder to, const muster::ChangeDevicesReply& from);
void read(Reading& in, ChangeDevicesReply::Reader from, muster::ChangeDevicesReply& to);
void write(Drain::Builder to, const muster::Drain& from);
void read(Reading& in, Drain::Reader from, muster::Drain& to);
void write(DrainReply::Builder to, const muster::DrainReply& from);
void read(Reading& in, DrainReply::Reader from, muster::DrainReply& to);

// codec_log.cc
void write(TellLog::Builder to, const muster::TellLog& from);
void read(Reading& in, TellLog::Reader from, muster::TellLog& to);
void write(TellLogReply::Builder to, const muster::TellLogReply& from);
void read(Reading& in, TellLogReply::Reader from, muster::TellLogReply& to);
void write(LogState::Builder to, const muster::LogState& from);
void read(Reading& in, LogState::Reader from, muster::LogState& to);
void write(TrimLog::Builder to, const muster::TrimLog& from);
void read(Reading& in, TrimLog::Reader from, muster::TrimLog& to);
void write(TrimLogReply::Builder to, const muster::TrimLogReply& from);
void read(Reading& in, TrimLogReply::Reader from, muster::TrimLogReply& to);
void write(ForgetReader::Builder to, const muster::ForgetReader& from);
void read(Reading& in, ForgetReader::Reader from, muster::ForgetReader& to);

}  // namespace muster::wire
