#include "broker/log_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"
#include "io/codec.h"
#include "io/log_state.h"

namespace muster {

namespace {

constexpr Duration kSavePause = std::chrono::seconds(10);
constexpr Duration kLook = std::chrono::seconds(10);
constexpr Duration kAgeLook = std::chrono::minutes(1);
// Between two steps of one trimming: whoever waits for an answer gets it in between.
constexpr Duration kStepPause = std::chrono::milliseconds(20);
// Of blocks that one step removes: about ten milliseconds.
constexpr size_t kStepBytes = 4 << 20;

// Time of the newest event in the block that holds event `seq`, and the event after it.
struct BlockEnd {
  Instant newest;
  uint64_t first = 0;
  uint64_t next = 0;
};
Result<BlockEnd> block_end(const EventLog& log, uint64_t seq) {
  const Result<std::vector<StoredBlock>> read = log.read(seq, 1);
  if (!read.ok()) return Error{read.error()};
  if (read->empty()) return Error{"there is no event " + std::to_string(seq)};
  const Result<Block> block = decode_block(read->front().bytes);
  if (!block.ok()) return Error{block.error()};
  if (block->events.empty()) return Error{"a block without events"};
  return BlockEnd{block->events.back().time, block->first, block->first + block->events.size()};
}

}  // namespace

LogKeeper::LogKeeper(EventLog& log, LogKeeping keeping) : log_(log), keeping_(keeping) {}

Result<Done> LogKeeper::open() {
  Result<std::vector<LogReader>> known = log_.readers();
  if (!known.ok()) return Error{known.error()};
  for (LogReader& reader : *known) {
    std::string name = reader.name;
    readers_.insert_or_assign(std::move(name), std::move(reader));
  }
  return Done{};
}

std::optional<Refused> LogKeeper::note_fetch(const Fetch& fetch, Instant now) {
  if (fetch.reader.empty()) return std::nullopt;
  const uint64_t needs = std::max<uint64_t>(fetch.needs, 1);
  if (const auto known = readers_.find(fetch.reader); known != readers_.end()) {
    unsaved_ = unsaved_ || known->second.needs != needs;
    known->second.needs = needs;
    known->second.heard = now;
    return std::nullopt;
  }
  if (fetch.reader.size() > kReaderNameBytesMax || readers_.size() >= kLogReadersMax) {
    return Refused{RefusalCode::limit,
                   "no reader of the log by that name can be registered: at most " +
                       std::to_string(kLogReadersMax) + ", with names of at most " +
                       std::to_string(kReaderNameBytesMax) +
                       " bytes; see: muster broker log status"};
  }
  const LogReader reader{fetch.reader, needs, now};
  const AppendResult kept = log_.keep_readers({&reader, 1});
  if (kept.fault != AppendFault::none) {
    return Refused{RefusalCode::unavailable, "the reader cannot be registered: " + kept.reason};
  }
  spdlog::info("{} reads the log, from event {} on", fetch.reader, needs);
  readers_.emplace(fetch.reader, reader);
  return std::nullopt;
}

std::optional<Refused> LogKeeper::trimmed(uint64_t from) const {
  const uint64_t tail = log_.tail();
  if (from >= tail) return std::nullopt;
  return Refused{RefusalCode::unknown, "events " + std::to_string(from) + " to " +
                                           std::to_string(tail - 1) +
                                           " were trimmed from the event log: it begins with "
                                           "event " +
                                           std::to_string(tail)};
}

void LogKeeper::save_readers(Instant now) {
  if (!unsaved_) return;
  next_save_ = now + kSavePause;
  const AppendResult kept = log_.keep_readers(readers());
  unsaved_ = kept.fault != AppendFault::none;
  if (unsaved_) spdlog::warn("how far readers of the log are is not noted: {}", kept.reason);
}

std::vector<LogReader> LogKeeper::readers() const {
  std::vector<LogReader> all;
  for (const auto& [name, reader] : readers_) all.push_back(reader);
  return all;
}

uint64_t LogKeeper::room() const {
  const Result<LogSize> size = log_.size();
  return size.ok() ? size->room : 0;
}

LogState LogKeeper::state() const { return make_log_state(log_, keeping_, readers()); }

Message LogKeeper::take(const TrimLog& order, Instant now) {
  TrimLogReply plan = plan_trim(state(), order.before);
  if (!order.dry_run && plan.before > log_.tail()) {
    ordered_ = plan.before;
    next_step_ = now;
    spdlog::info("{} has the events before {} trimmed", order.who, plan.before);
  }
  return plan;
}

Message LogKeeper::take(const ForgetReader& order) {
  const auto found = readers_.find(order.name);
  if (found == readers_.end()) {
    return Refused{RefusalCode::unknown,
                   "nobody reads the log by the name " + quote_text(order.name)};
  }
  const AppendResult forgotten = log_.forget_reader(order.name);
  if (forgotten.fault != AppendFault::none) {
    return Refused{RefusalCode::unavailable, forgotten.reason};
  }
  spdlog::info("{} has the reader {} forgotten, which needed event {}", order.who, order.name,
               found->second.needs);
  readers_.erase(found);
  return state();
}

void LogKeeper::step(bool disk_low, Instant now) {
  if (unsaved_ && now >= next_save_) save_readers(now);
  if (now < next_step_) return;
  const LogState state = this->state();
  tell_holders(state, disk_low);
  const uint64_t before = due_before(state, disk_low, now);
  const uint64_t tail = log_.tail();
  next_step_ = now + kLook;
  if (before > tail) {
    const AppendResult trimmed = log_.trim(before, kStepBytes);
    if (trimmed.fault != AppendFault::none) {
      spdlog::error("the event log cannot be trimmed: {}", trimmed.reason);
      return;
    }
    if (log_.tail() > tail) {
      if (trimmed_from_ == 0) trimmed_from_ = tail;
      next_step_ = now + kStepPause;
      return;
    }
  }
  ordered_ = 0;
  if (trimmed_from_ == 0) return;
  spdlog::info("trimmed events {} to {} from the event log", trimmed_from_, tail - 1);
  trimmed_from_ = 0;
}

void LogKeeper::tell_holders(const LogState& state, bool disk_low) {
  std::set<std::string> names;
  for (const LogReader& reader : log_holders(state, disk_low)) {
    names.insert(reader.name);
    if (told_holders_.contains(reader.name)) continue;
    spdlog::warn(
        "the event log has {} MiB and cannot be trimmed as it is to be: {} needs event {} and what "
        "comes after it; if it is gone for good: {}",
        state.size.bytes >> 20, reader.name, reader.needs, forget_line(reader));
  }
  told_holders_ = std::move(names);
}

// Up to where the log is to be trimmed now; 0: it is as it should be.
uint64_t LogKeeper::due_before(const LogState& state, bool disk_low, Instant now) {
  const uint64_t limit = state.limit;
  if (limit <= log_.tail()) return 0;
  if (disk_low) return limit;
  if (ordered_ > log_.tail()) return std::min(ordered_, limit);
  if (keeping_.bytes_max > 0 && state.size.bytes > keeping_.bytes_max) return limit;
  if (old_ <= log_.tail() && now >= next_age_look_) {
    next_age_look_ = now + kAgeLook;
    old_ = old_before(limit, now - keeping_.age);
  }
  return std::min(old_, limit);
}

// The end of the blocks whose events are all older than `horizon`, at most `limit`.
uint64_t LogKeeper::old_before(uint64_t limit, Instant horizon) const {
  uint64_t old = log_.tail();
  while (old < limit) {
    // First the oldest block: mostly it is young enough, and nothing more is to be read.
    const uint64_t middle = old == log_.tail() ? old : old + (limit - old) / 2;
    const Result<BlockEnd> end = block_end(log_, middle);
    if (!end.ok()) return log_.tail();
    if (end->newest < horizon) {
      old = end->next;
    } else {
      limit = std::min(limit, end->first);
    }
  }
  return std::min(old, limit);
}

}  // namespace muster
