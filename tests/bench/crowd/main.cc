// muster_crowd: many idle workers in one process, for muster_bench. Each has a key and a connection
// of its own and the real WorkerCore, and says nothing but what that wants said.
//
//   muster_crowd ENDPOINT SERVER_KEY FILE
//
// FILE has one worker a line: NAME PUBLIC_KEY SECRET_KEY, the keys as 64 hexadecimal digits.
// "ready" goes to stdout when all of them rest; they go on until the process is ended.
#include <zmq.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/worker_core.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/curve.h"

namespace muster::bench {
namespace {

constexpr int kExitUsage = 64;
constexpr size_t kGreetingsAtOnce = 64;  // connections that have yet to come to rest
constexpr Duration kPatience = std::chrono::seconds(20);

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "muster_crowd: %s\n", what.c_str());
  std::exit(1);
}

class Member {
 public:
  Member(void* context, const std::string& endpoint, const std::string& server_key,
         const std::string& name, const std::string& public_key, const std::string& secret_key,
         uint64_t draw, Instant now)
      : socket_(::zmq_socket(context, ZMQ_DEALER)), name_(name), core_(options(draw), {}, {}, now) {
    if (socket_ == nullptr || !set_key(ZMQ_CURVE_SERVERKEY, server_key) ||
        !set_key(ZMQ_CURVE_PUBLICKEY, public_key) || !set_key(ZMQ_CURVE_SECRETKEY, secret_key) ||
        ::zmq_connect(socket_, endpoint.c_str()) != 0) {
      give_up(std::string("cannot connect: ") + ::zmq_strerror(::zmq_errno()));
    }
    say_hello();
  }

  void* socket() const { return socket_; }
  bool rests() const { return is_welcome_ && core_.rests(); }
  Instant due() const { return is_welcome_ ? core_.next_deadline() : kNever; }

  void receive(Instant now) {
    for (;;) {
      zmq_msg_t message;
      ::zmq_msg_init(&message);
      if (::zmq_msg_recv(&message, socket_, ZMQ_DONTWAIT) < 0) return;
      // A copy, which is aligned.
      const std::string bytes(static_cast<const char*>(::zmq_msg_data(&message)),
                              ::zmq_msg_size(&message));
      ::zmq_msg_close(&message);
      const auto decoded = decode_message(bytes);
      if (std::holds_alternative<DecodeFailure>(decoded)) give_up("got what cannot be read");
      take(std::get<Envelope>(decoded).message, now);
    }
  }

  void speak(Instant now) {
    if (!is_welcome_) return;
    core_.tick(now);
    if (std::optional<Sync> sync = core_.make_sync(now)) send(Envelope{0, std::move(*sync)});
  }

 private:
  static WorkerOptions options(uint64_t draw) {
    WorkerOptions options;
    options.incarnation = 1;
    options.lab = "lab";
    options.version = "bench";
    options.draw = draw;
    return options;
  }

  bool set_key(int option, const std::string& hex) {
    const SecretKey::Bytes bytes = from_hex(hex);
    return ::zmq_setsockopt(socket_, option, bytes.data(), bytes.size()) == 0;
  }

  void take(const Message& message, Instant now) {
    if (const auto* welcome = std::get_if<Welcome>(&message)) {
      is_welcome_ = true;
      core_.set_beat(welcome->beat);
      core_.connected(now);
    } else if (const auto* desired = std::get_if<Desired>(&message)) {
      core_.take(*desired, now);
    } else if (const auto* refused = std::get_if<Refused>(&message)) {
      if (refused->code != RefusalCode::hello_first) give_up(name_ + ": " + refused->reason);
      is_welcome_ = false;
      say_hello();
    }
  }

  void say_hello() {
    Hello hello;
    hello.role = Role::worker;
    hello.name = name_;
    hello.version = "bench";
    send(Envelope{1, std::move(hello)});
  }

  void send(const Envelope& envelope) {
    const std::string bytes = encode_message(envelope);
    if (::zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) give_up("cannot send");
  }

  void* socket_;
  std::string name_;
  WorkerCore core_;
  bool is_welcome_ = false;
};

class Crowd {
 public:
  Crowd(std::string endpoint, std::string server_key, const std::string& file)
      : endpoint_(std::move(endpoint)),
        server_key_(std::move(server_key)),
        context_(::zmq_ctx_new()) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) lines_.push_back(line);
    const int sockets_max = static_cast<int>(lines_.size()) + 1;
    if (context_ == nullptr || ::zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, sockets_max) != 0)
      give_up("cannot set up ZeroMQ");
  }

  [[noreturn]] void run() {
    for (;;) {
      const Instant now = clock_.now();
      while (members_.size() < lines_.size() && listening_.size() < kGreetingsAtOnce) join(now);
      while (!due_.empty() && due_.begin()->first <= now) {
        const size_t ix = due_.begin()->second;
        due_.erase(due_.begin());
        members_[ix]->speak(now);
        listening_.insert(ix);
      }
      listen();
      if (members_.size() == lines_.size() && listening_.empty() && !std::exchange(told_, true)) {
        std::puts("ready");
        std::fflush(stdout);
      }
    }
  }

 private:
  void join(Instant now) {
    std::istringstream line(lines_[members_.size()]);
    std::string name, public_key, secret_key;
    line >> name >> public_key >> secret_key;
    listening_.insert(members_.size());
    members_.push_back(std::make_unique<Member>(context_, endpoint_, server_key_, name, public_key,
                                                secret_key, std::hash<std::string>{}(name), now));
  }

  // Waits for those whose answer has not come, and for the next that is to speak.
  void listen() {
    std::vector<zmq_pollitem_t> items;
    const std::vector<size_t> asked(listening_.begin(), listening_.end());
    for (const size_t ix : asked) items.push_back({members_[ix]->socket(), 0, ZMQ_POLLIN, 0});
    Duration wait = kPatience;
    if (!due_.empty())
      wait = std::clamp<Duration>(due_.begin()->first - clock_.now(), Duration{0}, kPatience);
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    if (::zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(ms)) < 0) return;
    const Instant now = clock_.now();
    for (size_t i = 0; i < asked.size(); ++i) {
      if (items[i].revents == 0) continue;
      Member& member = *members_[asked[i]];
      member.receive(now);
      member.speak(now);
      if (!member.rests()) continue;
      listening_.erase(asked[i]);
      due_.emplace(member.due(), asked[i]);
    }
  }

  std::string endpoint_;
  std::string server_key_;
  std::vector<std::string> lines_;
  void* context_;
  SystemClock clock_;
  std::vector<std::unique_ptr<Member>> members_;
  std::set<size_t> listening_;                // for an answer
  std::set<std::pair<Instant, size_t>> due_;  // the others, by when they speak again
  bool told_ = false;
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: muster_crowd ENDPOINT SERVER_KEY FILE\n");
    return muster::bench::kExitUsage;
  }
  muster::bench::Crowd(argv[1], argv[2], argv[3]).run();
}
