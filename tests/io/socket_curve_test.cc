// CURVE between real sockets: who gets through, and what the others are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "core/access.h"
#include "io/socket.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);  // a hang, not a slow machine

class OpenGate final : public Gate {
 public:
  bool admits(const std::string& key, const std::string& address) override {
    const std::lock_guard lock(mutex_);
    addresses_.insert(address);
    ++asked_;
    was_asked_.notify_all();
    return keys_.contains(key);
  }
  uint64_t revoked() override { return 0; }

  void allow(const std::string& key) {
    const std::lock_guard lock(mutex_);
    keys_.insert(key);
  }
  std::set<std::string> addresses() {
    const std::lock_guard lock(mutex_);
    return addresses_;
  }
  bool wait_until_asked(Duration timeout) {
    std::unique_lock lock(mutex_);
    return was_asked_.wait_for(lock, timeout, [this] { return asked_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable was_asked_;
  std::set<std::string> keys_;
  std::set<std::string> addresses_;
  int asked_ = 0;
};

CurvePtr curve(KeyPair own, std::string server_key, std::shared_ptr<Gate> gate = nullptr) {
  return std::make_shared<const Curve>(
      Curve{std::move(own), std::move(server_key), std::move(gate)});
}

class CurveSockets : public testing::Test {
 protected:
  CurveSockets() {
    KeyPair pair = make_key_pair("broker");
    server_key_ = pair.public_key;
    gate_ = std::make_shared<OpenGate>();
    context_.emplace(curve(std::move(pair), "", gate_));
    auto bound = ServerSocket::bind(*context_, {"tcp://127.0.0.1:*", ipc_});
    EXPECT_TRUE(bound.ok()) << bound.error();
    server_ = std::move(*bound);
  }

  std::string tcp() const { return server_->endpoints()[0]; }

  // Who dials with this context, from the beginning to its end.
  struct Caller {
    SocketContext context;
    std::unique_ptr<ClientSocket> socket;
    Caller(CurvePtr with, const std::string& endpoint) : context(std::move(with)) {
      auto connected = ClientSocket::connect(context, endpoint);
      EXPECT_TRUE(connected.ok()) << connected.error();
      socket = std::move(*connected);
      socket->send("hello");
    }
  };

  std::optional<ServerSocket::Received> receive() {
    Poller poller;
    poller.add_socket(server_->handle(), 1);
    for (;;) {
      auto received = server_->receive();
      if (received || poller.wait(kPatience).empty()) return received;
    }
  }

  static std::string await_fault(ClientSocket& socket) {
    Poller poller;
    poller.add_socket(socket.handshake_handle(), 1);
    for (;;) {
      const std::string fault = socket.handshake_fault();
      if (!fault.empty() || poller.wait(kPatience).empty()) return fault;
    }
  }

  const Scratch scratch_;
  const std::string ipc_ = "ipc://" + (scratch_ / "s");
  std::string server_key_;
  std::shared_ptr<OpenGate> gate_;
  std::optional<SocketContext> context_;
  std::unique_ptr<ServerSocket> server_;
};

TEST_F(CurveSockets, AnAllowedKeyIsKnownWithEveryMessage) {
  KeyPair kim = make_key_pair("kim");
  const std::string key = kim.public_key;
  gate_->allow(key);
  const Caller caller(curve(std::move(kim), server_key_), tcp());
  const auto received = receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->frame.bytes(), "hello");
  EXPECT_EQ(ServerSocket::key_of(received->peer), key);
  EXPECT_EQ(received->frame.sender_address(), "127.0.0.1");
  EXPECT_EQ(gate_->addresses(), std::set<std::string>{"127.0.0.1"});
  ASSERT_TRUE(server_->send(received->peer, "welcome"));
  Poller poller;
  poller.add_socket(caller.socket->handle(), 1);
  ASSERT_FALSE(poller.wait(kPatience).empty());
  EXPECT_EQ(caller.socket->receive()->bytes(), "welcome");
  EXPECT_EQ(caller.socket->handshake_fault(), "");
}

// The same broker's Unix socket is kept by the file system, and open to whoever may open it.
TEST_F(CurveSockets, AUnixSocketBesideItNeedsNoKey) {
  const Caller caller(nullptr, ipc_);
  const auto received = receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(ServerSocket::key_of(received->peer), "");
  EXPECT_TRUE(server_->send(received->peer, "welcome"));
  EXPECT_EQ(caller.socket->handshake_fault(), "") << "there are no keys that could be wrong";
}

TEST_F(CurveSockets, AnUnknownKeyIsToldWhatToDo) {
  KeyPair stranger = make_key_pair("stranger");
  const std::string key = stranger.public_key;
  const Caller caller(curve(std::move(stranger), server_key_), tcp());
  const std::string fault = await_fault(*caller.socket);
  EXPECT_THAT(fault, HasSubstr("does not let in key stranger"));
  EXPECT_THAT(fault, HasSubstr("muster key allow " + key + " --name stranger --role"));
  EXPECT_FALSE(server_->receive());
}

TEST_F(CurveSockets, AnotherServersKeyIsSeen) {
  KeyPair kim = make_key_pair("kim");
  gate_->allow(kim.public_key);
  const Caller caller(curve(std::move(kim), make_key_pair("other").public_key), tcp());
  EXPECT_THAT(await_fault(*caller.socket), HasSubstr("is not the one that it should be"));
  ServerSocket::Strangers seen;
  for (auto more = server_->take_strangers(); more.garbled > 0; more = server_->take_strangers()) {
    seen.garbled += more.garbled;
  }
  EXPECT_GT(seen.garbled, 0u);
  EXPECT_FALSE(server_->receive());
}

TEST_F(CurveSockets, WhoHasNoKeyIsToldToGetOne) {
  const Caller caller(nullptr, tcp());
  EXPECT_THAT(await_fault(*caller.socket), HasSubstr("wants keys"));
  EXPECT_FALSE(server_->receive());
}

TEST_F(CurveSockets, WhoHasAKeyIsToldThatTheBrokerHasNone) {
  SocketContext open;
  const auto plain = ServerSocket::bind(open, {"tcp://127.0.0.1:*"});
  ASSERT_TRUE(plain.ok());
  const Caller caller(curve(make_key_pair("kim"), server_key_), (*plain)->endpoints()[0]);
  EXPECT_THAT(await_fault(*caller.socket), HasSubstr("insecure: true"));
}

// libzmq's thread waited for ever for somebody to take the news of a handshake that ended after its
// client had gone, and nobody in that process was heard any more.
TEST_F(CurveSockets, AClientThatIsGivenUpHoldsUpNoOther) {
  KeyPair kim = make_key_pair("kim");
  gate_->allow(kim.public_key);
  SocketContext context(curve(std::move(kim), server_key_));
  do {
    auto socket = ClientSocket::connect(context, tcp());
    ASSERT_TRUE(socket.ok());
    (*socket)->send("given up");  // it lingers for that
  } while (!gate_->wait_until_asked(std::chrono::seconds(2)));
  auto socket = ClientSocket::connect(context, tcp());
  ASSERT_TRUE(socket.ok());
  (*socket)->send("next");
  for (bool heard = false; !heard;) {
    const auto received = receive();
    ASSERT_TRUE(received);
    heard = received->frame.bytes() == "next";
  }
}

// A peer may choose its routing id; what is known of one key is never another's.
TEST_F(CurveSockets, PeersOfTwoKeysAreTwoPeers) {
  std::set<std::string> keys;
  std::set<std::string> peers;
  for (int i = 0; i < 3; ++i) {
    KeyPair pair = make_key_pair("k");
    keys.insert(pair.public_key);
    gate_->allow(pair.public_key);
    const Caller caller(curve(std::move(pair), server_key_), tcp());
    const auto received = receive();
    ASSERT_TRUE(received);
    peers.insert(std::string(ServerSocket::key_of(received->peer)));
  }
  EXPECT_EQ(peers, keys);
  EXPECT_EQ(ServerSocket::key_of(std::string("\0abcd", 5)), "") << "libzmq's own";
  EXPECT_EQ(ServerSocket::key_of(std::string(200, 'x')), "") << "what a peer chose";
}

}  // namespace
}  // namespace muster
