// schemas/wire.capnp: the envelope, connections and the log.
#include "io/codec_wire.h"

#include "io/codec.h"

namespace muster {
namespace wire {

static_assert(same(Role::SUBMITTER, muster::Role::submitter));
static_assert(same(Role::WORKER, muster::Role::worker));
static_assert(same(Role::COLLECTOR, muster::Role::collector));
static_assert(same(Role::ADMIN, muster::Role::admin));
static_assert(same(RefusalCode::HELLO_FIRST, muster::RefusalCode::hello_first));
static_assert(same(RefusalCode::PROTOCOL, muster::RefusalCode::protocol));
static_assert(same(RefusalCode::MALFORMED, muster::RefusalCode::malformed));
static_assert(same(RefusalCode::INVALID, muster::RefusalCode::invalid));
static_assert(same(RefusalCode::LIMIT, muster::RefusalCode::limit));
static_assert(same(RefusalCode::NOT_PERMITTED, muster::RefusalCode::not_permitted));
static_assert(same(RefusalCode::UNAVAILABLE, muster::RefusalCode::unavailable));
static_assert(same(RefusalCode::UNKNOWN, muster::RefusalCode::unknown));

static void write(Hello::Builder to, const muster::Hello& from) {
  to.setProtocolMin(from.protocol_min);
  to.setProtocolMax(from.protocol_max);
  to.setRole(to_wire<Role>(from.role));
  put(to, &Hello::Builder::setName, from.name);
  put(to, &Hello::Builder::setVersion, from.version);
}

static void read(Reading& in, Hello::Reader from, muster::Hello& to) {
  to.protocol_min = from.getProtocolMin();
  to.protocol_max = from.getProtocolMax();
  in.enumerant(from.getRole(), muster::Role::admin, to.role, "role");
  in.text(from.getName(), to.name, "the peer's name");
  in.text(from.getVersion(), to.version, "the peer's version");
}

static void write(Welcome::Builder to, const muster::Welcome& from) {
  to.setProtocol(from.protocol);
  put(to, &Welcome::Builder::setLogId, from.log_id);
  to.setEpoch(from.epoch);
  to.setHead(from.head);
  to.setBeat(from.beat.count());
  put(to, &Welcome::Builder::setVersion, from.version);
}

static void read(Reading& in, Welcome::Reader from, muster::Welcome& to) {
  to.protocol = from.getProtocol();
  in.text(from.getLogId(), to.log_id, "the log's id");
  to.epoch = from.getEpoch();
  to.head = from.getHead();
  in.duration(from.getBeat(), to.beat, "the beat");
  in.text(from.getVersion(), to.version, "the broker's version");
}

static void write(Refused::Builder to, const muster::Refused& from) {
  to.setCode(to_wire<RefusalCode>(from.code));
  put(to, &Refused::Builder::setReason, from.reason);
}

static void read(Reading& in, Refused::Reader from, muster::Refused& to) {
  in.enumerant(from.getCode(), muster::RefusalCode::unknown, to.code, "code of a refusal");
  in.text(from.getReason(), to.reason, "the reason of a refusal");
}

static void write(Unimplemented::Builder to, const muster::Unimplemented& from) {
  to.setTag(from.tag);
}

static void read(Reading&, Unimplemented::Reader from, muster::Unimplemented& to) {
  to.tag = from.getTag();
}

static void write(Fetch::Builder to, const muster::Fetch& from) {
  to.setFrom(from.from);
  to.setMaxBytes(from.max_bytes);
  to.setWait(from.wait.count());
  put(to, &Fetch::Builder::setReader, from.reader);
  to.setNeeds(from.needs);
}

static void read(Reading& in, Fetch::Reader from, muster::Fetch& to) {
  to.from = from.getFrom();
  to.max_bytes = from.getMaxBytes();
  in.duration(from.getWait(), to.wait, "the wait");
  in.text(from.getReader(), to.reader, "the name of a reader");
  to.needs = from.getNeeds();
}

static void write(Blocks::Builder to, const muster::Blocks& from) {
  to.setHead(from.head);
  if (from.blocks.empty()) return;
  auto blocks = to.initBlocks(static_cast<unsigned>(from.blocks.size()));
  for (unsigned i = 0; i < blocks.size(); ++i) {
    const Bytes& block = from.blocks[i];
    blocks.set(i, {reinterpret_cast<const capnp::byte*>(block.data()), block.size()});
  }
}

static void read(Reading& in, Blocks::Reader from, muster::Blocks& to) {
  to.head = from.getHead();
  const auto blocks = from.getBlocks();
  if (!in.room(blocks.size(), kUnbounded, sizeof(Bytes), "blocks")) return;
  to.blocks.resize(blocks.size());
  for (unsigned i = 0; i < blocks.size(); ++i) in.data(blocks[i], to.blocks[i]);
}

static void write(BrokerStatus::Builder to, const muster::BrokerStatus& from) {
  put(to, &BrokerStatus::Builder::setVersion, from.version);
  put(to, &BrokerStatus::Builder::setLogId, from.log_id);
  to.setEpoch(from.epoch);
  to.setHead(from.head);
  to.setQueued(from.queued);
  to.setLeased(from.leased);
  to.setEnded(from.ended);
  to.setWorkersPresent(from.workers_present);
  to.setDevices(from.devices);
  to.setRefusedMessages(from.refused_messages);
  to.setDiskLow(from.disk_low);
  to.setStarted(to_us(from.started));
  if (from.draining) write(to.initDraining(), *from.draining);
}

static void read(Reading& in, BrokerStatus::Reader from, muster::BrokerStatus& to) {
  in.text(from.getVersion(), to.version, "the broker's version");
  in.text(from.getLogId(), to.log_id, "the log's id");
  to.epoch = from.getEpoch();
  to.head = from.getHead();
  to.queued = from.getQueued();
  to.leased = from.getLeased();
  to.ended = from.getEnded();
  to.workers_present = from.getWorkersPresent();
  to.devices = from.getDevices();
  to.refused_messages = from.getRefusedMessages();
  to.disk_low = from.getDiskLow();
  in.time(from.getStarted(), to.started, "the broker's start");
  if (from.hasDraining()) read(in, from.getDraining(), to.draining.emplace());
}

// Messages that say all by being sent.
static void read(Reading&, Beat::Reader, muster::Beat&) {}
static void read(Reading&, ListWorkers::Reader, muster::ListWorkers&) {}
static void read(Reading&, AskStatus::Reader, muster::AskStatus&) {}
static void read(Reading&, AskInventory::Reader, muster::AskInventory&) {}
static void read(Reading&, AskLog::Reader, muster::AskLog&) {}

struct WriteMessage {
  Envelope::Builder to;

