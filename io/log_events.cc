#include "io/log_events.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/guid.h"

namespace muster {
namespace {

constexpr Duration kTellAgain = std::chrono::seconds(5);
// A broker whose disk is low, or that is too old to know what it is told.
constexpr Duration kTellRefusedAgain = std::chrono::seconds(30);

}  // namespace

thread_local int QuietLog::depth_ = 0;

LogEvents::LogEvents(Instant start)
    : last_seq_(static_cast<uint64_t>(to_us(start) / 1'000'000) << 32),
      tokens_at_(start),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool LogEvents::take_token(Instant now) {
  const Duration passed = std::max(now - tokens_at_, Duration{0});
  tokens_at_ = now;
  tokens_ = std::min<double>(
      kLogEventsBurst, tokens_ + static_cast<double>(passed.count()) / kLogEventInterval.count());
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void LogEvents::push(LogLevel level, std::string text, Instant now) {
  lines_.push_back({++last_seq_, now, level, std::move(text), std::exchange(left_out_, 0)});
  const uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

void LogEvents::heed() {
  uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof count);
}

void LogEvents::add(LogLevel level, std::string_view text, Instant now) {
  if (QuietLog::is_on()) return;
  std::string line = cut_text(sanitize_utf8(text), kLogLineBytesMax);
  const std::lock_guard lock(mutex_);
  if (lines_.size() >= kLogLinesHeldMax || !take_token(now)) {
    ++left_out_;
  } else {
    push(level, std::move(line), now);
  }
}

std::vector<LogLine> LogEvents::waiting(size_t max, Instant now) {
  const std::lock_guard lock(mutex_);
  if (lines_.empty() && left_out_ > 0 && take_token(now)) {
    push(LogLevel::warning, "more was logged than may become events", now);
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(max, lines_.size()));
  return {lines_.begin(), lines_.begin() + count};
}

void LogEvents::told(uint64_t through) {
  const std::lock_guard lock(mutex_);
  if (through > last_seq_) {
    last_seq_ = through;
    for (LogLine& line : lines_) line.seq = ++last_seq_;
  }
  while (!lines_.empty() && lines_.front().seq <= through) lines_.pop_front();
}

void LogEvents::drop() {
  const std::lock_guard lock(mutex_);
  for (const LogLine& line : lines_) left_out_ += 1 + line.left_out;
  lines_.clear();
}

bool LogEvents::owes_count() const {
  const std::lock_guard lock(mutex_);
  return left_out_ > 0;
}

std::optional<TellLog> LogTeller::next(Instant now) {
  events_.heed();
  if (now < not_before_) return std::nullopt;
  TellLog tell{events_.waiting(kLogLinesPerTellMax, now)};
  if (tell.lines.empty()) return std::nullopt;
  not_before_ = now + kTellAgain;
  return tell;
}

void LogTeller::take(const Message& answer, Instant now) {
  if (const auto* reply = std::get_if<TellLogReply>(&answer)) {
    events_.told(reply->through);
    not_before_ = kNever;
    return;
  }
  const auto* refused = std::get_if<Refused>(&answer);
  if (refused != nullptr && refused->code == RefusalCode::hello_first) return;
  not_before_ = now + kTellRefusedAgain;
  const bool may_change = refused != nullptr && refused->code == RefusalCode::unavailable;
  if (!may_change) events_.drop();
}

}  // namespace muster
