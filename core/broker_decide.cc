// decide: hello, cancel, questions, and what time does.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"
#include "core/duration_text.h"
#include "core/guid.h"

namespace muster {

namespace {

// The end of a task that was cancelled in the queue.
Event make_cancelled(const std::string& guid, const CancelRequested& cancel, Instant now) {
  return Event{now, TaskEnded{guid,
                              make_ending(Outcome::error, Cause::user, StatusCode::killed,
                                          broker_state::stop_text(cancel), kNever, now),
                              Verdict::error}};
}

}  // namespace

Decision BrokerCore::decide_message(const FromPeer& input, Instant now) const {
  const Message& message = input.envelope.message;
  if (const auto* hello = std::get_if<Hello>(&message)) return decide_hello(input, *hello);
  if (!find_session(input.peer)) {
    return refuse(input, RefusalCode::hello_first, "say Hello first, then repeat the request");
  }
  if (const auto* sync = std::get_if<Sync>(&message)) return decide_sync(input, *sync, now);
  if (const auto* submit = std::get_if<Submit>(&message)) return decide_submit(input, *submit, now);
  if (const auto* cancel = std::get_if<Cancel>(&message)) return decide_cancel(input, *cancel, now);
  if (const auto* retry = std::get_if<RetryTasks>(&message))
    return decide_retry(input, *retry, now);
  if (const auto* tell = std::get_if<TellLog>(&message)) return decide_tell_log(input, *tell, now);
  if (const auto* drain = std::get_if<Drain>(&message)) return decide_drain(input, *drain, now);
  if (const auto* change = std::get_if<ChangeDevices>(&message)) {
    return decide_change(input, *change, now);
  }
  if (const auto* apply = std::get_if<ApplyInventory>(&message)) {
    return decide_inventory(input, *apply, now);
  }
  if (std::holds_alternative<Refused>(message) || std::holds_alternative<Unimplemented>(message)) {
    return {};  // never answered, or two peers could talk past each other for ever
  }
  Decision decision;
  if (std::optional<Message> answer = make_answer(message, now)) {
    decision.sends.push_back(answer_to(input, std::move(*answer)));
  } else {
    decision.sends.push_back(
        answer_to(input, Unimplemented{static_cast<uint16_t>(message.index())}));
  }
  return decision;
}

// Empty: there is a protocol that both speak.
std::string BrokerCore::protocol_refusal(const Hello& hello) {
  if (hello.protocol_min <= hello.protocol_max && hello.protocol_max >= kProtocolMin &&
      hello.protocol_min <= kProtocolMax) {
    return "";
  }
  const bool peer_older = hello.protocol_max < kProtocolMin;
  return "the peer speaks protocol " + std::to_string(hello.protocol_min) + " to " +
         std::to_string(hello.protocol_max) + ", this broker " + std::to_string(kProtocolMin) +
         " to " + std::to_string(kProtocolMax) + ": upgrade the " +
         (peer_older ? "peer" : "broker");
}

// What a worker runs may finish, whatever it speaks: messages are made so that builds of any age
// read what they know of.
bool BrokerCore::may_finish(const Hello& hello) const {
  const auto found = worker_by_name_.find(hello.name);
  return hello.role == Role::worker && found != worker_by_name_.end() &&
         !workers_[found->second].held.empty();
}

Decision BrokerCore::decide_hello(const FromPeer& input, const Hello& hello) const {
  std::string outdated = protocol_refusal(hello);
  if (!outdated.empty() && !may_finish(hello)) {
    return refuse(input, RefusalCode::protocol, std::move(outdated));
  }
  if (hello.role == Role::worker) {
    if (const auto problem = invalid_name(hello.name, "worker")) {
      return refuse(input, RefusalCode::invalid, *problem);
    }
  }
  if (!find_session(input.peer) && sessions_.size() >= kPeersMax) {
    return refuse(input, RefusalCode::limit,
                  "the broker already serves " + std::to_string(kPeersMax) + " connections");
  }
  Welcome welcome;
  welcome.protocol = std::min(hello.protocol_max, kProtocolMax);
  welcome.log_id = options_.log_id;
  welcome.epoch = epoch_;
  welcome.head = head_;
  welcome.beat = options_.beat;
  welcome.version = options_.version;
  Decision decision;
  decision.sends.push_back(answer_to(input, std::move(welcome)));
  return decision;
}

Decision BrokerCore::decide_cancel(const FromPeer& input, const Cancel& cancel, Instant now) const {
  if (cancel.guids.size() > kGuidsPerRequestMax) {
    return refuse(input, RefusalCode::limit,
                  "at most " + std::to_string(kGuidsPerRequestMax) + " GUIDs in one request");
  }
  Decision decision;
  CancelReply answer;
  LookupSet<std::string> seen;
  const std::string who = cut_text(cancel.who, kNameLengthMax);
  const std::string reason = cut_text(cancel.reason, kMessageLengthMax);
  for (const std::string& guid : cancel.guids) {
    CancelResult& result = answer.results.emplace_back(CancelResult{guid, ""});
    const Task* task = find_task(guid);
    if (!task) {
      result.refused = "no such task";
    } else if (task->state == TaskState::ended) {
      result.refused = "already ended with verdict " + std::string(to_string(task->verdict));
    } else if (seen.insert(guid) && !task->cancel) {
      const CancelRequested requested{guid, reason, who};
      decision.events.push_back(Event{now, requested});
      if (task->state == TaskState::queued) {
        decision.events.push_back(make_cancelled(guid, requested, now));
      }
    }
  }
  decide_consequences(decision, now);
  decision.sends.push_back(answer_to(input, std::move(answer)));
  return decision;
}

// In old logs a large decision took several blocks, and a crash may have come between them. What
// such a decision had begun ends here: no message would ask for it again.
Decision BrokerCore::decide_start(const Start& start, Instant now) const {
  Decision decision;
  decision.events.push_back(Event{now, BrokerStarted{start.epoch, options_.version}});
  for (const Worker& worker : workers_) {
    if (worker.present) continue;
    for (const TaskIx held : worker.held) {
      decision.events.push_back(
          Event{now, decide_lost(tasks_[held], "worker " + worker.name + " was lost", now)});
    }
  }
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec || !task.cancel || task.state != TaskState::queued) continue;
    decision.events.push_back(make_cancelled(task.guid(), *task.cancel, now));
  }
  decide_blocked(decision, now);
  decide_consequences(decision, now);
  return decision;
}

