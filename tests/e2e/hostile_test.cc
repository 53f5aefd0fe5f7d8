// Peers that are not ours, a second broker, and a disk that is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/limits.h"
#include "io/codec.h"
#include "io/file.h"
#include "tests/support/chaos_client.h"
#include "tests/support/house.h"
#include "tests/support/process_usage.h"

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

// A connection that reads nothing once it stands. (Behind a ClientSocket a thread of libzmq always
// does.)
class DeafPeer {
 public:
  explicit DeafPeer(const std::string& endpoint)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const std::string path = endpoint.substr(std::string_view("ipc://").size());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return;
    }
    // ZMTP 3.0: signature, version, mechanism, not a server; then the command READY.
    std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\3" + '\0' + "NULL";
    greeting.resize(64, '\0');
    const std::string ready =
        std::string("\5READY\13Socket-Type") + std::string("\0\0\0\6", 4) + "DEALER";
    write(greeting + "\4" + static_cast<char>(ready.size()) + ready);
    // What comes before the server's own READY would end the handshake.
    std::string heard;
    char piece[256];
    while (heard.find("READY") == heard.npos) {
      const ssize_t size = ::read(fd_.get(), piece, sizeof piece);
      if (size <= 0) return;
      heard.append(piece, static_cast<size_t>(size));
    }
  }

  bool send(const std::string& frame) {
    std::string header = "\2";
    for (int shift = 56; shift >= 0; shift -= 8) {
      header += static_cast<char>(frame.size() >> shift);
    }
    return write(header + frame);
  }

 private:
  bool write(const std::string& bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  UniqueFd fd_;
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

// Two that flood it at line rate, one of which never reads an answer.
TEST_F(HostileTest, AFloodIsBoundedAndOthersAreServed) {
  constexpr uint64_t kGrowthMax = 64 << 20;
  constexpr uint64_t kFramesLeast = 20'000;
  constexpr size_t kTasks = 200;
  const std::unique_ptr<Child> worker = house_.start_worker("honest", 8);
  EventTail tail(*client_);
  ASSERT_TRUE(tail.wait_for(
      [](const Event& event) { return std::holds_alternative<WorkerJoined>(event.body); },
      kPatience))
      << house_.daemon_output();
  const std::vector<Bytes> frames = load_frames(MUSTER_SOURCE_DIR "/tests/golden/wire");
  ASSERT_FALSE(frames.empty());
  const uint64_t before = resident_bytes(broker_->pid());
  const ChaosClient reader({house_.endpoint(), frames, 20261128, true});
  const ChaosClient mute({house_.endpoint(), frames, 20261129, false});
  const auto flooded = [&] { return reader.sent() >= kFramesLeast && mute.sent() >= kFramesLeast; };
  ASSERT_TRUE(eventually(flooded)) << "the flood itself is held up";
  Submit submit;
  for (size_t i = 0; i < kTasks; ++i) {
    TaskSpec spec;
    spec.guid = "honest-task-" + std::to_string(i);
    spec.work = encode_work(NoopWork{"x"});
    submit.tasks.push_back(std::make_shared<TaskSpec>(spec));
  }
  const auto answer = client_->ask(std::move(submit), kPatience);
  ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
  size_t passed = 0;
  const auto all_passed = [&passed](const Event& event) {
    const auto* ended = std::get_if<AttemptEnded>(&event.body);
    passed +=
        ended && ended->token.guid.starts_with("honest-task-") && ended->verdict == Verdict::pass;
    return passed == kTasks;
  };
  EXPECT_TRUE(tail.wait_for(all_passed, kPatience)) << passed << " of " << kTasks << " passed";
  EXPECT_LT(resident_bytes(broker_->pid()), before + kGrowthMax);
  EXPECT_FALSE(broker_->wait(Duration{0}).has_value()) << house_.daemon_output();
}

// It kept every answer for whoever had asked, up to ten thousand of 8 MiB each.
TEST_F(HostileTest, AnswersThatNobodyReadsCostBoundedMemory) {
  constexpr size_t kTasks = 48;
  constexpr uint64_t kFetches = 60;
  constexpr uint64_t kGrowthMax = 192 << 20;  // less than half of what is asked for
  for (size_t i = 0; i < kTasks; ++i) {
    TaskSpec spec;
    spec.guid = "hostile-large-" + std::to_string(i);
    spec.work = encode_work(NoopWork{std::string(kWorkBytesMax - 4'096, 'x')});
    spec.pool = "nobody";
    spec.wait_for_capacity = true;
    const auto answer = client_->ask(Submit{{std::make_shared<TaskSpec>(spec)}, false}, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
  }
  const uint64_t before = resident_bytes(broker_->pid());
  DeafPeer peer(house_.endpoint());
  for (uint64_t i = 0; i < kFetches; ++i) {
    ASSERT_TRUE(peer.send(hello(Role::collector)));  // it may have been forgotten
    ASSERT_TRUE(peer.send(encode_message({i + 2, Fetch{1, kFetchBytesMax, Duration{0}}})));
    status();  // so that not all of them are taken at once, when most would be dropped
  }
  ASSERT_TRUE(peer.send("no message, the last"));
  EXPECT_TRUE(eventually([this] { return status().refused_messages > 0; }));
  EXPECT_LT(peak_resident_bytes(broker_->pid()), before + kGrowthMax);
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
