// All sinks at once, with poison, while their servers and the collector are killed at random: at
// the end each event is in each place once, as it was logged, and what was refused lies in the dead
// letters and nowhere else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "collectors/decibel_report.h"
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

enum class Victim : uint8_t { couchdb, mariadb, decibel, collector };
constexpr Victim kVictims[] = {Victim::couchdb, Victim::mariadb, Victim::decibel,
                               Victim::collector};
constexpr size_t kRounds = 6;
constexpr size_t kTasksPerRound = 25;
constexpr size_t kEventsPerTask = 4;  // at least: submitted, leased, started, ended
constexpr Duration kPatience = std::chrono::seconds(120);
constexpr size_t kDocumentBytesMax = 20'000;

// Poison: the submission that CouchDB takes for too large, the one that a rule of the ledger's
// database forbids, and the end of a task under whose key deciBel has another document already.
constexpr std::string_view kTooLarge = "/7";
constexpr std::string_view kForbidden = "/9";
constexpr std::string_view kOccupied = "/occupied";
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

  static TaskSpecPtr make_spec(size_t round, std::string_view end) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = "sinks-test/" + std::to_string(round) + std::string(end);
    spec->submitter = "test@house";
    JobWork work;
    work.source = CommandSource{{"/bin/true"}};
    if (end == kTooLarge) work.env["LONG"] = std::string(kDocumentBytesMax, 'x');
    spec->work = encode_work(work);
    return spec;
  }

  void submit(std::vector<TaskSpecPtr> specs) {
    submitted_ += specs.size();
    Submit message;
    message.tasks = std::move(specs);
    const auto answer = client_->ask(message, kPatience);
    ASSERT_TRUE(std::holds_alternative<Message>(answer)) << house_.daemon_output();
  }

  void submit_round(size_t round) {
    std::vector<TaskSpecPtr> specs;
    for (size_t i = 0; i < kTasksPerRound; ++i) {
      specs.push_back(make_spec(round, "/" + std::to_string(i)));
    }
    submit(std::move(specs));
  }

  // While no collector runs: so nobody is quicker.
  void poison_decibel(size_t round) {
    submit({make_spec(round, kOccupied)});
    wait_for_ends();
    for (size_t i = tail_->events().size(); i > 0; --i) {
      const std::string guid = ended_guid(tail_->events()[i - 1]);
      if (!guid.ends_with(kOccupied)) continue;
      ASSERT_TRUE(decibel_poison_.insert(i).second) << guid << " was ended before";
      const std::string key = decibel_key(log_id(), i);
      ASSERT_TRUE(eventually([&] { return decibel_.occupy(key); }, kPatience));
      return;
    }
    FAIL() << "the task did not end";
  }

  // Those who die in this round, in a random order: `sure` among them.
  std::vector<Victim> draw_victims(Victim sure) {
    std::vector<Victim> victims;
    for (const Victim victim : kVictims) {
      if (victim == sure || random_() % 2 == 0) victims.push_back(victim);
    }
    std::shuffle(victims.begin(), victims.end(), random_);
    return victims;
  }

  // Until the log has so many events more than `before`.
  void wait_for_events(size_t before, size_t more) {
    wait_until([&] { return tail_->events().size() >= before + more; });
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

  // Until every task that was submitted has ended.
  void wait_for_ends() {
    wait_until([&] { return ended_.size() >= submitted_; });
  }

  void wait_until(const std::function<bool()>& enough) {
    if (enough()) return;
    const auto note = [&](const Event& event) {
      if (const std::string guid = ended_guid(event); !guid.empty()) ended_.insert(guid);
      return enough();
    };
    ASSERT_TRUE(tail_->wait_for(note, kPatience)) << house_.daemon_output();
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

  const std::string& log_id() const { return client_->welcome().log_id; }

  // The numbers of the submissions whose GUID ends so.
  static std::set<uint64_t> submissions(const std::vector<Event>& log, std::string_view end) {
    std::set<uint64_t> seqs;
    for (size_t i = 0; i < log.size(); ++i) {
      const TaskSubmitted* submitted = std::get_if<TaskSubmitted>(&log[i].body);
      if (submitted != nullptr && submitted->spec->guid.ends_with(end)) seqs.insert(i + 1);
    }
    EXPECT_EQ(seqs.size(), kRounds) << end;
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

  // Each task that ended is one run, but for the poison.
  void expect_runs(const std::vector<Event>& log) {
    std::map<std::string, std::string> expected;  // by GUID, when it ended
    for (size_t i = 0; i < log.size(); ++i) {
      const std::string guid = ended_guid(log[i]);
      if (guid.empty() || decibel_poison_.contains(i + 1)) continue;
      expected[guid] = format_rfc3339(log[i].time);
    }
    std::map<std::string, std::string> runs;
    for (const json& row : decibel_.search("projection=run")) {
      const json& run = row["run"];
      if (run["guid"] == DecibelReceiver::kOccupant) continue;
      EXPECT_EQ(run["result"], "passed") << run.dump();
      EXPECT_EQ(run["user"], "test@house") << run.dump();
      EXPECT_TRUE(runs.emplace(run["guid"], run["end"]).second) << run.dump();
    }
    EXPECT_EQ(runs, expected);
    EXPECT_FALSE(decibel_poison_.empty());
    expect_letters("decibel", decibel_poison_);
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
  std::mt19937 random_;
  size_t submitted_ = 0;
  std::set<std::string> ended_;
  std::set<uint64_t> decibel_poison_;  // the numbers of the events
};

TEST_F(SinksTest, KillsLoseAndDoubleNothing) {
  const char* const given = std::getenv("MUSTER_SEED");
  const auto seed = given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device()();
  const std::string again = "repeat with: MUSTER_SEED=" + std::to_string(seed) +
                            " build/bin/e2e_tests --gtest_filter=SinksTest.*";
  SCOPED_TRACE(again);
  std::cout << again << "\n";
  random_.seed(seed);
  std::vector<Victim> sure(std::begin(kVictims), std::end(kVictims));
  std::shuffle(sure.begin(), sure.end(), random_);
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t before = tail_->events().size();
    ASSERT_NO_FATAL_FAILURE(submit_round(round));
    const std::vector<Victim> victims = draw_victims(sure[round % sure.size()]);
    size_t moment = 0;
    for (const Victim victim : victims) {
      moment += random_() % (kTasksPerRound * kEventsPerTask / victims.size());
      ASSERT_NO_FATAL_FAILURE(wait_for_events(before, moment));
      kill_now(victim);
    }
    for (const Victim victim : victims) {
      if (victim != Victim::collector) start_again(victim);
    }
    if (std::find(victims.begin(), victims.end(), Victim::collector) != victims.end()) {
      ASSERT_NO_FATAL_FAILURE(poison_decibel(round));
      start_again(Victim::collector);
    }
    ASSERT_NO_FATAL_FAILURE(wait_for_ends());
  }
  tail_->catch_up();
  const std::vector<Event>& log = tail_->events();
  ASSERT_TRUE(eventually([&] { return all_sinks_have_come_to(log.size()); }, kPatience))
      << house_.muster({"sink", "status"}).out << house_.daemon_output();
  expect_documents(log, log_id());
  expect_rows(log);
  expect_runs(log);
  expect_status_logs_complete(house_, {ended_.begin(), ended_.end()});
  expect_letters("status_log", {});
}

}  // namespace
}  // namespace muster
