// A blocking conversation with the broker, for the CLI and collectors: says Hello, repeats it after
// a broker restart, matches answers to requests, beats while it waits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/limits.h"
#include "core/messages.h"
#include "core/result.h"
#include "io/codec.h"
#include "io/socket.h"

namespace muster {

struct ClientOptions {
  std::string endpoint;
  Role role = Role::submitter;
  std::string name;
  Duration connect_timeout = std::chrono::seconds(10);  // to the first Welcome
  std::function<bool()> stop;                           // as set_stop, from the beginning
};

enum class ClientFault : uint8_t {
  unreachable,  // nobody answered in time (exit 69)
  refused,      // the broker answered Refused: code and reason are filled in
  kept_out,     // keys: the broker does not let us in, or is not the one that it should be
  stopped,      // the stop flag was raised
};

struct ClientError {
  ClientFault fault = ClientFault::unreachable;
  RefusalCode code = RefusalCode::invalid;
  std::string message;  // what, where, what to do next
};

// Not thread-safe. Beats go out, and reconnects are noticed, only while one of ask, post or
// next_push runs: a caller that is busy for longer than the lease of its connection says Hello
// again by itself at its next call.
class Client {
 public:
  // Connects and waits for Welcome.
  static std::variant<std::unique_ptr<Client>, ClientError> connect(SocketContext& context,
                                                                    ClientOptions options);
  // The newest one: a restarted broker has another epoch.
  const Welcome& welcome() const { return welcome_; }

  // Sends a request and waits for its answer. The request is repeated after a reconnect, so it must
  // be one whose repeat is harmless (all of ours are). `timeout` is counted from now; a broker that
  // is away for longer is `unreachable`. Pushed TaskNews that arrive meanwhile are kept for
  // next_push.
  std::variant<Message, ClientError> ask(const Message& request, Duration timeout);

  // Sends without waiting for the answer, and repeats it after a reconnect until it is answered;
  // the answer comes out of next_push like a pushed message. For pipelining.
  void post(const Message& request);

  // The next pushed message (TaskNews and answers to post), or nothing after `timeout`. When the
  // connection was re-made since the last call, `reconnected()` is true once: watches must be
  // renewed.
  std::optional<Message> next_push(Duration timeout);
  bool reconnected();

  // How long the broker has been silent. Beats go out every Welcome::beat.
  Duration silence() const;

  // Checked while waiting; when it returns true the call ends with ClientFault::stopped (or
  // nothing).
  void set_stop(std::function<bool()> stop) { options_.stop = std::move(stop); }

 private:
  Client() = default;

  std::optional<ClientError> await_welcome();
  std::variant<Message, ClientError> await_answer(uint64_t request, Duration timeout);

  void pump(Duration timeout);
  bool take_frames();
  void take(Envelope envelope);
  void take_refusal(uint64_t request, Refused refused);
  void take_answer(uint64_t request, Message message);
  void take_undecodable(const DecodeFailure& failure);

  void keep_connection();
  void say_hello();
  void be_welcome(Welcome welcome);
  uint64_t enqueue(const Message& request);
  void send_unsent();
  bool send(Bytes frame);
  std::optional<ClientError> fault();

  bool stopped() const { return options_.stop && options_.stop(); }
  ClientError unreachable(Duration waited) const;

  ClientOptions options_;
  std::unique_ptr<ClientSocket> socket_;
  Poller poller_;
  Welcome welcome_;
  Duration beat_ = kBeatDefault;

  // Requests without an answer, encoded, by number; the ones from unsent_from_ on have not been
  // sent on this connection.
  std::map<uint64_t, Bytes> outstanding_;
  uint64_t unsent_from_ = kNone;
  uint64_t next_request_ = 1;
  static constexpr uint64_t kNone = UINT64_MAX;

  uint64_t asked_ = 0;  // the request that ask waits for, or 0
  std::optional<std::variant<Message, ClientError>> answer_;
  std::deque<Message> pushed_;

  // The number of the Hello that has no answer yet, or 0. While there is one, nothing else is sent.
  uint64_t hello_request_ = 0;
  std::optional<Refused> hello_refused_;
  Duration hello_wait_{0};  // between its repeats
  int64_t hello_again_us_ = 0;
  bool ever_welcome_ = false;
  bool reconnected_ = false;

  std::string handshake_fault_;  // ClientSocket::handshake_fault(), as of the last turn

  int64_t last_heard_us_ = 0;
  int64_t last_sent_us_ = 0;
};

}  // namespace muster
