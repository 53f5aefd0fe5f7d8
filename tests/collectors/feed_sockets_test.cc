// The feed over ZeroMQ, over a log that the test writes: whoever is slow loses what is its own,
// knows it, and costs nobody else anything.
#include "collectors/feed_sockets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/socket_kit.h"
#include "tests/collectors/feed_kit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(30);
constexpr Duration kBeat = 100ms;
constexpr int kQueueMax = 100;

// A connected socket that a test reads.
class Peer {
 public:
  Peer(SocketContext& context, int type, const std::string& endpoint)
      : socket_(std::move(*open_socket(context, type))), endpoint_(endpoint) {
    poller_.add_socket(socket_.get(), 0);
  }
  void* handle() { return socket_.get(); }
  void connect() { EXPECT_EQ(::zmq_connect(socket_.get(), endpoint_.c_str()), 0); }

  // That there is one in time.
  bool hears_within(Duration patience) { return !poller_.wait(patience).empty(); }
  void subscribe(const std::string& topic) {
    ::zmq_setsockopt(socket_.get(), ZMQ_SUBSCRIBE, topic.data(), topic.size());
  }

  // The parts of the next message; none when there is none in time.
  std::vector<std::string> next() {
    std::vector<std::string> parts;
    if (poller_.wait(kPatience).empty()) return parts;
    for (bool more = true; more;) {
      ZmqMessage part;
      if (!receive_part(socket_.get(), part)) break;
      parts.emplace_back(part.bytes());
      more = part.more();
    }
    return parts;
  }

 private:
  SocketHandle socket_;
  std::string endpoint_;
  Poller poller_;
};

struct Heard {
  std::string topic;
  uint64_t number = 0;
  json before;
  std::string event;
};

// Follows a subscription by the rules of docs/feed.md.
class Subscriber {
 public:
  Subscriber(SocketContext& context, const FeedSockets& sockets, std::string want)
      : want_(std::move(want)),
        feed_(context, ZMQ_SUB, sockets.publish_endpoint()),
        asker_(context, ZMQ_DEALER, sockets.replay_endpoint()) {
    set_option(feed_.handle(), ZMQ_RCVHWM, 1);
    for (const std::string& topic : {want_, "~beat." + want_}) {
      feed_.subscribe(topic);
    }
    feed_.connect();
    asker_.connect();
  }

  Heard hear() {
    const std::vector<std::string> parts = feed_.next();
    EXPECT_EQ(parts.size(), 4u);
    if (parts.size() != 4) return {};
    return {parts[0], std::stoull(parts[1]), json::parse(parts[2]), parts[3]};
  }
  // The next that is no beat.
  Heard hear_event() {
    Heard heard = hear();
    while (heard.event.empty() && !::testing::Test::HasFailure()) heard = hear();
    return heard;
  }
  // The first beat, with which it begins.
  void join() { had_ = hear().number; }

  // Until it has all up to `last`.
  void follow(uint64_t last) {
    while (had_ < last && !::testing::Test::HasFailure()) take(hear());
  }
  void take(const Heard& heard) {
    const uint64_t before = heard.before.value(want_, heard.number - 1);
    while (had_ < before && !::testing::Test::HasFailure()) replay(before);
    if (!heard.event.empty() && heard.number > had_) numbers_.push_back(heard.number);
    had_ = std::max(had_, heard.number);
  }

  const std::vector<uint64_t>& numbers() const { return numbers_; }
  uint64_t replayed() const { return replayed_; }

 private:
  void replay(uint64_t through) {
    const json question = {{"from", had_ + 1}, {"through", through}};
    send_part(asker_.handle(), "", ZMQ_SNDMORE);
    send_part(asker_.handle(), question.dump(), 0);
    const std::vector<std::string> parts = asker_.next();
    ASSERT_EQ(parts.size(), 2u);
    const json page = json::parse(parts[1]);
    for (const json& event : page["events"]) {
      numbers_.push_back(event["seq"].get<uint64_t>());
      ++replayed_;
    }
    had_ = page["next"].get<uint64_t>() - 1;
  }

  const std::string want_;
  Peer feed_;
  Peer asker_;
  uint64_t had_ = 0;
  std::vector<uint64_t> numbers_;
  uint64_t replayed_ = 0;
};

