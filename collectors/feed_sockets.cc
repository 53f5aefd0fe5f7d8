#include "collectors/feed_sockets.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "collectors/http_answers.h"
#include "core/guid.h"
#include "io/clock.h"
#include "io/json_members.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBeat = "~beat.";
constexpr std::string_view kLog = "~log";
// After a subscription to the log that has ended: the broker has another one, or is away.
constexpr Duration kAgainAfter = 250ms;
// At once: whoever has more to say is heard again when the others were.
constexpr int kPerTurn = 100;

enum Key : uint64_t { kSocket, kNews, kStop };

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
      publishing_([this] { publish(); }),
      answering_([this] { answer_questions(); }) {}

FeedSockets::~FeedSockets() { stop_.raise(); }

// --- the publisher ---

void FeedSockets::publish() {
  Poller poller;
  poller.add_socket(publisher_->handle(), kSocket);
  poller.add_fd(news_.get(), POLLIN, kNews);
  poller.add_fd(stop_.fd(), POLLIN, kStop);
  while (!stop_.raised()) {
    take_subscriptions();
    publish_news();
    publish_beats();
    poller.wait(until_beat());
    eventfd_t drained = 0;
    ::eventfd_read(news_.get(), &drained);
  }
}

void FeedSockets::take_subscriptions() {
  int taken = 0;
  for (; taken < kPerTurn; ++taken) {
    const auto change = publisher_->receive();
    if (!change) break;
    take_subscription(*change);
  }
  // There may be more: the poll must not wait.
  if (taken == kPerTurn) ::eventfd_write(news_.get(), 1);
  if (sent_.empty() && beats_.empty()) {
    subscription_.reset();
    published_.reset();
  } else if (!subscription_) {
    subscription_ = feed_.subscribe({}, {}, FeedSide::own, news_.get());
  }
}

void FeedSockets::take_subscription(const PublisherSocket::Subscription& change) {
  const std::string& topic = change.topic;
  if (!is_utf8(topic)) return;  // no member of an object: its events say nothing of it
  if (!change.is_new) {
    beats_.erase(topic);
    due_.erase(topic);
    sent_.erase(topic);
    return;
  }
  const bool is_known = beats_.contains(topic) || sent_.contains(topic);
  const bool has_place = beats_.size() + sent_.size() < kFeedTopicsMax;
  if (topic.size() > kFeedTopicBytesMax || (!is_known && !has_place)) {
    spdlog::debug("feed: a subscription is one too many, or too long: {}", quote_text(topic));
    return;
  }
  if (topic.starts_with(kBeat)) {
    beats_.insert(topic);
    due_.insert(topic);
  } else {
    sent_.emplace(topic, published_.value_or(0));
  }
}

void FeedSockets::publish_news() {
  for (int i = 0; subscription_ && i < kPerTurn; ++i) {
    const FeedBatch batch = subscription_->next(Duration(0));
    if (batch.ended.empty()) log_id_ = batch.log_id;
    if (!published_ && batch.next > 0) {
      begin_after((batch.events.empty() ? batch.next : batch.events.front()->seq) - 1);
    }
    for (const FeedEventPtr& event : batch.events) publish_event(*event);
    if (batch.next > 0) published_ = batch.next - 1;
    if (!batch.ended.empty()) {
      spdlog::info("feed: publishing stands still: {}", batch.ended);
      if (batch.is_place_lost) published_.reset();
      FeedPosition next;
      if (published_) next = {*published_ + 1, log_id_};
      subscription_ = feed_.subscribe(std::move(next), {}, FeedSide::own, news_.get());
      stop_.wait_for(kAgainAfter);
      return;
    }
    if (batch.events.empty()) return;
  }
  // There is more: the poll must not wait.
  if (subscription_) ::eventfd_write(news_.get(), 1);
}

// Nobody has had anything up to `seq` from here, for all that is known.
void FeedSockets::begin_after(uint64_t seq) {
  published_ = seq;
  for (auto& [subscription, newest] : sent_) newest = seq;
  due_ = beats_;
}

