// The feed over ZeroMQ (docs/feed.md has the protocol and an example).
//
// Publisher (XPUB), messages of four parts: topic, number, before, event.
//   TYPE.GUID           an event: its number and its JSON; TYPE. without a task
//   ~beat.SUBSCRIPTION  at once to who subscribes to it, and every `beat`: `number` is that of the
//                       newest event, and there is no JSON
// `before` is an object that has for each SUBSCRIPTION, of those that somebody has and that the
// message is for, a number: no event of that subscription is between it and `number`; and in
// "~log", which is the beginning of no topic, the id of the log whose numbers these are. Whoever
// has not had all up to there was too slow, or away, and asks for what it lacks; nobody else hears
// of it. A queue that is full loses messages in silence, so nothing but such a chain tells of it.
//
// Answers (ROUTER), from a thread of their own: a question {"from": SEQ, "through": SEQ, "type":
// "", "guid": "", "log": ""} of which all but from may be missing is answered by a page of the log,
// {"schema": "muster.events/1", log, head, next, events []}, or {"schema": "muster.error/1",
// "error": ..., log}, with `tail` where the log begins later than what was asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "collectors/feed.h"
#include "collectors/stop.h"
#include "core/result.h"
#include "io/file.h"
#include "io/json_writer.h"
#include "io/socket_publisher.h"

namespace muster {

// Subscriptions that messages speak of, ~beat. or not. Who comes with more gets its events, but no
// beats, and asks where `before` does not name it, until others have left and it comes again.
inline constexpr size_t kFeedTopicsMax = 4'096;
// Nothing that is published begins with more: the longest GUID, of four bytes a character.
inline constexpr size_t kFeedTopicBytesMax = 2 << 10;
// An event of more JSON is not sent, since kFeedQueueMax of them may wait for one that is stuck: a
// beat that comes at once says that there is one to be asked for.
inline constexpr size_t kFeedEventBytesMax = 16 << 10;

class FeedSockets {
 public:
  // The feed and the context outlive it. Errors: an endpoint cannot be had.
  static Result<std::unique_ptr<FeedSockets>> start(Feed& feed, SocketContext& sockets,
                                                    const std::string& publish,
                                                    const std::string& replay, Duration beat,
                                                    int queue_max = kFeedQueueMax);
  // A question that waits for the broker ends with the feed (Feed::stop), which should come first.
  ~FeedSockets();

  std::string publish_endpoint() const { return publisher_->endpoint(); }
  std::string replay_endpoint() const { return answerer_->endpoint(); }

 private:
  FeedSockets(Feed& feed, std::unique_ptr<PublisherSocket> publisher,
              std::unique_ptr<AnswerSocket> answerer, Duration beat);

  void publish();
  void take_subscriptions();
  void take_subscription(const PublisherSocket::Subscription& change);
  void publish_news();
  void begin_after(uint64_t seq);
  void publish_event(const FeedEvent& event);
  void publish_beats();
  JsonWriter begin_before() const;
  Duration until_beat();

  void answer_questions();
  std::string answer(const AnswerSocket::Question& question);

  Feed& feed_;
  const std::unique_ptr<PublisherSocket> publisher_;
  const std::unique_ptr<AnswerSocket> answerer_;
  const Duration beat_;
  UniqueFd news_;  // readable when the feed has something new
  Stop stop_;

  // Of the publishing thread.
  std::map<std::string, uint64_t, std::less<>> sent_;  // subscriptions; their newest numbers
  std::set<std::string> beats_;                        // those of ~beat.
  std::set<std::string> due_;                          // of them, to be answered at once
  std::unique_ptr<FeedSubscription> subscription_;     // null while nobody subscribes
  std::optional<uint64_t> published_;                  // newest number; nothing: not known yet
  std::string log_id_;                                 // likewise; of the log whose number it is
  int64_t beaten_us_ = 0;

  // The last members: they use the others.
  std::jthread publishing_;
  std::jthread answering_;
};

}  // namespace muster