class FeedSocketsTest : public ::testing::Test {
 protected:
  FeedSocketsTest() : feed_(log_.connect()) {
    auto started = FeedSockets::start(feed_, context_, "ipc://" + scratch_ / "feed",
                                      "ipc://" + scratch_ / "replay", kBeat, kQueueMax);
    EXPECT_TRUE(started.ok()) << started.error();
    sockets_ = std::move(*started);
  }
  ~FeedSocketsTest() override { feed_.stop(); }

  std::vector<std::string> ask(Peer& asker, const std::vector<std::string>& parts) {
    for (size_t i = 0; i < parts.size(); ++i) {
      send_part(asker.handle(), parts[i], i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    }
    return asker.next();
  }

  Scratch scratch_;
  MemoryLog log_;
  Feed feed_;
  SocketContext context_;
  std::unique_ptr<FeedSockets> sockets_;
};

// It raised a mark that everybody heeded, and told the stuck one of the first thing that it lost.
TEST_F(FeedSocketsTest, AStuckSubscriberLosesOnlyWhatIsItsOwnAndLearnsOfAllOfIt) {
  constexpr uint64_t kRounds = 100;
  constexpr uint64_t kPerRound = 20;
  Subscriber honest(context_, *sockets_, "");
  Subscriber stuck(context_, *sockets_, "");
  honest.join();
  stuck.join();
  const std::string large(4 << 10, 'x');
  for (uint64_t round = 1; round <= kRounds; ++round) {
    for (uint64_t i = 0; i < kPerRound; ++i) {
      log_.append_event(CancelRequested{"0194-some-task", "", large});
    }
    honest.follow(round * kPerRound);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(honest.replayed(), 0u);
  stuck.follow(kRounds * kPerRound);
  EXPECT_GT(stuck.replayed(), 0u);
  std::vector<uint64_t> all;
  for (uint64_t seq = 1; seq <= kRounds * kPerRound; ++seq) all.push_back(seq);
  EXPECT_EQ(honest.numbers(), all);
  EXPECT_EQ(stuck.numbers(), all);
}

// A thousand of any size waited for whoever was stuck.
TEST_F(FeedSocketsTest, ALargeEventIsToBeAskedFor) {
  Subscriber subscriber(context_, *sockets_, "cancel_requested.");
  subscriber.join();
  log_.append(1);
  log_.append_event(CancelRequested{"0194-some-task", "", std::string(kFeedEventBytesMax, 'x')});
  log_.append(1);
  subscriber.follow(3);
  EXPECT_THAT(subscriber.numbers(), ::testing::ElementsAre(1, 2, 3));
  EXPECT_GE(subscriber.replayed(), 1u);
}

// They were kept without end. Events come all the same, and do not speak of what has no place.
TEST_F(FeedSocketsTest, SubscriptionsAreCounted) {
  Peer greedy(context_, ZMQ_SUB, sockets_->publish_endpoint());
  for (size_t i = 1; i < kFeedTopicsMax; ++i) greedy.subscribe("x" + std::to_string(i));
  greedy.subscribe("~beat.last");
  greedy.connect();
  EXPECT_EQ(greedy.next().at(0), "~beat.last");
  Peer late(context_, ZMQ_SUB, sockets_->publish_endpoint());
  late.subscribe("cancel");
  late.connect();
  do log_.append(1);
  while (!late.hears_within(10ms));
  const std::vector<std::string> parts = late.next();
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0], "cancel_requested.0194-some-task");
  EXPECT_EQ(json::parse(parts[2]), (json{{"~log", "log-a"}}));
}

