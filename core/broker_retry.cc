// decide_retry: which ended tasks get another go because a person wants it.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

// Whether this very request has had the task retried before.
bool was_asked(const broker_state::Task& task, const std::string& id) {
  if (!task.revival) return false;
  const std::deque<uint64_t>& requests = task.revival->requests;
  return std::find(requests.begin(), requests.end(), hash64(id)) != requests.end();
}

// Its place among the submitted.
uint64_t age_of(const broker_state::Task& task) {
  return task.revival ? task.revival->submitted_seq : task.seq;
}

}  // namespace

// Why the ended task cannot be retried, or empty. `retried`: those that the same decision retries.
std::string BrokerCore::decide_retried(const Task& task, const LookupSet<std::string>& retried,
                                       Admission& admission) const {
  const TaskTerms& spec = *task.spec;
  if (task.verdict == Verdict::pass || task.verdict == Verdict::flaky) {
    return "passed: there is nothing to retry";
  }
  if (!spec.parent.empty()) return "was done for " + spec.parent + ": retry that";
  if (spec.submitter == "broker") return "was the broker's own: it looks again by itself";
  if (task.attempts.size() >= kAttemptsMax) {
    return "has had " + std::to_string(kAttemptsMax) +
           " attempts, and no task has more: submit it under another GUID";
  }
  for (const Dependency& dependency : spec.depends_on) {
    const Task* on = find_task(dependency.guid);
    if (!on && dependency.must_pass && task.attempts.empty()) {  // it never ran: that may be why
      return "depends on " + dependency.guid +
             ", which ended too long ago to tell how: submit both again";
    }
    if (!on || on->state != TaskState::ended || retried.contains(dependency.guid)) continue;
    if (dependency.must_pass && on->verdict != Verdict::pass && on->verdict != Verdict::flaky) {
      return "depends on " + dependency.guid + ", which ended as " +
             std::string(to_string(on->verdict)) + ": retry that too";
    }
  }
  return decide_capacity(spec, admission);
}

// Those that others depend on come before these, whatever the order in the message.
Decision BrokerCore::decide_retry(const FromPeer& input, const RetryTasks& retry,
                                  Instant now) const {
  Decision decision;
  if (retry.guids.size() > kGuidsPerRequestMax) {
    return refuse(input, RefusalCode::limit,
                  "at most " + std::to_string(kGuidsPerRequestMax) + " GUIDs in one request");
  }
  const std::string who = cut_text(retry.who, kNameLengthMax);
  const std::string reason = cut_text(retry.reason, kMessageLengthMax);
  const std::string id = cut_text(retry.id, kGuidLengthMax);
  RetryTasksReply answer;
  std::vector<std::pair<const Task*, size_t>> ended;  // and its place in the answer
  for (size_t i = 0; i < retry.guids.size(); ++i) {
    const std::string& guid = retry.guids[i];
    RetryTasksResult& result = answer.results.emplace_back(RetryTasksResult{guid, ""});
    const Task* task = find_task(guid);
    if (!task) {
      result.refused = forgotten_.contains(guid)
                           ? "ended too long ago: submit it again under another GUID"
                           : "no such task";
      result.code = RefusalCode::unknown;
    } else if (was_asked(*task, id)) {
      continue;  // the same request once more
    } else if (task->state != TaskState::ended) {
      result.refused = "is " + std::string(to_string(task->state)) + ": it has not ended";
    } else {
      ended.emplace_back(task, i);
    }
  }
  std::stable_sort(ended.begin(), ended.end(), [&](const auto& a, const auto& b) {
    return age_of(*a.first) < age_of(*b.first);
  });
  LookupSet<std::string> retried;
  Admission admission;
  for (const auto& [task, place] : ended) {
    const std::string& guid = task->guid();
    if (retried.contains(guid)) continue;  // is named twice
    RetryTasksResult& result = answer.results[place];
    result.refused = decide_retried(*task, retried, admission);
    if (result.refused.empty()) {
      result.refused = decide_room(decision.events.size());
      if (!result.refused.empty()) result.code = RefusalCode::unavailable;
    }
    if (!result.refused.empty()) continue;
    retried.insert(guid);
    decision.events.push_back(Event{now, TaskRetried{guid, reason, who, id}});
  }
  decision.sends.push_back(answer_to(input, std::move(answer)));
  return decision;
}

}  // namespace muster
