// schemas/snapshot.capnp. Structures of the hard state are taken apart by name: what has got one
// member more does not compile until it is written here too.
#include "io/codec_snapshot_slots.h"

#include <type_traits>

namespace muster::wire {

// A struct whose absence means something.
template <typename Reader, typename Member, typename Box>
void read_perhaps(Reading& in, const Reader& from, bool (Reader::*has)() const,
                  Member (Reader::*get)() const, Box& to) {
  if (!(from.*has)()) return;
  typename std::remove_cvref_t<decltype(*to)> value;
  read(in, (from.*get)(), value);
  to = Box(std::move(value));
}

void write(TaskRef::Builder to, const muster::TaskRef& from) {
  const auto& [slot, seq] = from;
  to.setSlot(slot);
  to.setSeq(seq);
}

void read(Reading&, TaskRef::Reader from, muster::TaskRef& to) {
  to = {from.getSlot(), from.getSeq()};
}

static void write(AttemptSlot::Builder to, const broker_state::Attempt& from) {
  using Builder = AttemptSlot::Builder;
  const auto& [worker, incarnation, leased, started, devices, device_names, log_url, progress,
               ending] = from;
  to.setWorker(worker);
  to.setIncarnation(incarnation);
  to.setLeased(to_us(leased));
  to.setStarted(to_us(started));
  put_numbers(to, &Builder::initDevices, devices);
  put_texts(to, &Builder::initDeviceNames, device_names);
  put(to, &Builder::setLogUrl, log_url);
  put(to, &Builder::setProgress, progress);
  if (ending) write(to.initEnding(), *ending);
}

static void read(Reading& in, AttemptSlot::Reader from, broker_state::Attempt& to) {
  using R = AttemptSlot::Reader;
  to.worker = from.getWorker();
  to.incarnation = from.getIncarnation();
  in.time(from.getLeased(), to.leased, "the lease of an attempt");
  in.time(from.getStarted(), to.started, "the start of an attempt");
  read_numbers(in, from.getDevices(), to.devices, "devices of an attempt");
  read_texts(in, from.getDeviceNames(), to.device_names, "names of devices");
  in.text(from.getLogUrl(), to.log_url, "the address of a log");
  in.text(from.getProgress(), to.progress, "the progress of an attempt");
  read_perhaps(in, from, &R::hasEnding, &R::getEnding, to.ending);
}

static void write(Revival::Builder to, const broker_state::Revival& from) {
  const auto& [submitted_seq, attempts, requests] = from;
  to.setSubmittedSeq(submitted_seq);
  to.setAttempts(attempts);
  put_numbers(to, &Revival::Builder::initRequests, requests);
}

static void read(Reading& in, Revival::Reader from, broker_state::Revival& to) {
  to.submitted_seq = from.getSubmittedSeq();
  to.attempts = from.getAttempts();
  read_numbers(in, from.getRequests(), to.requests, "requests of retries");
}

static void write(Chain::Vain::Builder to,
                  const std::pair<const std::string, broker_state::Vain>& from) {
  const auto& [seq, cause, guid] = from.second;
  put(to, &Chain::Vain::Builder::setDevice, from.first);
  to.setSeq(seq);
  to.setCause(to_wire<Cause>(cause));
  put(to, &Chain::Vain::Builder::setGuid, guid);
}

static void write(Chain::Builder to, const broker_state::Chain& from) {
  using Builder = Chain::Builder;
  const auto& [parent, open, verified, repaired, vain, failed_children, repair_spent] = from;
  write(to.initParent(), parent);
  put_list(to, &Builder::initOpen, open);
  put_texts(to, &Builder::initVerified, verified);
  put_texts(to, &Builder::initRepaired, {repaired.begin(), repaired.end()});
  put_list(to, &Builder::initVain, vain);
  to.setFailedChildren(failed_children);
  to.setRepairSpent(repair_spent.count());
}

static void read(Reading& in, Chain::Reader from, broker_state::Chain& to) {
  read(in, from.getParent(), to.parent);
  read_list(in, from.getOpen(), to.open, "children of a task");
  read_texts(in, from.getVerified(), to.verified, "verified devices");
  std::vector<std::string> repaired;
  read_texts(in, from.getRepaired(), repaired, "repaired devices");
  to.repaired = {repaired.begin(), repaired.end()};
  for (const Chain::Vain::Reader vain : from.getVain()) {
    if (in.failed()) return;
    std::string device;
    broker_state::Vain value;
    in.text(vain.getDevice(), device, "a device's name");
    value.seq = vain.getSeq();
    in.enumerant(vain.getCause(), muster::Cause::capacity, value.cause, "cause");
    in.text(vain.getGuid(), value.guid, "a child's GUID");
    to.vain.insert_or_assign(std::move(device), std::move(value));
  }
  to.failed_children = from.getFailedChildren();
  in.duration(from.getRepairSpent(), to.repair_spent, "the time that repairs took");
}

void write(TaskSlot::Builder to, const HardTask& from) {
  using Builder = TaskSlot::Builder;
  const auto& [spec, seq, state, verdict, submitted, ended, not_before, task_class, attempts,
               cancel, own_ending, revival, chain, dependants, waits_for] = from;
  if (!spec) return;
  write(to.initSpec(), spec.whole());
  to.setSeq(seq);
  to.setState(to_wire<TaskState>(state));
  to.setVerdict(to_wire<Verdict>(verdict));
  to.setSubmitted(to_us(submitted));
  to.setEnded(to_us(ended));
  to.setNotBefore(to_us(not_before));
  to.setTaskClass(task_class);
  to.setWaitsFor(waits_for);
  put_list(to, &Builder::initAttempts, attempts);
  if (cancel) write(to.initCancel(), *cancel);
  if (own_ending) write(to.initOwnEnding(), *own_ending);
  if (revival) write(to.initRevival(), *revival);
  if (chain) write(to.initChain(), *chain);
  if (dependants) put_list(to, &Builder::initDependants, *dependants);
}

void read(Reading& in, TaskSlot::Reader from, HardTask& to) {
  using R = TaskSlot::Reader;
  if (!from.hasSpec()) return;
  muster::TaskSpec spec;
  read(in, from.getSpec(), spec);
  to.spec = KeptSpec(std::make_shared<const TaskTerms>(spec), spec.guid, spec.work);
  to.seq = from.getSeq();
  in.enumerant(from.getState(), muster::TaskState::ended, to.state, "state of a task");
  in.enumerant(from.getVerdict(), muster::Verdict::skip, to.verdict, "verdict");
  in.time(from.getSubmitted(), to.submitted, "the time of a submit");
  in.time(from.getEnded(), to.ended, "the end of a task");
  in.time(from.getNotBefore(), to.not_before, "the time of a retry");
  to.task_class = from.getTaskClass();
  to.waits_for = from.getWaitsFor();
  read_list(in, from.getAttempts(), to.attempts, "attempts of a task");
  read_perhaps(in, from, &R::hasCancel, &R::getCancel, to.cancel);
  read_perhaps(in, from, &R::hasOwnEnding, &R::getOwnEnding, to.own_ending);
  read_perhaps(in, from, &R::hasRevival, &R::getRevival, to.revival);
  read_perhaps(in, from, &R::hasChain, &R::getChain, to.chain);
  if (!from.hasDependants()) return;
  std::vector<muster::TaskRef> dependants;
  read_list(in, from.getDependants(), dependants, "dependants of a task");
  to.dependants = Box(std::move(dependants));
}

static void write(ListedDevice::Builder to,
                  const std::pair<const std::string, muster::ListedDevice>& from) {
  write(to, from.second);
}

void write(WorkerSlot::Builder to, const HardWorker& from) {
  using Builder = WorkerSlot::Builder;
  const auto& [name, present, incarnation, last_seq, lab, pools, slots, version, held, lost,
               draining, listed] = from;
  put(to, &Builder::setName, name);
  to.setPresent(present);
  to.setIncarnation(incarnation);
  to.setLastSeq(last_seq);
  put(to, &Builder::setLab, lab);
  put_texts(to, &Builder::initPools, pools);
  to.setSlots(slots);
  put(to, &Builder::setVersion, version);
  put_numbers(to, &Builder::initHeld, held);
  to.setLost(to_us(lost));
  if (draining) write(to.initDraining(), *draining);
  put_list(to, &Builder::initListed, listed);
}

void read(Reading& in, WorkerSlot::Reader from, HardWorker& to) {
  in.text(from.getName(), to.name, "a worker's name");
  to.present = from.getPresent();
  to.incarnation = from.getIncarnation();
  to.last_seq = from.getLastSeq();
  in.text(from.getLab(), to.lab, "the lab's name");
  read_texts(in, from.getPools(), to.pools, "pools of a worker");
  to.slots = from.getSlots();
  in.text(from.getVersion(), to.version, "a worker's version");
  read_numbers(in, from.getHeld(), to.held, "held tasks");
  in.time(from.getLost(), to.lost, "the loss of a worker");
  if (from.hasDraining()) read(in, from.getDraining(), to.draining.emplace());
  std::vector<muster::ListedDevice> listed;
  read_list(in, from.getListed(), listed, "listed devices");
  for (muster::ListedDevice& device : listed) {
    std::string key = device.name;
    to.listed.insert_or_assign(std::move(key), std::move(device));
  }
}

static void write(DeviceSlot::LevelTime::Builder to,
                  const std::pair<const std::string, Instant>& from) {
  put(to, &DeviceSlot::LevelTime::Builder::setLevel, from.first);
  to.setTime(to_us(from.second));
}

static void write(DeviceSlot::Uses::Builder to,
                  const std::pair<const std::string, std::deque<Instant>>& from) {
  put(to, &DeviceSlot::Uses::Builder::setTag, from.first);
  put_numbers(to, &DeviceSlot::Uses::Builder::initTimes, from.second);
}

void write(DeviceSlot::Builder to, const HardDevice& from) {
  using Builder = DeviceSlot::Builder;
  const auto& [spec, declared, undeclared, allowed, worker, holder, health, health_reason,
               health_since, health_who, until, failures, job_failures, before_lock, level, blamed,
               good_at, fit_seq, good_for, uses, reverify_at, gone_at] = from;
  write(to.initSpec(), spec);
  to.setDeclared(declared);
  to.setUndeclared(undeclared);
  to.setAllowed(allowed);
  to.setWorker(worker);
  to.setHolder(holder);
  to.setHealth(to_wire<DeviceHealth>(health));
  put(to, &Builder::setHealthReason, health_reason);
  to.setHealthSince(to_us(health_since));
  put(to, &Builder::setHealthWho, health_who);
  to.setUntil(to_us(until));
  to.setFailures(failures);
  to.setJobFailures(job_failures);
  if (before_lock) write(to.initBeforeLock(), *before_lock);
  put(to, &Builder::setLevel, level);
  to.setBlamed(blamed);
  put_list(to, &Builder::initGoodAt, good_at);
  to.setFitSeq(fit_seq);
  to.setGoodFor(good_for);
  put_list(to, &Builder::initUses, uses);
  to.setReverifyAt(to_us(reverify_at));
  to.setGoneAt(gone_at);
}

static void read_times(Reading& in, DeviceSlot::Reader from, HardDevice& to) {
  for (const DeviceSlot::LevelTime::Reader good : from.getGoodAt()) {
    if (in.failed()) return;
    std::string level;
    in.text(good.getLevel(), level, "the level of a verification");
    in.time(good.getTime(), to.good_at[level], "the time of a verification");
  }
  for (const DeviceSlot::Uses::Reader uses : from.getUses()) {
    if (in.failed()) return;
    std::string tag;
    in.text(uses.getTag(), tag, "the tag of a repair action");
    std::deque<Instant>& times = to.uses[tag];
    if (!in.room(uses.getTimes().size(), kActionUsesKept, sizeof(Instant), "uses")) return;
    for (const int64_t time : uses.getTimes()) {
      in.time(time, times.emplace_back(), "the time of a repair");
    }
    in.present(!times.empty(), "the time of a repair");
  }
}

void read(Reading& in, DeviceSlot::Reader from, HardDevice& to) {
  using R = DeviceSlot::Reader;
  read(in, from.getSpec(), to.spec);
  to.declared = from.getDeclared();
  to.undeclared = from.getUndeclared();
  to.allowed = from.getAllowed();
  to.worker = from.getWorker();
  to.holder = from.getHolder();
  in.enumerant(from.getHealth(), muster::DeviceHealth::locked, to.health, "health of a device");
  in.text(from.getHealthReason(), to.health_reason, "why a device's health is so");
  in.time(from.getHealthSince(), to.health_since, "since when a device's health is so");
  in.text(from.getHealthWho(), to.health_who, "who judged a device");
  in.time(from.getUntil(), to.until, "the end of a back-off");
  to.failures = from.getFailures();
  to.job_failures = from.getJobFailures();
  read_perhaps(in, from, &R::hasBeforeLock, &R::getBeforeLock, to.before_lock);
  in.text(from.getLevel(), to.level, "the level of a verification");
  to.blamed = from.getBlamed();
  read_times(in, from, to);
  to.fit_seq = from.getFitSeq();
  to.good_for = from.getGoodFor();
  in.time(from.getReverifyAt(), to.reverify_at, "when a device is verified again");
  to.gone_at = from.getGoneAt();
}

void write(ClassSlot::Builder to, const HardClass& from) {
  const auto& [typical, queued] = from;
  to.setTypical(typical.count());
  put_numbers(to, &ClassSlot::Builder::initQueued, queued);
}

void read(Reading& in, ClassSlot::Reader from, HardClass& to) {
  in.duration(from.getTypical(), to.typical, "the duration of an attempt");
  read_numbers(in, from.getQueued(), to.queued, "queued tasks");
}

void write(TypicalTime::Builder to, const std::pair<std::string, Duration>& from) {
  put(to, &TypicalTime::Builder::setKey, from.first);
  to.setTypical(from.second.count());
}

void read(Reading& in, TypicalTime::Reader from, std::pair<std::string, Duration>& to) {
  in.text(from.getKey(), to.first, "the requirements of tasks");
  in.duration(from.getTypical(), to.second, "the duration of an attempt");
}

void write(Counter::Builder to, const std::pair<const std::string, uint64_t>& from) {
  put(to, &Counter::Builder::setName, from.first);
  to.setValue(from.second);
}

}  // namespace muster::wire