JsonWriter FeedSockets::begin_before() const {
  JsonWriter before;
  before.begin_object();
  before.text(kLog, log_id_);
  return before;
}

void FeedSockets::publish_event(const FeedEvent& event) {
  const std::string topic = event.type + "." + event.guid;
  const bool is_sent = event.json.size() <= kFeedEventBytesMax;
  JsonWriter before = begin_before();
  for (size_t size = 0; size <= topic.size(); ++size) {
    const auto sent = sent_.find(std::string_view(topic).substr(0, size));
    if (sent == sent_.end()) continue;
    before.number(sent->first, std::exchange(sent->second, event.seq));
    const std::string beat = std::string(kBeat) + sent->first;
    if (!is_sent && beats_.contains(beat)) due_.insert(beat);
  }
  before.end_object();
  if (!is_sent) return;
  publisher_->send({topic, std::to_string(event.seq), before.take(), event.json});
}

// Where the log is must be known for that.
void FeedSockets::publish_beats() {
  if (!published_) return;
  for (const std::string& topic : std::exchange(due_, {})) {
    JsonWriter before = begin_before();
    const auto sent = sent_.find(std::string_view(topic).substr(kBeat.size()));
    if (sent != sent_.end()) before.number(sent->first, sent->second);
    before.end_object();
    publisher_->send({topic, std::to_string(*published_), before.take(), ""});
  }
}

// How long the next beat is away; negative: there is none. One that is due is sent before the wait
// after this one, which is none.
Duration FeedSockets::until_beat() {
  if (!subscription_) return Duration(-1);
  const Duration since(boot_us() - beaten_us_);
  if (since < beat_) return beat_ - since;
  beaten_us_ = boot_us();
  due_ = beats_;
  return Duration(0);
}

// --- the answers ---

void FeedSockets::answer_questions() {
  Poller poller;
  poller.add_socket(answerer_->handle(), kSocket);
  poller.add_fd(stop_.fd(), POLLIN, kStop);
  while (!stop_.raised()) {
    if (const auto question = answerer_->receive()) {
      answerer_->send(*question, answer(*question));
    } else {
      poller.wait(Duration(-1));
    }
  }
}

std::string FeedSockets::answer(const AnswerSocket::Question& question) {
  if (question.barred) return error_json("this key may not ask (any more)");
  if (question.too_long) {
    return error_json("a question may have " + std::to_string(kQuestionBytesMax) + " bytes");
  }
  const Json json = Json::parse(question.body, nullptr, false);
  if (!json.is_object()) return error_json("a question is a JSON object: {\"from\": 1}");
  const QueryWords known{{"from", "through", "type", "guid", "log"}, "docs/feed.md"};
  for (const auto& [word, value] : json.items()) {
    if (std::find(known.words.begin(), known.words.end(), word) == known.words.end()) {
      return error_json(known.why_not(word));
    }
    const bool is_text = word == "type" || word == "guid" || word == "log";
    if (is_text && !value.is_string()) return error_json(word + " is no text");
  }
  const JsonMembers members(json);
  const uint64_t from = members.number("from");
  if (from == 0) return error_json("from is not the number of an event; they begin with 1");
  const uint64_t through =
      members.find("through") == nullptr ? UINT64_MAX : members.number("through");
  if (through == 0) return error_json("through is not the number of an event");
  const FeedFilter filter{members.text("type"), members.text("guid")};
  if (const auto why = invalid_filter(filter)) return error_json(*why);
  FeedBatch batch = feed_.read({from, members.text("log")}, filter);
  if (!batch.ended.empty()) return feed_error_to_json(batch);
  std::erase_if(batch.events, [&](const FeedEventPtr& event) { return event->seq > through; });
  // What is later was not looked at, as far as the asker knows.
  if (batch.next > through) batch.next = std::max(from, through + 1);
  return feed_page_to_json(batch);
}

}  // namespace muster
