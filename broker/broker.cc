#include "broker/broker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/limits.h"
#include "io/broker_options.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/recovery.h"

namespace muster {

namespace {

// Frames taken in one wake-up: as many as are there, bounded so that nobody's answer waits for
// long.
constexpr size_t kFramesPerWakeupMax = 512;
// Of these, frames that came to nothing but an answer: refused ones, no messages at all, questions.
// Peers are heard in turn, so that until then everybody else was heard as often. What a flood has
// more waits in its sender's queue, and when that is full, with its sender.
constexpr size_t kVainFramesPerWakeupMax = 16;
constexpr Duration kDiskLook = std::chrono::seconds(1);
constexpr uint64_t kServerKey = 1;
constexpr uint64_t kStopKey = 2;
constexpr uint64_t kLogKey = 3;
constexpr uint64_t kWrittenKey = 4;
// So many are worth a sync: the log takes them while the next are decided.
constexpr size_t kEventsPerAppend = 1'024;
// So few are appended at once where they are: handing them over would cost more than it saves.
constexpr size_t kEventsInlineMax = 8;

// Why a message of `frame_bytes` asks for an event that no block could hold, or empty.
std::string too_large(const Message& message, size_t frame_bytes) {
  constexpr size_t kInventoryBytesMax = kBlockBytesMax - (64 << 10);
  if (!std::holds_alternative<ApplyInventory>(message) || frame_bytes <= kInventoryBytesMax)
    return "";
  return "the inventory takes " + std::to_string(frame_bytes >> 10) + " KiB; at most " +
         std::to_string(kInventoryBytesMax >> 10) + " KiB fit into one";
}

BrokerOptions core_options(const BrokerSetup& config, const EventLog& log) {
  BrokerOptions options = make_broker_options(log.log_id());
  options.beat = config.beat;
  options.lease = config.lease;
  return options;
}

}  // namespace

Broker::Broker(const BrokerSetup& config, std::unique_ptr<EventLog> log)
    : log_dir_(config.log_dir),
      log_events_(config.log_events),
      log_(std::move(log)),
      core_(core_options(config, *log_)),
      fetches_(*log_),
      snapshots_(*log_, config.snapshots),
      keeper_(*log_, config.keeping) {
  if (config.gate) guard_.emplace(config.gate);
}

Result<Done> Broker::recover() {
  const auto loud = [](const std::string& problem) { spdlog::warn("{}", problem); };
  Result<Recovered> recovered = recover_core(*log_, core_, loud);
  if (!recovered.ok()) return Error{recovered.error()};
  newest_time_ = recovered->newest;
  snapshots_.start_after(*recovered);
  return keeper_.open();
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
    if (is_ready(kStopKey)) {
      settle(now);
      if (!fault_.empty()) break;
      keeper_.save_readers(now);
      snapshots_.finish(core_, newest_time_, now);
      return Done{};
    }
    look_at_keys();
    if (writer_->busy() && (writer_->is_over() || events_.size() >= kBlockEventsMax)) {
      go_on(now);
      if (!fault_.empty()) break;
    }
    watch_disk(now);
    receive_some(now);
    take_own_log(now);
    take_refusals(now);
    take(Tick{}, now);
    dispatch(now);
    commit(now);
    if (!fault_.empty()) break;
    deliver(fetches_.drain(now));
    keep_log(now);
  }
  return Error{fault_};
}

void Broker::keep_log(Instant now) {
  snapshots_.heed(now);
  if (!disk_low_ && snapshots_.due(now)) {
    settle(now);
    if (fault_.empty()) snapshots_.begin(core_, newest_time_, now);
  }
  keeper_.step(disk_low_, now);
}

void Broker::receive_some(Instant now) {
  size_t vain = 0;
  for (size_t i = 0; i < kFramesPerWakeupMax && vain < kVainFramesPerWakeupMax && !is_turn_of_log();
       ++i) {
    const std::optional<ServerSocket::Received> received = server_->receive();
    if (!received) return;
    const size_t events = events_.size();
    const size_t sends = sends_.size();
    take_frame(*received, now);
    vain += events_.size() == events && sends_.size() > sends;
  }
}

