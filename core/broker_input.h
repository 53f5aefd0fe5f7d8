// What BrokerCore is told and what it answers: inputs, decisions, and the functions it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/event.h"
#include "core/limits.h"
#include "core/messages.h"
#include "core/task.h"
#include "core/time.h"
#include "core/work.h"

namespace muster {

// The broker begins (or begins again): fences older epochs and gives every known worker a whole
// lease to be heard in.
struct Start {
  uint64_t epoch = 0;
};
// Time passed: leases and queue timeouts run out, retries become due.
struct Tick {};
// Free capacity meets queued tasks.
struct Dispatch {};
// A message from a peer; `peer` is the transport's name for the connection.
struct FromPeer {
  std::string peer;
  Envelope envelope;
};
// Lines of the broker's own log that are to become events.
struct OwnLog {
  std::vector<LogLine> lines;
};
// Whom the broker's shell did not let in, or did not let speak.
struct NotLetIn {
  std::vector<AccessRefused> refused;
};
using Input = std::variant<Start, Tick, Dispatch, FromPeer, OwnLog, NotLetIn>;

// About how many bytes of a message it takes.
size_t change_bytes(const TaskChange& change);

struct Send {
  std::string peer;
  Envelope envelope;
};

struct Decision {
  std::vector<Event> events;
  std::vector<Send> sends;
};

// The answer to a request.
inline Send answer_to(const FromPeer& input, Message message) {
  return Send{input.peer, Envelope{input.envelope.request, std::move(message)}};
}
// It is refused, and nothing else follows from it.
inline Decision refuse(const FromPeer& input, RefusalCode code, std::string reason) {
  Decision decision;
  decision.sends.push_back(answer_to(input, Refused{code, std::move(reason)}));
  return decision;
}

struct BrokerOptions {
  Duration beat = kBeatDefault;
  Duration lease = kLeaseDefault;
  std::string version;
  std::string log_id;
  // Why TaskSpec::work cannot be used, or nothing. A pure function (it decodes, in io).
  std::function<std::optional<std::string>(const TaskSpec&)> invalid_work;
  // Strategy::for_selector of StrategyBlob::bytes, or nothing when they cannot be read. A pure
  // function, as above. Without it devices that nobody declared have no strategy.
  std::function<std::optional<std::string>(const std::string& bytes)> strategy_selector;
  // VerifyWork::level of a verification's work. A pure function, as above. Without it every
  // verification is a whole one.
  std::function<std::string(std::string_view work)> verify_level;
  // TaskSpec::work of the verifications and repairs that the broker asks for itself. A pure
  // function (it encodes, in io).
  std::function<std::string(const Work&)> make_work;
};

}  // namespace muster
