#include "broker/fetches.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/limits.h"

namespace muster {

namespace {

// One connection asks one question at a time; a few more may wait after reconnects.
constexpr size_t kWaitingPerPeerMax = 4;

// A deadline that has passed.
constexpr Instant kLongAgo{std::chrono::seconds(1)};

}  // namespace

void Fetches::add(std::string peer, uint64_t request, const Fetch& fetch, Instant now) {
  // Who repeats its question because the answer takes long is waiting for it already.
  const auto is_repeated = [&](const Waiting& other) {
    return other.request == request && other.peer == peer;
  };
  if (std::any_of(waiting_.begin(), waiting_.end(), is_repeated)) return;
  Waiting waiting;
  waiting.request = request;
  waiting.from = std::max<uint64_t>(fetch.from, 1);
  waiting.bytes_max = std::clamp<size_t>(fetch.max_bytes, 1, kFetchBytesMax);
  waiting.deadline = now + std::clamp(fetch.wait, Duration{0}, kFetchWaitMax);
  const auto of_peer = [&](const Waiting& other) { return other.peer == peer; };
  if (std::count_if(waiting_.begin(), waiting_.end(), of_peer) >=
      static_cast<std::ptrdiff_t>(kWaitingPerPeerMax)) {
    waiting_.erase(std::find_if(waiting_.begin(), waiting_.end(), of_peer));
  }
  waiting.peer = std::move(peer);
  waiting_.push_back(std::move(waiting));
}

void Fetches::drop(const std::function<bool(std::string_view peer)>& whom) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return whom(waiting.peer); });
}

std::vector<Send> Fetches::drain(Instant now) {
  std::vector<Send> sends;
  size_t read = 0;
  is_behind_ = false;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.from > log_.head() && waiting.deadline > now) return false;
    if (read >= kFetchBytesMax) {
      is_behind_ = true;
      return false;
    }
    Message message = answer(waiting);
    if (const Blocks* blocks = std::get_if<Blocks>(&message)) {
      for (const std::string& block : blocks->blocks) read += block.size();
    }
    sends.push_back(Send{waiting.peer, Envelope{waiting.request, std::move(message)}});
    return true;
  });
  return sends;
}

Message Fetches::answer(const Waiting& waiting) const {
  Blocks blocks;
  blocks.head = log_.head();
  if (waiting.from > blocks.head) return blocks;
  Result<std::vector<StoredBlock>> read = log_.read(waiting.from, waiting.bytes_max);
  if (!read.ok()) return Refused{RefusalCode::unavailable, read.error()};
  for (StoredBlock& block : *read) blocks.blocks.push_back(std::move(block.bytes));
  return blocks;
}

std::optional<Instant> Fetches::next_deadline() const {
  std::optional<Instant> next;
  if (is_behind_) next = kLongAgo;
  for (const Waiting& waiting : waiting_) {
    if (!next || waiting.deadline < *next) next = waiting.deadline;
  }
  return next;
}

}  // namespace muster
