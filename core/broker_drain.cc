// Drains: workers, or the broker, take no new work until a person says otherwise. What they hold
// goes on to its end.
#include "core/broker_core.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

Decision BrokerCore::decide_drain(const FromPeer& input, const Drain& drain, Instant now) const {
  Decision decision;
  if (drain.workers.size() > kPeersMax) {
    return refuse(input, RefusalCode::limit,
                  "at most " + std::to_string(kPeersMax) + " workers in one request");
  }
  DrainReply reply;
  if (drain.workers.empty()) reply.results.push_back(decide_drained("", drain, now, decision));
  LookupSet<std::string> seen;
  for (const std::string& name : drain.workers) {
    if (!name.empty() && seen.insert(name)) {
      reply.results.push_back(decide_drained(name, drain, now, decision));
    } else {
      reply.results.push_back(
          {name, name.empty() ? "a worker has a name" : "is named twice", "", 0});
    }
  }
  decision.sends.push_back(answer_to(input, std::move(reply)));
  return decision;
}

// Of the worker, or of the broker where `name` is empty.
DrainReply::Outcome BrokerCore::decide_drained(const std::string& name, const Drain& drain,
                                               Instant now, Decision& decision) const {
  DrainReply::Outcome outcome{name, "", "", held_count_};
  const std::optional<Draining>* draining = &draining_;
  if (!name.empty()) {
    const auto found = worker_by_name_.find(name);
    if (found == worker_by_name_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, ix] : worker_by_name_) names.push_back(known);
      const std::string guess = decision.events.empty() ? suggest(name, names) : "";
      outcome.refused = "no worker is named " + quote_text(cut_text(name, kNameLengthMax)) + guess;
      outcome.held = 0;
      return outcome;
    }
    const Worker& worker = workers_[found->second];
    draining = &worker.draining;
    outcome.held = worker.held.size();
  }
  if (draining->has_value() != drain.resume) {
    outcome.already =
        drain.resume ? "takes work already" : "drains already, " + by_whom(**draining);
    return outcome;
  }
  decision.events.push_back(
      Event{now, DrainChanged{name, !drain.resume, cut_text(drain.reason, kMessageLengthMax),
                              cut_text(drain.who, kNameLengthMax)}});
  return outcome;
}

void BrokerCore::apply_event(const DrainChanged& event, Instant time) {
  const std::optional<Draining> draining =
      event.draining ? std::optional(Draining{event.who, event.reason, time}) : std::nullopt;
  if (event.worker.empty()) {
    draining_ = draining;
    if (draining_) return;
    mark_classes();
    return;
  }
  const WorkerIx ix = worker_ix(event.worker);
  workers_[ix].draining = draining;
  mark_worker(ix);
  mark_devices_of(ix);  // who waits for them may go elsewhere, or come back
}

}  // namespace muster
