#include "io/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "io/codec.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);  // a hang, not a slow machine
// For what is about beats and reconnects; elsewhere the broker asks for so few that a slow machine
// is never taken for a broker that is gone.
constexpr Duration kBeat = std::chrono::milliseconds(20);
constexpr Duration kCalm = std::chrono::seconds(20);

// A small broker in a thread: knows peers by their Hello, as the real one does, and answers by a
// script. Destroying it is a crash: peers are forgotten.
class FakeBroker {
 public:
  // The answers to one message, in order; none: silence.
  using Script = std::function<std::vector<Envelope>(const Envelope&)>;

  FakeBroker(SocketContext& context, const std::string& endpoint, uint64_t epoch, Duration beat,
             Script script)
      : epoch_(epoch), beat_(beat), script_(std::move(script)) {
    Result<std::unique_ptr<ServerSocket>> bound = ServerSocket::bind(context, {endpoint});
    if (!bound) std::abort();
    socket_ = std::move(*bound);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeBroker() {
    stop_ = true;
    thread_.join();
  }

  // How many messages of kind M were heard.
  template <typename M>
  int heard() {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const Envelope& envelope : heard_) count += std::holds_alternative<M>(envelope.message);
    return count;
  }
  template <typename M>
  void await_heard(int count) {
    while (heard<M>() < count) std::this_thread::yield();
  }

 private:
  void run() {
    Poller poller;
    poller.add_socket(socket_->handle(), 0);
    while (!stop_) {
      poller.wait(1ms);
      while (std::optional<ServerSocket::Received> received = socket_->receive()) take(*received);
    }
  }

  void take(const ServerSocket::Received& received) {
    const auto decoded = decode_message(received.frame.bytes());
    const Envelope& envelope = std::get<Envelope>(decoded);
    {
      const std::lock_guard lock(mutex_);
      heard_.push_back(envelope);
    }
    for (const Envelope& answer : answers(received.peer, envelope)) {
      socket_->send(received.peer, encode_message(answer));
    }
  }

  std::vector<Envelope> answers(const std::string& peer, const Envelope& envelope) {
    if (std::holds_alternative<Hello>(envelope.message)) {
      known_.insert(peer);
    } else if (!known_.contains(peer)) {
      return {{envelope.request, Refused{RefusalCode::hello_first, "say Hello"}}};
    }
    std::vector<Envelope> scripted = script_(envelope);
    if (!scripted.empty()) return scripted;
    if (std::holds_alternative<Hello>(envelope.message)) {
      return {{envelope.request, Welcome{1, "log", epoch_, 0, beat_, "fake"}}};
    }
    if (std::holds_alternative<Beat>(envelope.message)) return {{0, Beat{}}};
    return {};
  }

  const uint64_t epoch_;
  const Duration beat_;
  const Script script_;
  std::unique_ptr<ServerSocket> socket_;
  std::set<std::string> known_;
  std::mutex mutex_;
  std::vector<Envelope> heard_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

std::vector<Envelope> nothing(const Envelope&) { return {}; }

std::vector<Envelope> answer_status(const Envelope& envelope) {
  if (!std::holds_alternative<AskStatus>(envelope.message)) return {};
  BrokerStatus status;
  status.version = "fake";
  return {{envelope.request, status}};
}

TaskNews news(const std::string& guid) {
  TaskNews result;
  result.unknown = {guid};
  return result;
}

class ClientTest : public ::testing::Test {
 protected:
  ClientOptions options(Duration timeout = kPatience) const {
    ClientOptions options;
    options.endpoint = endpoint_;
    options.name = "tester@host";
    options.connect_timeout = timeout;
    return options;
  }

  std::unique_ptr<FakeBroker> broker(FakeBroker::Script script) {
    return std::make_unique<FakeBroker>(context_, endpoint_, 1, kCalm, std::move(script));
  }
  std::unique_ptr<FakeBroker> restless_broker(FakeBroker::Script script, uint64_t epoch = 1) {
    return std::make_unique<FakeBroker>(context_, endpoint_, epoch, kBeat, std::move(script));
  }

