// What people ask of a sink, as its own thread does it.
#include <algorithm>
#include <utility>
#include <variant>

#include "collectors/sink_runner.h"
#include "collectors/under_way.h"

namespace muster {
namespace {

// How long an order may keep the log waiting, but for the delivery that it is in.
constexpr Duration kOrderShare = std::chrono::seconds(1);

SinkOrderResult failed_order(std::string error) {
  SinkOrderResult result;
  result.error = std::move(error);
  return result;
}

SinkOrderResult wrong_order(std::string error) {
  SinkOrderResult result = failed_order(std::move(error));
  result.is_wrong = true;
  return result;
}

std::string why_nothing_is_replayed(const SourceError& error, const Sink& sink) {
  if (error.fault == SourceFault::trimmed) {
    return error.message + ": a replay would lose what " + sink.place() +
           " has of them; the log begins with event " + std::to_string(error.tail);
  }
  return error.message + ": nothing was taken away from " + sink.place() +
         "; a replay first looks whether the log has what it is to deliver again";
}

}  // namespace

SinkOrderResult SinkRunner::handle(const SinkOrder& order) {
  switch (order.kind) {
    case SinkOrder::Kind::replay:
      return replay(order.from);
    case SinkOrder::Kind::retry:
      if (!is_open_) return failed_order(closed_reason());
      return change_letters(order.seqs, [this](LetterBatch batch, SinkOrderResult& result) {
        retry(std::move(batch), result);
      });
    case SinkOrder::Kind::drop:
      break;
  }
  return change_letters(order.seqs, [this](const LetterBatch& batch, SinkOrderResult& result) {
    drop(batch, result);
  });
}

std::string SinkRunner::closed_reason() const {
  return std::string(sink_.name()) + " is not open: " + not_open_;
}

SinkOrderResult SinkRunner::replay(uint64_t from) {
  SinkOrderResult result;
  const bool over_the_gap = trimmed_ && from == trimmed_->cursor + 1;
  if (over_the_gap && is_open_) {
    options_.log_news(std::string(sink_.name()) + ": goes on with event " + std::to_string(from) +
                      ", without those before it that were trimmed from the log");
    const Delivery skipped = deliver_to({}, *trimmed_);
    if (!skipped.ok()) result.error = skipped.reason;
    is_open_ = false;
    return result;
  }
  if (from > 1 && sink_.begins_anew_only()) {
    return wrong_order(only_from_the_beginning(sink_).message);
  }
  // What the log does not have any more, the sink's place may be the last to have: the log shows
  // what it has before anything is taken away. From this question on it also keeps that: or else it
  // could be trimmed before it is asked for again, by us or by whoever comes after a crash.
  const uint64_t through = from == 0 ? 0 : from - 1;
  source_.note_done(std::min(through, known_done()));
  const auto looked = source_.fetch(std::max<uint64_t>(from, 1), Duration(0));
  if (const auto* error = std::get_if<SourceError>(&looked)) {
    return failed_order(why_nothing_is_replayed(*error, sink_));
  }
  // Nor is another lab's history to go, whose database somebody has named by mistake.
  source_log_ = std::get<FetchedBlocks>(looked).log_id;
  if (std::get<FetchedBlocks>(looked).reconnected) is_history_checked_ = false;
  if (is_open_) {
    if (std::optional<std::string> why = other_log(source_log_)) return failed_order(*why);
  }
  if (is_open_ && from > position_.cursor + 1) {
    return wrong_order(std::string(sink_.name()) + " has not come to event " +
                       std::to_string(from) + " yet: it is at " + std::to_string(position_.cursor));
  }
  is_open_ = false;
  const Result<Done> done = sink_.rewind({source_log_, through});
  if (done.ok()) {
    history_.forget();
  } else {
    result.error = done.error();
  }
  return result;
}

// Gives letters to `take`, in ascending order, for as long as it is their turn. Those that are done
// with are gone afterwards.
SinkOrderResult SinkRunner::change_letters(const std::vector<uint64_t>& wanted,
                                           const TakeLetters& take) {
  SinkOrderResult result;
  const Result<std::vector<uint64_t>> seqs = letters_.choose(wanted);
  if (!seqs.ok()) return failed_order(seqs.error());
  const Instant began = clock_.now();
  for (auto next = seqs->begin(); next != seqs->end() && result.error.empty();) {
    const bool is_over = next != seqs->begin() && clock_.now() - began >= kOrderShare;
    if (stop_.raised() || is_over) {
      result.left.assign(next, seqs->end());
      break;
    }
    LetterBatch batch = read_letters({next, seqs->end()});
    // One that cannot be read stands alone, so that it can be dropped.
    if (batch.events.empty()) batch.events.push_back({*next, {}});
    next += static_cast<ptrdiff_t>(batch.events.size());
    take(std::move(batch), result);
  }
  std::sort(result.done.begin(), result.done.end());
  std::sort(result.refused.begin(), result.refused.end(),
            [](const Refusal& a, const Refusal& b) { return a.seq < b.seq; });
  if (const Result<Done> removed = letters_.remove(result.done); !removed.ok()) {
    result.error = removed.error();
  }
  is_logs_turn_ = !result.left.empty();
  desk_.hold_orders(is_logs_turn_);
  return result;
}

SinkRunner::LetterBatch SinkRunner::read_letters(std::span<const uint64_t> seqs) const {
  const BatchLimits limits = sink_.limits();
  LetterBatch batch;
  size_t bytes = 0;
  for (const uint64_t seq : seqs) {
    auto letter = letters_.read(seq);
    const bool is_first = batch.events.empty();
    if (!letter.ok()) {
      if (is_first) batch.problem = letter.error();
      break;
    }
    bytes += letter->bytes;
    const bool is_full = batch.events.size() >= limits.events_max || bytes > limits.bytes_max;
    if (!is_first && (is_full || letter->log_id != batch.log_id)) break;
    batch.log_id = std::move(letter->log_id);
    batch.events.push_back(std::move(letter->event));
  }
  return batch;
}

// Those that are refused keep their letters: they are found as those of a batch of the log are.
void SinkRunner::retry(LetterBatch batch, SinkOrderResult& result) {
  if (!batch.problem.empty()) {
    result.error = batch.problem;
    return;
  }
  std::vector<SequencedEvent>& events = batch.events;
  Bisection search(events.size());
  while (const std::optional<ItemRange> range = search.next()) {
    const UnderWay under_way(desk_, clock_);
    const auto tried = std::span<const SequencedEvent>(events).subspan(range->begin, range->size());
    Delivery delivery = sink_.deliver_again(tried, batch.log_id);
    if (delivery.ok()) {
      for (const SequencedEvent& at : tried) result.done.push_back(at.seq);
      desk_.update([&](SinkStatus& status) { status.delivered += tried.size(); });
      search.settle();
    } else if (take_named(events, *range, delivery, result)) {
      search = Bisection(events.size());
    } else if (delivery.fault == DeliveryFault::refused && tried.size() > 1) {
      search.halve();
    } else if (delivery.fault == DeliveryFault::refused) {
      result.refused.push_back({tried.front().seq, delivery.reason});
      search.settle();
    } else {
      is_open_ = false;  // as after any delivery that found the place away
      result.error = delivery.reason;
      failed_again_ = std::move(delivery);
      return;
    }
  }
}

// Takes those that `refused` names, and those before what was tried, out of `events`. False: it
// names none of them.
bool SinkRunner::take_named(std::vector<SequencedEvent>& events, ItemRange tried,
                            const Delivery& refused, SinkOrderResult& result) {
  if (refused.fault != DeliveryFault::refused) return false;
  const size_t before = result.refused.size();
  const auto is_named = [&](const SequencedEvent& at) {
    const auto named = std::find_if(refused.refusals.begin(), refused.refusals.end(),
                                    [&](const Refusal& one) { return one.seq == at.seq; });
    if (named == refused.refusals.end()) return false;
    result.refused.push_back(*named);
    return true;
  };
  const auto begin = events.begin() + static_cast<ptrdiff_t>(tried.begin);
  events.erase(std::remove_if(begin, events.end(), is_named), events.end());
  if (result.refused.size() == before) return false;
  events.erase(events.begin(), events.begin() + static_cast<ptrdiff_t>(tried.begin));
  return true;
}

// A letter that cannot be read goes too: nothing is known that could be kept for it.
void SinkRunner::drop(const LetterBatch& batch, SinkOrderResult& result) {
  if (batch.problem.empty()) {
    if (const Result<Done> dropped = sink_.drop(batch.events, batch.log_id); !dropped.ok()) {
      result.error = dropped.error();
      return;
    }
  }
  for (const SequencedEvent& at : batch.events) result.done.push_back(at.seq);
}

}  // namespace muster
