#include "core/worker_core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/guid.h"
#include "core/rest.h"

namespace muster {

namespace {

// Work without devices is leased ahead of free slots as far as it takes this long in all: enough to
// hide a round trip, little enough that nothing waits here for long.
constexpr Duration kPrefetch = std::chrono::milliseconds(50);
// An attempt that waits for a slot longer than this is handed back, so that another worker may have
// it.
constexpr Duration kWaitMax = std::chrono::seconds(2);
constexpr uint64_t kCounterBits = 32;

// What a body takes on the wire, roughly.
struct BodyBytes {
  size_t operator()(const AttemptStarted& started) const {
    size_t bytes = started.log_url.size();
    for (const std::string& argument : started.argv) bytes += argument.size() + 16;
    return bytes;
  }
  size_t operator()(const Record& record) const {
    size_t bytes = record.message.size() + record.operation.size() + record.subdir.size();
    for (const auto& [key, value] : record.fields) bytes += key.size() + value.size() + 16;
    return bytes;
  }
  size_t operator()(const CaseResult& result) const {
    return result.suite.size() + result.name.size() + result.message.size();
  }
  size_t operator()(const Ending& ending) const {
    return ending.message.size() + ending.blame.size();
  }
  size_t operator()(const Progress& progress) const { return progress.text.size(); }
  size_t operator()(const SourceFetched& source) const {
    return source.url.size() + source.ref.size() + source.sha.size();
  }
  size_t operator()(const Shout& shout) const { return shout.json.size(); }
  size_t operator()(const Measurement& measurement) const {
    size_t bytes = measurement.table.size();
    for (const auto& [column, value] : measurement.row) {
      const auto* text = std::get_if<std::string>(&value);
      bytes += column.size() + 32 + (text == nullptr ? 0 : text->size());
    }
    return bytes;
  }
  size_t operator()(const Artifact& artifact) const {
    return artifact.name.size() + artifact.url.size() + artifact.sha256.size();
  }
  size_t operator()(const CallFailed& call) const {
    return call.method.size() + call.arguments.size() + call.peer.size() + call.error.size();
  }
  size_t operator()(const CallMade& call) const {
    return call.method.size() + call.arguments.size() + call.peer.size();
  }
};

size_t report_bytes(const Report& report) {
  return 128 + report.token.guid.size() + std::visit(BodyBytes{}, report.body);
}

}  // namespace

WorkerCore::WorkerCore(WorkerOptions options, std::vector<Report> spooled,
                       std::vector<AttemptToken> interrupted, Instant now)
    : options_(std::move(options)),
      next_seq_((options_.incarnation << kCounterBits) + 1),
      next_sync_((options_.incarnation << kCounterBits) + 1),
      next_beat_(now) {
  for (Report& report : spooled) {
    if (std::holds_alternative<Ending>(report.body)) ended_unacked_[report.token] = report.seq;
    outbox_bytes_ += report_bytes(report);
    outbox_.push_back(std::move(report));
  }
  for (const AttemptToken& token : interrupted) {
    if (ended_unacked_.contains(token)) continue;
    Ending ending =
        make_ending(Outcome::error, Cause::worker, StatusCode::error,
                    "the worker ended while the attempt ran", start_in_outbox(token), now);
    ending.lost = true;
    append_report(token, std::move(ending), true, now);
  }
}

void WorkerCore::resume(ResumedAttempt attempt) {
  const AttemptToken token{attempt.assignment.spec->guid, attempt.assignment.attempt};
  if (ended_unacked_.contains(token)) return;
  const auto [found, added] = held_.try_emplace(token);
  if (!added) return;
  Held& held = found->second;
  held.assignment = std::move(attempt.assignment);
  held.state = HeldState::running;
  held.accepted = held.started = attempt.started;
  held.lease_until = attempt.lease_until;
  for (const DeviceSpec& device : held.assignment.devices) busy_devices_.insert(device.name);
  next_lease_check_ = next_lease_check_ == kNever ? held.lease_until
                                                  : std::min(next_lease_check_, held.lease_until);
  ++running_;
}

void WorkerCore::set_listed(std::vector<ListedDevice> listed, Instant now) {
  if (listed == listed_) return;
  listed_ = std::move(listed);
  say_at_once(now);
}

void WorkerCore::set_listed_all(bool all, Instant now) {
  if (all == listed_all_) return;
  listed_all_ = all;
  say_at_once(now);
}

void WorkerCore::set_listers(std::vector<ListerState> listers) {
  if (listers == listers_) return;
  listers_ = std::move(listers);
  has_news_ = true;
}

// When the attempt began, by its report. kNever: the broker has acknowledged that one, and knows.
Instant WorkerCore::start_in_outbox(const AttemptToken& token) const {
  for (const Report& report : outbox_) {
    const bool is_start = std::holds_alternative<AttemptStarted>(report.body);
    if (is_start && report.token == token) return report.time;
  }
  return kNever;
}

Instant WorkerCore::started_at(const AttemptToken& token) const {
  const auto found = held_.find(token);
  return found == held_.end() ? kNever : found->second.started;
}

Instant WorkerCore::lease_until(const AttemptToken& token) const {
  const auto found = held_.find(token);
  return found == held_.end() ? kNever : found->second.lease_until;
}

void WorkerCore::connected(Instant now) {
  is_first_rest_ = true;
  say_at_once(now);
}

void WorkerCore::say_at_once(Instant now) {
  next_beat_ = now;
  has_news_ = true;
}

std::optional<Instant> WorkerCore::sent_at(uint64_t sync_number) const {
  for (const SentSync& sync : sent_syncs_) {
    if (sync.number == sync_number) return sync.sent;
  }
  return std::nullopt;
}

void WorkerCore::take(const Desired& desired, Instant now) {
  if (std::pair(desired.epoch, desired.number) <= std::pair(epoch_, desired_number_)) {
    ++stale_;
    return;
  }
  epoch_ = desired.epoch;
  desired_number_ = desired.number;
  acknowledge(desired.acked);
  for (const StopOrder& order : desired.stop) {
    const auto found = held_.find(order.token);
    if (found == held_.end()) continue;
    stop(found->second,
         order.reason == StopReason::cancelled ? StopWhy::cancelled : StopWhy::fenced, order.text,
         now);
  }
  const std::optional<Instant> asked = sent_at(desired.sync_number);
  if (!asked) return;  // answers nothing that this incarnation remembers asking
  while (sent_syncs_.front().number < desired.sync_number) sent_syncs_.pop_front();
  const Duration lease = desired.lease - desired.lease / kLeaseMarginDivisor;
  const Instant lease_until = *asked + lease;
  renew(desired.sync_number, lease_until);
  for (const Assignment& assignment : desired.run) accept(assignment, lease_until, now);
  // A cancel may come with the assignment itself.
  for (const StopOrder& order : desired.stop) {
    const auto found = held_.find(order.token);
    if (found == held_.end() || found->second.state != HeldState::waiting) continue;
    stop(found->second, StopWhy::cancelled, order.text, now);
  }
  const bool is_newest = sent_syncs_.back().number == desired.sync_number;
  if (is_newest && rest_until_ == kNever) rest(*asked, desired.lease);
}

// The broker knows what the newest full Sync has said: there may be a rest now.
void WorkerCore::rest(Instant asked, Duration lease) {
  const uint64_t draw = options_.draw ^ sent_syncs_.back().number;
  rest_until_ = asked + rest_after(lease, options_.beat, is_first_rest_, draw);
  is_first_rest_ = false;
}

// Attempts that the answered Sync listed, and that were not stopped, hold for longer. Those that it
// did not list may be somebody else's by now.
void WorkerCore::renew(uint64_t sync_number, Instant lease_until) {
  if (sync_number == renewed_by_) return;
  renewed_by_ = sync_number;
  for (auto& [token, held] : held_) {
    const bool listed = held.listed_in != 0 && held.listed_in <= sync_number;
    if (listed) held.lease_until = std::max(held.lease_until, lease_until);
  }
}

void WorkerCore::accept(const Assignment& assignment, Instant lease_until, Instant now) {
  const AttemptToken token{assignment.spec->guid, assignment.attempt};
  if (lease_until <= now || ended_unacked_.contains(token)) return;
  const auto [found, added] = held_.try_emplace(token);
  if (!added) return;
  Held& held = found->second;
  held.assignment = assignment;
  held.accepted = now;
  held.lease_until = lease_until;
  next_lease_check_ =
      next_lease_check_ == kNever ? lease_until : std::min(next_lease_check_, lease_until);
  (assignment.devices.empty() ? waiting_plain_ : waiting_devices_).push_back(token);
}

void WorkerCore::stop(Held& held, StopWhy why, const std::string& text, Instant now) {
  const AttemptToken token{held.assignment.spec->guid, held.assignment.attempt};
  if (held.state == HeldState::waiting) {
    held_.erase(token);
    if (why == StopWhy::fenced) return;
    const bool cancelled = why == StopWhy::cancelled;
    append_report(
        token,
        make_ending(Outcome::error, cancelled ? Cause::user : Cause::worker,
                    cancelled ? StatusCode::killed : StatusCode::error,
                    cancelled ? text : "the lease ran out before the attempt started", kNever, now),
        true, now);
    return;
  }
  const bool at_once = why != StopWhy::cancelled;
  if (held.state == HeldState::stopping) {
    if (why == StopWhy::fenced) held.stop_why = why;  // once fenced, always silent
    if (!at_once || held.stop_at_once) return;
  } else {
    held.state = HeldState::stopping;
    held.stop_why = why;
    held.stop_text = text;
  }
  held.stop_at_once = at_once;
  actions_.stop.push_back(StopAction{token, why, text});
}

Ending WorkerCore::override_ending(const Held& held, Ending ending) const {
  if (held.stop_why == StopWhy::cancelled) {
    ending.outcome = Outcome::error;
    ending.cause = Cause::user;
    ending.status = StatusCode::killed;
    ending.message = held.stop_text;
  } else {
    ending.outcome = Outcome::error;
    ending.cause = Cause::worker;
    ending.status = StatusCode::error;
    ending.message = "stopped by the worker: the broker was not heard before the lease ran out";
  }
  return ending;
}

void WorkerCore::report(const AttemptToken& token, ReportBody body, bool durable, Instant now) {
  const auto found = held_.find(token);
  if (found == held_.end()) return;
  Held& held = found->second;
  const bool silent = held.state == HeldState::stopping && held.stop_why == StopWhy::fenced;
  auto* ending = std::get_if<Ending>(&body);
  if (!ending) {
    if (silent) {
      ++stale_;
      return;
    }
    append_report(token, std::move(body), durable, now);
    return;
  }
  if (held.state == HeldState::stopping) *ending = override_ending(held, std::move(*ending));
  if (held.assignment.devices.empty()) {
    const auto took = static_cast<uint64_t>(std::max<int64_t>((now - held.started).count(), 1));
    quick_us_ = quick_us_ == 0 ? took : (7 * quick_us_ + took) / 8;
  }
  if (silent) {
    ++stale_;
  } else {
    append_report(token, std::move(body), durable, now);
  }
  for (const DeviceSpec& device : held.assignment.devices) busy_devices_.erase(device.name);
  held_.erase(found);
  --running_;
}

void WorkerCore::append_report(const AttemptToken& token, ReportBody body, bool durable,
                               Instant now) {
  Report report{next_seq_++, token, now, std::move(body)};
  if (auto* ending = std::get_if<Ending>(&report.body)) {
    ending->message = cut_text(ending->message, kMessageLengthMax);
    ended_unacked_[token] = report.seq;
  } else if (auto* record = std::get_if<Record>(&report.body)) {
    record->message = cut_text(record->message, kReportBytesMax / 2);
  } else if (auto* result = std::get_if<CaseResult>(&report.body)) {
    result->message = cut_text(result->message, kReportBytesMax / 2);
  }
  if (durable) unspooled_.push_back(report);
  outbox_bytes_ += report_bytes(report);
  outbox_.push_back(std::move(report));
}

void WorkerCore::acknowledge(uint64_t acked) {
  acked_ = std::max(acked_, acked);
  while (!outbox_.empty() && outbox_.front().seq <= acked_) {
    const Report& report = outbox_.front();
    if (std::holds_alternative<Ending>(report.body)) {
      const uint64_t* ended = ended_unacked_.find(report.token);
      if (ended != nullptr && *ended == report.seq) ended_unacked_.erase(report.token);
    }
    outbox_bytes_ -= report_bytes(report);
    outbox_.pop_front();
    if (sent_ > 0) --sent_;
  }
}

void WorkerCore::expire_leases(Instant now) {
  std::vector<AttemptToken> expired;
  next_lease_check_ = kNever;
  for (const auto& [token, held] : held_) {
    if (held.state == HeldState::stopping && held.stop_at_once) continue;
    if (held.lease_until <= now) {
      expired.push_back(token);
    } else if (next_lease_check_ == kNever || held.lease_until < next_lease_check_) {
      next_lease_check_ = held.lease_until;
    }
  }
  for (const AttemptToken& token : expired) stop(held_.at(token), StopWhy::lease_lost, "", now);
}

void WorkerCore::tick(Instant now) {
  if (next_lease_check_ != kNever && next_lease_check_ <= now) expire_leases(now);
  if (!refusing_.empty()) {
    const char* reason = "handed back: the worker takes no new work now";
    hand_back(waiting_devices_, kNever, reason, now);
    hand_back(waiting_plain_, kNever, reason, now);
    return;
  }
  hand_back(waiting_plain_, now - kWaitMax,
            "handed back: every slot of the worker was busy for too long", now);
}

// What waits for a slot since `accepted_by` or before (kNever: all of it) is the broker's again.
void WorkerCore::hand_back(std::deque<AttemptToken>& waiting, Instant accepted_by,
                           const std::string& reason, Instant now) {
  while (!waiting.empty()) {
    const auto found = held_.find(waiting.front());
    const bool waits = found != held_.end() && found->second.state == HeldState::waiting;
    if (waits && accepted_by != kNever && found->second.accepted > accepted_by) return;
    const AttemptToken token = waiting.front();
    waiting.pop_front();
    if (!waits) continue;
    held_.erase(found);
    say_at_once(now);  // with the credit of now, or the broker would lease it here again
    append_report(
        token, make_ending(Outcome::error, Cause::capacity, StatusCode::busy, reason, kNever, now),
        true, now);
  }
}

// Starts what `waiting` holds, in order, while slots are free. What asks for a device that an
// attempt of this worker has not let go of yet goes on waiting.
void WorkerCore::start_waiting(std::deque<AttemptToken>& waiting, Instant now) {
  std::deque<AttemptToken> blocked;
  while (refusing_.empty() && running_ < options_.slots && !waiting.empty()) {
    const auto found = held_.find(waiting.front());
    if (found == held_.end() || found->second.state != HeldState::waiting) {
      waiting.pop_front();
      continue;
    }
    const Assignment& assignment = found->second.assignment;
    if (devices_free(assignment)) {
      for (const DeviceSpec& device : assignment.devices) busy_devices_.insert(device.name);
      found->second.state = HeldState::running;
      found->second.started = now;
      ++running_;
      actions_.start.push_back(assignment);
    } else {
      blocked.push_back(waiting.front());
    }
    waiting.pop_front();
  }
  waiting.insert(waiting.begin(), blocked.begin(), blocked.end());
}

bool WorkerCore::devices_free(const Assignment& assignment) const {
  return std::none_of(
      assignment.devices.begin(), assignment.devices.end(),
      [&](const DeviceSpec& device) { return busy_devices_.contains(device.name); });
}

WorkerActions WorkerCore::drain_actions(Instant now) {
  start_waiting(waiting_devices_, now);
  start_waiting(waiting_plain_, now);
  return std::exchange(actions_, {});
}

std::vector<Report> WorkerCore::drain_unspooled() { return std::exchange(unspooled_, {}); }

void WorkerCore::return_unspooled(std::vector<Report> reports) {
  std::move(unspooled_.begin(), unspooled_.end(), std::back_inserter(reports));
  unspooled_ = std::move(reports);
}

void WorkerCore::set_refusing(std::string why, Instant now) {
  if (why == refusing_) return;
  const bool is_news = why.empty() != refusing_.empty();
  refusing_ = std::move(why);
  has_news_ = true;
  if (is_news) say_at_once(now);
}

// Slots that one attempt has had for longer than all that is leased ahead should take count for
// nothing: nobody knows when they will be free.
uint32_t WorkerCore::credit(Instant now) const {
  if (!refusing_.empty()) return 0;
  if (quick_us_ == 0) return options_.slots;
  const auto stuck =
      static_cast<uint64_t>(std::count_if(held_.begin(), held_.end(), [&](const auto& entry) {
        const Held& held = entry.second;
        return held.state != HeldState::waiting && held.started + kPrefetch < now;
      }));
  // An earlier incarnation may have had more slots.
  const uint64_t moving = options_.slots - std::min<uint64_t>(options_.slots, stuck);
  const uint64_t prefetch = static_cast<uint64_t>(kPrefetch.count()) / quick_us_ * moving;
  const uint64_t most = std::min<uint64_t>(kAssignmentsPerDesiredMax, kCreditMax - kSlotsMax);
  return options_.slots + static_cast<uint32_t>(std::min(prefetch, most));
}

// What is said must be in the spool first.
bool WorkerCore::may_send_next() const {
  return sent_ < outbox_.size() && sent_ < kReportsInFlightMax &&
         (unspooled_.empty() || outbox_[sent_].seq < unspooled_.front().seq);
}

void WorkerCore::fill_reports(Sync& sync) {
  if (outbox_.empty()) return;
  sync.unacked_first = outbox_.front().seq;
  sync.unacked_last = outbox_.back().seq;
  size_t bytes = 0;
  while (may_send_next() && sync.reports.size() < kReportsPerSyncMax &&
         bytes < kReportBytesPerSyncMax) {
    sync.reports.push_back(outbox_[sent_++]);
    bytes += report_bytes(sync.reports.back());
  }
}

std::optional<Sync> WorkerCore::make_sync(Instant now) {
  const bool full = now >= full_sync_due();
  if (!full && !may_send_next()) return std::nullopt;
  Sync sync;
  sync.number = next_sync_++;
  sync.incarnation = options_.incarnation;
  sync.full = full;
  if (full) {
    next_beat_ = now + options_.beat;
    has_news_ = false;
    rest_until_ = kNever;
    // Nothing was acknowledged for a whole beat: it was lost; send again from the oldest.
    if (acked_ == acked_at_beat_) sent_ = 0;
    acked_at_beat_ = acked_;
    sync.lab = options_.lab;
    sync.pools = options_.pools;
    sync.slots = options_.slots;
    sync.credit = credit(now);
    sync.version = options_.version;
    sync.listed = listed_;
    sync.listed_all = listed_all_;
    sync.refusing = refusing_;
    sync.listers = listers_;
    sync.held.reserve(held_.size());
    for (auto& [token, held] : held_) {
      if (held.listed_in == 0) held.listed_in = sync.number;
      sync.held.push_back(HeldAttempt{token, held.state != HeldState::waiting});
    }
    sent_syncs_.push_back(SentSync{sync.number, now});
    if (sent_syncs_.size() > 64) sent_syncs_.pop_front();
  }
  fill_reports(sync);
  return sync;
}

Instant WorkerCore::next_deadline() const {
  Instant next = full_sync_due();
  if (next_lease_check_ != kNever) next = std::min(next, next_lease_check_);
  for (const AttemptToken& token : waiting_plain_) {
    const auto found = held_.find(token);
    if (found == held_.end() || found->second.state != HeldState::waiting) continue;
    next = std::min(next, found->second.accepted + kWaitMax);
    break;
  }
  return next;
}

}  // namespace muster