  std::unique_ptr<Client> connect() {
    auto connected = Client::connect(context_, options());
    if (const ClientError* error = std::get_if<ClientError>(&connected)) {
      std::fprintf(stderr, "%s\n", error->message.c_str());
      std::abort();
    }
    return std::move(std::get<std::unique_ptr<Client>>(connected));
  }

  ClientError fail_to_connect(ClientOptions with) {
    auto connected = Client::connect(context_, std::move(with));
    const ClientError* error = std::get_if<ClientError>(&connected);
    return error == nullptr ? ClientError{ClientFault::refused, {}, "it connected"} : *error;
  }

  const Scratch scratch_;
  const std::string endpoint_ = "ipc://" + (scratch_ / "s");
  SocketContext context_;
};

std::string status_version(const std::variant<Message, ClientError>& answer) {
  if (const ClientError* error = std::get_if<ClientError>(&answer)) return error->message;
  const BrokerStatus* status = std::get_if<BrokerStatus>(&std::get<Message>(answer));
  return status == nullptr ? "another message" : status->version;
}

TEST_F(ClientTest, SaysHelloAndIsWelcome) {
  std::optional<Hello> heard;
  const auto server = broker([&](const Envelope& envelope) {
    if (const Hello* hello = std::get_if<Hello>(&envelope.message)) heard = *hello;
    return nothing(envelope);
  });
  const auto client = connect();
  EXPECT_EQ(client->welcome().log_id, "log");
  EXPECT_EQ(client->welcome().epoch, 1u);
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->role, Role::submitter);
  EXPECT_EQ(heard->name, "tester@host");
  EXPECT_EQ(heard->protocol_max, kProtocolMax);
  EXPECT_FALSE(client->reconnected());
}

TEST_F(ClientTest, WaitsForABrokerThatComesLater) {
  std::unique_ptr<Client> client;
  std::thread connecting([&] { client = connect(); });
  const auto server = broker(nothing);
  connecting.join();
  EXPECT_EQ(client->welcome().epoch, 1u);
}

TEST_F(ClientTest, NoBrokerIsUnreachable) {
  const ClientError error = fail_to_connect(options(60ms));
  EXPECT_EQ(error.fault, ClientFault::unreachable);
  EXPECT_THAT(error.message, HasSubstr("no broker answered at " + endpoint_ + " within 0.0 s"));
}

TEST_F(ClientTest, AMuteBrokerIsUnreachable) {
  const auto mute = ServerSocket::bind(context_, {endpoint_});
  EXPECT_EQ(fail_to_connect(options(60ms)).fault, ClientFault::unreachable);
}

TEST_F(ClientTest, AWrongEndpointSaysSo) {
  ClientOptions with = options();
  with.endpoint = "tcp://example org:1";
  EXPECT_THAT(fail_to_connect(with).message, HasSubstr("is no host"));
}

TEST_F(ClientTest, ARefusedHelloIsTheBrokersWord) {
  const auto server = broker([](const Envelope& envelope) -> std::vector<Envelope> {
    return {{envelope.request, Refused{RefusalCode::protocol, "speak 2 to 3"}}};
  });
  const ClientError error = fail_to_connect(options());
  EXPECT_EQ(error.fault, ClientFault::refused);
  EXPECT_EQ(error.code, RefusalCode::protocol);
  EXPECT_EQ(error.message, "speak 2 to 3");
}

TEST_F(ClientTest, TheStopFlagEndsEveryWait) {
  ClientOptions with = options();
  with.stop = [] { return true; };
  EXPECT_EQ(fail_to_connect(with).fault, ClientFault::stopped);

  const auto server = broker(nothing);
  const auto client = connect();
  client->set_stop([] { return true; });
  const auto answer = client->ask(AskStatus{}, kPatience);
  EXPECT_EQ(std::get<ClientError>(answer).fault, ClientFault::stopped);
  EXPECT_FALSE(client->next_push(kPatience).has_value());
}

TEST_F(ClientTest, GetsItsAnswer) {
  const auto server = broker(answer_status);
  const auto client = connect();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(status_version(client->ask(AskStatus{}, kPatience)), "fake");
  }
  EXPECT_EQ(server->heard<AskStatus>(), 100);
}

