// A blocking conversation with the broker, for the CLI and collectors: says Hello, repeats it after
// a broker restart, matches answers to requests, beats while it waits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/messages.h"
#include "core/result.h"
#include "io/socket.h"

namespace muster {

struct ClientOptions {
  std::string endpoint;
  Role role = Role::submitter;
  std::string name;
  Duration connect_timeout = std::chrono::seconds(10);  // to the first Welcome
};

enum class ClientFault : uint8_t {
  unreachable,  // nobody answered in time (exit 69)
  refused,      // the broker answered Refused: code and reason are filled in
  stopped,      // the stop flag was raised
};

struct ClientError {
  ClientFault fault = ClientFault::unreachable;
  RefusalCode code = RefusalCode::invalid;
  std::string message;  // what, where, what to do next
};

class Client {
 public:
  // Connects and waits for Welcome.
  static std::variant<std::unique_ptr<Client>, ClientError> connect(SocketContext& context,
                                                                    ClientOptions options);
  const Welcome& welcome() const { return welcome_; }

  // Sends a request and waits for its answer. The request is repeated after a reconnect, so it must
  // be one whose repeat is harmless (all of ours are). `timeout` is counted from now; a broker that
  // is away for longer is `unreachable`. Pushed TaskNews that arrive meanwhile are kept for
  // next_push.
  std::variant<Message, ClientError> ask(const Message& request, Duration timeout);

  // Sends without waiting for the answer; the answer comes out of next_push like a pushed message.
  // For pipelining.
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
  void set_stop(std::function<bool()> stop) { stop_ = std::move(stop); }

 private:
  Client() = default;
  struct Waiting;
  bool pump(Duration timeout);
  void send(uint64_t request, const Message& message);

  ClientOptions options_;
  std::unique_ptr<ClientSocket> socket_;
  Welcome welcome_;
  std::deque<Envelope> pushed_;
  std::function<bool()> stop_;
  uint64_t next_request_ = 1;
  bool reconnected_ = false;
  int64_t last_heard_us_ = 0;
  int64_t last_sent_us_ = 0;
};

}  // namespace muster
