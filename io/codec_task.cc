// schemas/task.capnp.
#include "io/codec_parts.h"

namespace muster::wire {

static_assert(same(TaskKind::VERIFY, muster::TaskKind::verify));
static_assert(same(TaskKind::REPAIR, muster::TaskKind::repair));
static_assert(same(TaskKind::JOB, muster::TaskKind::job));
static_assert(same(Outcome::PASS, muster::Outcome::pass));
static_assert(same(Outcome::FAIL, muster::Outcome::fail));
static_assert(same(Outcome::ERROR, muster::Outcome::error));
static_assert(same(Outcome::SKIP, muster::Outcome::skip));
static_assert(same(Cause::NONE, muster::Cause::none));
static_assert(same(Cause::TEST, muster::Cause::test));
static_assert(same(Cause::DEVICE, muster::Cause::device));
static_assert(same(Cause::PERIPHERAL, muster::Cause::peripheral));
static_assert(same(Cause::WORKER, muster::Cause::worker));
static_assert(same(Cause::BROKER, muster::Cause::broker));
static_assert(same(Cause::USER, muster::Cause::user));
static_assert(same(Cause::CONFIG, muster::Cause::config));
static_assert(same(Cause::TIMEOUT, muster::Cause::timeout));
static_assert(same(Cause::CAPACITY, muster::Cause::capacity));
static_assert(same(VerifyFirst::NONE, muster::VerifyFirst::none));
static_assert(same(VerifyFirst::FRESH, muster::VerifyFirst::fresh));
static_assert(same(VerifyFirst::ALWAYS, muster::VerifyFirst::always));
static_assert(same(StatusCode::OK, muster::StatusCode::ok));
static_assert(same(StatusCode::ERROR, muster::StatusCode::error));
static_assert(same(StatusCode::NORUN, muster::StatusCode::norun));
static_assert(same(StatusCode::BLOCKED, muster::StatusCode::blocked));
static_assert(same(StatusCode::BUSY, muster::StatusCode::busy));
static_assert(same(StatusCode::FAILURES, muster::StatusCode::failures));
static_assert(same(StatusCode::NOLIST, muster::StatusCode::nolist));
static_assert(same(StatusCode::KILLED, muster::StatusCode::killed));
static_assert(same(StatusCode::NOFETCH, muster::StatusCode::nofetch));
static_assert(same(StatusCode::TIMEOUT, muster::StatusCode::timeout));

void write(Ending::Builder to, const muster::Ending& from) {
  to.setOutcome(to_wire<Outcome>(from.outcome));
  to.setCause(to_wire<Cause>(from.cause));
  to.setStatus(to_wire<StatusCode>(from.status));
  put(to, &Ending::Builder::setMessage, from.message);
  to.setStarted(to_us(from.started));
  to.setFinished(to_us(from.finished));
  if (from.exit_code) to.getExit().setCode(*from.exit_code);
  if (from.signal) to.getKilled().setSignal(*from.signal);
  put(to, &Ending::Builder::setBlame, from.blame);
  to.setLost(from.lost);
}

void read(Reading& in, Ending::Reader from, muster::Ending& to) {
  in.enumerant(from.getOutcome(), muster::Outcome::skip, to.outcome, "outcome");
  in.enumerant(from.getCause(), muster::Cause::capacity, to.cause, "cause");
  in.enumerant(from.getStatus(), muster::StatusCode::timeout, to.status, "status code");
  in.text(from.getMessage(), to.message, "the message of an ending");
  in.time(from.getStarted(), to.started, "the start of an attempt");
  in.time(from.getFinished(), to.finished, "the end of an attempt");
  const Ending::Exit::Reader exit = from.getExit();
  switch (exit.which()) {
    case Ending::Exit::NONE:
      break;
    case Ending::Exit::CODE:
      to.exit_code = exit.getCode();
      break;
    default:
      in.fail_unknown("kind of exit", exit.which());
  }
  const Ending::Killed::Reader killed = from.getKilled();
  switch (killed.which()) {
    case Ending::Killed::NONE:
      break;
    case Ending::Killed::SIGNAL:
      to.signal = killed.getSignal();
      break;
    default:
      in.fail_unknown("kind of kill", killed.which());
  }
  in.text(from.getBlame(), to.blame, "whom an ending blames");
  to.lost = from.getLost();
}

void write(DeviceRequest::Builder to, const muster::DeviceRequest& from) {
  put(to, &DeviceRequest::Builder::setRole, from.role);
  put(to, &DeviceRequest::Builder::setName, from.name);
  put(to, &DeviceRequest::Builder::setSelector, from.selector);
  put(to, &DeviceRequest::Builder::setWith, from.with);
}

void read(Reading& in, DeviceRequest::Reader from, muster::DeviceRequest& to) {
  in.text(from.getRole(), to.role, "a device's role");
  in.text(from.getName(), to.name, "a requested device's name");
  in.text(from.getSelector(), to.selector, "a requested device's selector");
  in.text(from.getWith(), to.with, "the role that a requested device goes with");
}

void write(Dependency::Builder to, const muster::Dependency& from) {
  put(to, &Dependency::Builder::setGuid, from.guid);
  to.setMustPass(from.must_pass);
}

void read(Reading& in, Dependency::Reader from, muster::Dependency& to) {
  in.text(from.getGuid(), to.guid, "the GUID of a dependency");
  to.must_pass = from.getMustPass();
}

void write(TaskSpec::Builder to, const muster::TaskSpec& from) {
  using Builder = TaskSpec::Builder;
  put(to, &Builder::setGuid, from.guid);
  to.setKind(to_wire<TaskKind>(from.kind));
  put(to, &Builder::setName, from.name);
  put(to, &Builder::setParent, from.parent);
  put(to, &Builder::setSubmitter, from.submitter);
  put(to, &Builder::setPool, from.pool);
  put_list(to, &Builder::initDevices, from.devices);
  to.setPriority(from.priority);
  TaskSpec::Timeouts::Builder timeouts = to.getTimeouts();
  timeouts.setQueue(from.timeouts.queue.count());
  timeouts.setRun(from.timeouts.run.count());
  timeouts.setSilence(from.timeouts.silence.count());
  timeouts.setGrace(from.timeouts.grace.count());
  timeouts.setFinally(from.timeouts.finally.count());
  timeouts.setDeadline(from.timeouts.deadline.count());
  TaskSpec::Retry::Builder retry = to.getRetry();
  retry.setInfra(from.retry.infra);
  retry.setTest(from.retry.test);
  retry.setCrashLimit(from.retry.crash_limit);
  to.setWaitForCapacity(from.wait_for_capacity);
  put(to, &Builder::setWork, from.work);
  TaskSpec::Before::Builder before = to.getBefore();
  before.setVerify(to_wire<VerifyFirst>(from.before.verify));
  put(before, &TaskSpec::Before::Builder::setLevel, from.before.level);
  before.setRepair(from.before.repair);
  before.setRepairBudget(from.before.repair_budget.count());
  put_list(to, &Builder::initDependsOn, from.depends_on);
  put(to, &Builder::setGroup, from.group);
  put_list(to, &Builder::initMetadata, from.metadata);
  to.setAtOnce(from.at_once);
}

void read(Reading& in, TaskSpec::Reader from, muster::TaskSpec& to) {
  const size_t taken_before = in.taken();
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.enumerant(from.getKind(), muster::TaskKind::job, to.kind, "kind of task");
  in.text(from.getName(), to.name, "the task's name");
  in.text(from.getParent(), to.parent, "the task's parent");
  in.text(from.getSubmitter(), to.submitter, "the task's submitter");
  in.text(from.getPool(), to.pool, "the task's pool");
  read_list(in, from.getDevices(), to.devices, "devices of a task", kDevicesPerTaskMax);
  to.priority = from.getPriority();
  const TaskSpec::Timeouts::Reader timeouts = from.getTimeouts();
  in.duration(timeouts.getQueue(), to.timeouts.queue, "the queue timeout");
  in.duration(timeouts.getRun(), to.timeouts.run, "the run timeout");
  in.duration(timeouts.getSilence(), to.timeouts.silence, "the silence timeout");
  in.duration(timeouts.getGrace(), to.timeouts.grace, "the grace period");
  in.duration(timeouts.getFinally(), to.timeouts.finally, "the timeout of finally");
  in.duration(timeouts.getDeadline(), to.timeouts.deadline, "the deadline");
  const TaskSpec::Retry::Reader retry = from.getRetry();
  to.retry.infra = retry.getInfra();
  to.retry.test = retry.getTest();
  to.retry.crash_limit = retry.getCrashLimit();
  to.wait_for_capacity = from.getWaitForCapacity();
  in.data(from.getWork(), to.work);
  const TaskSpec::Before::Reader before = from.getBefore();
  in.enumerant(before.getVerify(), muster::VerifyFirst::always, to.before.verify,
               "verification before a job");
  in.text(before.getLevel(), to.before.level, "the level of a verification");
  to.before.repair = before.getRepair();
  in.duration(before.getRepairBudget(), to.before.repair_budget, "the budget of repairs");
  read_list(in, from.getDependsOn(), to.depends_on, "dependencies of a task", kDependenciesMax);
  in.text(from.getGroup(), to.group, "the task's group");
  read_map(in, from.getMetadata(), to.metadata, "metadata of a task");
  to.at_once = from.getAtOnce();
  const size_t taken = in.taken() - taken_before;
  if (taken > kTaskBytesMax) {
    in.fail("a task has " + std::to_string(taken) + " bytes, and at most " +
            std::to_string(kTaskBytesMax) + " are allowed");
  }
}

void write(TaskSpec::Builder to, const TaskSpecPtr& from) { write(to, *from); }

void read(Reading& in, TaskSpec::Reader from, TaskSpecPtr& to) {
  auto spec = std::make_shared<muster::TaskSpec>();
  read(in, from, *spec);
  to = std::move(spec);
}

}  // namespace muster::wire
