// schemas/event.capnp.
#include "io/codec.h"
#include "io/codec_parts.h"
#include "schemas/event.capnp.h"

namespace muster {
namespace wire {

static_assert(same(Verdict::NONE, muster::Verdict::none));
static_assert(same(Verdict::PASS, muster::Verdict::pass));
static_assert(same(Verdict::FAIL, muster::Verdict::fail));
static_assert(same(Verdict::FLAKY, muster::Verdict::flaky));
static_assert(same(Verdict::ERROR, muster::Verdict::error));
static_assert(same(Verdict::SKIP, muster::Verdict::skip));

static void write(BrokerStarted::Builder to, const muster::BrokerStarted& from) {
  to.setEpoch(from.epoch);
  put(to, &BrokerStarted::Builder::setVersion, from.version);
}

static void read(Reading& in, BrokerStarted::Reader from, muster::BrokerStarted& to) {
  to.epoch = from.getEpoch();
  in.text(from.getVersion(), to.version, "the broker's version");
}

static void write(InventoryApplied::Builder to, const muster::InventoryApplied& from) {
  write(to.initInventory(), *from.inventory);
  put(to, &InventoryApplied::Builder::setWho, from.who);
}

static void read(Reading& in, InventoryApplied::Reader from, muster::InventoryApplied& to) {
  using R = InventoryApplied::Reader;
  read_member(in, from, &R::hasInventory, &R::getInventory, to.inventory, "the inventory");
  in.text(from.getWho(), to.who, "who applied the inventory");
}

static void write(WorkerJoined::Builder to, const muster::WorkerJoined& from) {
  using Builder = WorkerJoined::Builder;
  put(to, &Builder::setWorker, from.worker);
  to.setIncarnation(from.incarnation);
  put(to, &Builder::setLab, from.lab);
  put_texts(to, &Builder::initPools, from.pools);
  to.setSlots(from.slots);
  put(to, &Builder::setVersion, from.version);
}

static void read(Reading& in, WorkerJoined::Reader from, muster::WorkerJoined& to) {
  in.text(from.getWorker(), to.worker, "a worker's name");
  to.incarnation = from.getIncarnation();
  in.text(from.getLab(), to.lab, "the lab's name");
  read_texts(in, from.getPools(), to.pools, "pools of a worker");
  to.slots = from.getSlots();
  in.text(from.getVersion(), to.version, "a worker's version");
}

static void write(WorkerLost::Builder to, const muster::WorkerLost& from) {
  put(to, &WorkerLost::Builder::setWorker, from.worker);
  to.setIncarnation(from.incarnation);
  put(to, &WorkerLost::Builder::setReason, from.reason);
}

static void read(Reading& in, WorkerLost::Reader from, muster::WorkerLost& to) {
  in.text(from.getWorker(), to.worker, "a worker's name");
  to.incarnation = from.getIncarnation();
  in.text(from.getReason(), to.reason, "the reason for a worker's loss");
}

static void write(TaskSubmitted::Builder to, const muster::TaskSubmitted& from) {
  write(to.initSpec(), *from.spec);
}

static void read(Reading& in, TaskSubmitted::Reader from, muster::TaskSubmitted& to) {
  using R = TaskSubmitted::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "the submitted task");
}

static void write(AttemptLeased::Builder to, const muster::AttemptLeased& from) {
  using Builder = AttemptLeased::Builder;
  put_token(to, from.token);
  put(to, &Builder::setWorker, from.worker);
  to.setIncarnation(from.incarnation);
  put_texts(to, &Builder::initDevices, from.devices);
}

static void read(Reading& in, AttemptLeased::Reader from, muster::AttemptLeased& to) {
  read_token(in, from, to.token);
  in.text(from.getWorker(), to.worker, "a worker's name");
  to.incarnation = from.getIncarnation();
  read_texts(in, from.getDevices(), to.devices, "devices of an attempt", kDevicesPerLeaseMax);
}

// An origin that says nothing (the broker itself) stays absent.
template <typename Builder>
static void put_origin(Builder& to, const muster::Origin& from) {
  if (from.worker.empty() && from.seq == 0) return;
  Origin::Builder origin = to.initOrigin();
  put(origin, &Origin::Builder::setWorker, from.worker);
  origin.setSeq(from.seq);
}

static void read(Reading& in, Origin::Reader from, muster::Origin& to) {
  in.text(from.getWorker(), to.worker, "the origin of a report");
  to.seq = from.getSeq();
}

struct WriteReported {
  AttemptReported::Builder to;

