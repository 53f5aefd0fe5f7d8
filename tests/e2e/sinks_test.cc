// All sinks at once, with poison, while their servers and the collector are killed: at the end each
// event is in each place once, and what was refused lies in the dead letters and nowhere else.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/ledger.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;

constexpr int kRounds = 4;
constexpr int kTasksPerRound = 25;
constexpr Duration kPatience = std::chrono::seconds(60);
constexpr size_t kDocumentBytesMax = 20'000;

class SinksTest : public testing::Test {
 protected:
  SinksTest() : house_(MUSTER_BIN_DIR) {
    EXPECT_TRUE(make_home(house_.home()).ok());
    const std::string password = house_.write("couchdb.password", "secret\n");
    EXPECT_TRUE(write_file_atomically(house_.home().config_file(),
                                      "couchdb: { url: '" + couchdb_.url() +
                                          "', db: events, user: admin, password_file: " + password +
                                          " }\n")
                    .ok());
    broker_ = house_.start_broker();
    worker_ = house_.start_worker("worker", 10);
    collector_ = house_.start_collector();
    client_ = house_.connect();
    tail_.emplace(*client_);
  }

  void submit_round(int round) {
    Submit message;
    for (int i = 0; i < kTasksPerRound; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "sinks-test/" + std::to_string(round) + "/" + std::to_string(i);
      spec->submitter = "test@house";
      JobWork work;
      work.source = CommandSource{{"/bin/true"}};
      // No document of CouchDB may be as large.
      if (i == 7) work.env["LONG"] = std::string(kDocumentBytesMax, 'x');
      spec->work = encode_work(work);
      message.tasks.push_back(std::move(spec));
    }
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
  }

  // Until every task of the rounds so far has ended.
  void wait_for_ends(size_t count) {
    const auto enough = [&](const Event& event) {
      if (const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body)) {
        if (ended->verdict != Verdict::none) ended_.insert(ended->token.guid);
      }
      return ended_.size() >= count;
    };
    ASSERT_TRUE(tail_->wait_for(enough, kPatience)) << house_.daemon_output();
  }

  bool all_sinks_have_come_to(uint64_t head) {
    const Ran ran = house_.muster({"sink", "status", "-o", "jsonl"});
    std::istringstream lines(ran.out);
    int sinks = 0;
    for (std::string line; std::getline(lines, line); ++sinks) {
      if (json::parse(line)["cursor"] != head) return false;
    }
    return sinks == 3;
  }

  ScratchDir server_dir_;
  CouchDbServer couchdb_{server_dir_.path(), {"--max-doc", std::to_string(kDocumentBytesMax)}};
  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Client> client_;
  std::optional<EventTail> tail_;
  std::set<std::string> ended_;
};

TEST_F(SinksTest, KillsLoseAndDoubleNothing) {
  for (int round = 0; round < kRounds; ++round) {
    const size_t before = couchdb_.documents("events").size();
    submit_round(round);
    // While documents are on their way.
    ASSERT_TRUE(eventually([&] { return couchdb_.documents("events").size() > before; }));
    if (round % 2 == 0) {
      couchdb_.kill_now();
      collector_->kill_now();
      collector_ = house_.start_collector();
      couchdb_.start_again();
    } else {
      collector_->kill_now();
      collector_ = house_.start_collector();
    }
    wait_for_ends(static_cast<size_t>(round + 1) * kTasksPerRound);
  }
  tail_->catch_up();
  const std::vector<Event>& log = tail_->events();
  ASSERT_TRUE(eventually([&] { return all_sinks_have_come_to(log.size()); }, kPatience))
      << house_.muster({"sink", "status"}).out << house_.daemon_output();

  // CouchDB.
  std::map<uint64_t, const Event*> expected;
  std::set<uint64_t> poison;
  for (size_t i = 0; i < log.size(); ++i) {
    if (event_guid(log[i]).empty()) continue;
    const TaskSubmitted* submitted = std::get_if<TaskSubmitted>(&log[i].body);
    const bool is_poison = submitted != nullptr && submitted->spec->guid.ends_with("/7");
    if (is_poison) {
      poison.insert(i + 1);
    } else {
      expected[i + 1] = &log[i];
    }
  }
  ASSERT_EQ(poison.size(), static_cast<size_t>(kRounds));
  const std::map<std::string, json> documents = couchdb_.documents("events");
  EXPECT_EQ(documents.size(), expected.size());
  for (const auto& [id, document] : documents) {
    const uint64_t seq = document["seq"];
    ASSERT_TRUE(expected.contains(seq)) << document.dump();
    EXPECT_EQ(document["type"], event_type(*expected.at(seq)));
    EXPECT_EQ(document["guid"], event_guid(*expected.at(seq)));
    EXPECT_EQ(document["time_stamp"], format_rfc3339(expected.at(seq)->time));
  }
  // What it refused.
  std::set<uint64_t> letters;
  std::istringstream lines(house_.muster({"sink", "dead", "ls", "couchdb", "-o", "quiet"}).out);
  for (uint64_t seq = 0; lines >> seq;) EXPECT_TRUE(letters.insert(seq).second) << seq;
  EXPECT_EQ(letters, poison);
  // The ledger has those too.
  Result<Ledger> ledger = Ledger::open(LedgerPlace{house_.home().ledger_file(), {}});
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  EXPECT_EQ(ledger->position()->seq, log.size());
  const Result<std::vector<LedgerTask>> tasks = ledger->tasks({.max = 1'000});
  ASSERT_TRUE(tasks.ok()) << tasks.error();
  EXPECT_EQ(tasks->size(), ended_.size());
}

}  // namespace
}  // namespace muster