// Whether the log should have what was decided before more is.
bool Broker::is_turn_of_log() const {
  if (!writer_->busy()) return events_.size() >= kEventsPerAppend;
  return writer_->is_over() || events_.size() >= kBlockEventsMax;
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
  if (take_log_message(input.peer, input.envelope, now)) return;
  take(std::move(input), now);
}

bool Broker::take_log_message(const std::string& peer, const Envelope& envelope, Instant now) {
  const Message& message = envelope.message;
  const auto* fetch = std::get_if<Fetch>(&message);
  const auto* trim = std::get_if<TrimLog>(&message);
  const auto* forget = std::get_if<ForgetReader>(&message);
  const bool is_question = std::holds_alternative<AskLog>(message);
  if (!fetch && !trim && !forget && !is_question) return false;
  const std::optional<Role> role = core_.role_of(peer);
  if (!role) return false;  // it is to say Hello first
  const auto answer = [&](Message said) {
    sends_.push_back(Send{peer, Envelope{envelope.request, std::move(said)}});
    return true;
  };
  if (fetch) {
    if (!fetch->reader.empty() && *role != Role::collector) {
      return answer(Refused{RefusalCode::not_permitted, "only collectors' sinks are registered"});
    }
    if (auto refused = keeper_.note_fetch(*fetch, now)) return answer(std::move(*refused));
    if (auto refused = keeper_.trimmed(std::max<uint64_t>(fetch->from, 1))) {
      return answer(std::move(*refused));
    }
    fetches_.add(peer, envelope.request, *fetch, now);
    return true;
  }
  if (is_question) return answer(keeper_.state());
  if (*role != Role::admin) {
    return answer(Refused{RefusalCode::not_permitted, "only an administrator changes the log"});
  }
  return answer(trim ? keeper_.take(*trim, now) : keeper_.take(*forget));
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
  for (std::vector<Send>* sends : {&sends_, &waiting_sends_}) {
    std::erase_if(*sends, [&](const Send& send) { return changed(send.peer); });
  }
}

std::optional<std::string> Broker::barred(const ServerSocket::Received& received,
                                          Message& message) {
  if (!guard_) return std::nullopt;
  return guard_->judge(received, message,
                       [this](std::string_view guid) { return core_.pool_of_task(guid); });
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
    writer_->begin(events_);
    return;
  }
  const bool appends = !events_.empty();
  deliver(finish(append_events(*log_, events_)));
  events_.clear();
  if (appends && fault_.empty()) log_->catch_up();
}

// What the last batch made durable is spoken of: after the next one is on its way, where that does
// not wait for the disk.
void Broker::go_on(Instant now) {
  std::vector<Send> durable = finish(writer_->finish());
  if (events_.size() > kEventsInlineMax) commit(now);
  deliver(std::move(durable));
}

// What was appended is durable, and what may be said now is returned; or the log can no longer be
// trusted: then nothing may be spoken of.
std::vector<Send> Broker::finish(const Appended& appended) {
  if (appended.result.fault != AppendFault::none) {
    fault_ = appended.result.reason.empty() ? "it does not say why" : appended.result.reason;
    return {};
  }
  newest_time_ = std::max(newest_time_, appended.newest);
  snapshots_.note_appended(appended.events, appended.bytes);
  return std::exchange(waiting_sends_, {});
}

// All that was applied becomes durable, and is spoken of.
void Broker::settle(Instant now) {
  if (writer_->busy()) go_on(now);
  commit(now);
  if (writer_->busy()) go_on(now);
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
  // What was trimmed from the log is room for it too.
  const bool low =
      free.ok() && *free < kDiskReserveBytes && *free + keeper_.room() < kDiskReserveBytes;
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
  Instant wake = std::min(next_disk_look_, keeper_.next_step());
  if (const auto deadline = core_.next_deadline()) wake = std::min(wake, *deadline);
  if (const auto deadline = fetches_.next_deadline()) wake = std::min(wake, *deadline);
  return std::max(wake - now, Duration{0});
}

}  // namespace muster
