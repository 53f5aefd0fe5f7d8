// note: soft state. All of it may be lost at any time; peers say it again.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"
#include "core/rest.h"

namespace muster {

namespace {

constexpr Duration kSessionSweep = std::chrono::seconds(5);

}  // namespace

void BrokerCore::note_message(const FromPeer& input, Instant now) {
  if (const auto* hello = std::get_if<Hello>(&input.envelope.message)) {
    note_hello(input, *hello, now);
    return;
  }
  const uint64_t* id = session_by_peer_.find(input.peer);
  if (!id) return;
  sessions_.at(*id).last_heard = now;
  if (const auto* sync = std::get_if<Sync>(&input.envelope.message)) {
    note_sync(input, *sync, now);
  } else if (const auto* submit = std::get_if<Submit>(&input.envelope.message)) {
    if (submit->watch) note_watched_submit(*id, *submit);
  } else if (const auto* watch = std::get_if<Watch>(&input.envelope.message)) {
    if (watch->guids.size() > kGuidsPerRequestMax) return;  // was refused
    note_watch(*id, watch->guids);
    note_unanswered(*id, *watch);
  }
}

void BrokerCore::note_hello(const FromPeer& input, const Hello& hello, Instant now) {
  const Decision decision = decide_hello(input, hello);
  if (!std::holds_alternative<Welcome>(decision.sends.at(0).envelope.message)) return;
  if (sessions_.empty()) next_session_sweep_ = now + kSessionSweep;
  if (const uint64_t* known = session_by_peer_.find(input.peer)) {
    Session& session = sessions_.at(*known);
    session.role = hello.role;
    session.name = hello.name;
    session.last_heard = now;
    session.outdated = protocol_refusal(hello);
    return;
  }
  const uint64_t id = next_session_++;
  session_by_peer_.insert(input.peer, id);
  sessions_.emplace(
      id, Session{id, input.peer, hello.role, hello.name, now, {}, protocol_refusal(hello)});
}

void BrokerCore::note_sync(const FromPeer& input, const Sync& sync, Instant now) {
  const Session& session = *find_session(input.peer);
  const auto found = worker_by_name_.find(session.name);
  if (session.role != Role::worker || found == worker_by_name_.end()) return;
  const WorkerIx ix = found->second;
  Worker& worker = workers_[ix];
  if (!worker.present || worker.incarnation != sync.incarnation) return;
  if (sync.full && sync.number < worker.sync_number) return;  // late mail
  worker.peer = input.peer;
  worker.last_heard = now;
  note_lease(ix, now + silence_max(worker));
  if (sync.full) {
    worker.sync_number = sync.number;
    worker.sync_heard = now;
    worker.rested = Duration{0};
    const bool outdated = !session.outdated.empty();
    worker.credit = outdated ? 0 : sync.credit;
    worker.refusing = cut_text(outdated ? session.outdated : sync.refusing, kMessageLengthMax);
    worker.listers = sync.listers;
    for (ListerState& lister : worker.listers) {
      lister.fault = cut_text(lister.fault, kMessageLengthMax);
    }
    note_held(worker, sync);
  }
  mark_worker(ix);
  if (sync.full && worker.held_devices < worker.slots) mark_devices_of(ix);
}

// Compares what a full Sync says the worker holds with what it should hold.
void BrokerCore::note_held(Worker& worker, const Sync& sync) {
  ++heard_mark_;
  worker.to_run.clear();
  worker.to_stop.clear();
  for (const HeldAttempt& held : sync.held) {
    const TaskIx ix = task_ix(held.token.guid);
    Task* task = ix == kNone ? nullptr : &tasks_[ix];
    const bool live =
        task && held.token.attempt != 0 && held.token.attempt == task->attempts.size() &&
        !task->attempts.back().ending && workers_[task->attempts.back().worker].name == worker.name;
    if (!live) {
      worker.to_stop.push_back(StopOrder{held.token, StopReason::fenced, ""});
      continue;
    }
    task->heard_mark = heard_mark_;
    if (task->cancel) {
      worker.to_stop.push_back(
          StopOrder{held.token, StopReason::cancelled, broker_state::stop_text(*task->cancel)});
    }
  }
  for (const TaskIx ix : worker.held) {
    const Task& task = tasks_[ix];
    if (task.heard_mark != heard_mark_) worker.to_run.push_back(TaskRef{ix, task.seq});
  }
}

// The answer to a Submit does not tell what a task came to that was known and has ended: news does.
void BrokerCore::note_watched_submit(uint64_t session, const Submit& submit) {
  std::vector<std::string> guids;
  guids.reserve(submit.tasks.size());
  for (const TaskSpecPtr& spec : submit.tasks) {
    guids.push_back(spec->guid);
    const TaskIx ix = task_ix(spec->guid);
    if (ix == kNone || tasks_[ix].state != TaskState::ended) continue;
    sessions_.at(session).news.push_back(TaskRef{ix, tasks_[ix].seq});
    sessions_with_news_.insert(session);
  }
  note_watch(session, guids);
}

void BrokerCore::note_watch(uint64_t session, const std::vector<std::string>& guids) {
  for (const std::string& guid : guids) {
    const TaskIx ix = task_ix(guid);
    if (ix == kNone) continue;
    Task& task = tasks_[ix];
    if (task.watcher == 0 || !sessions_.contains(task.watcher)) {
      task.watcher = session;
    } else if (task.watcher != session) {
      std::vector<uint64_t>& more = extra_watchers_[ix];
      std::erase_if(more, [&](uint64_t id) { return !sessions_.contains(id); });
      if (std::find(more.begin(), more.end(), session) == more.end()) more.push_back(session);
    }
  }
}

// The tasks of a Watch that its answer had no room for.
void BrokerCore::note_unanswered(uint64_t session, const Watch& watch) {
  const TaskNews answer = make_watched(watch);
  if (answer.changes.size() + answer.unknown.size() == watch.guids.size()) return;
  size_t answered = 0;
  for (const std::string& guid : watch.guids) {
    const TaskIx ix = task_ix(guid);
    if (ix == kNone || answered++ < answer.changes.size()) continue;
    sessions_.at(session).news.push_back(TaskRef{ix, tasks_[ix].seq});
    sessions_with_news_.insert(session);
  }
}

void BrokerCore::note_news(TaskIx ix) {
  Task& task = tasks_[ix];
  if (task.watcher == 0 || task.news_pending) return;
  const auto tell = [&](uint64_t id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    found->second.news.push_back(TaskRef{ix, task.seq});
    sessions_with_news_.insert(id);
    task.news_pending = true;
  };
  tell(task.watcher);
  if (extra_watchers_.empty()) return;
  if (const std::vector<uint64_t>* more = extra_watchers_.find(ix)) {
    for (const uint64_t id : *more) tell(id);
  }
}

void BrokerCore::note_tick(Instant now) {
  while (!delayed_.empty() && std::get<0>(*delayed_.begin()) <= now) {
    const auto [due, ix, seq] = *delayed_.begin();
    delayed_.erase(delayed_.begin());
    const Task* task = live_task(TaskRef{ix, seq});
    if (task && task->state == TaskState::queued) enqueue(ix, true);
  }
  while (!queue_deadlines_.empty() && std::get<0>(*queue_deadlines_.begin()) <= now) {
    queue_deadlines_.erase(queue_deadlines_.begin());  // ended, or has been leased before
  }
  if (now < next_session_sweep_) return;
  next_session_sweep_ = now + kSessionSweep;
  std::vector<uint64_t> silent;
  for (const auto& [id, session] : sessions_) {
    if (session.last_heard + kPeerSilenceMax <= now) silent.push_back(id);
  }
  for (const uint64_t id : silent) drop_session(id);
}

void BrokerCore::note_lease(WorkerIx ix, Instant lease_until) {
  Worker& worker = workers_[ix];
  if (worker.lease_until != kNever) lease_deadlines_.erase({worker.lease_until, ix});
  worker.lease_until = lease_until;
  if (lease_until != kNever) lease_deadlines_.emplace(lease_until, ix);
}

Duration BrokerCore::silence_max(const Worker& worker) const {
  return worker.held.empty() ? rest_silence_max(options_.lease) : options_.lease;
}

// A worker that rests is leased something. Its lease counts from now and not from its newest Sync,
// which may be older than a lease: that is how long it is waited for, and what it is told.
void BrokerCore::note_woken(WorkerIx ix, Instant now) {
  Worker& worker = workers_[ix];
  if (worker.lease_until == kNever) return;  // in recovery: nobody is there yet
  const bool rested = now - worker.sync_heard > options_.beat;
  worker.rested = rested ? now - worker.sync_heard : Duration{0};
  note_lease(ix, (rested ? now : worker.last_heard) + options_.lease);
}

void BrokerCore::note_peer_gone(std::string_view peer) {
  if (const uint64_t* id = session_by_peer_.find(peer)) drop_session(*id);
}

void BrokerCore::note_barred(const std::function<bool(std::string_view peer)>& is_barred) {
  std::vector<uint64_t> barred;
  for (const auto& [id, session] : sessions_) {
    if (is_barred(session.peer)) barred.push_back(id);
  }
  for (const uint64_t id : barred) drop_session(id);
  for (WorkerIx ix = 0; ix < workers_.size(); ++ix) {
    if (workers_[ix].peer.empty() || !is_barred(workers_[ix].peer)) continue;
    unindex_worker(ix);
    workers_[ix].peer.clear();
    mark_worker(ix);
  }
}

void BrokerCore::drop_session(uint64_t id) {
  const auto found = sessions_.find(id);
  for (const TaskRef& ref : found->second.news) {
    if (live_task(ref)) tasks_[ref.ix].news_pending = false;
  }
  session_by_peer_.erase(found->second.peer);
  sessions_with_news_.erase(id);
  sessions_.erase(found);
}

}  // namespace muster