  void operator()(const muster::AttemptStarted& body) { write(to.initStarted(), body); }
  void operator()(const muster::Record& body) { write(to.initRecord(), body); }
  void operator()(const muster::CaseResult& body) { write(to.initResult(), body); }
  void operator()(const muster::Progress& body) { write(to.initProgress(), body); }
  void operator()(const muster::SourceFetched& body) { write(to.initSource(), body); }
  void operator()(const muster::Shout& body) { write(to.initShout(), body); }
  void operator()(const muster::Measurement& body) { write(to.initMeasurement(), body); }
  void operator()(const muster::Artifact& body) { write(to.initArtifact(), body); }
  void operator()(const muster::CallFailed& body) { write(to.initCallFailed(), body); }
  void operator()(const muster::CallMade& body) { write(to.initCallMade(), body); }
};

static void write(AttemptReported::Builder to, const muster::AttemptReported& from) {
  put_origin(to, from.origin);
  put_token(to, from.token);
  to.setTime(to_us(from.time));
  std::visit(WriteReported{to}, from.body);
}

// False: the body is of a kind that this build does not know.
static bool read_reported(Reading& in, AttemptReported::Reader from, muster::AttemptReported& to) {
  using R = AttemptReported::Reader;
  const char* what = "the body of a report";
  read(in, from.getOrigin(), to.origin);
  read_token(in, from, to.token);
  in.time(from.getTime(), to.time, "the time of a report");
  switch (from.which()) {
    case AttemptReported::STARTED:
      read_member(in, from, &R::hasStarted, &R::getStarted,
                  to.body.emplace<muster::AttemptStarted>(), what);
      return true;
    case AttemptReported::RECORD:
      read_member(in, from, &R::hasRecord, &R::getRecord, to.body.emplace<muster::Record>(), what);
      return true;
    case AttemptReported::RESULT:
      read_member(in, from, &R::hasResult, &R::getResult, to.body.emplace<muster::CaseResult>(),
                  what);
      return true;
    case AttemptReported::PROGRESS:
      read_member(in, from, &R::hasProgress, &R::getProgress, to.body.emplace<muster::Progress>(),
                  what);
      return true;
    case AttemptReported::SOURCE:
      read_member(in, from, &R::hasSource, &R::getSource, to.body.emplace<muster::SourceFetched>(),
                  what);
      return true;
    case AttemptReported::SHOUT:
      read_member(in, from, &R::hasShout, &R::getShout, to.body.emplace<muster::Shout>(), what);
      return true;
    case AttemptReported::MEASUREMENT:
      read_member(in, from, &R::hasMeasurement, &R::getMeasurement,
                  to.body.emplace<muster::Measurement>(), what);
      return true;
    case AttemptReported::ARTIFACT:
      read_member(in, from, &R::hasArtifact, &R::getArtifact, to.body.emplace<muster::Artifact>(),
                  what);
      return true;
    case AttemptReported::CALL_FAILED:
      read_member(in, from, &R::hasCallFailed, &R::getCallFailed,
                  to.body.emplace<muster::CallFailed>(), what);
      return true;
    case AttemptReported::CALL_MADE:
      read_member(in, from, &R::hasCallMade, &R::getCallMade, to.body.emplace<muster::CallMade>(),
                  what);
      return true;
  }
  return false;
}

static void write(AttemptEnded::Builder to, const muster::AttemptEnded& from) {
  put_origin(to, from.origin);
  put_token(to, from.token);
  write(to.initEnding(), from.ending);
  to.setVerdict(to_wire<Verdict>(from.verdict));
  to.setRetryAt(to_us(from.retry_at));
}

static void read(Reading& in, AttemptEnded::Reader from, muster::AttemptEnded& to) {
  using R = AttemptEnded::Reader;
  read(in, from.getOrigin(), to.origin);
  read_token(in, from, to.token);
  read_member(in, from, &R::hasEnding, &R::getEnding, to.ending, "the ending of an attempt");
  in.enumerant(from.getVerdict(), muster::Verdict::skip, to.verdict, "verdict");
  in.time(from.getRetryAt(), to.retry_at, "the time of a retry");
}

static void write(ReportRefused::Builder to, const muster::ReportRefused& from) {
  put_origin(to, from.origin);
  put_token(to, from.token);
  put(to, &ReportRefused::Builder::setReason, from.reason);
}

static void read(Reading& in, ReportRefused::Reader from, muster::ReportRefused& to) {
  read(in, from.getOrigin(), to.origin);
  read_token(in, from, to.token);
  in.text(from.getReason(), to.reason, "the reason of a refusal");
}

void write(CancelRequested::Builder to, const muster::CancelRequested& from) {
  put(to, &CancelRequested::Builder::setGuid, from.guid);
  put(to, &CancelRequested::Builder::setReason, from.reason);
  put(to, &CancelRequested::Builder::setWho, from.who);
  to.setCause(to_wire<Cause>(from.cause));
}

void read(Reading& in, CancelRequested::Reader from, muster::CancelRequested& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.text(from.getReason(), to.reason, "the reason of a cancel");
  in.text(from.getWho(), to.who, "who cancelled");
  in.enumerant(from.getCause(), muster::Cause::capacity, to.cause, "cause of a cancel");
}

static void write(TaskEnded::Builder to, const muster::TaskEnded& from) {
  put(to, &TaskEnded::Builder::setGuid, from.guid);
  write(to.initEnding(), from.ending);
  to.setVerdict(to_wire<Verdict>(from.verdict));
}

static void read(Reading& in, TaskEnded::Reader from, muster::TaskEnded& to) {
  using R = TaskEnded::Reader;
  in.text(from.getGuid(), to.guid, "the task's GUID");
  read_member(in, from, &R::hasEnding, &R::getEnding, to.ending, "the ending of a task");
  in.enumerant(from.getVerdict(), muster::Verdict::skip, to.verdict, "verdict");
}

void write(DeviceJudged::Builder to, const muster::DeviceJudged& from) {
  using Builder = DeviceJudged::Builder;
  put(to, &Builder::setDevice, from.device);
  to.setHealth(to_wire<DeviceHealth>(from.health));
  put(to, &Builder::setReason, from.reason);
  put(to, &Builder::setWho, from.who);
  put(to, &Builder::setGuid, from.guid);
  to.setUntil(to_us(from.until));
  to.setFailures(from.failures);
  put(to, &Builder::setLevel, from.level);
  to.setJobFailures(from.job_failures);
}

void read(Reading& in, DeviceJudged::Reader from, muster::DeviceJudged& to) {
  in.text(from.getDevice(), to.device, "a device's name");
  in.enumerant(from.getHealth(), muster::DeviceHealth::locked, to.health, "health of a device");
  in.text(from.getReason(), to.reason, "the reason for a device's health");
  in.text(from.getWho(), to.who, "who judged a device");
  in.text(from.getGuid(), to.guid, "the task that showed a device's health");
  in.time(from.getUntil(), to.until, "the end of a back-off");
  to.failures = from.getFailures();
  in.text(from.getLevel(), to.level, "the level of a verification");
  to.job_failures = from.getJobFailures();
}

static void write(DeviceListed::Builder to, const muster::DeviceListed& from) {
  put(to, &DeviceListed::Builder::setWorker, from.worker);
  write(to.initDevice(), from.device);
}

static void read(Reading& in, DeviceListed::Reader from, muster::DeviceListed& to) {
  using R = DeviceListed::Reader;
  in.text(from.getWorker(), to.worker, "a worker's name");
  read_member(in, from, &R::hasDevice, &R::getDevice, to.device, "a listed device");
}

static void write(DrainChanged::Builder to, const muster::DrainChanged& from) {
  put(to, &DrainChanged::Builder::setWorker, from.worker);
  to.setDraining(from.draining);
  put(to, &DrainChanged::Builder::setReason, from.reason);
  put(to, &DrainChanged::Builder::setWho, from.who);
}

static void read(Reading& in, DrainChanged::Reader from, muster::DrainChanged& to) {
  in.text(from.getWorker(), to.worker, "a worker's name");
  to.draining = from.getDraining();
  in.text(from.getReason(), to.reason, "the reason of a drain");
  in.text(from.getWho(), to.who, "who drains");
}

static void write(DeviceUnlisted::Builder to, const muster::DeviceUnlisted& from) {
  put(to, &DeviceUnlisted::Builder::setWorker, from.worker);
  put(to, &DeviceUnlisted::Builder::setName, from.name);
}

static void read(Reading& in, DeviceUnlisted::Reader from, muster::DeviceUnlisted& to) {
  in.text(from.getWorker(), to.worker, "a worker's name");
  in.text(from.getName(), to.name, "a listed device's name");
}

static void write(TaskRetried::Builder to, const muster::TaskRetried& from) {
  put(to, &TaskRetried::Builder::setGuid, from.guid);
  put(to, &TaskRetried::Builder::setReason, from.reason);
  put(to, &TaskRetried::Builder::setWho, from.who);
  put(to, &TaskRetried::Builder::setId, from.id);
}

static void read(Reading& in, TaskRetried::Reader from, muster::TaskRetried& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.text(from.getReason(), to.reason, "the reason of a retry");
  in.text(from.getWho(), to.who, "who had it retried");
  in.text(from.getId(), to.id, "the request of a retry");
}

static void write(DaemonLogged::Builder to, const muster::DaemonLogged& from) {
  put(to, &DaemonLogged::Builder::setDaemon, from.daemon);
  write(to.initLine(), from.line);
}

static void read(Reading& in, DaemonLogged::Reader from, muster::DaemonLogged& to) {
  using R = DaemonLogged::Reader;
  in.text(from.getDaemon(), to.daemon, "a daemon's name");
  read_member(in, from, &R::hasLine, &R::getLine, to.line, "a line of a log");
}

static void write(AccessRefused::Builder to, const muster::AccessRefused& from) {
  put(to, &AccessRefused::Builder::setKey, from.key);
  put(to, &AccessRefused::Builder::setName, from.name);
  put(to, &AccessRefused::Builder::setAddress, from.address);
  put(to, &AccessRefused::Builder::setWhat, from.what);
  put(to, &AccessRefused::Builder::setReason, from.reason);
  to.setCount(from.count);
}

static void read(Reading& in, AccessRefused::Reader from, muster::AccessRefused& to) {
  in.text(from.getKey(), to.key, "a public key");
  in.text(from.getName(), to.name, "the name of a key");
  in.text(from.getAddress(), to.address, "a peer's address");
  in.text(from.getWhat(), to.what, "what was wanted");
  in.text(from.getReason(), to.reason, "a reason");
  to.count = from.getCount();
}

struct WriteEvent {
  Event::Builder to;

