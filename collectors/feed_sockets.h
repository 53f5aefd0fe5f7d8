// The feed over ZeroMQ (docs/feed.md has the protocol and an example).
//
// Publisher (XPUB), messages of four parts: topic, number, lost, event.
//   TYPE.GUID   an event: its number and its JSON; TYPE. without a task
//   ~join.WORD  to who has subscribed to it: everything after `number` will come
//   ~beat       every kFeedBeat while anybody subscribes: `number` is that of the newest event
// `lost` is the newest number that somebody may have missed, because its queue was full.
//
// Answers (ROUTER): a question {"from": SEQ, "through": SEQ, "type": "", "guid": ""} of which all
// but from may be missing is answered by a page of the log, {"schema": "muster.events/1", head,
// next, events []}, or {"schema": "muster.error/1", "error": ...}.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collectors/feed.h"
#include "collectors/stop.h"
#include "core/result.h"
#include "io/file.h"
#include "io/socket_publisher.h"

namespace muster {

class FeedSockets {
 public:
  // The feed and the context outlive it. Errors: an endpoint cannot be had.
  static Result<std::unique_ptr<FeedSockets>> start(Feed& feed, SocketContext& sockets,
                                                    const std::string& publish,
                                                    const std::string& replay, Duration beat,
                                                    int queue_max = kFeedQueueMax);
  ~FeedSockets();

  std::string publish_endpoint() const { return publisher_->endpoint(); }
  std::string replay_endpoint() const { return answerer_->endpoint(); }

 private:
  FeedSockets(Feed& feed, std::unique_ptr<PublisherSocket> publisher,
              std::unique_ptr<AnswerSocket> answerer, Duration beat);

  void run();
  void take_subscriptions();
  void answer_questions();
  void publish_news();
  void publish(const std::string& topic, uint64_t seq, const std::string& event);
  void answer_joins();
  Duration beat_if_due();
  std::string answer(const std::string& question);

  Feed& feed_;
  const std::unique_ptr<PublisherSocket> publisher_;
  const std::unique_ptr<AnswerSocket> answerer_;
  const Duration beat_;
  UniqueFd news_;  // readable when the feed has something new
  Stop stop_;

  // Of the thread.
  std::set<std::string> topics_;  // that somebody has subscribed to
  std::vector<std::string> joins_;
  std::unique_ptr<FeedSubscription> subscription_;  // null while nobody subscribes
  uint64_t published_ = 0;                          // newest number; 0: not known yet
  uint64_t lost_ = 0;
  int64_t beaten_us_ = 0;

  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace muster
