#include "cli/event_stream.h"

#include <algorithm>

#include "io/codec.h"

namespace muster {
namespace {

constexpr uint32_t kBytesPerFetch = 1 << 20;
// How much longer than asked an answer may take before the broker counts as away.
constexpr Duration kAnswerSlack = 5s;

}  // namespace

Failure other_log(uint64_t next) {
  return {kExitUnreachable,
          "the broker has another log now, in which event " + std::to_string(next) +
              " is not what comes next",
          "begin anew, with --from 1 for all that it has"};
}

std::vector<NumberedEvent> EventStream::next(Duration wait) {
  std::variant<Message, ClientError> answer =
      session_.broker().ask(Fetch{next_, kBytesPerFetch, wait}, wait + kAnswerSlack);
  if (const auto* error = std::get_if<ClientError>(&answer)) {
    const bool waits = patience_ == Patience::wait && error->fault == ClientFault::unreachable;
    if (!waits) throw to_failure(*error, session_.endpoint());
    if (!told_away_) {
      session_.output().talk("the broker at " + session_.endpoint() +
                             " is silent; still waiting for it");
      told_away_ = true;
    }
    return {};
  }
  if (told_away_) session_.output().talk("the broker is back");
  told_away_ = false;
  if (session_.broker().welcome().log_id != log_id_) throw other_log(next_);
  const Blocks blocks = session_.expect<Blocks>(std::move(std::get<Message>(answer)));
  std::vector<NumberedEvent> events;
  for (const std::string& bytes : blocks.blocks) take_block(bytes, events);
  return events;
}

void EventStream::take_block(const std::string& bytes, std::vector<NumberedEvent>& events) {
  Result<Block> block = decode_block(bytes);
  if (!block) {
    throw Failure{kExitUnreachable,
                  "the broker sent a block of events that cannot be read: " + block.error(),
                  "update muster: muster doctor shows both versions"};
  }
  for (size_t i = 0; i < block->events.size(); ++i) {
    const uint64_t seq = block->first + i;
    if (seq < next_) continue;
    next_ = seq + 1;
    const bool is_unknown =
        std::find(block->unknown.begin(), block->unknown.end(), i) != block->unknown.end();
    if (!is_unknown) events.push_back({seq, std::move(block->events[i])});
  }
}

}  // namespace muster
