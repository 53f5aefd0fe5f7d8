#include "collectors/sink_runner.h"

#include <utility>
#include <variant>

#include "io/codec.h"

namespace muster {

SinkRunner::SinkRunner(Sink& sink, BlockSource& source, const Stop& stop, SinkRunnerOptions options)
    : sink_(sink), source_(source), stop_(stop), options_(std::move(options)) {}

Result<Done> SinkRunner::run() {
  while (!stop_.raised()) {
    const Result<SinkPosition> position = sink_.open();
    if (!position.ok()) {
      fail(position.error());
      continue;
    }
    if (Result<Done> done = follow(*position); !done.ok()) return done;
  }
  return Done{};
}

// Fetches and delivers until a delivery fails: then the sink must be opened again.
Result<Done> SinkRunner::follow(SinkPosition position) {
  while (!stop_.raised()) {
    const std::variant<FetchedBlocks, SourceError> answer = source_.fetch(position.cursor + 1);
    if (const auto* error = std::get_if<SourceError>(&answer)) {
      if (error->fault != SourceFault::stopped) fail(error->message);
      continue;
    }
    const FetchedBlocks& fetched = std::get<FetchedBlocks>(answer);
    if (std::optional<std::string> why = wrong_history(position, fetched)) return Error{*why};
    position.log_id = fetched.log_id;
    const Result<Fresh> fresh = decode(fetched.blocks, DeliveryCursor(position.cursor));
    if (!fresh.ok()) {
      fail(source_.name() + " sent what cannot be used: " + fresh.error());
      continue;
    }
    if (fresh->through > position.cursor) {
      if (const Result<Done> done = deliver(*fresh, position); !done.ok()) {
        fail(done.error());
        return Done{};
      }
    }
    succeed();
  }
  return Done{};
}

std::optional<std::string> SinkRunner::wrong_history(const SinkPosition& position,
                                                     const FetchedBlocks& fetched) const {
  const std::string sink(sink_.name());
  const std::string advice =
      ": see that the endpoint is right; to collect that log from its beginning, stop the "
      "collector and move the directories collector and results of this home away";
  if (!position.log_id.empty() && position.log_id != fetched.log_id) {
    return source_.name() + " has another event log (" + fetched.log_id + ") than the one that " +
           sink + " has followed (" + position.log_id + ")" + advice;
  }
  if (position.cursor > fetched.head) {
    return "the event log of " + source_.name() + " ends at event " + std::to_string(fetched.head) +
           ", but " + sink + " has followed it up to event " + std::to_string(position.cursor) +
           ": an older copy of the log was put back" + advice;
  }
  return std::nullopt;
}

Result<SinkRunner::Fresh> SinkRunner::decode(const std::vector<std::string>& blocks,
                                             DeliveryCursor cursor) const {
  Fresh fresh;
  for (const std::string& bytes : blocks) {
    Result<Block> block = decode_block(bytes);
    if (!block.ok()) return Error{block.error()};
    const size_t count = block->events.size();
    if (count == 0) continue;
    const Result<uint64_t> known = cursor.count_delivered(block->first, count);
    if (!known.ok()) return Error{known.error()};
    auto unknown = block->unknown.begin();
    for (size_t i = 0; i < count; ++i) {
      const bool skip = unknown != block->unknown.end() && *unknown == i;
      if (skip) ++unknown;
      if (skip || i < *known) continue;
      fresh.events.push_back({block->first + i, std::move(block->events[i])});
      fresh.sizes.push_back(bytes.size() / count);
    }
    cursor.advance(block->first + count - 1);
  }
  fresh.through = cursor.delivered();
  return fresh;
}

Result<Done> SinkRunner::deliver(const Fresh& fresh, SinkPosition& position) {
  std::vector<size_t> ends = plan_batches(fresh.sizes, sink_.limits());
  if (ends.empty()) ends.push_back(0);  // nothing that this build knows: the cursor still moves
  size_t begin = 0;
  for (const size_t end : ends) {
    const bool last = end == fresh.events.size();
    const SinkPosition next{position.log_id, last ? fresh.through : fresh.events[end - 1].seq};
    const auto batch = std::span(fresh.events).subspan(begin, end - begin);
    if (Result<Done> done = sink_.deliver(batch, next); !done.ok()) return done;
    position = next;
    begin = end;
  }
  return Done{};
}

// Says so, unless it was said already, and waits.
void SinkRunner::fail(const std::string& message) {
  ++failures_;
  if (message != said_) options_.log_problem(std::string(sink_.name()) + ": " + message);
  said_ = message;
  stop_.wait_for(backoff_delay(options_.backoff, failures_, options_.random()));
}

void SinkRunner::succeed() {
  if (failures_ == 0) return;
  options_.log_news(std::string(sink_.name()) + ": works again after " + std::to_string(failures_) +
                    (failures_ == 1 ? " failure" : " failures"));
  failures_ = 0;
  said_.clear();
}

}  // namespace muster
