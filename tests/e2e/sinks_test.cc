// All sinks at once, with poison, while their servers and the collector are killed: at the end each
// event is in each place once, as it was logged, and what was refused lies in the dead letters and
// nowhere else.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/ledger.h"
#include "tests/e2e/audit.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/decibel_receiver.h"
#include "tests/support/house.h"
#include "tests/support/mariadb_server.h"

namespace muster {
namespace {

using nlohmann::json;

enum class Victim { couchdb, mariadb, decibel, collector };
// Who dies in each round.
const std::vector<Victim> kRounds[] = {
    {Victim::couchdb, Victim::collector},
    {Victim::mariadb, Victim::decibel},
    {Victim::collector},
    {Victim::decibel, Victim::collector},
    {Victim::mariadb, Victim::collector},
    {Victim::couchdb, Victim::mariadb, Victim::decibel, Victim::collector},
};
constexpr size_t kTasksPerRound = 25;
constexpr Duration kPatience = std::chrono::seconds(60);
constexpr size_t kDocumentBytesMax = 20'000;

// Poison: the submission that CouchDB takes for too large, and the one that a rule of the ledger's
// database forbids.
constexpr std::string_view kTooLarge = "/7";
constexpr std::string_view kForbidden = "/9";
constexpr const char* kRule =
    "CREATE TRIGGER muster.rule BEFORE INSERT ON muster.events FOR EACH ROW BEGIN "
    "IF NEW.type = 'task_submitted' AND NEW.guid LIKE '%/9' THEN "
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not that one'; END IF; END";

class SinksTest : public testing::Test {
 protected:
  SinksTest() : house_(MUSTER_BIN_DIR) {
    EXPECT_TRUE(make_home(house_.home()).ok());
    const std::string couchdb = house_.write("couchdb.password", "secret\n");
    const std::string mariadb =
        house_.write("ledger.password", std::string(MariadbServer::kPassword) + "\n");
    const std::string config =
        "couchdb: { url: '" + couchdb_.url() +
        "', db: events, user: admin, password_file: " + couchdb +
        " }\nledger: { server: " + mariadb_.options().socket +
        ", user: muster, password_file: " + mariadb + " }\n" + "decibel: { url: '" +
        decibel_.url() + "/api/test-results/v1/', token_file: " + decibel_.token_file() + " }\n";
    EXPECT_TRUE(write_file_atomically(house_.home().config_file(), config).ok());
    broker_ = house_.start_broker();
    worker_ = house_.start_worker("worker", 10);
    collector_ = house_.start_collector();
    client_ = house_.connect();
    tail_.emplace(*client_);
    EXPECT_TRUE(eventually([&] { return Ledger::open(mariadb_.place()).ok(); }, kPatience));
    mariadb_.execute(kRule);
  }

  void submit_round(size_t round) {
    Submit message;
    for (size_t i = 0; i < kTasksPerRound; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "sinks-test/" + std::to_string(round) + "/" + std::to_string(i);
      spec->submitter = "test@house";
      JobWork work;
      work.source = CommandSource{{"/bin/true"}};
      if (spec->guid.ends_with(kTooLarge)) work.env["LONG"] = std::string(kDocumentBytesMax, 'x');
      spec->work = encode_work(work);
      message.tasks.push_back(std::move(spec));
    }
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
  }

  void kill_now(Victim victim) {
    if (victim == Victim::couchdb) couchdb_.kill_now();
    if (victim == Victim::mariadb) mariadb_.kill_now();
    if (victim == Victim::decibel) decibel_.kill_now();
    if (victim == Victim::collector) collector_->kill_now();
  }

  void start_again(Victim victim) {
    if (victim == Victim::couchdb) couchdb_.start_again();
    if (victim == Victim::mariadb) mariadb_.start_again();
    if (victim == Victim::decibel) decibel_.start_again();
    if (victim == Victim::collector) collector_ = house_.start_collector();
  }

