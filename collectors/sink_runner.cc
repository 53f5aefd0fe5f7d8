#include "collectors/sink_runner.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "collectors/under_way.h"
#include "io/codec.h"
#include "io/log_events.h"

namespace muster {
namespace {

// How long a source may keep a fetch that finds nothing new.
constexpr Duration kFetchWait = std::chrono::seconds(20);
// How long nothing new comes until traffic is said to rest.
constexpr Duration kRestAge = std::chrono::seconds(1);

std::string counted(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// What is logged of the delivery of such an event must not become one: that would be delivered too.
bool is_log_line(const SequencedEvent& at) {
  return std::holds_alternative<DaemonLogged>(at.event.body);
}

}  // namespace

SinkRunner::SinkRunner(Sink& sink, BlockSource& source, DeadLetters& letters, SinkDesk& desk,
                       const Stop& stop, Clock& clock, SinkRunnerOptions options)
    : sink_(sink),
      source_(source),
      letters_(letters),
      desk_(desk),
      stop_(stop),
      clock_(clock),
      options_(std::move(options)),
      history_(options_.history_file) {}

void SinkRunner::run() {
  while (!stop_.raised()) {
    const Result<Done> opened = open();
    if (!opened.ok()) not_open_ = opened.error();
    const bool is_served = serve_order();
    if (!opened.ok()) {
      // The order may have been what it takes.
      if (!is_served) fail(opened.error());
      // Who is open says what it has with its first fetch.
      hold();
    } else if (is_open_) {
      follow();
    }
  }
  history_.keep();
}

// The log may go on without what this sink lacks: why, is said once.
void SinkRunner::hold() {
  const std::optional<SourceError> error = source_.hold();
  if (error && error->fault == SourceFault::stopped) return;
  std::string why = error ? error->message : "";
  if (!why.empty() && why != not_held_) {
    options_.log_problem(std::string(sink_.name()) + ": " + source_.name() +
                         " does not keep yet what comes for it: " + why);
  }
  not_held_ = std::move(why);
}

Result<Done> SinkRunner::open() {
  is_open_ = false;
  pending_ = {};
  if (Result<Done> read = letters_.open(); !read.ok()) return read;
  Result<SinkPosition> position = sink_.open();
  if (!position.ok()) return Error{position.error()};
  is_open_ = true;
  position_ = std::move(*position);
  pending_.through = position_.cursor;
  desk_.update([&](SinkStatus& status) {
    status.log_id = position_.log_id;
    status.cursor = position_.cursor;
  });
  return Done{};
}

// Fetches and delivers until a delivery fails, or somebody has changed what the sink has: then it
// must be opened again.
void SinkRunner::follow() {
  while (!stop_.raised()) {
    if (desk_.has_order()) {
      serve_order();
      if (!is_open_) return;
    }
    const Next next = take_turn();
    is_logs_turn_ = false;
    desk_.hold_orders(false);
    if (next == Next::open_again) return;
  }
}

// One fetch, and what is due after it.
SinkRunner::Next SinkRunner::take_turn() {
  source_.note_done(known_done());
  if (const std::optional<std::string> why = find_other_events()) {
    fail(*why);
    return Next::open_again;
  }
  std::variant<FetchedBlocks, SourceError> answer =
      source_.fetch(pending_.through + 1, fetch_wait());
  trimmed_.reset();
  if (const auto* error = std::get_if<SourceError>(&answer)) {
    if (error->fault == SourceFault::trimmed) {
      source_fails_ = true;
      source_log_ = error->log_id;
      if (const std::optional<std::string> why = other_log(error->log_id)) {
        fail(*why);
        return Next::open_again;
      }
      fail(explain_trimmed(*error));
    } else if (error->fault != SourceFault::stopped) {
      source_fails_ = true;
      fail(error->message);
    }
    return deliver_due();
  }
  FetchedBlocks& fetched = std::get<FetchedBlocks>(answer);
  source_log_ = fetched.log_id;
  if (fetched.reconnected && history_.newest()) {
    is_history_checked_ = false;
    return Next::go_on;  // to ask again, when it is known what is answered
  }
  if (const std::optional<std::string> why = wrong_history(fetched)) {
    fail(*why);
    return Next::open_again;
  }
  position_.log_id = fetched.log_id;
  const bool has_news = !fetched.blocks.empty();
  const Result<Done> appended = append(std::move(fetched.blocks));
  source_fails_ = !appended.ok();
  if (source_fails_) {
    fail(source_.name() + " sent what cannot be used: " + appended.error());
    return deliver_due();
  }
  note_progress(fetched.head);
  if (deliver_due() == Next::open_again) return Next::open_again;
  note_progress(fetched.head);
  // What still waits to be a batch says nothing about the place.
  if (!pending_.events.empty()) return Next::go_on;
  if (!has_news && rest() == Next::open_again) return Next::open_again;
  succeed();
  return Next::go_on;
}

SinkRunner::Next SinkRunner::rest() {
  if (!sink_.wants_rest()) return Next::go_on;
  const UnderWay under_way(desk_, clock_);
  const Delivery delivery = sink_.rest();
  if (delivery.ok()) return Next::go_on;
  fail(delivery);
  return Next::open_again;
}

// Of the source's log. What was done of another says nothing about this one.
uint64_t SinkRunner::known_done() const {
  return source_log_ == position_.log_id ? position_.cursor : 0;
}

// Nothing is skipped in silence: a person says that it goes on behind the gap.
std::string SinkRunner::explain_trimmed(const SourceError& error) {
  const std::string tail = std::to_string(error.tail);
  trimmed_ = SinkPosition{error.log_id, error.tail - 1};
  return error.message + "; to go on without " + std::string(sink_.name()) +
         " ever having those before it: muster sink replay " + std::string(sink_.name()) +
         " --from " + tail;
}

// A batch that waits to become full is not kept waiting by a source that has nothing.
Duration SinkRunner::fetch_wait() const {
  if (is_logs_turn_) return Duration(0);
  if (pending_.events.empty()) return sink_.wants_rest() ? kRestAge : kFetchWait;
  const Duration waited = clock_.now() - pending_.since;
  return std::clamp(sink_.limits().age_max - waited, Duration(0), kFetchWait);
}

// Going on would mix two histories. Only a person knows which of them is wrong.
std::optional<std::string> SinkRunner::wrong_history(const FetchedBlocks& fetched) const {
  if (std::optional<std::string> why = other_log(fetched.log_id)) return why;
  if (position_.cursor <= fetched.head) return std::nullopt;
  return "the event log of " + source_.name() + " ends at event " + std::to_string(fetched.head) +
         ", but " + std::string(sink_.name()) + " has followed it up to event " +
         std::to_string(position_.cursor) +
         ": an older copy of the log was put back: see that the endpoint is right; " +
         sink_.way_out();
}

// One that was put back from an older copy has the same name, and in time as many events.
std::optional<std::string> SinkRunner::find_other_events() {
  const std::optional<HistoryMark::Followed>& mark = history_.newest();
  if (!mark) is_history_checked_ = true;  // what will be followed is this one
  if (is_history_checked_) return std::nullopt;
  const auto answer = source_.fetch(mark->seq, Duration(0));
  if (const auto* error = std::get_if<SourceError>(&answer)) {
    is_history_checked_ = error->fault == SourceFault::trimmed;  // then nobody knows
    return std::nullopt;
  }
  const FetchedBlocks& fetched = std::get<FetchedBlocks>(answer);
  const bool is_same_log = fetched.log_id == mark->log_id;
  if (is_same_log && fetched.head < mark->seq) return wrong_history(fetched);
  is_history_checked_ = true;
  if (!is_same_log || fetched.blocks.empty()) return std::nullopt;
  const Result<Block> block = decode_block(fetched.blocks.front());
  if (!block.ok() || mark->seq - block->first >= block->events.size()) return std::nullopt;
  const Instant time = block->events[mark->seq - block->first].time;
  if (time == mark->time) return std::nullopt;
  is_history_checked_ = false;
  return "event " + std::to_string(mark->seq) + " of the event log of " + source_.name() +
         " is of " + format_rfc3339(time) + ", but " + std::string(sink_.name()) +
         " has followed one of " + format_rfc3339(mark->time) +
         ": an older copy of the log was put back, and has gone on since: muster sink replay " +
         std::string(sink_.name()) + " delivers all that it has now; " + sink_.way_out();
}

std::optional<std::string> SinkRunner::other_log(const std::string& log_id) const {
  return other_history(sink_, position_, log_id, source_.name());
}

// All of `blocks`, or none of them; they are gone when it returns.
Result<Done> SinkRunner::append(std::vector<std::string> blocks) {
  std::vector<SequencedEvent> events;
  std::vector<size_t> sizes;
  std::vector<uint64_t> left_out;
  DeliveryCursor cursor(pending_.through);
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
      if (i < *known) continue;
      if (skip) {
        left_out.push_back(block->first + i);
        continue;
      }
      events.push_back({block->first + i, std::move(block->events[i])});
      sizes.push_back(bytes.size() / count);
    }
    cursor.advance(block->first + count - 1);
  }
  if (pending_.events.empty()) pending_.since = clock_.now();
  std::move(events.begin(), events.end(), std::back_inserter(pending_.events));
  pending_.sizes.insert(pending_.sizes.end(), sizes.begin(), sizes.end());
  pending_.through = cursor.delivered();
  note_unknown(left_out);
  return Done{};
}