// A lease, a queue timeout or a back-off that ran out. One decision ends at most what is due now.
Decision BrokerCore::decide_tick(Instant now) const {
  Decision decision;
  for (const auto& [deadline, ix] : lease_deadlines_) {
    if (deadline > now) break;
    const Worker& worker = workers_[ix];
    const Duration silence = deadline - std::max(worker.last_heard, started_);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
    const std::string reason = "worker " + worker.name + " was not heard from for " +
                               (seconds > 0 ? std::to_string(seconds) + " s"
                                            : std::to_string(silence.count() / 1000) + " ms");
    decision.events.push_back(Event{now, WorkerLost{worker.name, worker.incarnation, reason}});
    for (const TaskIx held : worker.held) {
      decision.events.push_back(Event{now, decide_lost(tasks_[held], reason, now)});
    }
  }
  std::map<ClassIx, std::string> nearest_of_class;
  for (const auto& [deadline, ix, seq] : queue_deadlines_) {
    if (deadline > now) break;
    const Task* task = live_task(TaskRef{ix, seq});
    if (!task || task->state != TaskState::queued) continue;
    if (task->attempts.size() > task->attempts_before()) continue;
    // What one task of a class waits for, the others do too, but for what is done before a job.
    std::string own = task->chain ? explain_nearest(*task, now) : "";
    std::string& nearest = task->chain ? own : nearest_of_class[task->task_class];
    if (nearest.empty()) nearest = explain_nearest(*task, now);
    const std::string text =
        "waited " + format_duration(task->spec->timeouts.queue) + " in the queue: " + nearest;
    decision.events.push_back(
        Event{now, TaskEnded{task->guid(),
                             make_ending(Outcome::error, Cause::capacity, StatusCode::busy,
                                         cut_text(text, kMessageLengthMax), kNever, now),
                             Verdict::error}});
  }
  decide_deadlines(now, decision);
  decide_strays(now, decision);
  decide_consequences(decision, now);
  decide_reverify(now, decision);
  return decision;
}

// What waits at its deadline ends, and what runs then is stopped: the worker's word follows. What
// this decision has ended already is left alone.
void BrokerCore::decide_deadlines(Instant now, Decision& decision) const {
  if (deadlines_.empty() || std::get<0>(*deadlines_.begin()) > now) return;
  LookupSet<std::string> over;
  for (const Event& event : decision.events) over.insert(std::string(event_guid(event)));
  for (const auto& [deadline, ix, seq] : deadlines_) {
    if (deadline > now) break;
    const Task* task = live_task(TaskRef{ix, seq});
    if (!task || over.contains(task->guid())) continue;
    const std::string guid = task->guid();
    const std::string passed = "its deadline, " + format_duration(task->spec->timeouts.deadline) +
                               " after it was submitted, has passed";
    if (task->state != TaskState::queued) {
      decision.events.push_back(
          Event{now, CancelRequested{guid, passed, "broker", Cause::timeout}});
      continue;
    }
    // Nothing could serve it in time, or what did came to nothing.
    const bool served = task->attempts.size() > task->attempts_before();
    const std::string why = served ? "attempt " + std::to_string(task->attempts.size()) +
                                         " ended: " + task->attempts.back().ending->message
                                   : explain_nearest(*task, now);
    decision.events.push_back(Event{
        now, TaskEnded{guid,
                       make_ending(Outcome::error, served ? Cause::timeout : Cause::capacity,
                                   served ? StatusCode::timeout : StatusCode::busy,
                                   cut_text(passed + ": " + why, kMessageLengthMax), kNever, now),
                       Verdict::error}});
  }
}

}  // namespace muster
