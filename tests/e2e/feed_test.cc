// The feed, with real processes: whoever asks has every event once, whatever is killed meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "core/work.h"
#include "io/archive_name.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/http.h"
#include "tests/support/expect_run.h"
#include "tests/support/feed_subscriber.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);

class FeedTest : public ::testing::Test {
 protected:
  FeedTest() : house_(MUSTER_BIN_DIR) {
    broker_ = house_.start_broker();
    worker_ = house_.start_worker("worker", 10);
    collector_ = house_.start_collector();
    client_ = house_.connect();
    tail_.emplace(*client_);
    EXPECT_TRUE(eventually([&] { return feed_status().contains("subscribers"); }));
  }

  std::string base() const { return unix_url(house_.home().http_socket()); }

  json feed_status() {
    const HttpReply reply = HttpClient().ask({.url = base() + "/api/v1/feed"});
    const json status = json::parse(reply.body, nullptr, false);
    return status.is_object() ? status : json::object();
  }

  // So many jobs, until they have ended.
  void run_jobs(int count) {
    const int before = jobs_;
    Submit message;
    for (int i = 0; i < count; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "feed-test/" + std::to_string(jobs_++);
      spec->submitter = "test@house";
      JobWork work;
      work.source = CommandSource{{"/bin/true"}};
      spec->work = encode_work(work);
      message.tasks.push_back(std::move(spec));
    }
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
    std::set<std::string> ended;
    const auto enough = [&](const Event& event) {
      const auto* attempt = std::get_if<AttemptEnded>(&event.body);
      if (attempt != nullptr && attempt->verdict != Verdict::none) {
        ended.insert(attempt->token.guid);
      }
      return ended.size() >= static_cast<size_t>(jobs_ - before);
    };
    ASSERT_TRUE(tail_->wait_for(enough, kPatience)) << house_.daemon_output();
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Client> client_;
  std::optional<EventTail> tail_;
  int jobs_ = 0;
};

TEST_F(FeedTest, KillsCostNobodyAnEvent) {
  std::vector<std::unique_ptr<FeedSubscriber>> subscribers;
  for (int i = 0; i < 4; ++i) subscribers.push_back(std::make_unique<FeedSubscriber>(base()));
  run_jobs(10);
  collector_->kill_now();
  run_jobs(10);
  collector_ = house_.start_collector();
  run_jobs(10);
  broker_->kill_now();
  broker_ = house_.start_broker();
  subscribers.push_back(std::make_unique<FeedSubscriber>(base()));  // comes late
  run_jobs(10);
  tail_->catch_up();
  const uint64_t head = tail_->events().size();
  for (const auto& subscriber : subscribers) {
    EXPECT_TRUE(eventually([&] { return subscriber->last() >= head; }, kPatience))
        << subscriber->last() << " of " << head << house_.daemon_output();
    const std::vector<FeedSubscriber::Had>& had = subscriber->leave();
    ASSERT_GE(had.size(), head);
    for (uint64_t seq = 1; seq <= head; ++seq) ASSERT_EQ(had[seq - 1].seq, seq);
  }
}

// The second program of docs/feed.md, as it stands there.
TEST_F(FeedTest, TheDocumentedSubscriberOfZeroMqMissesNothing) {
  const std::string text = read_text(std::string(MUSTER_SOURCE_DIR) + "/docs/feed.md");
  const size_t begin = text.rfind("```python\n") + 10;
  const std::string script =
      house_.write("feed.py", text.substr(begin, text.find("```", begin) - begin));
  const std::string out = house_.write("feed.out", "");
  ChildSpec spec;
  spec.argv = {"/usr/bin/python3", script, "ipc://" + house_.home().run_dir(), "task_submitted."};
  spec.stdout_file = out;
  spec.stderr_file = house_.write("feed.err", "");
  run_jobs(5);
  const Child subscriber(spec);
  const auto numbers = [&] {
    std::vector<uint64_t> read;
    std::istringstream lines(read_text(out));
    for (std::string line; std::getline(lines, line);) read.push_back(std::stoull(line));
    return read;
  };
  const auto has_all = [&] { return numbers().size() >= static_cast<size_t>(jobs_); };
  ASSERT_TRUE(eventually(has_all, kPatience)) << read_text(spec.stderr_file);
  run_jobs(5);
  ASSERT_TRUE(eventually(has_all, kPatience)) << read_text(spec.stderr_file);
  collector_->kill_now();
  run_jobs(5);  // while nobody publishes
  collector_ = house_.start_collector();
  ASSERT_TRUE(eventually(has_all, kPatience))
      << read_text(spec.stderr_file) << house_.daemon_output();
  run_jobs(5);
  ASSERT_TRUE(eventually(has_all, kPatience)) << read_text(spec.stderr_file);
  tail_->catch_up();
  std::vector<uint64_t> expected;
  for (size_t i = 0; i < tail_->events().size(); ++i) {
    if (std::holds_alternative<TaskSubmitted>(tail_->events()[i].body)) expected.push_back(i + 1);
  }
  EXPECT_EQ(numbers(), expected);
}

TEST_F(FeedTest, EventsFollowsTheFeedAndGoesOnWithoutIt) {
  run_jobs(3);
  tail_->catch_up();
  const size_t wanted = tail_->events().size() + 5;
  Ran ran;
  std::thread follower([&] {
    ran = house_.muster(
        {"events", "-f", "--from", "1", "-n", std::to_string(wanted), "-o", "jsonl"}, kPatience);
  });
  EXPECT_TRUE(eventually([&] { return feed_status().value("subscribers", 0) == 1; }));
  collector_->kill_now();
  run_jobs(5);
  follower.join();
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("going on with the broker's own log"));
  std::istringstream lines(ran.out);
  uint64_t seq = 0;
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line);
    EXPECT_EQ(event["schema"], "muster.event/1");
    EXPECT_EQ(event["seq"], ++seq);
  }
  EXPECT_EQ(seq, wanted);
}

