#include "core/broker_core.h"

#include <algorithm>
#include <cassert>

#include "core/guid.h"

namespace muster {

BrokerCore::BrokerCore(BrokerOptions options) : options_(std::move(options)) {
  inventory_ = std::make_shared<const Inventory>();
}

Decision BrokerCore::decide(const Input& input, Instant now) const {
  Decision decision = decide_plain(input, now);
  attach_metadata(decision);
  return decision;
}

Decision BrokerCore::decide_plain(const Input& input, Instant now) const {
  if (const auto* from_peer = std::get_if<FromPeer>(&input)) return decide_message(*from_peer, now);
  if (const auto* start = std::get_if<Start>(&input)) return decide_start(*start, now);
  if (std::holds_alternative<Tick>(input)) return decide_tick(now);
  if (const auto* own = std::get_if<OwnLog>(&input)) return decide_own_log(*own, now);
  if (const auto* not_let_in = std::get_if<NotLetIn>(&input)) {
    Decision decision;
    for (const AccessRefused& refused : not_let_in->refused) {
      decision.events.push_back(Event{now, refused});
    }
    return decision;
  }
  return decide_dispatch(now);
}

// Tells with each event of a task what its submitter has said of it.
void BrokerCore::attach_metadata(Decision& decision) const {
  LookupMap<std::string_view, TaskTermsPtr> submitted;  // by this decision, with metadata
  for (const Event& event : decision.events) {
    const auto* task = std::get_if<TaskSubmitted>(&event.body);
    if (task && !task->spec->metadata.empty()) submitted.insert(task->spec->guid, task->spec);
  }
  if (tasks_with_metadata_ == 0 && submitted.empty()) return;
  for (Event& event : decision.events) {
    const std::string_view guid = event_guid(event);
    if (guid.empty() || std::holds_alternative<TaskSubmitted>(event.body)) continue;
    const Task* known = find_task(guid);
    const TaskTermsPtr* fresh = known ? nullptr : submitted.find(guid);
    const TaskTermsPtr terms = known ? known->spec.terms() : fresh ? *fresh : nullptr;
    if (terms && !terms->metadata.empty()) event.metadata = MetadataPtr(terms, &terms->metadata);
  }
}

void BrokerCore::apply(const Event& event) {
  ++head_;
  std::visit([&](const auto& body) { apply_event(body, event.time); }, event.body);
}

void BrokerCore::note(const Input& input, Instant now) {
  if (const auto* from_peer = std::get_if<FromPeer>(&input)) {
    note_message(*from_peer, now);
  } else if (std::holds_alternative<Start>(input)) {
    // Whoever held a lease when the broker went away gets a whole new one to be heard in: no worker
    // can count on more than that. Who held none gets longer, as ever.
    for (WorkerIx ix = 0; ix < workers_.size(); ++ix) {
      if (workers_[ix].present) note_lease(ix, now + silence_max(workers_[ix]));
    }
    // Turns begin anew: who had how many is not known from everything that a core can start from.
    turn_now_ = 0;
    shares_.each([](ShareLoad& share) { share.turn = 0; });
  } else if (std::holds_alternative<Tick>(input)) {
    note_tick(now);
  } else if (std::holds_alternative<Dispatch>(input)) {
    dirty_classes_.clear();
    plain_dispatch_due_ = false;
  }
}

std::optional<Instant> BrokerCore::next_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant instant) {
    if (!next || instant < *next) next = instant;
  };
  if (!lease_deadlines_.empty()) consider(lease_deadlines_.begin()->first);
  if (!delayed_.empty()) consider(std::get<0>(*delayed_.begin()));
  if (!queue_deadlines_.empty()) consider(std::get<0>(*queue_deadlines_.begin()));
  if (!deadlines_.empty()) consider(std::get<0>(*deadlines_.begin()));
  if (!reverify_.empty()) consider(reverify_.begin()->first);
  if (!sessions_.empty()) consider(next_session_sweep_);
  return next;
}

const BrokerCore::Task* BrokerCore::find_task(std::string_view guid) const {
  const TaskIx ix = task_ix(guid);
  return ix == kNone ? nullptr : &tasks_[ix];
}

const BrokerCore::Task* BrokerCore::live_task(const TaskRef& ref) const {
  if (ref.ix == kNone) return nullptr;
  const Task& task = tasks_[ref.ix];
  return task.spec && task.seq == ref.seq ? &task : nullptr;
}

const BrokerCore::Session* BrokerCore::find_session(std::string_view peer) const {
  const uint64_t* id = session_by_peer_.find(peer);
  return id ? &sessions_.at(*id) : nullptr;
}

std::optional<Role> BrokerCore::role_of(std::string_view peer) const {
  const Session* session = find_session(peer);
  return session ? std::optional(session->role) : std::nullopt;
}

std::optional<std::string> BrokerCore::pool_of_task(std::string_view guid) const {
  const Task* task = find_task(guid);
  return task ? std::optional(task->spec->pool) : std::nullopt;
}

std::optional<TaskInfo> BrokerCore::task_info(std::string_view guid) const {
  const Task* task = find_task(guid);
  if (!task) return std::nullopt;
  return make_task_info(*task, false);
}

const std::string* BrokerCore::strategy_bytes(const std::string& name) const {
  for (const StrategyBlob& blob : inventory_->strategies) {
    if (blob.name == name) return &blob.bytes;
  }
  return nullptr;
}

}  // namespace muster