// Once in the log, with the number that whoever updates will need.
void SinkRunner::note_unknown(const std::vector<uint64_t>& seqs) {
  const auto news = std::upper_bound(seqs.begin(), seqs.end(), unknown_through_);
  if (news == seqs.end()) return;
  unknown_through_ = seqs.back();
  bool is_first = false;
  desk_.update([&](SinkStatus& status) {
    is_first = status.unknown == 0;
    if (is_first) status.first_unknown = *news;
    status.unknown += static_cast<uint64_t>(seqs.end() - news);
  });
  if (!is_first) return;
  const std::string name(sink_.name());
  const std::string first = std::to_string(*news);
  options_.log_news(name + ": event " + first +
                    " is of a type that this build does not know, and is left out, as others of "
                    "such types are: update the collector, and then: muster sink replay " +
                    name + " --from " + first);
}

void SinkRunner::note_progress(uint64_t head) {
  desk_.update([&](SinkStatus& status) {
    status.log_id = position_.log_id;
    status.head = head;
    status.oldest = pending_.events.empty() ? kNever : pending_.events.front().event.time;
  });
}

// Delivers the batches that are full or old enough.
SinkRunner::Next SinkRunner::deliver_due() {
  const Duration waited = pending_.events.empty() ? Duration(0) : clock_.now() - pending_.since;
  std::vector<size_t> ends = plan_due_batches(pending_.sizes, sink_.limits(), waited);
  // Nothing but what this build does not know: the cursor still moves.
  const bool unknown_only = pending_.events.empty() && pending_.through > position_.cursor;
  if (unknown_only) ends.push_back(0);
  size_t begin = 0;
  for (const size_t end : ends) {
    const bool last = end == pending_.events.size();
    const SinkPosition next{position_.log_id,
                            last ? pending_.through : pending_.events[end - 1].seq};
    const auto first = pending_.events.begin();
    std::optional<HistoryMark::Followed> newest;
    if (end > begin) {
      const SequencedEvent& at = pending_.events[end - 1];
      newest = {position_.log_id, at.seq, at.event.time};
    }
    std::vector<SequencedEvent> batch(std::move_iterator(first + static_cast<ptrdiff_t>(begin)),
                                      std::move_iterator(first + static_cast<ptrdiff_t>(end)));
    const bool lines_only = !batch.empty() && std::all_of(batch.begin(), batch.end(), is_log_line);
    if (const Delivery delivery = deliver_batch(std::move(batch), next); !delivery.ok()) {
      const QuietLog quiet(lines_only);
      fail(delivery);
      return Next::open_again;
    }
    if (newest) history_.note(std::move(*newest), clock_.now());
    if (!source_fails_) succeed();
    begin = end;
    if (desk_.interrupted()) break;
  }
  if (begin > 0) {
    pending_.events.erase(pending_.events.begin(),
                          pending_.events.begin() + static_cast<ptrdiff_t>(begin));
    pending_.sizes.erase(pending_.sizes.begin(),
                         pending_.sizes.begin() + static_cast<ptrdiff_t>(begin));
    pending_.since = clock_.now();
  }
  return Next::go_on;
}

