// The logs of real daemons: what is in HOME/logs, and what of it becomes events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/codec.h"
#include "tests/e2e/audit.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr Duration kPatience = std::chrono::seconds(60);
constexpr int kExitUsage = 64;

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(read_text(path));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

class DaemonLogTest : public testing::Test {
 protected:
  void configure(const std::string& yaml) { house_.write("home/muster.yaml", yaml); }
  std::string log_file(const std::string& name) { return house_.home().logs_dir() + "/" + name; }

  void start(const std::vector<std::string>& flags = {}) {
    broker_ = house_.start_broker(flags);
    worker_ = house_.start_worker("local", 4, flags);
    collector_ = house_.start_collector(flags);
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
  }

  void run_job(const std::string& guid, const std::string& script) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = guid;
    spec->submitter = "test@house";
    JobWork work;
    work.source = CommandSource{{"/bin/sh", "-c", script}};
    spec->work = encode_work(work);
    ASSERT_TRUE(std::holds_alternative<Message>(client_->ask(Submit{{spec}, false}, kPatience)));
    const auto ended = [&](const Event& event) { return ended_guid(event) == guid; };
    ASSERT_TRUE(tail_->wait_for(ended, kPatience)) << house_.daemon_output();
  }

  std::vector<DaemonLogged> logged() const {
    std::vector<DaemonLogged> all;
    for (const Event& event : tail_->events()) {
      if (const auto* one = std::get_if<DaemonLogged>(&event.body)) all.push_back(*one);
    }
    return all;
  }
  // "METHOD" of calls that went well, "METHOD!" of others, of one task.
  std::vector<std::string> calls(const std::string& guid) const {
    std::vector<std::string> all;
    for (const Event& event : tail_->events()) {
      const auto* said = std::get_if<AttemptReported>(&event.body);
      if (said == nullptr || said->token.guid != guid) continue;
      if (const auto* made = std::get_if<CallMade>(&said->body)) all.push_back(made->method);
      if (const auto* failed = std::get_if<CallFailed>(&said->body)) {
        all.push_back(failed->method + "!");
      }
    }
    return all;
  }

  House house_{MUSTER_BIN_DIR};
  std::unique_ptr<Child> broker_, worker_, collector_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
};

TEST_F(DaemonLogTest, EachDaemonHasALogOfItsOwnAndOneOfWhatItPrints) {
  start({"--log-json"});
  run_job("daemon-log-1", "true");
  house_.muster({"doctor", "--wait", "60s"});  // the collector is up, too
  for (const char* name : {"broker", "worker-local", "collector"}) {
    const std::vector<std::string> lines = lines_of(log_file(std::string(name) + ".log"));
    EXPECT_FALSE(lines.empty()) << name;
    for (const std::string& text : lines) {
      const json line = json::parse(text, nullptr, false);
      ASSERT_TRUE(line.is_object()) << text;
      EXPECT_EQ(line.size(), 5u) << text;
      EXPECT_EQ(line["daemon"], name);
      for (const char* key : {"time", "level", "message"}) EXPECT_TRUE(line[key].is_string());
      EXPECT_TRUE(line["pid"].is_number_unsigned());
    }
    EXPECT_THAT(read_text(log_file(std::string(name) + ".err")), HasSubstr("begins as process"));
  }
  EXPECT_THAT(house_.muster({"doctor"}).out, HasSubstr(house_.home().logs_dir()));
}

TEST_F(DaemonLogTest, AWrongLevelIsRefusedByFlagAndByFile) {
  const auto statuses = [&](const std::vector<std::string>& flags) {
    std::vector<int> all;
    for (const auto& daemon : {house_.start_broker(flags), house_.start_collector(flags),
                               house_.start_worker("local", 1, flags)}) {
      all.push_back(daemon->wait(kPatience).value_or(-1));
    }
    return all;
  };
  const std::vector<int> usage(3, kExitUsage);
  EXPECT_EQ(statuses({"--log-level", "loud"}), usage);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("loud"));
  configure("log: { level: loud }\n");
  EXPECT_EQ(statuses({}), usage);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("\"level\" must be one of info, trace"));
}

// The last words of a crash: in a file of the daemon's, in the log of the next, and among the
// events.
TEST_F(DaemonLogTest, LinesBecomeEventsOfEachDaemonOnce) {
  configure("log: { events: warn }\n");
  const std::set<std::string> daemons = {"broker", "worker-local", "collector"};
  for (const std::string& daemon : daemons) {
    house_.write("home/logs/" + daemon + ".err",
                 "--- " + daemon + " begins\n*** stack smashing detected in " + daemon + "\n");
  }
  start();
  std::set<std::string> heard;
  const auto all_heard = [&](const Event& event) {
    const auto* one = std::get_if<DaemonLogged>(&event.body);
    if (one != nullptr && one->line.level == LogLevel::warning &&
        one->line.text.ends_with("stack smashing detected in " + one->daemon)) {
      heard.insert(one->daemon);
    }
    return heard == daemons;
  };
  ASSERT_TRUE(tail_->wait_for(all_heard, kPatience)) << house_.daemon_output();

  // A broker that dies knows afterwards what it was told.
  broker_->signal(SIGKILL);
  broker_->wait(kPatience);
  broker_ = house_.start_broker();
  run_job("daemon-log-2", "true");
  tail_->catch_up();
  std::set<std::pair<std::string, uint64_t>> seen;
  for (const DaemonLogged& one : logged()) {
    EXPECT_TRUE(seen.emplace(one.daemon, one.line.seq).second) << one.daemon << one.line.text;
  }
  const Ran ran = house_.muster({"events", "--type", "daemon_logged", "-o", "jsonl"});
  EXPECT_THAT(ran.out, HasSubstr("stack smashing detected in collector"));
}

// Every line an event: telling of one, and delivering it, must not make another.
TEST_F(DaemonLogTest, LinesOfTheirOwnDeliveryAreNoEvents) {
  configure("log: { level: trace, events: info }\n");
  start();
  std::set<std::string> heard;
  const auto all_heard = [&](const Event& event) {
    if (const auto* one = std::get_if<DaemonLogged>(&event.body)) heard.insert(one->daemon);
    return heard.size() == 3;
  };
  ASSERT_TRUE(tail_->wait_for(all_heard, kPatience)) << house_.daemon_output();
  // What they have to say at their start is said when these have ended.
  for (int i = 0; i < 5; ++i) run_job("daemon-log-settle-" + std::to_string(i), "true");
  const size_t before = logged().size();
  EXPECT_LT(before, 40u);
  for (int i = 0; i < 20; ++i) run_job("daemon-log-run-" + std::to_string(i), "true");
  EXPECT_EQ(logged().size(), before) << house_.daemon_output();
}

TEST_F(DaemonLogTest, CallsOfATaskThatFailAreEventsAndOthersWhereThatIsAskedFor) {
  const std::string script =
      "muster shout '{\"a\": 1}'; muster push absent; muster call device ls; "
      "muster call task show no-such-task; true";
  start();
  run_job("daemon-log-quiet", script);
  EXPECT_THAT(calls("daemon-log-quiet"), UnorderedElementsAre("push!", "task!"));

  worker_->signal(SIGTERM);
  worker_->wait(kPatience);
  configure("trace_calls: true\n");
  worker_ = house_.start_worker("local", 4);
  run_job("daemon-log-traced", script);
  EXPECT_THAT(calls("daemon-log-traced"),
              UnorderedElementsAre("run", "shout", "push!", "device", "task!"));
}

}  // namespace
}  // namespace muster