  void operator()(const muster::BrokerStarted& body) { write(to.initBrokerStarted(), body); }
  void operator()(const muster::InventoryApplied& body) { write(to.initInventoryApplied(), body); }
  void operator()(const muster::WorkerJoined& body) { write(to.initWorkerJoined(), body); }
  void operator()(const muster::WorkerLost& body) { write(to.initWorkerLost(), body); }
  void operator()(const muster::TaskSubmitted& body) { write(to.initTaskSubmitted(), body); }
  void operator()(const muster::AttemptLeased& body) { write(to.initAttemptLeased(), body); }
  void operator()(const muster::AttemptReported& body) { write(to.initAttemptReported(), body); }
  void operator()(const muster::AttemptEnded& body) { write(to.initAttemptEnded(), body); }
  void operator()(const muster::ReportRefused& body) { write(to.initReportRefused(), body); }
  void operator()(const muster::CancelRequested& body) { write(to.initCancelRequested(), body); }
  void operator()(const muster::TaskEnded& body) { write(to.initTaskEnded(), body); }
  void operator()(const muster::DeviceJudged& body) { write(to.initDeviceJudged(), body); }
  void operator()(const muster::DeviceListed& body) { write(to.initDeviceListed(), body); }
  void operator()(const muster::DeviceUnlisted& body) { write(to.initDeviceUnlisted(), body); }
  void operator()(const muster::TaskRetried& body) { write(to.initTaskRetried(), body); }
  void operator()(const muster::DaemonLogged& body) { write(to.initDaemonLogged(), body); }
  void operator()(const muster::AccessRefused& body) { write(to.initAccessRefused(), body); }
  void operator()(const muster::DrainChanged& body) { write(to.initDrainChanged(), body); }
};

static void write(Event::Builder to, const muster::Event& from) {
  to.setTime(to_us(from.time));
  std::visit(WriteEvent{to}, from.body);
  if (from.metadata) put_list(to, &Event::Builder::initMetadata, *from.metadata);
}

// Reads the member of an Event's union that T is.
template <typename T, typename Member>
static bool take(Reading& in, const Event::Reader& from, bool (Event::Reader::*has)() const,
                 Member (Event::Reader::*get)() const, EventBody& to) {
  read_member(in, from, has, get, to.emplace<T>(), "the body of an event");
  return true;
}

// False: the event is of a type that this build does not know.
static bool read_body(Reading& in, Event::Reader from, EventBody& to) {
  using R = Event::Reader;
  switch (from.which()) {
    case Event::BROKER_STARTED:
      return take<muster::BrokerStarted>(in, from, &R::hasBrokerStarted, &R::getBrokerStarted, to);
    case Event::INVENTORY_APPLIED:
      return take<muster::InventoryApplied>(in, from, &R::hasInventoryApplied,
                                            &R::getInventoryApplied, to);
    case Event::WORKER_JOINED:
      return take<muster::WorkerJoined>(in, from, &R::hasWorkerJoined, &R::getWorkerJoined, to);
    case Event::WORKER_LOST:
      return take<muster::WorkerLost>(in, from, &R::hasWorkerLost, &R::getWorkerLost, to);
    case Event::TASK_SUBMITTED:
      return take<muster::TaskSubmitted>(in, from, &R::hasTaskSubmitted, &R::getTaskSubmitted, to);
    case Event::ATTEMPT_LEASED:
      return take<muster::AttemptLeased>(in, from, &R::hasAttemptLeased, &R::getAttemptLeased, to);
    case Event::ATTEMPT_REPORTED:
      return in.present(from.hasAttemptReported(), "the body of an event") &&
             read_reported(in, from.getAttemptReported(), to.emplace<muster::AttemptReported>());
    case Event::ATTEMPT_ENDED:
      return take<muster::AttemptEnded>(in, from, &R::hasAttemptEnded, &R::getAttemptEnded, to);
    case Event::REPORT_REFUSED:
      return take<muster::ReportRefused>(in, from, &R::hasReportRefused, &R::getReportRefused, to);
    case Event::CANCEL_REQUESTED:
      return take<muster::CancelRequested>(in, from, &R::hasCancelRequested, &R::getCancelRequested,
                                           to);
    case Event::TASK_ENDED:
      return take<muster::TaskEnded>(in, from, &R::hasTaskEnded, &R::getTaskEnded, to);
    case Event::DEVICE_JUDGED:
      return take<muster::DeviceJudged>(in, from, &R::hasDeviceJudged, &R::getDeviceJudged, to);
    case Event::DEVICE_LISTED:
      return take<muster::DeviceListed>(in, from, &R::hasDeviceListed, &R::getDeviceListed, to);
    case Event::DEVICE_UNLISTED:
      return take<muster::DeviceUnlisted>(in, from, &R::hasDeviceUnlisted, &R::getDeviceUnlisted,
                                          to);
    case Event::DRAIN_CHANGED:
      return take<muster::DrainChanged>(in, from, &R::hasDrainChanged, &R::getDrainChanged, to);
    case Event::TASK_RETRIED:
      return take<muster::TaskRetried>(in, from, &R::hasTaskRetried, &R::getTaskRetried, to);
    case Event::DAEMON_LOGGED:
      return take<muster::DaemonLogged>(in, from, &R::hasDaemonLogged, &R::getDaemonLogged, to);
    case Event::ACCESS_REFUSED:
      return take<muster::AccessRefused>(in, from, &R::hasAccessRefused, &R::getAccessRefused, to);
  }
  return false;
}

static void read(Reading& in, Block::Reader from, muster::Block& to) {
  to.first = from.getFirst();
  const auto events = from.getEvents();
  if (!in.room(events.size(), kBlockEventsMax, sizeof(muster::Event), "events in a block")) return;
  to.events.resize(events.size());
  for (unsigned i = 0; i < events.size() && !in.failed(); ++i) {
    muster::Event& event = to.events[i];
    in.time(events[i].getTime(), event.time, "the time of an event");
    if (events[i].hasMetadata() && events[i].getMetadata().size() > 0) {
      const auto metadata = std::make_shared<muster::Metadata>();
      read_map(in, events[i].getMetadata(), *metadata, "metadata of an event");
      event.metadata = metadata;
    }
    if (read_body(in, events[i], event.body)) continue;
    event.body = muster::BrokerStarted{};
    to.unknown.push_back(i);
  }
}

}  // namespace wire

Bytes encode_block(uint64_t first, std::span<const Event> events) {
  return wire::encode_frame<wire::Block>([&](wire::Block::Builder root) {
    root.setFirst(first);
    wire::put_list(root, &wire::Block::Builder::initEvents, events);
  });
}

Result<Block> decode_block(std::string_view bytes) {
  Block block;
  auto problem = wire::decode_frame<wire::Block>(
      bytes, kBlockBytesMax,
      [&](wire::Reading& in, wire::Block::Reader root) { wire::read(in, root, block); });
  if (problem) return Error{"block of events: " + *problem};
  return block;
}

}  // namespace muster
