// A sink carries events to one place and keeps its own cursor there. The laws that every sink obeys
// are in tests/conformance/sink_laws.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/delivery.h"
#include "core/event.h"
#include "core/result.h"

namespace muster {

struct SequencedEvent {
  uint64_t seq = 0;
  Event event;
};

// How far a sink has come in which log. An empty log_id: nothing was delivered yet.
struct SinkPosition {
  std::string log_id;
  uint64_t cursor = 0;  // every event up to and including this one has had its effect
  bool operator==(const SinkPosition&) const = default;
};

// The part of `events` after `cursor`: a sink that is given a repeat leaves out what it has.
inline std::span<const SequencedEvent> undelivered(std::span<const SequencedEvent> events,
                                                   uint64_t cursor) {
  size_t known = 0;
  while (known < events.size() && events[known].seq <= cursor) ++known;
  return events.subspan(known);
}

// An event that a place will never take, and what the place said.
struct Refusal {
  uint64_t seq = 0;
  std::string answer;
  bool operator==(const Refusal&) const = default;
};

enum class DeliveryFault : uint8_t {
  none,     // every event had its effect, and the position is kept
  away,     // the place is away or fails: the same again, later
  refused,  // the place will never take these events as they are
};

// How a delivery went. Unless it went well the position has not moved.
struct [[nodiscard]] Delivery {
  DeliveryFault fault = DeliveryFault::none;
  std::string reason;                   // what, where, what to do next; empty when it went well
  std::optional<Duration> retry_after;  // of `away`: the place's own wish
  std::vector<Refusal> refusals;        // of `refused`: those to blame, where the place names them
  bool until_order = false;  // of `retry_after`: our own caution, which a person's order ends

  static Delivery away(std::string reason, std::optional<Duration> retry_after = std::nullopt) {
    return {DeliveryFault::away, std::move(reason), retry_after, {}, false};
  }
  static Delivery away_until_order(std::string reason, Duration retry_after) {
    return {DeliveryFault::away, std::move(reason), retry_after, {}, true};
  }
  static Delivery refused(std::string reason, std::vector<Refusal> refusals = {}) {
    return {DeliveryFault::refused, std::move(reason), std::nullopt, std::move(refusals), false};
  }
  // Of a sink whose place can fail, and refuses nothing.
  static Delivery of(const Result<Done>& done) {
    return done.ok() ? Delivery() : away(done.error());
  }

  bool ok() const { return fault == DeliveryFault::none; }
};

// One thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;

  // For people, files and addresses: "status_log".
  virtual std::string_view name() const = 0;

  // Where the events go, for people; without secrets.
  virtual std::string place() const = 0;

  // How much one delivery may hold. It may change from one delivery to the next.
  virtual BatchLimits limits() const = 0;

  // Opens or re-opens the place and says where delivery goes on. Must be called first, and again
  // after a delivery that found the place away. What a crash left half done is undone here or at
  // the next deliver.
  virtual Result<SinkPosition> open() = 0;

  // Carries all of `events` or, in effect, none of them: when this fails, or the process dies in
  // it, open() says how far it came, and delivering from there has the same effect as if nothing
  // had happened. The events are in ascending order; events that were delivered before are skipped,
  // and numbers may be left out (events of a type this build does not know, and those that are
  // buried). `position` is where the sink is afterwards; without events it only moves.
  //
  // What an event says is never a reason to fail where the place is our own: a peer's nonsense is
  // recorded as well as may be. A server's refusal of a part of `events` is `refused`: whoever
  // calls finds those to blame (collectors/sink_runner.h), and the sink stays open.
  virtual Delivery deliver(std::span<const SequencedEvent> events,
                           const SinkPosition& position) = 0;

  // True: when no event comes for a while, rest() has something to do. After a rest that went well
  // it is false for a while, or until the next deliver.
  virtual bool wants_rest() const { return false; }
  virtual Delivery rest() { return {}; }