  void operator()(const muster::Hello& m) { write(to.initHello(), m); }
  void operator()(const muster::Welcome& m) { write(to.initWelcome(), m); }
  void operator()(const muster::Refused& m) { write(to.initRefused(), m); }
  void operator()(const muster::Unimplemented& m) { write(to.initUnimplemented(), m); }
  void operator()(const muster::Beat&) { to.initBeat(); }
  void operator()(const muster::Submit& m) { write(to.initSubmit(), m); }
  void operator()(const muster::SubmitReply& m) { write(to.initSubmitReply(), m); }
  void operator()(const muster::Watch& m) { write(to.initWatch(), m); }
  void operator()(const muster::TaskNews& m) { write(to.initTaskNews(), m); }
  void operator()(const muster::Cancel& m) { write(to.initCancel(), m); }
  void operator()(const muster::CancelReply& m) { write(to.initCancelReply(), m); }
  void operator()(const muster::RetryTasks& m) { write(to.initRetryTasks(), m); }
  void operator()(const muster::RetryTasksReply& m) { write(to.initRetryTasksReply(), m); }
  void operator()(const muster::TellLog& m) { write(to.initTellLog(), m); }
  void operator()(const muster::TellLogReply& m) { write(to.initTellLogReply(), m); }
  void operator()(const muster::ApplyInventory& m) { write(to.initApplyInventory(), m); }
  void operator()(const muster::InventoryReply& m) { write(to.initInventoryReply(), m); }
  void operator()(const muster::Sync& m) { write(to.initSync(), m); }
  void operator()(const muster::Desired& m) { write(to.initDesired(), m); }
  void operator()(const muster::Fetch& m) { write(to.initFetch(), m); }
  void operator()(const muster::Blocks& m) { write(to.initBlocks(), m); }
  void operator()(const muster::ListTasks& m) { write(to.initListTasks(), m); }
  void operator()(const muster::TaskList& m) { write(to.initTaskList(), m); }
  void operator()(const muster::ShowTask& m) { write(to.initShowTask(), m); }
  void operator()(const muster::TaskInfo& m) { write(to.initTaskInfo(), m); }
  void operator()(const muster::ExplainTask& m) { write(to.initExplainTask(), m); }
  void operator()(const muster::Explanation& m) { write(to.initExplanation(), m); }
  void operator()(const muster::ListDevices& m) { write(to.initListDevices(), m); }
  void operator()(const muster::DeviceList& m) { write(to.initDeviceList(), m); }
  void operator()(const muster::ListWorkers&) { to.initListWorkers(); }
  void operator()(const muster::WorkerList& m) { write(to.initWorkerList(), m); }
  void operator()(const muster::AskStatus&) { to.initAskStatus(); }
  void operator()(const muster::BrokerStatus& m) { write(to.initBrokerStatus(), m); }
  void operator()(const muster::ChangeDevices& m) { write(to.initChangeDevices(), m); }
  void operator()(const muster::ChangeDevicesReply& m) { write(to.initChangeDevicesReply(), m); }
  void operator()(const muster::AskInventory&) { to.initAskInventory(); }
  void operator()(const muster::CurrentInventory& m) { write(to.initCurrentInventory(), m); }
  void operator()(const muster::AskLog&) { to.initAskLog(); }
  void operator()(const muster::LogState& m) { write(to.initLogState(), m); }
  void operator()(const muster::TrimLog& m) { write(to.initTrimLog(), m); }
  void operator()(const muster::TrimLogReply& m) { write(to.initTrimLogReply(), m); }
  void operator()(const muster::ForgetReader& m) { write(to.initForgetReader(), m); }
  void operator()(const muster::Drain& m) { write(to.initDrain(), m); }
  void operator()(const muster::DrainReply& m) { write(to.initDrainReply(), m); }
};

// Reads the member of the union that T is. True: the kind is known.
template <typename T, typename Member>
static bool take(Reading& in, const Envelope::Reader& from, bool (Envelope::Reader::*has)() const,
                 Member (Envelope::Reader::*get)() const, Message& to) {
  read_member(in, from, has, get, to.emplace<T>(), "the body of the message");
  return true;
}

// Kinds that are about the log, and unknown ones.
static bool read_log_message(Reading& in, Envelope::Reader from, Message& to) {
  using R = Envelope::Reader;
  switch (from.which()) {
    case Envelope::ASK_LOG:
      return take<muster::AskLog>(in, from, &R::hasAskLog, &R::getAskLog, to);
    case Envelope::LOG_STATE:
      return take<muster::LogState>(in, from, &R::hasLogState, &R::getLogState, to);
    case Envelope::TRIM_LOG:
      return take<muster::TrimLog>(in, from, &R::hasTrimLog, &R::getTrimLog, to);
    case Envelope::TRIM_LOG_REPLY:
      return take<muster::TrimLogReply>(in, from, &R::hasTrimLogReply, &R::getTrimLogReply, to);
    case Envelope::FORGET_READER:
      return take<muster::ForgetReader>(in, from, &R::hasForgetReader, &R::getForgetReader, to);
    default:
      in.fail_unknown("kind of message", from.which());
      return false;
  }
}

// Kinds that are about devices and drains, and others.
static bool read_device_message(Reading& in, Envelope::Reader from, Message& to) {
  using R = Envelope::Reader;
  switch (from.which()) {
    case Envelope::APPLY_INVENTORY:
      return take<muster::ApplyInventory>(in, from, &R::hasApplyInventory, &R::getApplyInventory,
                                          to);
    case Envelope::INVENTORY_REPLY:
      return take<muster::InventoryReply>(in, from, &R::hasInventoryReply, &R::getInventoryReply,
                                          to);
    case Envelope::LIST_DEVICES:
      return take<muster::ListDevices>(in, from, &R::hasListDevices, &R::getListDevices, to);
    case Envelope::DEVICE_LIST:
      return take<muster::DeviceList>(in, from, &R::hasDeviceList, &R::getDeviceList, to);
    case Envelope::CHANGE_DEVICES:
      return take<muster::ChangeDevices>(in, from, &R::hasChangeDevices, &R::getChangeDevices, to);
    case Envelope::CHANGE_DEVICES_REPLY:
      return take<muster::ChangeDevicesReply>(in, from, &R::hasChangeDevicesReply,
                                              &R::getChangeDevicesReply, to);
    case Envelope::ASK_INVENTORY:
      return take<muster::AskInventory>(in, from, &R::hasAskInventory, &R::getAskInventory, to);
    case Envelope::CURRENT_INVENTORY:
      return take<muster::CurrentInventory>(in, from, &R::hasCurrentInventory,
                                            &R::getCurrentInventory, to);
    case Envelope::DRAIN:
      return take<muster::Drain>(in, from, &R::hasDrain, &R::getDrain, to);
    case Envelope::DRAIN_REPLY:
      return take<muster::DrainReply>(in, from, &R::hasDrainReply, &R::getDrainReply, to);
    default:
      return read_log_message(in, from, to);
  }
}

static bool read_message(Reading& in, Envelope::Reader from, Message& to) {
  using R = Envelope::Reader;
  switch (from.which()) {
    case Envelope::HELLO:
      return take<muster::Hello>(in, from, &R::hasHello, &R::getHello, to);
    case Envelope::WELCOME:
      return take<muster::Welcome>(in, from, &R::hasWelcome, &R::getWelcome, to);
    case Envelope::REFUSED:
      return take<muster::Refused>(in, from, &R::hasRefused, &R::getRefused, to);
    case Envelope::UNIMPLEMENTED:
      return take<muster::Unimplemented>(in, from, &R::hasUnimplemented, &R::getUnimplemented, to);
    case Envelope::BEAT:
      return take<muster::Beat>(in, from, &R::hasBeat, &R::getBeat, to);
    case Envelope::SUBMIT:
      return take<muster::Submit>(in, from, &R::hasSubmit, &R::getSubmit, to);
    case Envelope::SUBMIT_REPLY:
      return take<muster::SubmitReply>(in, from, &R::hasSubmitReply, &R::getSubmitReply, to);
    case Envelope::WATCH:
      return take<muster::Watch>(in, from, &R::hasWatch, &R::getWatch, to);
    case Envelope::TASK_NEWS:
      return take<muster::TaskNews>(in, from, &R::hasTaskNews, &R::getTaskNews, to);
    case Envelope::CANCEL:
      return take<muster::Cancel>(in, from, &R::hasCancel, &R::getCancel, to);
    case Envelope::CANCEL_REPLY:
      return take<muster::CancelReply>(in, from, &R::hasCancelReply, &R::getCancelReply, to);
    case Envelope::RETRY_TASKS:
      return take<muster::RetryTasks>(in, from, &R::hasRetryTasks, &R::getRetryTasks, to);
    case Envelope::RETRY_TASKS_REPLY:
      return take<muster::RetryTasksReply>(in, from, &R::hasRetryTasksReply, &R::getRetryTasksReply,
                                           to);
    case Envelope::TELL_LOG:
      return take<muster::TellLog>(in, from, &R::hasTellLog, &R::getTellLog, to);
    case Envelope::TELL_LOG_REPLY:
      return take<muster::TellLogReply>(in, from, &R::hasTellLogReply, &R::getTellLogReply, to);
    case Envelope::SYNC:
      return take<muster::Sync>(in, from, &R::hasSync, &R::getSync, to);
    case Envelope::DESIRED:
      return take<muster::Desired>(in, from, &R::hasDesired, &R::getDesired, to);
    case Envelope::FETCH:
      return take<muster::Fetch>(in, from, &R::hasFetch, &R::getFetch, to);
    case Envelope::BLOCKS:
      return take<muster::Blocks>(in, from, &R::hasBlocks, &R::getBlocks, to);
    case Envelope::LIST_TASKS:
      return take<muster::ListTasks>(in, from, &R::hasListTasks, &R::getListTasks, to);
    case Envelope::TASK_LIST:
      return take<muster::TaskList>(in, from, &R::hasTaskList, &R::getTaskList, to);
    case Envelope::SHOW_TASK:
      return take<muster::ShowTask>(in, from, &R::hasShowTask, &R::getShowTask, to);
    case Envelope::TASK_INFO:
      return take<muster::TaskInfo>(in, from, &R::hasTaskInfo, &R::getTaskInfo, to);
    case Envelope::EXPLAIN_TASK:
      return take<muster::ExplainTask>(in, from, &R::hasExplainTask, &R::getExplainTask, to);
    case Envelope::EXPLANATION:
      return take<muster::Explanation>(in, from, &R::hasExplanation, &R::getExplanation, to);
    case Envelope::LIST_WORKERS:
      return take<muster::ListWorkers>(in, from, &R::hasListWorkers, &R::getListWorkers, to);
    case Envelope::WORKER_LIST:
      return take<muster::WorkerList>(in, from, &R::hasWorkerList, &R::getWorkerList, to);
    case Envelope::ASK_STATUS:
      return take<muster::AskStatus>(in, from, &R::hasAskStatus, &R::getAskStatus, to);
    case Envelope::BROKER_STATUS:
      return take<muster::BrokerStatus>(in, from, &R::hasBrokerStatus, &R::getBrokerStatus, to);
    default:
      return read_device_message(in, from, to);
  }
}

}  // namespace wire

Bytes encode_message(const Envelope& envelope) {
  return wire::encode_frame<wire::Envelope>([&](wire::Envelope::Builder root) {
    root.setRequest(envelope.request);
    std::visit(wire::WriteMessage{root}, envelope.message);
  });
}

std::variant<Envelope, DecodeFailure> decode_message(std::string_view frame) {
  Envelope envelope;
  std::optional<uint16_t> unknown;
  auto problem = wire::decode_frame<wire::Envelope>(
      frame, kMessageBytesMax, [&](wire::Reading& in, wire::Envelope::Reader root) {
        envelope.request = root.getRequest();
        if (!wire::read_message(in, root, envelope.message)) unknown = root.which();
      });
  if (problem) return DecodeFailure{"message: " + *problem, envelope.request, unknown};
  return envelope;
}

}  // namespace muster