// Whatever comes of it, the sink's own position says how far it came.
Delivery SinkRunner::deliver_batch(std::vector<SequencedEvent> events, const SinkPosition& next) {
  const auto refused = std::stable_partition(
      events.begin(), events.end(),
      [&](const SequencedEvent& at) { return !letters_.contains(next.log_id, at.seq); });
  if (refused != events.end()) {
    const Result<Done> passed = sink_.pass_over({refused, events.end()}, next.log_id);
    if (!passed.ok()) return Delivery::away(passed.error());
    events.erase(refused, events.end());
  }
  Bisection search(events.size());
  do {
    Delivery delivery = deliver_range(events, next, search);
    if (!delivery.ok()) return delivery;
  } while (search.next());
  return {};
}

// One try: what `search` says is next.
Delivery SinkRunner::deliver_range(std::vector<SequencedEvent>& events, const SinkPosition& next,
                                   Bisection& search) {
  const ItemRange range = search.next().value_or(ItemRange{events.size(), events.size()});
  const auto tried = std::span<const SequencedEvent>(events).subspan(range.begin, range.size());
  const SinkPosition after{next.log_id,
                           range.end == events.size() ? next.cursor : tried.back().seq};
  Delivery delivery = deliver_to(tried, after);
  if (delivery.fault == DeliveryFault::refused && !delivery.refusals.empty()) {
    events.erase(events.begin(), events.begin() + static_cast<ptrdiff_t>(range.begin));
    delivery = bury_named(events, delivery);
    search = Bisection(events.size());
    if (!delivery.ok() || !events.empty()) return delivery;
    return deliver_to({}, next);
  }
  if (delivery.fault == DeliveryFault::refused && tried.size() > 1) {
    search.halve();
    return {};
  }
  if (delivery.fault == DeliveryFault::refused && tried.size() == 1) {
    delivery = bury(tried.front(), delivery.reason);
    if (delivery.ok()) delivery = deliver_to({}, after);
  }
  if (delivery.ok() && search.next()) search.settle();
  return delivery;
}