TEST_F(FeedSocketsTest, EverySubscriptionHasAChainOfItsOwn) {
  Subscriber all(context_, *sockets_, "");
  all.join();
  Subscriber type(context_, *sockets_, "cancel_requested.");
  type.join();
  Subscriber task(context_, *sockets_, "cancel_requested.0194-two");
  task.join();
  log_.append_event(CancelRequested{"0194-one", "", ""});
  log_.append_event(WorkerLost{"bench", 1, "gone"});
  log_.append_event(CancelRequested{"0194-two", "", ""});
  EXPECT_EQ(type.hear_event().number, 1u);
  const Heard second = type.hear_event();
  EXPECT_EQ(second.topic, "cancel_requested.0194-two");
  EXPECT_EQ(second.number, 3u);
  EXPECT_EQ(second.before.at(""), 2);
  EXPECT_EQ(second.before.at("cancel_requested."), 1);
  EXPECT_EQ(second.before.at("cancel_requested.0194-two"), 0);
  EXPECT_EQ(json::parse(second.event)["seq"], 3);
  EXPECT_EQ(task.hear_event().number, 3u);
}

// The log is far ahead of a subscription that matches rarely: nothing is to be asked for that.
TEST_F(FeedSocketsTest, ABeatSaysWhatTheNewestOfASubscriptionWas) {
  Subscriber quiet(context_, *sockets_, "worker_lost.");
  quiet.join();
  log_.append_event(WorkerLost{"bench", 1, "gone"});
  EXPECT_EQ(quiet.hear_event().number, 1u);
  log_.append(7);
  Heard beat = quiet.hear();
  while (beat.number < 8) beat = quiet.hear();
  EXPECT_EQ(beat.topic, "~beat.worker_lost.");
  EXPECT_EQ(beat.before, (json{{"~log", "log-a"}, {"worker_lost.", 1}}));
  EXPECT_EQ(beat.event, "");
}

// Answers came from the thread that publishes.
TEST_F(FeedSocketsTest, AQuestionThatTheBrokerDoesNotAnswerHoldsUpNoEvent) {
  log_.append(3);
  Subscriber subscriber(context_, *sockets_, "");
  subscriber.join();
  log_.hold_readers(true);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  send_part(asker.handle(), "", ZMQ_SNDMORE);
  send_part(asker.handle(), R"({"from": 1})", 0);
  log_.await_held_reader();
  log_.append(1);
  EXPECT_EQ(subscriber.hear_event().number, 4u);
  log_.hold_readers(false);
  EXPECT_EQ(json::parse(asker.next().at(1))["head"], 4);
}

// Its numbers are smaller: it was published again only when it had as many events as the other.
TEST_F(FeedSocketsTest, AnotherLogIsPublishedFromWhereItIs) {
  log_.append(5);
  Subscriber subscriber(context_, *sockets_, "");
  subscriber.join();
  log_.replace("log-b");
  Heard heard = subscriber.hear();
  while (heard.number != 0 && !HasFailure()) heard = subscriber.hear();
  log_.append(1);
  heard = subscriber.hear_event();
  EXPECT_EQ(heard.number, 1u);
  EXPECT_EQ(heard.before.at("~log"), "log-b");
}

// A longer log has all the numbers that were had of the other.
TEST_F(FeedSocketsTest, AQuestionWithANumberOfAnotherLogIsRefused) {
  log_.append(5);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  const std::string question = R"({"from": 5, "log": "log-a"})";
  const json page = json::parse(ask(asker, {"", question}).at(1));
  EXPECT_EQ(page["events"].size(), 1u);
  EXPECT_EQ(page["log"], "log-a");
  log_.replace("log-b");
  log_.append(9);
  const json refusal = json::parse(ask(asker, {"", question}).at(1));
  EXPECT_THAT(refusal["error"], HasSubstr("another log"));
  EXPECT_EQ(refusal["log"], "log-b");
}

TEST_F(FeedSocketsTest, AnAnswerEndsWithWhatWasAskedFor) {
  log_.append(9);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  const json page = json::parse(ask(asker, {"", R"({"from": 2, "through": 4})"}).at(1));
  EXPECT_EQ(page["events"].size(), 3u);
  EXPECT_EQ(page["next"], 5);
  EXPECT_EQ(page["head"], 9);
}

