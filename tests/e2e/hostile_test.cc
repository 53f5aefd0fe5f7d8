// Peers that are not ours, a second broker, and a disk that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/limits.h"
#include "io/codec.h"
#include "tests/support/house.h"

namespace muster {
namespace {

constexpr Duration kPatience = std::chrono::seconds(20);

// A connection without manners: sends any bytes as a frame.
class RawPeer {
 public:
  explicit RawPeer(const std::string& endpoint) {
    Result<std::unique_ptr<ClientSocket>> socket = ClientSocket::connect(context_, endpoint);
    if (socket.ok()) socket_ = std::move(*socket);
  }
  bool send(std::string bytes) { return socket_ != nullptr && socket_->send(std::move(bytes)); }

  // The next answer, or nothing in time.
  std::optional<Message> receive(Duration timeout = kPatience) {
    Poller poller;
    poller.add_socket(socket_->handle(), 1);
    std::optional<Frame> frame = socket_->receive();
    if (!frame) {
      poller.wait(timeout);
      frame = socket_->receive();
    }
    if (!frame) return std::nullopt;
    std::variant<Envelope, DecodeFailure> decoded = decode_message(frame->bytes());
    Envelope* envelope = std::get_if<Envelope>(&decoded);
    return envelope == nullptr ? std::nullopt : std::optional(std::move(envelope->message));
  }

 private:
  SocketContext context_;
  std::unique_ptr<ClientSocket> socket_;
};

class HostileTest : public testing::Test {
 protected:
  HostileTest()
      : house_(MUSTER_BIN_DIR), broker_(house_.start_broker()), client_(house_.connect()) {}

