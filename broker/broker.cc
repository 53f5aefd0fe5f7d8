#include "broker/broker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/limits.h"
#include "io/codec.h"
#include "io/file.h"

namespace muster {

namespace {

// Frames taken in one wake-up: as many as are there, bounded so that nobody's answer waits for
// long.
constexpr size_t kFramesPerWakeupMax = 512;
constexpr size_t kRecoveryReadBytes = 32 << 20;
constexpr Duration kDiskLook = std::chrono::seconds(1);
constexpr uint64_t kServerKey = 1;
constexpr uint64_t kStopKey = 2;
constexpr uint64_t kLogKey = 3;
constexpr uint64_t kWrittenKey = 4;
// So few are appended at once where they are: handing them over would cost more than it saves.
constexpr size_t kEventsInlineMax = 8;

// Why a task's work cannot be used, or nothing: it is decoded once here, so that a worker never
// gets what it cannot read.
std::optional<std::string> invalid_work(const TaskSpec& spec) {
  const Result<Work> work = decode_work(spec.work);
  if (!work.ok()) return "the work description cannot be read: " + work.error();
  if (spec.kind == TaskKind::job) {
    if (std::holds_alternative<VerifyWork>(*work) || std::holds_alternative<RepairWork>(*work))
      return "a job task needs a command or a tree to run";
    return std::nullopt;
  }
  const std::string task = "a " + std::string(to_string(spec.kind)) + " task";
  const bool fits = spec.kind == TaskKind::verify ? std::holds_alternative<VerifyWork>(*work)
                                                  : std::holds_alternative<RepairWork>(*work);
  if (std::holds_alternative<JobWork>(*work)) return task + " carries no command of its own";
  if (!fits && !std::holds_alternative<NoopWork>(*work))
    return task + " carries the work of another kind";
  if (spec.devices.size() != 1) return task + " is about exactly one device";
  return std::nullopt;
}

// Why a message of `frame_bytes` asks for an event that no block could hold, or empty.
std::string too_large(const Message& message, size_t frame_bytes) {
  constexpr size_t kInventoryBytesMax = kBlockBytesMax - (64 << 10);
  if (!std::holds_alternative<ApplyInventory>(message) || frame_bytes <= kInventoryBytesMax)
    return "";
  return "the inventory takes " + std::to_string(frame_bytes >> 10) + " KiB; at most " +
         std::to_string(kInventoryBytesMax >> 10) + " KiB fit into one";
}

std::optional<std::string> strategy_selector(const std::string& bytes) {
  const Result<Strategy> strategy = decode_strategy(bytes);
  if (!strategy.ok()) return std::nullopt;
  return strategy->for_selector;
}

std::string verify_level(std::string_view bytes) {
  const Result<Work> work = decode_work(bytes);
  const auto* verify = work.ok() ? std::get_if<VerifyWork>(&*work) : nullptr;
  return verify ? verify->level : "";
}

BrokerOptions core_options(const BrokerSetup& config, const EventLog& log) {
  BrokerOptions options;
  options.beat = config.beat;
  options.lease = config.lease;
  options.version = MUSTER_VERSION;
  options.log_id = log.log_id();
  options.invalid_work = invalid_work;
  options.verify_level = verify_level;
  options.make_work = encode_work;
  options.strategy_selector = strategy_selector;
  return options;
}

}  // namespace

Broker::Broker(const BrokerSetup& config, std::unique_ptr<EventLog> log)
    : log_dir_(config.log_dir),
      log_events_(config.log_events),
      log_(std::move(log)),
      core_(core_options(config, *log_)),
      fetches_(*log_) {
  if (config.gate) guard_.emplace(config.gate);
}

Result<Done> Broker::recover() {
  while (core_.head() < log_->head()) {
    const uint64_t from = core_.head() + 1;
    Result<std::vector<StoredBlock>> blocks = log_->read(from, kRecoveryReadBytes);
    if (!blocks.ok()) return Error{blocks.error()};
    if (blocks->empty())
      return Error{"the event log ends before its head, at event " + std::to_string(from)};
    for (const StoredBlock& stored : *blocks) {
      const Result<Block> block = decode_block(stored.bytes);
      const std::string place =
          "the block of events " + std::to_string(stored.first) + " and following";
      if (!block.ok()) return Error{place + " cannot be read: " + block.error()};
      if (block->first != core_.head() + 1)
        return Error{place + " is not where it belongs in the log"};
      if (!block->unknown.empty()) {
        return Error{place + " was written by a newer version of muster: start that version"};
      }
      for (const Event& event : block->events) {
        core_.apply(event);
        recovered_time_ = std::max(recovered_time_, event.time);
      }
    }
  }
  return Done{};
}

Result<Done> Broker::serve(ServerSocket& server, Clock& clock, int stop_fd) {
  server_ = &server;
  writer_ = std::make_unique<LogWriter>(*log_);
  take(Start{log_->epoch()}, clock.now());
  commit(clock.now());
  Poller poller;
  poller.add_socket(server.handle(), kServerKey);
  if (void* strangers = server.strangers_handle()) poller.add_socket(strangers, kServerKey);
  poller.add_fd(stop_fd, POLLIN, kStopKey);
  poller.add_fd(writer_->done_fd(), POLLIN, kWrittenKey);
  if (log_events_ != nullptr) poller.add_fd(log_events_->fd(), POLLIN, kLogKey);
  while (fault_.empty()) {
    const std::vector<uint64_t>& ready = poller.wait(time_to_sleep(clock.now()));
    const auto is_ready = [&](uint64_t key) {
      return std::find(ready.begin(), ready.end(), key) != ready.end();
    };
    const Instant now = clock.now();
    const bool stop = is_ready(kStopKey);
    const bool full = events_.size() >= kBlockEventsMax;
    if (writer_->busy() && (stop || full || is_ready(kWrittenKey))) finish_append();
    if (!stop) {
      watch_disk(now);
      look_at_keys();
      receive_some(now);
      take_own_log(now);
      take_refusals(now);
      take(Tick{}, now);
      dispatch(now);
    }
    commit(now);
    if (fault_.empty()) deliver(fetches_.drain(now));
    if (!stop) continue;
    if (writer_->busy()) finish_append();
    break;
  }
  if (!fault_.empty()) return Error{fault_};
  return Done{};
}

void Broker::receive_some(Instant now) {
  for (size_t i = 0; i < kFramesPerWakeupMax && events_.size() < kBlockEventsMax; ++i) {
    const std::optional<ServerSocket::Received> received = server_->receive();
    if (!received) return;
    take_frame(*received, now);
  }
}

void Broker::take_frame(const ServerSocket::Received& received, Instant now) {
  std::variant<Envelope, DecodeFailure> decoded = decode_message(received.frame.bytes());
  if (auto* failure = std::get_if<DecodeFailure>(&decoded)) {
    core_.note_refused_message();
    Message answer = failure->unimplemented_tag
                         ? Message(Unimplemented{*failure->unimplemented_tag})
                         : Message(Refused{RefusalCode::malformed, std::move(failure->reason)});
    sends_.push_back(Send{received.peer, Envelope{failure->request, std::move(answer)}});
    return;
  }
  FromPeer input{received.peer, std::move(std::get<Envelope>(decoded))};
  if (const std::string reason = too_large(input.envelope.message, received.frame.bytes().size());
      !reason.empty()) {
    sends_.push_back(
        Send{received.peer, Envelope{input.envelope.request, Refused{RefusalCode::limit, reason}}});
    return;
  }
  if (std::optional<std::string> reason = barred(received, input.envelope.message)) {
    core_.note_refused_message();
    sends_.push_back(Send{received.peer, Envelope{input.envelope.request,
                                                  Refused{RefusalCode::not_permitted, *reason}}});
    return;
  }
  const auto* fetch = std::get_if<Fetch>(&input.envelope.message);
  if (fetch && core_.knows_peer(input.peer)) {
    fetches_.add(input.peer, input.envelope.request, *fetch, now);
    return;
  }
  take(std::move(input), now);
}

void Broker::take(const Input& input, Instant now) {
  Decision decision = core_.decide(input, now);
  for (Event& event : decision.events) {
    core_.apply(event);
    events_.push_back(std::move(event));
  }
  core_.note(input, now);
  std::move(decision.sends.begin(), decision.sends.end(), std::back_inserter(sends_));
}

void Broker::take_own_log(Instant now) {
  if (log_events_ == nullptr) return;
  log_events_->heed();
  if (disk_low_) return;  // they wait, like those of others
  OwnLog own{log_events_->waiting(kLogLinesPerTellMax, now)};
  if (own.lines.empty()) return;
  const uint64_t through = own.lines.back().seq;
  take(std::move(own), now);
  log_events_->told(through);  // if they do not become durable, neither does anything else
}

// Whose grant has changed begins anew; whose is gone gets nothing any more.
void Broker::look_at_keys() {
  if (!guard_) return;
  guard_->note(server_->take_strangers());
  const std::function<bool(std::string_view)> changed = guard_->look();
  if (!changed) return;
  core_.note_barred(changed);
  fetches_.drop(changed);
}

std::optional<std::string> Broker::barred(const ServerSocket::Received& received,
                                          Message& message) {
  if (!guard_) return std::nullopt;
  const PoolOfTask pool_of = [this](std::string_view guid) -> std::optional<std::string> {
    const std::optional<TaskInfo> task = core_.task_info(guid);
    return task ? std::optional(task->spec.pool) : std::nullopt;
  };
  return guard_->judge(received, message, pool_of);
}

void Broker::take_refusals(Instant now) {
  if (!guard_ || disk_low_) return;
  NotLetIn not_let_in{guard_->gate().drain(now)};
  if (!not_let_in.refused.empty()) take(std::move(not_let_in), now);
}

void Broker::dispatch(Instant now) {
  if (core_.dispatch_due()) take(Dispatch{}, now);
}

// What was decided goes to the log; what is to be said of it goes out when it is durable. While an
// earlier batch is on its way, all of that gathers: nothing may overtake it.
void Broker::commit(Instant now) {
  if (writer_->busy() || !fault_.empty()) return;
  waiting_sends_ = std::exchange(sends_, {});
  std::vector<Send> level = core_.drain_sends(now);
  std::move(level.begin(), level.end(), std::back_inserter(waiting_sends_));
  if (events_.size() > kEventsInlineMax) {
    writer_->begin(std::exchange(events_, {}));
  } else {
    finish(events_.empty() ? AppendResult{} : append_events(*log_, events_));
    events_.clear();
  }
}

void Broker::finish_append() { finish(writer_->finish()); }

// What was appended is durable, or the log can no longer be trusted: then nothing may be spoken of.
void Broker::finish(AppendResult result) {
  if (result.fault != AppendFault::none) {
    fault_ = result.reason.empty() ? "it does not say why" : std::move(result.reason);
    return;
  }
  deliver(std::exchange(waiting_sends_, {}));
}

void Broker::deliver(std::vector<Send> sends) {
  for (Send& send : sends) {
    if (!server_->send(send.peer, encode_message(send.envelope))) core_.note_peer_gone(send.peer);
  }
}

void Broker::watch_disk(Instant now) {
  if (now < next_disk_look_) return;
  next_disk_look_ = now + kDiskLook;
  const Result<uint64_t> free = free_bytes(log_dir_);
  const bool low = free.ok() && *free < kDiskReserveBytes;
  if (low != disk_low_) {
    if (low) {
      spdlog::error("{}: only {} MiB are free; new work is refused until there are {} MiB",
                    log_dir_, *free >> 20, kDiskReserveBytes >> 20);
    } else {
      spdlog::info("{}: there is room again; new work is taken", log_dir_);
    }
  }
  disk_low_ = low;
  core_.note_disk_low(low);
}

Duration Broker::time_to_sleep(Instant now) const {
  Instant wake = next_disk_look_;
  if (const auto deadline = core_.next_deadline()) wake = std::min(wake, *deadline);
  if (const auto deadline = fetches_.next_deadline()) wake = std::min(wake, *deadline);
  return std::max(wake - now, Duration{0});
}

}  // namespace muster
