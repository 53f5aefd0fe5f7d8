// The collector's feed as the CLI follows it: what its end means.
#include "cli/event_feed.h"

#include <gtest/gtest.h>

#include "tests/support/endless_server.h"

namespace muster {
namespace {

// Follows log-a from event 5 until the feed has ended with this document.
class EventFeedTest : public ::testing::Test {
 protected:
  void follow_to(const std::string& end) {
    end_ = end;
    ApiAddress address;
    address.base = server_.url();
    feed_.emplace(address, 5, "log-a", "", "");
    while (feed_->gone().empty()) {
      for (FeedItem& item : feed_->next(1s)) items_.push_back(std::move(item));
    }
  }

  std::string end_;
  EndlessServer server_{[this](const std::string&) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
           "id: 5@log-a\nevent: worker_lost\ndata: {\"seq\": 5}\n\n"
           "id\nevent: end\ndata: " +
           end_ + "\n\n";
  }};
  std::optional<EventFeed> feed_;
  std::vector<FeedItem> items_;
};

TEST_F(EventFeedTest, AnEndWithAnotherLogIsTheEndOfOurs) {
  follow_to(R"({"schema": "muster.feed_end/1", "reason": "another log", "log": "log-b"})");
  EXPECT_TRUE(feed_->is_of_other_log());
  EXPECT_EQ(feed_->gone(), "another log");
}

// Whatever had no `next` was told as another log, and its reason was dropped.
TEST_F(EventFeedTest, AnEndWithoutANextIsOfOurLogWhereItSaysSo) {
  for (const std::string log : {R"(, "log": "log-a")", ""}) {
    follow_to(R"({"schema": "muster.feed_end/1", "reason": "a block cannot be read")" + log + "}");
    EXPECT_FALSE(feed_->is_of_other_log());
    EXPECT_EQ(feed_->gone(), "a block cannot be read");
    EXPECT_EQ(feed_->position(), 6u);
  }
  EXPECT_EQ(items_.size(), 2u);
}

}  // namespace
}  // namespace muster
