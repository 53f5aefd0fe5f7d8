#include "io/client.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"

namespace muster {

namespace {

// Silence of this many beats means that the connection may be gone: Hello finds out.
constexpr int kSilentBeats = 3;
// Hello is repeated after kSilentBeats, then twice as long, up to this.
constexpr Duration kHelloWaitMax = std::chrono::seconds(30);
// A request that was not answered for this many beats is sent again: the broker drops what does
// not fit in a peer's queue. A Fetch may rest for longer, and is the same one still.
constexpr int kRepeatBeats = 20;
// How often a raised stop flag is noticed when no signal interrupts the wait.
constexpr Duration kStopInterval = std::chrono::milliseconds(100);
// Frames taken in one go, before the time is looked at again.
constexpr int kFramesPerTurn = 256;

// In boot_us(). No wait is longer than a year, so that the sum stays in range.
int64_t deadline_after(Duration timeout) {
  constexpr Duration kWaitMax = std::chrono::hours(24 * 365);
  return boot_us() + std::clamp(timeout, Duration(0), kWaitMax).count();
}

std::string seconds_text(Duration duration) {
  const int64_t ms = duration / 1ms;
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(ms % 1000 / 100);
  return text + " s";
}

}  // namespace

std::variant<std::unique_ptr<Client>, ClientError> Client::connect(SocketContext& context,
                                                                   ClientOptions options) {
  Result<std::unique_ptr<ClientSocket>> socket = ClientSocket::connect(context, options.endpoint);
  if (!socket) return ClientError{ClientFault::unreachable, RefusalCode::invalid, socket.error()};
  std::unique_ptr<Client> client(new Client);
  client->options_ = std::move(options);
  client->socket_ = std::move(*socket);
  client->poller_.add_socket(client->socket_->handle(), 0);
  client->poller_.add_socket(client->socket_->handshake_handle(), 0);
  client->last_heard_us_ = boot_us();
  client->say_hello();
  if (std::optional<ClientError> error = client->await_welcome()) return *error;
  return client;
}

std::optional<ClientError> Client::await_welcome() {
  const int64_t deadline = deadline_after(options_.connect_timeout);
  while (!ever_welcome_) {
    if (std::optional<ClientError> error = fault()) return error;
    const Duration left(deadline - boot_us());
    if (left <= Duration(0)) return unreachable(options_.connect_timeout);
    pump(left);
  }
  return std::nullopt;
}

std::variant<Message, ClientError> Client::ask(const Message& request, Duration timeout) {
  const uint64_t number = enqueue(request);
  asked_ = number;
  answer_.reset();
  std::variant<Message, ClientError> answer = await_answer(number, timeout);
  outstanding_.erase(number);
  asked_ = 0;
  return answer;
}

std::variant<Message, ClientError> Client::await_answer(uint64_t request, Duration timeout) {
  const int64_t deadline = deadline_after(timeout);
  int64_t repeat_us = boot_us() + (kRepeatBeats * beat_).count();
  while (!answer_) {
    if (std::optional<ClientError> error = fault()) return *error;
    const int64_t now = boot_us();
    if (now >= deadline) return unreachable(timeout);
    if (now >= repeat_us) {
      unsent_from_ = std::min(unsent_from_, request);
      repeat_us = now + (kRepeatBeats * beat_).count();
    }
    pump(Duration(std::min(deadline, repeat_us) - now));
  }
  return *std::exchange(answer_, std::nullopt);
}

// Why there is nothing to wait for.
std::optional<ClientError> Client::fault() {
  if (hello_refused_) {
    return ClientError{ClientFault::refused, hello_refused_->code, hello_refused_->reason};
  }
  if (!handshake_fault_.empty()) {
    return ClientError{ClientFault::kept_out, RefusalCode::not_permitted, handshake_fault_};
  }
  if (stopped()) return ClientError{ClientFault::stopped, RefusalCode::invalid, "stopped"};
  return std::nullopt;
}

void Client::post(const Message& request) { enqueue(request); }

std::optional<Message> Client::next_push(Duration timeout) {
  const int64_t deadline = deadline_after(timeout);
  const bool was_reconnected = reconnected_;
  while (pushed_.empty()) {
    if (stopped()) return std::nullopt;
    const Duration left(deadline - boot_us());
    pump(std::max(left, Duration(0)));
    const bool is_news = reconnected_ && !was_reconnected;
    if (pushed_.empty() && (left <= Duration(0) || is_news)) return std::nullopt;
  }
  Message message = std::move(pushed_.front());
  pushed_.pop_front();
  return message;
}

bool Client::reconnected() { return std::exchange(reconnected_, false); }

Duration Client::silence() const { return Duration(boot_us() - last_heard_us_); }

// One turn: takes what is there, or waits for something for at most `timeout`.
void Client::pump(Duration timeout) {
  // Before the silence is judged: the caller may have been away, not the broker.
  const bool took = take_frames();
  handshake_fault_ = socket_->handshake_fault();
  keep_connection();
  send_unsent();
  if (took) return;

  const int64_t now = boot_us();
  const int64_t due_us = hello_request_ != 0 ? hello_again_us_ : last_sent_us_ + beat_.count();
  Duration wait = std::clamp(Duration(due_us - now), Duration(0), std::max(timeout, Duration(0)));
  if (options_.stop) wait = std::min(wait, kStopInterval);
  if (poller_.wait(wait).empty()) return;
  take_frames();
  handshake_fault_ = socket_->handshake_fault();
  send_unsent();
}

bool Client::take_frames() {
  for (int i = 0; i < kFramesPerTurn; ++i) {
    std::optional<Frame> frame = socket_->receive();
    if (!frame) return i > 0;
    last_heard_us_ = boot_us();
    std::variant<Envelope, DecodeFailure> decoded = decode_message(frame->bytes());
    if (const DecodeFailure* failure = std::get_if<DecodeFailure>(&decoded)) {
      take_undecodable(*failure);
    } else {
      take(std::move(std::get<Envelope>(decoded)));
    }
  }
  return true;
}

void Client::take(Envelope envelope) {
  if (std::holds_alternative<Beat>(envelope.message)) return;
  if (Welcome* welcome = std::get_if<Welcome>(&envelope.message)) {
    // A second Welcome answers a Hello that was repeated.
    const bool is_awaited = hello_request_ != 0 && envelope.request == hello_request_;
    if (is_awaited) be_welcome(std::move(*welcome));
    return;
  }
  if (Refused* refused = std::get_if<Refused>(&envelope.message)) {
    return take_refusal(envelope.request, std::move(*refused));
  }
  if (envelope.request != 0) {
    return take_answer(envelope.request, std::move(envelope.message));
  }
  pushed_.push_back(std::move(envelope.message));
}

void Client::take_refusal(uint64_t request, Refused refused) {
  if (refused.code == RefusalCode::hello_first) {
    if (hello_request_ == 0) say_hello();
    return;
  }
  if (request != 0 && request == hello_request_) {
    hello_refused_ = std::move(refused);
    return;
  }
  take_answer(request, std::move(refused));
}

// An answer to nothing outstanding is the second one to a request that was repeated.
void Client::take_answer(uint64_t request, Message message) {
  if (outstanding_.erase(request) == 0) return;
  if (request != asked_) {
    pushed_.push_back(std::move(message));
  } else if (Refused* refused = std::get_if<Refused>(&message)) {
    answer_ = ClientError{ClientFault::refused, refused->code, std::move(refused->reason)};
  } else if (std::holds_alternative<Unimplemented>(message)) {
    answer_ = ClientError{ClientFault::refused, RefusalCode::invalid,
                          "the broker (version " + welcome_.version +
                              ") does not know this kind of request; use the muster that belongs "
                              "to it, or a newer broker"};
  } else {
    answer_ = std::move(message);
  }
}

void Client::take_undecodable(const DecodeFailure& failure) {
  if (failure.unimplemented_tag) {
    send(encode_message({failure.request, Unimplemented{*failure.unimplemented_tag}}));
  }
  if (failure.request == 0) return;
  take_answer(failure.request, Refused{RefusalCode::malformed,
                                       "the broker's answer cannot be read: " + failure.reason +
                                           "; is it another version of muster?"});
}

void Client::keep_connection() {
  const int64_t now = boot_us();
  if (hello_request_ != 0) {
    if (now >= hello_again_us_) say_hello();
  } else if (silence() > kSilentBeats * beat_) {
    say_hello();
  } else if (now >= last_sent_us_ + beat_.count()) {
    send(encode_message({0, Beat{}}));
  }
}

void Client::say_hello() {
  const bool again = hello_request_ != 0;
  hello_wait_ = again ? std::min(2 * hello_wait_, kHelloWaitMax) : kSilentBeats * beat_;
  hello_again_us_ = boot_us() + hello_wait_.count();
  if (!again) hello_request_ = next_request_++;
  hello_refused_.reset();
  Hello hello;
  hello.role = options_.role;
  hello.name = options_.name;
  hello.version = MUSTER_VERSION;
  send(encode_message({hello_request_, std::move(hello)}));
}

void Client::be_welcome(Welcome welcome) {
  hello_request_ = 0;
  beat_ = welcome.beat > Duration(0) ? welcome.beat : kBeatDefault;
  welcome_ = std::move(welcome);
  reconnected_ = ever_welcome_;
  ever_welcome_ = true;
  if (!outstanding_.empty()) unsent_from_ = outstanding_.begin()->first;
}

uint64_t Client::enqueue(const Message& request) {
  const uint64_t number = next_request_++;
  outstanding_.emplace(number, encode_message({number, request}));
  unsent_from_ = std::min(unsent_from_, number);
  send_unsent();
  return number;
}

// In the order of their numbers; what the queue does not take stays unsent.
void Client::send_unsent() {
  if (hello_request_ != 0 || unsent_from_ == kNone) return;
  for (auto next = outstanding_.lower_bound(unsent_from_); next != outstanding_.end(); ++next) {
    if (!send(next->second)) {
      unsent_from_ = next->first;
      return;
    }
  }
  unsent_from_ = kNone;
}

bool Client::send(Bytes frame) {
  last_sent_us_ = boot_us();
  return socket_->send(std::move(frame));
}

ClientError Client::unreachable(Duration waited) const {
  const std::string what = ever_welcome_ ? "the broker at " + options_.endpoint + " did not answer"
                                         : "no broker answered at " + options_.endpoint;
  return {ClientFault::unreachable, RefusalCode::invalid,
          what + " within " + seconds_text(waited) +
              "; see that it runs (muster up) and that the endpoint is its own"};
}

}  // namespace muster