  // Carries events of the log `log_id` that were refused before, in ascending order and out of
  // their turn: the position stays. A repeat is harmless. When it is `refused`, those that it names
  // are to blame, or else some of `events`; the others may have had their effect, and are given
  // again. The sink is open.
  virtual Delivery deliver_again(std::span<const SequencedEvent> events, const std::string& log_id);

  // These events of the log `log_id` are left out of the next delivery, because they were refused
  // before: what later events need to know of them is kept. A repeat is harmless. The sink is open.
  virtual Result<Done> pass_over(std::span<const SequencedEvent> events, const std::string& log_id);

  // Nobody will have these events of the log `log_id` delivered again, but by a replay: what is
  // kept for them may go. A repeat is harmless. It may be closed, and is afterwards what it was
  // before.
  virtual Result<Done> drop(std::span<const SequencedEvent> events, const std::string& log_id);

  // True: `rewind` takes 0 only.
  virtual bool begins_anew_only() const { return false; }

  // Moves the position back to `to`, durably, so that every event after it is delivered again and
  // leaves the place as if that were the first time. Whatever else happens, it must be opened
  // afterwards. An error, and nothing changes, where `to` is beyond the position, or the place has
  // events of another log than `to` (other_history), or can be written anew from the beginning only
  // and `to` is not that.
  virtual Result<Done> rewind(const SinkPosition& to) = 0;

  // What a person can do when the place holds the history of another log than the broker's.
  virtual std::string way_out() const {
    return "to collect that log from its beginning, stop the collector and move the directories "
           "collector and results of this home away";
  }
};

// For deliver_again: that and why `sink` takes event `seq` in its turn only.
inline Refusal only_in_its_turn(const Sink& sink, uint64_t seq) {
  const std::string name(sink.name());
  const std::string number = std::to_string(seq);
  return {seq, name + " does not take event " + number +
                   " out of its turn: muster sink dead drop " + name + " " + number +
                   ", and then muster sink replay " + name +
                   ", write it anew with that event in its place"};
}

// What is to blame for a refusal, by name; `refusals` has some.
inline Delivery refuse_named(std::vector<Refusal> refusals) {
  std::string reason = refusals.front().answer;
  return Delivery::refused(std::move(reason), std::move(refusals));
}

inline Delivery Sink::deliver_again(std::span<const SequencedEvent> events,
                                    const std::string& /*log_id*/) {
  std::vector<Refusal> refusals;
  for (const SequencedEvent& at : events) refusals.push_back(only_in_its_turn(*this, at.seq));
  return refuse_named(std::move(refusals));
}

inline Result<Done> Sink::pass_over(std::span<const SequencedEvent> /*events*/,
                                    const std::string& /*log_id*/) {
  return Done{};
}

inline Result<Done> Sink::drop(std::span<const SequencedEvent> /*events*/,
                               const std::string& /*log_id*/) {
  return Done{};
}

// Why nothing of the log `log_id`, which `source` has, goes to a place that is at `held`: that
// would mix two histories. Nothing: it is of that log, or has nothing of any yet.
inline std::optional<std::string> other_history(const Sink& sink, const SinkPosition& held,
                                                const std::string& log_id,
                                                const std::string& source) {
  const bool has_none = held.cursor == 0 || held.log_id.empty();
  if (has_none || held.log_id == log_id) return std::nullopt;
  return source + " has another event log (" + log_id + ") than the one that " +
         std::string(sink.name()) + " has followed (" + held.log_id + ", in " + sink.place() +
         "): see that the endpoint is right; " + sink.way_out();
}

// For rewind: whether the log of `to` is that of a place that is at `held`.
inline Result<Done> check_history(const Sink& sink, const SinkPosition& held,
                                  const SinkPosition& to) {
  std::optional<std::string> why = other_history(sink, held, to.log_id, "the broker");
  if (why) return Error{std::move(*why)};
  return Done{};
}

// For rewind: why a cursor is none for a sink that is written anew from the beginning only.
inline Error only_from_the_beginning(const Sink& sink) {
  const std::string name(sink.name());
  return Error{name + " can be written anew from the beginning only: muster sink replay " + name};
}

}  // namespace muster