TEST_F(ClientTest, ARefusalIsAnErrorWithItsCode) {
  const auto server = broker([](const Envelope& envelope) -> std::vector<Envelope> {
    if (envelope.request == 0 || std::holds_alternative<Hello>(envelope.message)) return {};
    return {{envelope.request, Refused{RefusalCode::unknown, "no such task"}}};
  });
  const auto answer = connect()->ask(ShowTask{"0123456789"}, kPatience);
  const ClientError& error = std::get<ClientError>(answer);
  EXPECT_EQ(error.fault, ClientFault::refused);
  EXPECT_EQ(error.code, RefusalCode::unknown);
  EXPECT_EQ(error.message, "no such task");
}

TEST_F(ClientTest, AnOlderBrokerIsNamed) {
  const auto server = broker([](const Envelope& envelope) -> std::vector<Envelope> {
    if (!std::holds_alternative<AskStatus>(envelope.message)) return {};
    return {{envelope.request, Unimplemented{99}}};
  });
  const auto answer = connect()->ask(AskStatus{}, kPatience);
  EXPECT_THAT(std::get<ClientError>(answer).message, HasSubstr("version fake"));
}

TEST_F(ClientTest, NoAnswerInTimeIsUnreachable) {
  const auto server = broker(nothing);
  const auto client = connect();
  const auto answer = client->ask(AskStatus{}, 50ms);
  const ClientError& error = std::get<ClientError>(answer);
  EXPECT_EQ(error.fault, ClientFault::unreachable);
  EXPECT_THAT(error.message, HasSubstr("the broker at " + endpoint_ + " did not answer"));
}

TEST_F(ClientTest, PushesAreKeptInOrderWhileItAsks) {
  const auto server = broker([](const Envelope& envelope) -> std::vector<Envelope> {
    if (!std::holds_alternative<AskStatus>(envelope.message)) return {};
    return {{0, news("first-guid")}, {0, news("second-guid")}, {envelope.request, BrokerStatus{}}};
  });
  const auto client = connect();
  EXPECT_EQ(status_version(client->ask(AskStatus{}, kPatience)), "");
  EXPECT_EQ(client->next_push(kPatience), Message(news("first-guid")));
  EXPECT_EQ(client->next_push(kPatience), Message(news("second-guid")));
  EXPECT_EQ(client->next_push(1ms), std::nullopt);
}

TEST_F(ClientTest, AnswersToPostsComeOutOfNextPush) {
  const auto server = broker(answer_status);
  const auto client = connect();
  constexpr int kCount = 3'000;
  for (int i = 0; i < kCount; ++i) client->post(AskStatus{});
  for (int i = 0; i < kCount; ++i) {
    const std::optional<Message> answer = client->next_push(kPatience);
    ASSERT_TRUE(answer.has_value()) << i;
    ASSERT_TRUE(std::holds_alternative<BrokerStatus>(*answer));
  }
  EXPECT_EQ(server->heard<AskStatus>(), kCount) << "none was repeated";
}

TEST_F(ClientTest, StrayAnswersAreDropped) {
  const auto server = broker([](const Envelope& envelope) -> std::vector<Envelope> {
    if (!std::holds_alternative<AskStatus>(envelope.message)) return {};
    BrokerStatus stray;
    stray.version = "stray";
    BrokerStatus right;
    right.version = "right";
    return {{envelope.request + 1000, stray}, {envelope.request, right}, {envelope.request, stray}};
  });
  const auto client = connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status_version(client->ask(AskStatus{}, kPatience)), "right");
  }
  EXPECT_EQ(client->next_push(1ms), std::nullopt);
}

TEST_F(ClientTest, BeatsWhileItWaits) {
  const auto server = restless_broker(nothing);
  const auto client = connect();
  std::thread waiting([&] {
    while (server->heard<Beat>() < 5) client->next_push(kBeat);
  });
  waiting.join();
  EXPECT_LT(client->silence(), kPatience);
}

