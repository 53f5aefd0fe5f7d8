// The two sockets of a feed that others than muster read: one that tells everybody, and one that
// answers questions. Options and endpoints are those of io/socket.h, but what comes in is small and
// fewer messages wait for a subscriber.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "io/socket.h"

namespace muster {

// Of a subscription; the connection of a longer one ends.
inline constexpr size_t kFeedTopicMessageBytesMax = 4 << 10;
inline constexpr size_t kQuestionBytesMax = 4 << 10;
// A longer question is heard, so that it can be told so; the connection of one longer than this
// ends, of which its asker hears nothing.
inline constexpr size_t kQuestionHeardBytesMax = 256 << 10;
// Messages that wait for one subscriber that is slow; what comes then is lost to it, and to no
// other.
inline constexpr int kFeedQueueMax = 1'000;
// Answers that wait for one asker, beside what the connection holds: each may be a page of a
// quarter of a megabyte or, with a large event, of more. Who asks for more than it takes loses
// them.
inline constexpr int kAnswersMax = 2;
// Questions that wait, of one asker.
inline constexpr int kQuestionsWaitingMax = 8;

// XPUB: a message goes to whoever has subscribed to a beginning of its first part.
class PublisherSocket {
 public:
  static Result<std::unique_ptr<PublisherSocket>> bind(SocketContext& context,
                                                       const std::string& endpoint,
                                                       int queue_max = kFeedQueueMax);
  virtual ~PublisherSocket() = default;

  struct Subscription {
    bool is_new = false;  // else nobody has it any more
    std::string topic;
  };
  // Every subscription, a repeated one too. Nothing when there is none to tell of.
  virtual std::optional<Subscription> receive() = 0;

  // To those who want it and whose queue has room. Whose queue was full gets nothing until it has
  // taken about half of it, and nobody tells of that: messages must say what came before them.
  virtual void send(const std::vector<std::string>& parts) = 0;

  virtual std::string endpoint() const = 0;  // as bound
  virtual void* handle() = 0;                // for Poller only
};

// ROUTER, for REQ (ZMQ_REQ_CORRELATE or not) and DEALER sockets: one part a question, one part an
// answer.
class AnswerSocket {
 public:
  static Result<std::unique_ptr<AnswerSocket>> bind(SocketContext& context,
                                                    const std::string& endpoint);
  virtual ~AnswerSocket() = default;

  struct Question {
    std::vector<std::string> envelope;  // of the answer
    std::string body;
    bool barred = false;    // its key may not ask any more
    bool too_long = false;  // past kQuestionBytesMax: there is no body
  };
  virtual std::optional<Question> receive() = 0;
  // Dropped when the asker has gone, or has kAnswersMax answers that it does not take.
  virtual void send(const Question& question, std::string answer) = 0;

  virtual std::string endpoint() const = 0;
  virtual void* handle() = 0;
};

}  // namespace muster