  // Until every task of the rounds so far has ended.
  void wait_for_ends(size_t count) {
    const auto enough = [&](const Event& event) {
      const std::string guid = ended_guid(event);
      if (!guid.empty()) ended_.insert(guid);
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
    return sinks == 4;
  }

  // Of the broker's log, as the ledger knows it.
  std::string log_id() {
    Result<Ledger> ledger = Ledger::open(mariadb_.place());
    EXPECT_TRUE(ledger.ok()) << ledger.error();
    return ledger->position()->log_id;
  }

  // The numbers of the submissions whose GUID ends so.
  static std::set<uint64_t> submissions(const std::vector<Event>& log, std::string_view end) {
    std::set<uint64_t> seqs;
    for (size_t i = 0; i < log.size(); ++i) {
      const TaskSubmitted* submitted = std::get_if<TaskSubmitted>(&log[i].body);
      if (submitted != nullptr && submitted->spec->guid.ends_with(end)) seqs.insert(i + 1);
    }
    EXPECT_EQ(seqs.size(), std::size(kRounds)) << end;
    return seqs;
  }

  void expect_letters(const std::string& sink, const std::set<uint64_t>& poison) {
    std::set<uint64_t> letters;
    std::istringstream lines(house_.muster({"sink", "dead", "ls", sink, "-o", "quiet"}).out);
    for (uint64_t seq = 0; lines >> seq;) EXPECT_TRUE(letters.insert(seq).second) << seq;
    EXPECT_EQ(letters, poison) << sink;
  }

  // Each event of a task but the poison is one document, with all that is said of it.
  void expect_documents(const std::vector<Event>& log, const std::string& log_id) {
    const std::set<uint64_t> poison = submissions(log, kTooLarge);
    expect_couchdb_documents(couchdb_, "events", log, log_id, poison);
    expect_letters("couchdb", poison);
  }

  // Each task that ended is one run.
  void expect_runs(const std::vector<Event>& log) {
    std::map<std::string, std::string> expected;  // by GUID, when it ended
    for (const Event& event : log) {
      if (const std::string guid = ended_guid(event); !guid.empty()) {
        expected[guid] = format_rfc3339(event.time);
      }
    }
    std::map<std::string, std::string> runs;
    for (const json& row : decibel_.search("projection=run")) {
      const json& run = row["run"];
      EXPECT_EQ(run["result"], "passed") << run.dump();
      EXPECT_EQ(run["user"], "test@house") << run.dump();
      EXPECT_TRUE(runs.emplace(run["guid"], run["end"]).second) << run.dump();
    }
    EXPECT_EQ(runs, expected);
    expect_letters("decibel", {});
  }

  // Each event but the poison is one row, byte by byte, and has had its effect.
  void expect_rows(const std::vector<Event>& log) {
    const std::set<uint64_t> poison = submissions(log, kForbidden);
    Result<Ledger> ledger = Ledger::open(mariadb_.place());
    ASSERT_TRUE(ledger.ok()) << ledger.error();
    EXPECT_EQ(ledger->position()->seq, log.size());
    expect_ledger_rows(*ledger, log, poison);
    for (const auto& [guid, life] : fold_lives(log)) {
      const Result<std::optional<LedgerTask>> task = ledger->task(guid);
      ASSERT_TRUE(task.ok()) << task.error();
      ASSERT_EQ(task->has_value(), !guid.ends_with(kForbidden)) << guid;
      if (!task->has_value()) continue;
      EXPECT_EQ((*task)->info.verdict, life.verdict) << guid;
      EXPECT_EQ((*task)->info.attempts.size(), life.leases) << guid;
    }
    expect_letters("ledger", poison);
  }

  ScratchDir server_dir_;
  CouchDbServer couchdb_{server_dir_.path(), {"--max-doc", std::to_string(kDocumentBytesMax)}};
  MariadbServer mariadb_;
  DecibelReceiver decibel_{MUSTER_BIN_DIR};
  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Client> client_;
  std::optional<EventTail> tail_;
  std::set<std::string> ended_;
};

TEST_F(SinksTest, KillsLoseAndDoubleNothing) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (size_t round = 0; round < std::size(kRounds); ++round) {
    const size_t before = couchdb_.documents("events").size();
    submit_round(round);
    // While documents are on their way.
    ASSERT_TRUE(eventually([&] { return couchdb_.documents("events").size() > before; }));
    std::vector<Victim> victims = kRounds[round];
    std::shuffle(victims.begin(), victims.end(), random);
    for (const Victim victim : victims) kill_now(victim);
    for (const Victim victim : victims) start_again(victim);
    wait_for_ends((round + 1) * kTasksPerRound);
  }
  tail_->catch_up();
  const std::vector<Event>& log = tail_->events();
  ASSERT_TRUE(eventually([&] { return all_sinks_have_come_to(log.size()); }, kPatience))
      << house_.muster({"sink", "status"}).out << house_.daemon_output();
  expect_documents(log, log_id());
  expect_rows(log);
  expect_runs(log);
  expect_status_logs_complete(house_, {ended_.begin(), ended_.end()});
}

}  // namespace
}  // namespace muster
