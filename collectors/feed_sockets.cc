#include "collectors/feed_sockets.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/guid.h"
#include "io/clock.h"
#include "io/json_members.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kJoin[] = "~join.";
constexpr char kBeatTopic[] = "~beat";
// After a subscription to the log that has ended: the broker has another one, or is away.
constexpr Duration kAgainAfter = 250ms;
// At once: whoever has more to say is heard again when the others were.
constexpr int kPerTurn = 100;
// Who asks to join faster than that is not answered.
constexpr size_t kJoinsMax = 1'000;

enum Key : uint64_t { kPublisher, kAnswerer, kNews, kStop };

std::string error_json(const std::string& reason) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.error/1");
  json.text("error", reason);
  json.end_object();
  return json.take();
}

}  // namespace

Result<std::unique_ptr<FeedSockets>> FeedSockets::start(Feed& feed, SocketContext& sockets,
                                                        const std::string& publish,
                                                        const std::string& replay, Duration beat,
                                                        int queue_max) {
  auto publisher = PublisherSocket::bind(sockets, publish, queue_max);
  if (!publisher) return Error{publisher.error()};
  auto answerer = AnswerSocket::bind(sockets, replay);
  if (!answerer) return Error{answerer.error()};
  return std::unique_ptr<FeedSockets>(
      new FeedSockets(feed, std::move(*publisher), std::move(*answerer), beat));
}

FeedSockets::FeedSockets(Feed& feed, std::unique_ptr<PublisherSocket> publisher,
                         std::unique_ptr<AnswerSocket> answerer, Duration beat)
    : feed_(feed),
      publisher_(std::move(publisher)),
      answerer_(std::move(answerer)),
      beat_(beat),
      news_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

FeedSockets::~FeedSockets() { stop_.raise(); }

void FeedSockets::run() {
  Poller poller;
  poller.add_socket(publisher_->handle(), kPublisher);
  poller.add_socket(answerer_->handle(), kAnswerer);
  poller.add_fd(news_.get(), POLLIN, kNews);
  poller.add_fd(stop_.fd(), POLLIN, kStop);
  while (!stop_.raised()) {
    take_subscriptions();
    answer_questions();
    publish_news();
    answer_joins();
    poller.wait(beat_if_due());
    eventfd_t drained = 0;
    ::eventfd_read(news_.get(), &drained);
  }
}

void FeedSockets::take_subscriptions() {
  while (const auto change = publisher_->receive()) {
    if (!change->is_new) {
      topics_.erase(change->topic);
      continue;
    }
    topics_.insert(change->topic);
    if (change->topic.starts_with(kJoin) && joins_.size() < kJoinsMax) {
      joins_.push_back(change->topic);
    }
  }
  if (topics_.empty()) {
    subscription_.reset();
    published_ = 0;
  } else if (!subscription_) {
    subscription_ = feed_.subscribe(0, {}, news_.get());
  }
}

void FeedSockets::answer_questions() {
  for (int i = 0; i < kPerTurn; ++i) {
    const auto question = answerer_->receive();
    if (!question) return;
    answerer_->send(*question, answer(question->body));
  }
}

std::string FeedSockets::answer(const std::string& question) {
  const Json json = Json::parse(question, nullptr, false);
  if (!json.is_object()) return error_json("a question is a JSON object: {\"from\": 1}");
  const JsonMembers members(json);
  const uint64_t from = members.number("from");
  if (from == 0) return error_json("from is not the number of an event; they begin with 1");
  const uint64_t through =
      members.find("through") == nullptr ? UINT64_MAX : members.number("through");
  FeedBatch batch = feed_.read(from, {members.text("type"), members.text("guid")});
  if (!batch.ended.empty()) return error_json(batch.ended);
  std::erase_if(batch.events, [&](const FeedEventPtr& event) { return event->seq > through; });
  return feed_page_to_json(batch);
}

void FeedSockets::publish_news() {
  for (int i = 0; subscription_ && i < kPerTurn; ++i) {
    FeedBatch batch = subscription_->next(Duration(0));
    for (const FeedEventPtr& event : batch.events) {
      publish(event->type + "." + event->guid, event->seq, event->json);
    }
    if (batch.next > 0) published_ = batch.next - 1;
    if (!batch.ended.empty()) {
      spdlog::info("feed: publishing stands still: {}", batch.ended);
      // Where that is no place of the log any more, whoever followed has missed what is between.
      if (published_ == 0) lost_ = std::max(lost_, batch.head);
      subscription_ = feed_.subscribe(published_ == 0 ? 0 : published_ + 1, {}, news_.get());
      published_ = 0;
      stop_.wait_for(kAgainAfter);
      return;
    }
    if (batch.events.empty()) return;
  }
  // There is more: the poll must not wait.
  if (subscription_) ::eventfd_write(news_.get(), 1);
}

void FeedSockets::publish(const std::string& topic, uint64_t seq, const std::string& event) {
  if (publisher_->send({topic, std::to_string(seq), std::to_string(lost_), event})) return;
  lost_ = std::max(lost_, seq);
  publisher_->send_to_ready({topic, std::to_string(seq), std::to_string(lost_), event});
}

// Where the log is must be known for that.
void FeedSockets::answer_joins() {
  if (published_ == 0) return;
  for (const std::string& topic : std::exchange(joins_, {})) publish(topic, published_, "");
}

// How long the next beat is away.
Duration FeedSockets::beat_if_due() {
  if (!subscription_) return Duration(-1);
  const Duration since(boot_us() - beaten_us_);
  if (since < beat_) return beat_ - since;
  beaten_us_ = boot_us();
  if (published_ > 0) publish(kBeatTopic, published_, "");
  return beat_;
}

}  // namespace muster