Delivery SinkRunner::deliver_to(std::span<const SequencedEvent> events, const SinkPosition& after) {
  const UnderWay under_way(desk_, clock_);
  Delivery delivery = sink_.deliver(events, after);
  if (!delivery.ok()) {
    // Without events there is nothing to refuse.
    if (events.empty()) delivery.fault = DeliveryFault::away;
    return delivery;
  }
  position_ = after;
  desk_.update([&](SinkStatus& status) {
    status.cursor = after.cursor;
    status.delivered += events.size();
    status.batches += events.empty() ? 0 : 1;
  });
  return delivery;
}

// Buries those that `refused` names, and takes them out of `events`.
Delivery SinkRunner::bury_named(std::vector<SequencedEvent>& events, const Delivery& refused) {
  size_t found = 0;
  for (const Refusal& refusal : refused.refusals) {
    const auto at = std::find_if(events.begin(), events.end(), [&](const SequencedEvent& event) {
      return event.seq == refusal.seq;
    });
    if (at == events.end()) continue;
    ++found;
    if (Delivery buried = bury(*at, refusal.answer); !buried.ok()) return buried;
    events.erase(at);
  }
  if (found == 0) return Delivery::away(refused.reason);
  return {};
}

Delivery SinkRunner::bury(const SequencedEvent& event, const std::string& answer) {
  const Result<Done> buried = letters_.bury(position_.log_id, event, answer, clock_.now());
  if (!buried.ok()) return Delivery::away(buried.error());
  desk_.update([](SinkStatus& status) { ++status.buried; });
  const std::string name(sink_.name());
  const QuietLog quiet(is_log_line(event));
  options_.log_news(name + ": event " + std::to_string(event.seq) + " was refused (" + answer +
                    ") and lies in " + letters_.file() + "; see: muster sink dead ls " + name);
  return {};
}

// False: there was none.
bool SinkRunner::serve_order() {
  bool is_served = false;
  desk_.serve([&](const SinkOrder& order) {
    is_served = true;
    return handle(order);
  });
  const std::optional<Delivery> failed = std::exchange(failed_again_, std::nullopt);
  if (failed) fail(*failed);
  return is_served;
}

// Says so, unless it was said already, and waits.
void SinkRunner::fail(const Delivery& away) {
  const std::string& message = away.reason;
  if (++failures_ == 1) failed_quietly_ = QuietLog::is_on();
  if (message != said_) options_.log_problem(std::string(sink_.name()) + ": " + message);
  said_ = message;
  const Duration delay =
      retry_delay(options_.backoff, failures_, options_.random(), away.retry_after);
  const Instant now = clock_.now();
  desk_.update([&](SinkStatus& status) {
    ++status.failures;
    if (status.failing == 0) status.failing_since = now;
    status.failing = failures_;
    status.error = message;
    status.retry_at = now + delay;
  });
  if (away.retry_after && !away.until_order) return pause_as_wished(delay, message);
  desk_.wait_for(delay);
}

// A place that has said how long it wants to be left alone is left alone: five wrong passwords,
// and CouchDB locks the user out. An order that needs the place is told so.
void SinkRunner::pause_as_wished(Duration delay, const std::string& why) {
  const Instant until = clock_.now() + delay;
  while (!stop_.raised()) {
    const Duration left = until - clock_.now();
    if (left <= Duration(0)) return;
    desk_.wait_for(left);
    desk_.serve([&](const SinkOrder& order) {
      if (order.kind != SinkOrder::Kind::retry) return handle(order);
      SinkOrderResult result;
      result.error = std::string(sink_.name()) + " leaves its place alone until " +
                     format_rfc3339(until) + ": " + why;
      return result;
    });
  }
}

void SinkRunner::succeed() {
  if (failures_ == 0) return;
  const QuietLog quiet(failed_quietly_);
  options_.log_news(std::string(sink_.name()) + ": works again after " +
                    counted(failures_, "failure"));
  failures_ = 0;
  said_.clear();
  desk_.update([](SinkStatus& status) {
    status.failing = 0;
    status.error.clear();
    status.failing_since = status.retry_at = kNever;
  });
}

}  // namespace muster