  BrokerStatus status() {
    const auto answer = client_->ask(AskStatus{}, kPatience);
    const Message* message = std::get_if<Message>(&answer);
    EXPECT_NE(message, nullptr) << house_.daemon_output();
    const BrokerStatus* status = message == nullptr ? nullptr : std::get_if<BrokerStatus>(message);
    return status == nullptr ? BrokerStatus{} : *status;
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Client> client_;
};

Bytes hello(Role role) {
  return encode_message({1, Hello{kProtocolMin, kProtocolMax, role, "stranger", "unknown"}});
}

TEST_F(HostileTest, GarbageIsAnsweredOrDroppedAndTheBrokerServesOn) {
  const Bytes good = hello(Role::submitter);
  const std::vector<std::string> frames = {
      std::string(1, '\0'),    "GET / HTTP/1.1\r\n\r\n",   std::string(8, '\xff'),
      std::string(4096, '\0'), std::string(1 << 20, 'x'),  good.substr(0, good.size() - 8),
      good.substr(0, 7),       good + std::string(3, 'x'),
  };
  RawPeer peer(house_.endpoint());
  for (const std::string& frame : frames) {
    SCOPED_TRACE(frame.size());
    ASSERT_TRUE(peer.send(frame));
    const std::optional<Message> answer = peer.receive();
    ASSERT_TRUE(answer.has_value());
    const Refused* refused = std::get_if<Refused>(&*answer);
    ASSERT_NE(refused, nullptr);
    EXPECT_EQ(refused->code, RefusalCode::malformed);
    EXPECT_NE(refused->reason, "");
  }
  EXPECT_GE(status().refused_messages, frames.size());
}

TEST_F(HostileTest, AFrameOverTheLimitIsDropped) {
  {
    RawPeer peer(house_.endpoint());
    peer.send(std::string(kMessageBytesMax + 1, 'x'));
    // The connection is closed under it, so whatever it gets, it is no welcome.
    const std::optional<Message> answer = peer.receive(std::chrono::milliseconds(500));
    EXPECT_FALSE(answer && std::holds_alternative<Welcome>(*answer));
  }
  EXPECT_NE(status().log_id, "");
}

TEST_F(HostileTest, FlippedBytesNeverStopTheBroker) {
  constexpr uint32_t kSeed = 20261123;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  TaskSpec spec;
  spec.guid = "hostile-flipped";
  spec.work = encode_work(NoopWork{"x"});
  const std::vector<Bytes> good = {
      hello(Role::worker), encode_message({2, Submit{{std::make_shared<TaskSpec>(spec)}, true}}),
      encode_message({3, Fetch{1, 1 << 20, Duration{0}}})};
  RawPeer peer(house_.endpoint());
  for (int i = 0; i < 3'000; ++i) {
    Bytes frame = good[random() % good.size()];
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) {
      frame[random() % frame.size()] = static_cast<char>(random());
    }
    peer.send(frame);
  }
  EXPECT_NE(status().log_id, "") << house_.daemon_output();
  EXPECT_FALSE(broker_->wait(Duration{0}).has_value()) << house_.daemon_output();
}

TEST_F(HostileTest, MannersAreAskedFor) {
  RawPeer peer(house_.endpoint());
  peer.send(encode_message({7, AskStatus{}}));
  std::optional<Message> answer = peer.receive();
  ASSERT_TRUE(answer && std::holds_alternative<Refused>(*answer));
  EXPECT_EQ(std::get<Refused>(*answer).code, RefusalCode::hello_first);

  peer.send(encode_message({1, Hello{60'000, 60'001, Role::submitter, "future", "9"}}));
  answer = peer.receive();
  ASSERT_TRUE(answer && std::holds_alternative<Refused>(*answer));
  EXPECT_EQ(std::get<Refused>(*answer).code, RefusalCode::protocol);

  peer.send(hello(Role::submitter));
  answer = peer.receive();
  ASSERT_TRUE(answer && std::holds_alternative<Welcome>(*answer));
  Sync sync;
  sync.number = 1;
  sync.incarnation = 1;
  sync.full = true;
  peer.send(encode_message({8, sync}));
  answer = peer.receive();
  ASSERT_TRUE(answer && std::holds_alternative<Refused>(*answer));
  EXPECT_NE(std::get<Refused>(*answer).reason, "");
}

// The worker trusts the broker's word about a task's kind, so what does not fit never gets there.
TEST_F(HostileTest, WorkOfTheWrongKindIsRefused) {
  const std::string command = encode_work(JobWork{CommandSource{{"true"}}, "", {}, {}});
  const std::string verify = encode_work(VerifyWork{});
  const std::string repair = encode_work(RepairWork{});
  const DeviceRequest any{"", "", "type=handset", ""};
  const DeviceRequest other{"other", "", "type=relay", ""};
  struct Row {
    TaskKind kind;
    std::string work;
    std::vector<DeviceRequest> devices;
    std::string reason;
  };
  const std::vector<Row> rows = {
      {TaskKind::job, verify, {any}, "a job task needs a command or a tree to run"},
      {TaskKind::job, repair, {any}, "a job task needs a command or a tree to run"},
      {TaskKind::job, "no work at all", {}, "the work description cannot be read"},
      {TaskKind::verify, command, {any}, "a verify task carries no command of its own"},
      {TaskKind::repair, command, {any}, "a repair task carries no command of its own"},
      {TaskKind::verify, repair, {any}, "a verify task carries the work of another kind"},
      {TaskKind::repair, verify, {any}, "a repair task carries the work of another kind"},
      {TaskKind::verify, verify, {}, "a verify task is about exactly one device"},
      {TaskKind::repair, repair, {any, other}, "a repair task is about exactly one device"},
  };
  Submit submit;
  for (const Row& row : rows) {
    TaskSpec spec;
    spec.guid = "hostile-kind-" + std::to_string(submit.tasks.size());
    spec.kind = row.kind;
    spec.work = row.work;
    spec.devices = row.devices;
    spec.wait_for_capacity = true;
    submit.tasks.push_back(std::make_shared<TaskSpec>(spec));
  }
  const auto answer = client_->ask(std::move(submit), kPatience);
  const Message* message = std::get_if<Message>(&answer);
  ASSERT_NE(message, nullptr) << house_.daemon_output();
  const SubmitReply* reply = std::get_if<SubmitReply>(message);
  ASSERT_NE(reply, nullptr);
  ASSERT_EQ(reply->results.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_THAT(reply->results[i].refused, testing::HasSubstr(rows[i].reason)) << "row " << i;
  }
}

TEST_F(HostileTest, ASecondBrokerOfTheSameHomeIsRefused) {
  const std::unique_ptr<Child> second = house_.start_broker();
  const std::optional<int> ended = second->wait(kPatience);
  ASSERT_TRUE(ended.has_value()) << "two brokers serve one home";
  EXPECT_NE(*ended, 0);
  EXPECT_THAT(house_.daemon_output(), testing::HasSubstr(std::to_string(broker_->pid())))
      << "it should say who holds the home";
  EXPECT_NE(status().log_id, "");
}

}  // namespace
}  // namespace muster