// It went on with the same numbers, which are other events.
TEST_F(FeedTest, EventsThatAreFollowedEndWithTheirLog) {
  run_jobs(3);
  for (const bool by_feed : {true, false}) {
    Ran ran;
    std::thread follower([&] { ran = house_.muster({"events", "-f", "--from", "1"}, kPatience); });
    EXPECT_TRUE(eventually([&] { return feed_status().value("subscribers", 0) == 1; }));
    if (!by_feed) collector_->kill_now();
    broker_->kill_now();
    std::filesystem::remove_all(house_.home().broker_dir());
    broker_ = house_.start_broker();
    follower.join();
    EXPECT_EQ(ran.status, 69) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("the broker has another log now"));
  }
}

// With nobody to ask but a collector that has no broker.
TEST_F(FeedTest, SaysThatTheBrokerIsAway) {
  std::string said;
  broker_->kill_now();
  HttpRequest request;
  request.url = base() + "/api/v1/events?from=1&format=sse";
  request.take = [&](std::string_view bytes) {
    said += bytes;
    return said.find(": away: ") == said.npos;
  };
  HttpClient().ask(std::move(request));
  EXPECT_THAT(said, HasSubstr(": away: "));
  const HttpReply page = HttpClient().ask({.url = base() + "/api/v1/events?from=1"});
  EXPECT_EQ(page.status, 503);
}

// A subscriber that is there does not hold up the collector's end.
TEST_F(FeedTest, TheCollectorEndsWithSubscribers) {
  FeedSubscriber subscriber(base());
  run_jobs(1);
  EXPECT_TRUE(eventually([&] { return subscriber.last() > 0; }));
  EXPECT_EQ(collector_->stop(std::chrono::seconds(10)), 0) << house_.daemon_output();
}

}  // namespace
}  // namespace muster
