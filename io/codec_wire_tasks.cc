// schemas/wire.capnp: tasks.
#include "io/codec_wire.h"

namespace muster::wire {

static_assert(same(TaskState::QUEUED, muster::TaskState::queued));
static_assert(same(TaskState::LEASED, muster::TaskState::leased));
static_assert(same(TaskState::RUNNING, muster::TaskState::running));
static_assert(same(TaskState::ENDED, muster::TaskState::ended));

void write(Submit::Builder to, const muster::Submit& from) {
  put_list(to, &Submit::Builder::initTasks, from.tasks);
  to.setWatch(from.watch);
}

void read(Reading& in, Submit::Reader from, muster::Submit& to) {
  read_list(in, from.getTasks(), to.tasks, "tasks in a submit", kSubmitTasksMax);
  to.watch = from.getWatch();
}

static void write(SubmitReply::Result::Builder to, const SubmitResult& from) {
  put(to, &SubmitReply::Result::Builder::setGuid, from.guid);
  to.setKnown(from.known);
  put(to, &SubmitReply::Result::Builder::setRefused, from.refused);
  to.setCode(to_wire<RefusalCode>(from.code));
}

static void read(Reading& in, SubmitReply::Result::Reader from, SubmitResult& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  to.known = from.getKnown();
  in.text(from.getRefused(), to.refused, "the reason of a refusal");
  in.enumerant(from.getCode(), muster::RefusalCode::unknown, to.code, "code of a refusal");
}

void write(SubmitReply::Builder to, const muster::SubmitReply& from) {
  put_list(to, &SubmitReply::Builder::initResults, from.results);
}

void read(Reading& in, SubmitReply::Reader from, muster::SubmitReply& to) {
  read_list(in, from.getResults(), to.results, "results of a submit", kSubmitTasksMax);
}

void write(Watch::Builder to, const muster::Watch& from) {
  put_texts(to, &Watch::Builder::initGuids, from.guids);
}

void read(Reading& in, Watch::Reader from, muster::Watch& to) {
  read_texts(in, from.getGuids(), to.guids, "GUIDs to watch", kGuidsPerRequestMax);
}

// An ending that there is not yet stays absent.
template <typename Builder>
static void put_ending(Builder& to, const std::optional<muster::Ending>& from) {
  if (from) write(to.initEnding(), *from);
}
template <typename Reader>
static void read_ending(Reading& in, const Reader& from, std::optional<muster::Ending>& to) {
  if (from.hasEnding()) read(in, from.getEnding(), to.emplace());
}

static void write(TaskChange::Builder to, const muster::TaskChange& from) {
  put(to, &TaskChange::Builder::setGuid, from.guid);
  to.setState(to_wire<TaskState>(from.state));
  to.setAttempt(from.attempt);
  put(to, &TaskChange::Builder::setWorker, from.worker);
  put(to, &TaskChange::Builder::setLogUrl, from.log_url);
  to.setVerdict(to_wire<Verdict>(from.verdict));
  put_ending(to, from.ending);
}

static void read(Reading& in, TaskChange::Reader from, muster::TaskChange& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.enumerant(from.getState(), muster::TaskState::ended, to.state, "state of a task");
  to.attempt = from.getAttempt();
  in.text(from.getWorker(), to.worker, "a worker's name");
  in.text(from.getLogUrl(), to.log_url, "a log's URL");
  in.enumerant(from.getVerdict(), muster::Verdict::skip, to.verdict, "verdict");
  read_ending(in, from, to.ending);
}

void write(TaskNews::Builder to, const muster::TaskNews& from) {
  put_list(to, &TaskNews::Builder::initChanges, from.changes);
  put_texts(to, &TaskNews::Builder::initUnknown, from.unknown);
}

void read(Reading& in, TaskNews::Reader from, muster::TaskNews& to) {
  read_list(in, from.getChanges(), to.changes, "changes of tasks");
  read_texts(in, from.getUnknown(), to.unknown, "unknown GUIDs", kGuidsPerRequestMax);
}

void write(Cancel::Builder to, const muster::Cancel& from) {
  put_texts(to, &Cancel::Builder::initGuids, from.guids);
  put(to, &Cancel::Builder::setReason, from.reason);
  put(to, &Cancel::Builder::setWho, from.who);
}

void read(Reading& in, Cancel::Reader from, muster::Cancel& to) {
  read_texts(in, from.getGuids(), to.guids, "GUIDs to cancel", kGuidsPerRequestMax);
  in.text(from.getReason(), to.reason, "the reason of a cancel");
  in.text(from.getWho(), to.who, "who cancels");
}

static void write(CancelReply::Result::Builder to, const CancelResult& from) {
  put(to, &CancelReply::Result::Builder::setGuid, from.guid);
  put(to, &CancelReply::Result::Builder::setRefused, from.refused);
}

static void read(Reading& in, CancelReply::Result::Reader from, CancelResult& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.text(from.getRefused(), to.refused, "the reason of a refusal");
}

void write(CancelReply::Builder to, const muster::CancelReply& from) {
  put_list(to, &CancelReply::Builder::initResults, from.results);
}

void read(Reading& in, CancelReply::Reader from, muster::CancelReply& to) {
  read_list(in, from.getResults(), to.results, "results of a cancel", kGuidsPerRequestMax);
}

void write(RetryTasks::Builder to, const muster::RetryTasks& from) {
  put_texts(to, &RetryTasks::Builder::initGuids, from.guids);
  put(to, &RetryTasks::Builder::setReason, from.reason);
  put(to, &RetryTasks::Builder::setWho, from.who);
  put(to, &RetryTasks::Builder::setId, from.id);
}

void read(Reading& in, RetryTasks::Reader from, muster::RetryTasks& to) {
  read_texts(in, from.getGuids(), to.guids, "GUIDs to retry", kGuidsPerRequestMax);
  in.text(from.getReason(), to.reason, "the reason of a retry");
  in.text(from.getWho(), to.who, "who retries");
  in.text(from.getId(), to.id, "the request of a retry");
}

static void write(RetryTasksReply::Result::Builder to, const RetryTasksResult& from) {
  put(to, &RetryTasksReply::Result::Builder::setGuid, from.guid);
  put(to, &RetryTasksReply::Result::Builder::setRefused, from.refused);
  to.setCode(to_wire<RefusalCode>(from.code));
}

static void read(Reading& in, RetryTasksReply::Result::Reader from, RetryTasksResult& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.text(from.getRefused(), to.refused, "the reason of a refusal");
  in.enumerant(from.getCode(), muster::RefusalCode::unknown, to.code, "code of a refusal");
}

void write(RetryTasksReply::Builder to, const muster::RetryTasksReply& from) {
  put_list(to, &RetryTasksReply::Builder::initResults, from.results);
}

void read(Reading& in, RetryTasksReply::Reader from, muster::RetryTasksReply& to) {
  read_list(in, from.getResults(), to.results, "results of a retry", kGuidsPerRequestMax);
}

void write(ListTasks::Builder to, const muster::ListTasks& from) {
  if (!from.states.empty()) {
    auto states = to.initStates(static_cast<unsigned>(from.states.size()));
    for (unsigned i = 0; i < states.size(); ++i) states.set(i, to_wire<TaskState>(from.states[i]));
  }
  to.setMax(from.max);
  put(to, &ListTasks::Builder::setGuidPrefix, from.guid_prefix);
  put(to, &ListTasks::Builder::setGroupPrefix, from.group_prefix);
  if (!from.verdicts.empty()) {
    auto verdicts = to.initVerdicts(static_cast<unsigned>(from.verdicts.size()));
    for (unsigned i = 0; i < verdicts.size(); ++i) {
      verdicts.set(i, to_wire<Verdict>(from.verdicts[i]));
    }
  }
  if (!from.kinds.empty()) {
    auto kinds = to.initKinds(static_cast<unsigned>(from.kinds.size()));
    for (unsigned i = 0; i < kinds.size(); ++i) kinds.set(i, to_wire<TaskKind>(from.kinds[i]));
  }
  put(to, &ListTasks::Builder::setName, from.name);
  put_list(to, &ListTasks::Builder::initMetadata, from.metadata);
  to.setBuried(from.buried);
}

// A list of enumerants up to `last`.
template <typename List, typename Core>
static void read_enumerants(Reading& in, const List& from, Core last, std::vector<Core>& to,
                            const char* what) {
  if (!in.room(from.size(), kUnbounded, sizeof(Core), what)) return;
  to.resize(from.size());
  for (unsigned i = 0; i < from.size() && !in.failed(); ++i) {
    in.enumerant(from[i], last, to[i], what);
  }
}

void read(Reading& in, ListTasks::Reader from, muster::ListTasks& to) {
  read_enumerants(in, from.getStates(), muster::TaskState::ended, to.states, "state of a task");
  to.max = from.getMax();
  in.text(from.getGuidPrefix(), to.guid_prefix, "the prefix of GUIDs");
  in.text(from.getGroupPrefix(), to.group_prefix, "the prefix of groups");
  read_enumerants(in, from.getVerdicts(), muster::Verdict::skip, to.verdicts, "verdict of a task");
  read_enumerants(in, from.getKinds(), muster::TaskKind::job, to.kinds, "kind of a task");
  in.text(from.getName(), to.name, "the pattern of names");
  // It is matched against each task.
  in.room(to.name.size(), kNamePatternBytesMax, 1, "bytes in a pattern of names");
  read_map(in, from.getMetadata(), to.metadata, "metadata that tasks must have");
  to.buried = from.getBuried();
}

void write(TaskList::Builder to, const muster::TaskList& from) {
  put_list(to, &TaskList::Builder::initTasks, from.tasks);
  to.setTotal(from.total);
}

void read(Reading& in, TaskList::Reader from, muster::TaskList& to) {
  read_list(in, from.getTasks(), to.tasks, "tasks in a list", kListTasksMax);
  to.total = from.getTotal();
}

void write(ShowTask::Builder to, const muster::ShowTask& from) {
  put(to, &ShowTask::Builder::setGuid, from.guid);
}

void read(Reading& in, ShowTask::Reader from, muster::ShowTask& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
}

static void write(AttemptInfo::Builder to, const muster::AttemptInfo& from) {
  to.setAttempt(from.attempt);
  put(to, &AttemptInfo::Builder::setWorker, from.worker);
  put_texts(to, &AttemptInfo::Builder::initDevices, from.devices);
  to.setLeased(to_us(from.leased));
  put(to, &AttemptInfo::Builder::setLogUrl, from.log_url);
  put_ending(to, from.ending);
  put(to, &AttemptInfo::Builder::setProgress, from.progress);
}

static void read(Reading& in, AttemptInfo::Reader from, muster::AttemptInfo& to) {
  to.attempt = from.getAttempt();
  in.text(from.getWorker(), to.worker, "a worker's name");
  read_texts(in, from.getDevices(), to.devices, "devices of an attempt", kDevicesPerLeaseMax);
  in.time(from.getLeased(), to.leased, "the time of a lease");
  in.text(from.getLogUrl(), to.log_url, "a log's URL");
  read_ending(in, from, to.ending);
  in.text(from.getProgress(), to.progress, "the progress of an attempt");
}

void write(TaskInfo::Builder to, const muster::TaskInfo& from) {
  write(to.initSpec(), from.spec);
  to.setState(to_wire<TaskState>(from.state));
  to.setVerdict(to_wire<Verdict>(from.verdict));
  put_ending(to, from.ending);
  to.setSubmitted(to_us(from.submitted));
  to.setEnded(to_us(from.ended));
  to.setNotBefore(to_us(from.not_before));
  put(to, &TaskInfo::Builder::setCancelling, from.cancelling);
  to.setAttemptCount(from.attempt_count);
  put_list(to, &TaskInfo::Builder::initAttempts, from.attempts);
  to.setBuried(from.buried);
}

void read(Reading& in, TaskInfo::Reader from, muster::TaskInfo& to) {
  using R = TaskInfo::Reader;
  read_member(in, from, &R::hasSpec, &R::getSpec, to.spec, "a task's spec");
  in.enumerant(from.getState(), muster::TaskState::ended, to.state, "state of a task");
  in.enumerant(from.getVerdict(), muster::Verdict::skip, to.verdict, "verdict");
  read_ending(in, from, to.ending);
  in.time(from.getSubmitted(), to.submitted, "the time of a submit");
  in.time(from.getEnded(), to.ended, "the end of a task");
  in.time(from.getNotBefore(), to.not_before, "the end of a back-off");
  in.text(from.getCancelling(), to.cancelling, "the reason of a cancel");
  to.attempt_count = from.getAttemptCount();
  read_list(in, from.getAttempts(), to.attempts, "attempts of a task", kAttemptsMax);
  to.buried = from.getBuried();
}

void write(ExplainTask::Builder to, const muster::ExplainTask& from) {
  put(to, &ExplainTask::Builder::setGuid, from.guid);
}

void read(Reading& in, ExplainTask::Reader from, muster::ExplainTask& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
}

void write(Explanation::Builder to, const muster::Explanation& from) {
  put(to, &Explanation::Builder::setGuid, from.guid);
  to.setState(to_wire<TaskState>(from.state));
  put(to, &Explanation::Builder::setSummary, from.summary);
  put_texts(to, &Explanation::Builder::initReasons, from.reasons);
  to.setAhead(from.ahead);
  to.setEstimate(from.estimate.count());
}

void read(Reading& in, Explanation::Reader from, muster::Explanation& to) {
  in.text(from.getGuid(), to.guid, "the task's GUID");
  in.enumerant(from.getState(), muster::TaskState::ended, to.state, "state of a task");
  in.text(from.getSummary(), to.summary, "the summary of an explanation");
  read_texts(in, from.getReasons(), to.reasons, "reasons");
  to.ahead = from.getAhead();
  in.duration(from.getEstimate(), to.estimate, "an estimate");
}

}  // namespace muster::wire
