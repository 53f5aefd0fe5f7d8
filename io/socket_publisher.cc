#include "io/socket_publisher.h"

#include <algorithm>
#include <utility>

#include "io/socket_curve.h"
#include "io/socket_kit.h"

namespace muster {
namespace {

// Of the envelope of a question: an identity, and of REQ the number of the question, where it has
// one, and an empty part.
constexpr size_t kEnvelopePartsMax = 3;

struct Bound {
  // The socket goes first.
  std::unique_ptr<Listeners> listeners;
  SocketHandle socket;
};

Result<Bound> bind_socket(SocketContext& context, int type, const std::string& endpoint,
                          int64_t bytes_max) {
  if (std::optional<std::string> problem = invalid_endpoint(endpoint)) return Error{*problem};
  Result<SocketHandle> socket = open_socket(context, type);
  if (!socket) return Error{socket.error()};
  if (::zmq_setsockopt(socket->get(), ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) != 0) {
    return zmq_failure("cannot set up", "a socket of the feed");
  }
  return Bound{std::make_unique<Listeners>(context.curve()), std::move(*socket)};
}

// All of a message's parts, or nothing when none waits; and whose key it came with, if any.
std::vector<std::string> receive_all(void* socket, PeerKey* sender = nullptr) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    ZmqMessage part;
    if (!receive_part(socket, part)) break;
    parts.emplace_back(part.bytes());
    if (sender != nullptr) *sender = peer_key(part);
    more = part.more();
  }
  return parts;
}

class ZmqPublisher final : public PublisherSocket {
 public:
  explicit ZmqPublisher(Bound bound) : bound_(std::move(bound)) {}

  Result<Done> begin(const std::string& endpoint, int queue_max) {
    void* socket = bound_.socket.get();
    if (!set_option(socket, ZMQ_SNDHWM, queue_max) || !set_option(socket, ZMQ_XPUB_VERBOSE, 1)) {
      return zmq_failure("cannot set up", "a publisher");
    }
    return bound_.listeners->bind(socket, endpoint);
  }

  std::optional<Subscription> receive() override {
    for (;;) {
      const std::vector<std::string> parts = receive_all(bound_.socket.get());
      if (parts.empty()) return std::nullopt;
      const std::string& text = parts.front();
      const bool is_subscription = parts.size() == 1 && !text.empty() && text.front() <= 1;
      if (is_subscription) return Subscription{text.front() == 1, text.substr(1)};
    }
  }

  // A queue takes all parts of a message or none.
  void send(const std::vector<std::string>& parts) override {
    for (size_t i = 0; i < parts.size(); ++i) {
      send_part(bound_.socket.get(), parts[i], i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    }
  }

  std::string endpoint() const override { return bound_.listeners->endpoints().front(); }
  void* handle() override { return bound_.socket.get(); }

 private:
  Bound bound_;
};

class ZmqAnswerer final : public AnswerSocket {
 public:
  ZmqAnswerer(SocketContext& context, Bound bound)
      : gate_(context.curve() == nullptr ? nullptr : context.curve()->gate.get()),
        bound_(std::move(bound)) {}

  Result<Done> begin(const std::string& endpoint) {
    void* socket = bound_.socket.get();
    if (!set_option(socket, ZMQ_SNDHWM, kAnswersMax) ||
        !set_option(socket, ZMQ_RCVHWM, kQuestionsWaitingMax)) {
      return zmq_failure("cannot set up", "where old events are asked from");
    }
    return bound_.listeners->bind(socket, endpoint);
  }

  std::optional<Question> receive() override {
    for (;;) {
      PeerKey sender;
      std::vector<std::string> parts = receive_all(bound_.socket.get(), &sender);
      if (parts.empty()) return std::nullopt;
      const bool has_body = parts.size() > 1 && parts.size() <= kEnvelopePartsMax + 1;
      // Where there is more than the identity, an empty part ends the envelope.
      if (!has_body || (parts.size() > 2 && !parts[parts.size() - 2].empty())) continue;
      const auto is_long = [](const std::string& part) { return part.size() > kQuestionBytesMax; };
      if (std::any_of(parts.begin(), parts.end() - 1, is_long)) continue;  // it would be sent back
      Question question;
      question.barred =
          gate_ != nullptr && !sender.local && !gate_->admits(sender.key, sender.address);
      question.too_long = parts.back().size() > kQuestionBytesMax;
      if (!question.too_long) question.body = std::move(parts.back());
      parts.pop_back();
      question.envelope = std::move(parts);
      return question;
    }
  }

  void send(const Question& question, std::string answer) override {
    // Makes the socket hear what the asker has taken, which a send alone does once in a while only:
    // an answer that there is room for would be dropped.
    int events = 0;
    size_t size = sizeof events;
    ::zmq_getsockopt(bound_.socket.get(), ZMQ_EVENTS, &events, &size);
    for (const std::string& part : question.envelope) {
      if (!send_part(bound_.socket.get(), part, ZMQ_SNDMORE)) return;
    }
    send_last(bound_.socket.get(), std::move(answer));
  }

  std::string endpoint() const override { return bound_.listeners->endpoints().front(); }
  void* handle() override { return bound_.socket.get(); }

 private:
  Gate* gate_;  // null: there is none
  Bound bound_;
};

}  // namespace

Result<std::unique_ptr<PublisherSocket>> PublisherSocket::bind(SocketContext& context,
                                                               const std::string& endpoint,
                                                               int queue_max) {
  Result<Bound> bound = bind_socket(context, ZMQ_XPUB, endpoint, kFeedTopicMessageBytesMax);
  if (!bound) return Error{bound.error()};
  auto publisher = std::make_unique<ZmqPublisher>(std::move(*bound));
  if (const Result<Done> begun = publisher->begin(endpoint, queue_max); !begun) {
    return Error{begun.error()};
  }
  return std::unique_ptr<PublisherSocket>(std::move(publisher));
}

Result<std::unique_ptr<AnswerSocket>> AnswerSocket::bind(SocketContext& context,
                                                         const std::string& endpoint) {
  Result<Bound> bound = bind_socket(context, ZMQ_ROUTER, endpoint, kQuestionHeardBytesMax);
  if (!bound) return Error{bound.error()};
  auto answerer = std::make_unique<ZmqAnswerer>(context, std::move(*bound));
  if (const Result<Done> begun = answerer->begin(endpoint); !begun) return Error{begun.error()};
  return std::unique_ptr<AnswerSocket>(std::move(answerer));
}

}  // namespace muster
