#include "core/broker_core.h"

#include <algorithm>
#include <cassert>

#include "core/guid.h"

namespace muster {

BrokerCore::BrokerCore(BrokerOptions options)
    : options_(std::move(options)), inventory_(std::make_shared<const Inventory>()) {}

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
    // can count on more than that.
    for (WorkerIx ix = 0; ix < workers_.size(); ++ix) {
      if (workers_[ix].present) note_lease(ix, now + options_.lease);
    }
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

namespace {

// Mixes values into one digest; every field is separated from the next.
class Digest {
 public:
  void add(std::string_view text) { value_ = hash64(text, value_ ^ text.size()); }
  void add(uint64_t number) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
    add(std::string_view(bytes, 8));
  }
  void add(Instant instant) { add(static_cast<uint64_t>(to_us(instant))); }
  void add(const Ending& ending) {
    add(static_cast<uint64_t>(ending.outcome));
    add(static_cast<uint64_t>(ending.cause));
    add(static_cast<uint64_t>(ending.status));
    add(static_cast<uint64_t>(ending.exit_code.value_or(-1)));
    add(static_cast<uint64_t>(ending.signal.value_or(-1)));
    add(ending.message);
    add(ending.started);
    add(ending.finished);
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

void add_chain(Digest& digest, const broker_state::Chain& chain) {
  digest.add(chain.parent.seq);
  for (const auto& child : chain.open) digest.add(child.seq);
  for (const std::string& device : chain.verified) digest.add(device);
  for (const std::string& device : chain.repaired) digest.add(device);
  for (const auto& [device, vain] : chain.vain) {
    digest.add(device);
    digest.add(vain.seq);
    digest.add(static_cast<uint64_t>(vain.cause));
    digest.add(vain.guid);
  }
  digest.add(uint64_t{chain.failed_children});
  digest.add(static_cast<uint64_t>(chain.repair_spent.count()));
}

void add_device(Digest& digest, const broker_state::Device& device) {
  digest.add(device.spec.name);
  digest.add(static_cast<uint64_t>(device.declared));
  digest.add(static_cast<uint64_t>(device.allowed));
  digest.add(static_cast<uint64_t>(device.holder));
  digest.add(static_cast<uint64_t>(device.health));
  digest.add(device.health_reason);
  digest.add(device.health_who);
  digest.add(device.health_since);
  digest.add(device.until);
  digest.add(uint64_t{device.failures});
  digest.add(static_cast<uint64_t>(device.blamed));
  digest.add(device.before_lock ? to_string(device.before_lock->health) : "");
  digest.add(uint64_t{device.job_failures});
  digest.add(device.level);
  for (const auto& [level, time] : device.good_at) {
    digest.add(level);
    digest.add(time);
  }
  digest.add(device.fit_seq);
  digest.add(device.good_for);
  for (const auto& [tag, times] : device.uses) {
    digest.add(tag);
    for (const Instant time : times) digest.add(time);
  }
}

}  // namespace

uint64_t BrokerCore::hard_digest() const {
  Digest digest;
  digest.add(head_);
  digest.add(epoch_);
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec) continue;
    digest.add(task.guid());
    digest.add(task.spec.work());
    digest.add(task.seq);
    digest.add(static_cast<uint64_t>(task.state));
    digest.add(static_cast<uint64_t>(task.verdict));
    digest.add(task.submitted);
    digest.add(task.ended);
    digest.add(task.not_before);
    digest.add(uint64_t{task.waits_for});
    digest.add(task.cancel ? task.cancel->reason : "");
    if (task.own_ending) digest.add(*task.own_ending);
    if (task.revival) {
      digest.add(task.revival->submitted_seq);
      digest.add(uint64_t{task.revival->attempts});
      for (const uint64_t request : task.revival->requests) digest.add(request);
    }
    if (task.chain) add_chain(digest, *task.chain);
    for (const Attempt& attempt : task.attempts) {
      digest.add(workers_[attempt.worker].name);
      digest.add(attempt.incarnation);
      digest.add(attempt.leased);
      digest.add(attempt.started);
      for (const std::string& name : attempt.device_names) digest.add(name);
      if (attempt.ending) digest.add(*attempt.ending);
    }
  }
  for (const Worker& worker : workers_) {
    digest.add(worker.name);
    digest.add(static_cast<uint64_t>(worker.present));
    digest.add(worker.incarnation);
    digest.add(worker.last_seq);
    digest.add(worker.slots);
    digest.add(worker.held.size());
    for (const auto& [name, listed] : worker.listed) {
      digest.add(name);
      digest.add(listed.lister);
      for (const auto& [key, value] : listed.profile) {
        digest.add(key);
        digest.add(value);
      }
    }
  }
  for (const Device& device : devices_) add_device(digest, device);
  for (const auto& [daemon, through] : logged_through_) {
    digest.add(daemon);
    digest.add(through);
  }
  digest.add(queued_count_);
  digest.add(held_count_);
  digest.add(ended_count_);
  return digest.value();
}

}  // namespace muster
