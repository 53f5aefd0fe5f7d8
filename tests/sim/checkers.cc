#include "tests/sim/checkers.h"

#include <algorithm>
#include <cstdio>

#include "core/limits.h"
#include "tests/sim/sim_lab.h"
#include "tests/transcripts/describe.h"

namespace muster::sim {

void Checkers::fail(const std::string& what) {
  if (!failure_.empty()) return;
  char when[32];
  std::snprintf(when, sizeof when, "%.6f s: ", static_cast<double>(sim_.now().count()) / 1e6);
  failure_ = when + what;
  if (sim_.tracing()) sim_.trace("CHECKER", what);
}

void Checkers::on_attempt_begins(const std::string& worker, const Assignment& assignment,
                                 uint32_t slots) {
  Running begun{{assignment.spec->guid, assignment.attempt}, {}};
  for (const DeviceSpec& device : assignment.devices)
    begun.devices.push_back(SimLab::thing_of(device));
  if (!model_.leased_to(begun.token, worker)) {
    fail("S2: " + worker + " runs " + describe(begun.token) +
         ", which no durable event leased to it");
  }
  check_running(worker, begun);
  std::vector<Running>& here = running_[worker];
  here.push_back(std::move(begun));
  if (here.size() > slots) fail("S7: " + worker + " runs more attempts than it has slots");
}

// Against all that runs now.
void Checkers::check_running(const std::string& worker, const Running& running) {
  for (const auto& [other_worker, others] : running_) {
    if (suspended_.contains(other_worker)) continue;
    for (const Running& other : others) {
      if (&other == &running) continue;
      if (other.token.guid == running.token.guid) {
        fail("S1: " + describe(running.token) + " runs on " + worker + " while " +
             describe(other.token) + " runs on " + other_worker);
      }
      for (const std::string& device : running.devices) {
        if (std::find(other.devices.begin(), other.devices.end(), device) != other.devices.end()) {
          fail("S1: device " + device + " is used by " + describe(running.token) + " on " + worker +
               " and by " + describe(other.token) + " on " + other_worker);
        }
      }
    }
  }
}

void Checkers::on_attempt_over(const std::string& worker, const AttemptToken& token) {
  std::erase_if(running_[worker], [&](const Running& running) { return running.token == token; });
}

void Checkers::on_machine_suspended(const std::string& worker, bool suspended) {
  if (suspended) {
    if (!running_[worker].empty()) marks_.hit(Mark::frozen_while_leased);
    suspended_.insert(worker);
    return;
  }
  suspended_.erase(worker);
  for (const Running& running : running_[worker]) check_running(worker, running);
}

void Checkers::on_broker_starts(const std::map<std::string, LogModel::Worker>& known, Instant now) {
  worker_of_peer_.clear();
  heard_.clear();
  for (const auto& [name, worker] : known) {
    if (worker.present) heard_[name] = {worker.incarnation, 0, now};
  }
}

void Checkers::on_broker_hears(const FromPeer& input, bool known, Instant now) {
  const Message& message = input.envelope.message;
  if (const auto* hello = std::get_if<Hello>(&message); hello && hello->role == Role::worker) {
    worker_of_peer_[input.peer] = hello->name;
  }
  const auto* sync = std::get_if<Sync>(&message);
  const auto peer = worker_of_peer_.find(input.peer);
  if (!sync || !known || peer == worker_of_peer_.end()) return;
  if (const LogModel::Worker* worker = model_.find_worker(peer->second);
      worker && !sync->reports.empty()) {
    const uint64_t first = sync->reports.front().seq;
    if (first > worker->last_seq + 1 && first != sync->unacked_first) marks_.hit(Mark::report_gap);
  }
  if (!sync->full) return;
  Heard& heard = heard_[peer->second];
  const bool newer = sync->incarnation > heard.incarnation ||
                     (sync->incarnation == heard.incarnation && sync->number > heard.number);
  if (newer) heard = {sync->incarnation, sync->number, now};
}

// S9, with the truth at the executors.
void Checkers::check_not_restarted(const Event& event) {
  const auto* ended = std::get_if<AttemptEnded>(&event.body);
  if (ended == nullptr || ended->ending.cause != Cause::worker) return;
  const std::string& why = ended->ending.message;
  const bool restarted = why.starts_with("worker ") && why.ends_with(" restarted");
  if (!restarted && why.find("the worker ended while the attempt ran") == std::string::npos) return;
  for (const auto& [worker, running] : running_) {
    for (const Running& each : running) {
      if (each.token == ended->token) {
        fail("S9: " + describe(ended->token) + " goes on at " + worker + " and is ended: " + why);
      }
    }
  }
}

void Checkers::on_broker_decides(const std::vector<Event>& events, Instant now, Duration lease) {
  for (const Event& event : events) {
    if (event.time != now) fail("an event's time is not that of its decision");
    check_not_restarted(event);
    if (const auto* leased = std::get_if<AttemptLeased>(&event.body)) {
      const auto heard = heard_.find(leased->worker);
      if (heard != heard_.end() && now > heard->second.when + lease / 2) marks_.hit(Mark::woken);
    }
    const auto* lost = std::get_if<WorkerLost>(&event.body);
    if (!lost) continue;
    const auto heard = heard_.find(lost->worker);
    if (heard == heard_.end()) continue;
    if (heard->second.incarnation == lost->incarnation && now < heard->second.when + lease) {
      fail("S6: " + lost->worker + " is declared lost " + describe(now - heard->second.when) +
           " after it was heard");
    }
  }
}

void Checkers::on_broker_slept(const BrokerCore& core, Instant now) {
  const std::optional<Instant> deadline = core.next_deadline();
  if (deadline && *deadline <= now) fail("the broker would spin: its next deadline has passed");
  if (core.dispatch_due()) fail("a Dispatch is due after Dispatch");
}

void Checkers::on_broker_says(const Envelope& envelope) {
  const auto* desired = std::get_if<Desired>(&envelope.message);
  if (desired && desired->run.size() > kAssignmentsPerDesiredMax) {
    fail("S7: a Desired of " + std::to_string(desired->run.size()) + " assignments");
  }
  if (!desired) return;
  for (const Assignment& assignment : desired->run) {
    const LogModel::Task* task = model_.find_task(assignment.spec->guid);
    if (!task || task->attempts.size() < assignment.attempt) {
      fail("S2: a Desired names " + assignment.spec->guid + "/" +
           std::to_string(assignment.attempt) + ", which is not in the log");
    }
  }
}

void Checkers::on_broker_gone(const BrokerCore& core, const BrokerOptions& options,
                              const std::vector<Event>& newest) {
  BrokerCore folded(options);
  for (const SimLog::Block& block : log_.blocks()) {
    for (const Event& event : block.events) folded.apply(event);
  }
  for (const Event& event : newest) folded.apply(event);
  if (folded.head() != core.head()) fail("S5: the log and the broker count events differently");
  if (folded.hard_digest() != core.hard_digest()) {
    fail("S5: folding the log does not give the live state");
  }
}

void Checkers::on_durable(const SimLog::Block& block) {
  for (size_t i = 0; i < block.events.size(); ++i) {
    const std::string complaint = model_.take(block.events[i]);
    if (!complaint.empty()) {
      fail(complaint + " (event " + std::to_string(block.first + i) + ": " +
           describe(block.events[i], kNever) + ")");
    }
  }
}

void Checkers::on_worker_says(const Sync& sync) {
  if (sync.reports.size() > kReportsPerSyncMax) fail("S7: a Sync of too many reports");
  for (size_t i = 1; i < sync.reports.size(); ++i) {
    if (sync.reports[i].seq <= sync.reports[i - 1].seq)
      fail("S8: a Sync's reports are out of order");
  }
  if (!sync.full) return;
  if (sync.credit != 0 && (sync.credit < sync.slots || sync.credit > kCreditMax))
    fail("S7: a Sync of senseless credit");
  if (sync.held.size() > kCreditMax) fail("S7: a worker holds more than any credit");
}

void Checkers::on_worker_rests(const WorkerCore& core) {
  if (core.held_count() > kCreditMax) fail("S7: a worker holds more than any credit");
  if (core.running_count() > core.held_count()) fail("S7: a worker runs what it does not hold");
}

void Checkers::on_spooled(const std::string& worker, const std::vector<Report>& reports) {
  for (const Report& report : reports) spooled_[worker].insert(report.seq);
}

void Checkers::on_acknowledged(const std::string& guid) {
  acknowledged_.insert(guid);
  if (!model_.find_task(guid)) fail("S4: " + guid + " was acknowledged and is not in the log");
}

void Checkers::on_news(const TaskChange& change) {
  const LogModel::Task* task = model_.find_task(change.guid);
  if (!task) {
    fail("S4: news of " + change.guid + ", which is not in the log");
  } else if (change.verdict != Verdict::none && !task->verdicts.contains(change.verdict)) {
    fail("S2: news of a verdict of " + change.guid + " that is not in the log");
  }
}

void Checkers::on_collected(uint64_t seq, const Event& event) {
  const Event* durable = log_.find(seq);
  if (!durable) {
    fail("S8: the collector read event " + std::to_string(seq) + ", which is not durable");
  } else if (!(*durable == event)) {
    fail("S8: the collector read another event " + std::to_string(seq) + " than the log has");
  }
}

bool Checkers::all_ended() const {
  return std::all_of(acknowledged_.begin(), acknowledged_.end(),
                     [&](const std::string& guid) { return has_ended(guid); });
}

bool Checkers::has_ended(const std::string& guid) const {
  const LogModel::Task* task = model_.find_task(guid);
  return task && task->verdict != Verdict::none;
}

void Checkers::at_end() {
  for (const auto& [guid, task] : model_.tasks()) {
    const bool waits = worker_left_ && task.spec->submitter == "broker" && !task.live();
    if (task.verdict == Verdict::none && !waits) fail("L1: " + guid + " has no verdict");
  }
  for (const auto& [worker, running] : running_) {
    for (const Running& each : running)
      fail("L3: " + worker + " still runs " + describe(each.token));
  }
  for (const auto& [worker, seqs] : spooled_) {
    for (const uint64_t seq : seqs) {
      if (model_.has_report(worker, seq)) continue;
      fail("S8: report " + std::to_string(seq >> 32) + "." + std::to_string(seq & 0xffffffff) +
           " of " + worker + " was in its spool and never reached the log");
    }
  }
}

}  // namespace muster::sim
