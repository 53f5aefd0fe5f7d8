// decide_sync: what a worker says, turned into facts.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

std::string invalid_listed(const std::vector<ListedDevice>& listed) {
  if (listed.size() > kListedDevicesMax) {
    return "a worker lists at most " + std::to_string(kListedDevicesMax) + " devices";
  }
  for (size_t i = 0; i < listed.size(); ++i) {
    const ListedDevice& device = listed[i];
    if (const auto problem = invalid_name(device.name, "listed device")) return *problem;
    if (const auto problem = invalid_name(device.lister, "lister")) return *problem;
    if (i > 0 && listed[i - 1].name >= device.name) {
      return "listed devices must be sorted by name and unique: " + device.name;
    }
  }
  return "";
}

std::string invalid_sync(const Sync& sync) {
  if (sync.incarnation == 0 || sync.incarnation >= (1ull << 31))
    return "the incarnation is out of range";
  if (!sync.full) return "";
  if (sync.slots == 0 || sync.slots > kSlotsMax)
    return "slots must be 1 to " + std::to_string(kSlotsMax);
  if (sync.credit != 0 && (sync.credit < sync.slots || sync.credit > kCreditMax)) {
    return "credit must be 0, or from slots to " + std::to_string(kCreditMax);
  }
  // They go into an event, which must fit into a block.
  if (sync.lab.size() > kNameLengthMax || sync.version.size() > kNameLengthMax) {
    return "the lab's name and the version may have " + std::to_string(kNameLengthMax) + " bytes";
  }
  if (sync.pools.size() > kPoolsPerWorkerMax) {
    return "a worker may serve at most " + std::to_string(kPoolsPerWorkerMax) + " pools";
  }
  for (const std::string& pool : sync.pools) {
    if (const auto problem = invalid_name(pool, "pool")) return *problem;
  }
  if (sync.listers.size() > kListersMax) {
    return "a worker has at most " + std::to_string(kListersMax) + " listers";
  }
  for (const ListerState& lister : sync.listers) {
    if (const auto problem = invalid_name(lister.name, "lister")) return *problem;
  }
  return invalid_listed(sync.listed);
}

}  // namespace

Decision BrokerCore::decide_sync(const FromPeer& input, const Sync& sync, Instant now) const {
  const Session& session = *find_session(input.peer);
  if (session.role != Role::worker)
    return refuse(input, RefusalCode::invalid, "only workers send Sync");
  if (const std::string problem = invalid_sync(sync); !problem.empty())
    return refuse(input, RefusalCode::invalid, problem);

  const auto found = worker_by_name_.find(session.name);
  const Worker* worker = found == worker_by_name_.end() ? nullptr : &workers_[found->second];
  if (worker && sync.incarnation < worker->incarnation) {
    return refuse(input, RefusalCode::invalid,
                  "worker " + session.name + " is known in a newer incarnation (" +
                      std::to_string(worker->incarnation) + "): is another worker of this " +
                      "name running, or was its clock set back?");
  }
  const bool finished = !worker || (worker->held.empty() && sync.reports.empty());
  if (!session.outdated.empty() && finished) {
    return refuse(input, RefusalCode::protocol, session.outdated);
  }
  const bool known = worker && worker->present && worker->incarnation == sync.incarnation;
  if (!sync.full && !known) return {};  // a full one follows within a beat

  Decision decision;
  if (sync.full && (!known || worker->pools != sync.pools || worker->slots != sync.slots ||
                    worker->lab != sync.lab || worker->version != sync.version)) {
    decision.events.push_back(Event{now, WorkerJoined{session.name, sync.incarnation, sync.lab,
                                                      sync.pools, sync.slots, sync.version}});
  }
  // Late mail of this incarnation may tell of what was plugged in once.
  if (sync.full && !(known && sync.number < worker->sync_number)) {
    decide_listed(sync, session.name, worker, now, decision);
  }
  Worker newcomer;
  newcomer.name = session.name;
  const uint64_t told = decide_reports(sync, worker ? *worker : newcomer, now, decision);
  if (sync.full && worker) decide_restarted(sync, *worker, told, now, decision);
  decide_consequences(decision, now);
  return decision;
}

// Takes the reports that have not been seen, in order, once: by (worker, sequence). A gap is left
// alone; the worker sends again from what Desired acknowledges. Returns the newest one taken, now
// or before.
uint64_t BrokerCore::decide_reports(const Sync& sync, const Worker& worker, Instant now,
                                    Decision& decision) const {
  uint64_t last = worker.last_seq;
  if (sync.reports.empty()) return last;
  const uint64_t first = sync.reports.front().seq;
  if (first > last + 1 && first != sync.unacked_first) return last;
  LookupSet<const Task*> ended;
  decision.events.reserve(decision.events.size() + sync.reports.size());
  for (const Report& report : sync.reports) {
    if (report.seq <= last) continue;
    last = report.seq;
    Origin origin{worker.name, report.seq};
    const Task* task = find_task(report.token.guid);
    const bool live =
        task && report.token.attempt != 0 && report.token.attempt == task->attempts.size() &&
        !task->attempts.back().ending &&
        workers_[task->attempts.back().worker].name == worker.name && !ended.contains(task);
    if (!live) {
      decision.events.push_back(
          Event{now, ReportRefused{std::move(origin), report.token,
                                   "the attempt is not this worker's, or has ended"}});
    } else if (const auto* ending = std::get_if<Ending>(&report.body)) {
      ended.insert(task);
      decision.events.push_back(Event{now, decide_ending(*task, std::move(origin), *ending, now)});
    } else {
      AttemptReported reported{std::move(origin), report.token, report.time, {}};
      std::visit(
          [&reported]<typename Said>(const Said& said) {
            if constexpr (!std::is_same_v<Said, Ending>) reported.body = said;
          },
          report.body);
      decision.events.push_back(Event{now, std::move(reported)});
    }
  }
  return last;
}

// A worker that came back in a new incarnation and has told everything that its spool held, up to
// `told`, does not hold what was leased to an older one: those attempts are over.
void BrokerCore::decide_restarted(const Sync& sync, const Worker& worker, uint64_t told,
                                  Instant now, Decision& decision) const {
  if (sync.unacked_last > told) return;
  LookupSet<std::string> spoken_for;
  for (const HeldAttempt& held : sync.held) spoken_for.insert(held.token.guid);
  for (const Event& event : decision.events) {
    if (const auto* ended = std::get_if<AttemptEnded>(&event.body))
      spoken_for.insert(ended->token.guid);
  }
  for (const TaskIx ix : worker.held) {
    const Task& task = tasks_[ix];
    if (task.attempts.back().incarnation >= sync.incarnation || spoken_for.contains(task.guid()))
      continue;
    decision.events.push_back(
        Event{now, decide_lost(task, "worker " + worker.name + " restarted", now)});
  }
}

}  // namespace muster