TEST_F(ClientTest, ARestartInTheMiddleOfAskIsSurvived) {
  auto first = restless_broker(nothing, 1);
  const auto client = connect();
  std::variant<Message, ClientError> answer;
  std::thread asking([&] { answer = client->ask(AskStatus{}, kPatience); });
  first->await_heard<AskStatus>(1);
  first.reset();
  const auto second = restless_broker(answer_status, 2);
  asking.join();
  EXPECT_EQ(status_version(answer), "fake");
  EXPECT_EQ(client->welcome().epoch, 2u);
  EXPECT_TRUE(client->reconnected());
  EXPECT_FALSE(client->reconnected()) << "told once";
}

TEST_F(ClientTest, ABrokerThatIsAwayForLongIsFoundAgain) {
  auto first = restless_broker(answer_status, 1);
  const auto client = connect();
  EXPECT_EQ(status_version(client->ask(AskStatus{}, kPatience)), "fake");
  first.reset();
  const auto answer = client->ask(AskStatus{}, 20 * kBeat);
  EXPECT_EQ(std::get<ClientError>(answer).fault, ClientFault::unreachable);
  EXPECT_GE(client->silence(), 10 * kBeat);

  const auto second = restless_broker(answer_status, 2);
  EXPECT_EQ(status_version(client->ask(AskStatus{}, kPatience)), "fake");
  EXPECT_TRUE(client->reconnected());
}

TEST_F(ClientTest, PostsAreRepeatedAfterARestart) {
  auto first = restless_broker(nothing, 1);
  const auto client = connect();
  for (int i = 0; i < 10; ++i) client->post(AskStatus{});
  first->await_heard<AskStatus>(10);
  first.reset();
  const auto second = restless_broker(answer_status, 2);
  int answered = 0;
  while (answered < 10) {
    const std::optional<Message> pushed = client->next_push(kPatience);
    if (!pushed) {
      ASSERT_TRUE(client->reconnected()) << "next_push returns early only for a reconnect";
      continue;
    }
    ++answered;
  }
  EXPECT_EQ(client->next_push(1ms), std::nullopt) << "each was answered once";
}

TEST_F(ClientTest, NextPushTellsOfAReconnectAtOnce) {
  auto first = restless_broker(nothing, 1);
  const auto client = connect();
  first.reset();
  const auto second = restless_broker(nothing, 2);
  EXPECT_EQ(client->next_push(std::chrono::hours(1)), std::nullopt);
  EXPECT_TRUE(client->reconnected());
}

// The broker drops what does not fit in a peer's queue, and peers repair by asking again.
TEST_F(ClientTest, ALostAnswerIsAskedForAgain) {
  std::atomic<int> asked = 0;
  const auto server = restless_broker([&](const Envelope& envelope) -> std::vector<Envelope> {
    if (!std::holds_alternative<AskStatus>(envelope.message)) return {};
    return ++asked < 3 ? std::vector<Envelope>{{0, Beat{}}} : answer_status(envelope);
  });
  EXPECT_EQ(status_version(connect()->ask(AskStatus{}, kPatience)), "fake");
  EXPECT_GE(asked, 3);
}

// Only Hellos gather in the queue while there is nobody, with growing pauses.
TEST_F(ClientTest, AnAbsentBrokerIsNotFloodedOnReturn) {
  auto first = restless_broker(nothing, 1);
  const auto client = connect();
  client->next_push(1ms);
  first.reset();
  client->next_push(60 * kBeat);
  const auto second = restless_broker(nothing, 2);
  while (!client->reconnected()) client->next_push(kBeat);
  EXPECT_LE(second->heard<Hello>(), 10);
  EXPECT_LE(second->heard<Beat>(), 10);
}

TEST_F(ClientTest, ABusyCallerIsNotTakenForASilentBroker) {
  constexpr Duration kSlowBeat = std::chrono::milliseconds(100);
  FakeBroker server(context_, endpoint_, 1, kSlowBeat, answer_status);
  const auto client = connect();
  client->post(AskStatus{});
  server.await_heard<AskStatus>(1);
  while (client->silence() < 5 * kSlowBeat) std::this_thread::yield();  // busy with something else
  EXPECT_TRUE(client->next_push(kPatience).has_value());
  EXPECT_EQ(server.heard<Hello>(), 1);
}

}  // namespace
}  // namespace muster