// What was misspelt was not heeded: everything was answered.
TEST_F(FeedSocketsTest, WhatCannotBeAsked) {
  log_.append(1);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  const std::pair<std::string, std::string> rows[] = {
      {R"({"from": 1, "typ": "task_ended"})", "did you mean \"type\"?"},
      {R"({"from": 1, "type": "cancel_request"})", "did you mean cancel_requested?"},
      {R"({"from": 1, "type": 7})", "type is no text"},
      {R"({"from": 1, "guid": "x"})", "guid: "},
      {R"({"from": 0})", "from is not"},
      {R"({"from": 1, "through": "x"})", "through is not"},
      {R"([1])", "a question is a JSON object"},
  };
  for (const auto& [question, reason] : rows) {
    const json answer = json::parse(ask(asker, {"", question}).at(1));
    EXPECT_EQ(answer["schema"], "muster.error/1") << question;
    EXPECT_THAT(answer["error"].get<std::string>(), HasSubstr(reason)) << question;
  }
}

// ZeroMQ hung up, and whoever asked waited for ever.
TEST_F(FeedSocketsTest, AQuestionThatIsTooLongIsToldSo) {
  log_.append(1);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  for (const size_t bytes : {kQuestionBytesMax + 1, size_t{100'000}}) {
    const json answer = json::parse(ask(asker, {"", std::string(bytes, 'x')}).at(1));
    EXPECT_EQ(answer["error"], "a question may have 4096 bytes");
  }
  EXPECT_EQ(json::parse(ask(asker, {"", R"({"from": 1})"}).at(1))["head"], 1);
}

// Every answer waited for it, 10,000 pages of them.
TEST_F(FeedSocketsTest, AnAskerThatNeverReadsHoldsFewAnswers) {
  constexpr int kQuestions = 200;
  for (int i = 0; i < 10; ++i) {
    log_.append_event(CancelRequested{"0194-some-task", "", std::string(30 << 10, 'x')});
  }
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  set_option(asker.handle(), ZMQ_RCVHWM, 1);
  asker.connect();
  const auto send = [&](const std::string& question) {
    send_part(asker.handle(), "", ZMQ_SNDMORE);
    send_part(asker.handle(), question, 0);
  };
  for (int i = 0; i < kQuestions; ++i) send(R"({"from": 1})");
  log_.await_reads(kQuestions);
  int answers = 0;
  // Each answer that is taken makes room for one more.
  for (bool is_last = false; !is_last && !HasFailure(); ++answers) {
    send(R"({"from": 10})");
    const std::vector<std::string> parts = asker.next();
    ASSERT_EQ(parts.size(), 2u);
    is_last = json::parse(parts[1])["events"].at(0)["seq"] == 10;
  }
  EXPECT_LT(answers, kQuestions / 4);
}

// Answers that there was room for were dropped when they came fast.
TEST_F(FeedSocketsTest, AnAskerThatTakesItsAnswersLosesNone) {
  constexpr int kQuestions = 5'000;
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  const auto send = [&] {
    send_part(asker.handle(), "", ZMQ_SNDMORE);
    send_part(asker.handle(), "{}", 0);
  };
  for (int i = 0; i < kAnswersMax; ++i) send();
  for (int i = 0; i < kQuestions; ++i) {
    ASSERT_EQ(asker.next().size(), 2u) << i;
    send();
  }
}

TEST_F(FeedSocketsTest, AnAnswerSaysWhereALogThatWasTrimmedBegins) {
  log_.append(40);
  log_.trim(21);
  Peer asker(context_, ZMQ_DEALER, sockets_->replay_endpoint());
  asker.connect();
  const json answer = json::parse(ask(asker, {"", R"({"from": 2})"}).at(1));
  EXPECT_THAT(answer["error"], HasSubstr("events 2 to 20 were trimmed"));
  EXPECT_EQ(answer["tail"], 21);
}

// Whoever wants to ask again after an answer that never came needs ZMQ_REQ_CORRELATE.
TEST_F(FeedSocketsTest, QuestionsMayHaveNumbers) {
  log_.append(2);
  Peer asker(context_, ZMQ_REQ, sockets_->replay_endpoint());
  set_option(asker.handle(), ZMQ_REQ_CORRELATE, 1);
  asker.connect();
  EXPECT_EQ(json::parse(ask(asker, {R"({"from": 1})"}).at(0))["head"], 2);
  EXPECT_THAT(ask(asker, {"nonsense"}).at(0), HasSubstr("a question is a JSON object"));
}

}  // namespace
}  // namespace muster
