// What is looked at when the chaos is over.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "collectors/status_log_sink.h"
#include "io/event_json.h"
#include "io/ledger.h"
#include "io/sqlite.h"
#include "tests/chaos/device_record.h"
#include "tests/chaos/run.h"
#include "tests/e2e/audit.h"
#include "tests/support/status_logs.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

// The files below `dir`, relative to it, that `is_it`.
std::vector<std::string> files_below(const std::string& dir,
                                     const std::function<bool(const fs::path&)>& is_it) {
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(dir, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (is_it(at->path())) found.push_back(at->path().lexically_relative(dir).string());
  }
  return found;
}

// Where two long texts part.
std::string difference(const std::string& left, const std::string& right) {
  const auto [at, other] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  const size_t begin = static_cast<size_t>(at - left.begin());
  const size_t from = begin < 500 ? 0 : begin - 500;
  return "from byte " + std::to_string(begin) + " on:\n" +
         (begin < left.size() ? left.substr(from, 1'000) : "(nothing)") + "\n-- instead of --\n" +
         (begin < right.size() ? right.substr(from, 1'000) : "(nothing)");
}

}  // namespace

void ChaosRun::audit() {
  const std::set<std::string>& accepted = submitters_.accepted();
  expect_ended_once(log_, {accepted.begin(), accepted.end()});
  audit_attempts();
  audit_devices();
  expect_ledger_agrees(lab_.house(), log_);
  Result<Ledger> ledger = Ledger::open(LedgerPlace{lab_.house().home().ledger_file(), {}});
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  expect_ledger_rows(*ledger, log_);
  const std::string log_id = ledger->position()->log_id;
  expect_couchdb_documents(lab_.couchdb(), "events", log_, log_id);
  audit_status_logs(log_id);
  audit_feed(log_id);
}

// The lab's faults are never a failed test or a bad device, and retries see to the rest.
void ChaosRun::audit_attempts() {
  EXPECT_EQ(watcher_.blamed(), "");
  for (const auto& [guid, life] : fold_lives(log_)) {
    if (!submitters_.accepted().contains(guid)) continue;
    EXPECT_EQ(life.verdict, Verdict::pass) << guid;
  }
}

void ChaosRun::audit_devices() {
  size_t uses = 0;
  for (const auto& entry : fs::directory_iterator(lab_.records())) {
    const DeviceRecord record = read_device_record(read_text(entry.path()));
    EXPECT_EQ(record.problems, "") << entry.path().filename();
    uses += record.uses;
  }
  EXPECT_GT(uses, 0u);
}

// What is there is what a sink that nobody disturbed makes of the same log.
void ChaosRun::audit_status_logs(const std::string& log_id) {
  const ScratchDir undisturbed;
  StatusLogSink sink(undisturbed.path() + "/state", undisturbed.path() + "/results");
  ASSERT_TRUE(sink.open().ok());
  std::vector<SequencedEvent> batch;
  for (size_t i = 0; i < log_.size(); ++i) {
    batch.push_back({i + 1, log_[i]});
    if (batch.size() < 1'000 && i + 1 < log_.size()) continue;
    const Delivery delivered = sink.deliver(batch, {log_id, i + 1});
    ASSERT_TRUE(delivered.ok()) << delivered.reason;
    batch.clear();
  }
  const std::string expected = read_status_logs(undisturbed.path() + "/results");
  const std::string found = read_status_logs(lab_.house().home().results_dir());
  EXPECT_TRUE(found == expected) << difference(found, expected);
}

void ChaosRun::audit_feed(const std::string& log_id) {
  const std::vector<FeedSubscriber::Had>& had = lab_.subscriber().leave();
  ASSERT_GE(had.size(), log_.size());
  for (size_t i = 0; i < log_.size(); ++i) {
    ASSERT_EQ(had[i].seq, i + 1);
    nlohmann::json line = nlohmann::json::parse(had[i].line);
    EXPECT_EQ(line.at("log"), log_id);
    line.erase("log");
    ASSERT_EQ(line, nlohmann::json::parse(event_to_json(i + 1, log_[i])));
  }
}

// Nothing lies in the spool that the broker has not recorded.
void ChaosRun::audit_spool(const std::string& worker) {
  uint64_t recorded = 0;
  for (const Event& event : log_) {
    const AttemptReported* reported = std::get_if<AttemptReported>(&event.body);
    const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body);
    const Origin* origin = reported != nullptr ? &reported->origin
                           : ended != nullptr  ? &ended->origin
                                               : nullptr;
    if (origin != nullptr && origin->worker == worker) recorded = std::max(recorded, origin->seq);
  }
  auto opened = Database::open(lab_.house().home().worker_dir(worker) + "/spool.db");
  ASSERT_TRUE(std::holds_alternative<Database>(opened)) << worker;
  Result<Statement> newest =
      std::get<Database>(opened).prepare("SELECT ifnull(max(seq), 0) FROM reports");
  ASSERT_TRUE(newest.ok()) << newest.error();
  newest->next();
  EXPECT_LE(static_cast<uint64_t>(newest->integer(0)), recorded) << worker;
}

std::vector<std::string> ChaosRun::leftovers() {
  std::vector<std::string> left;
  for (size_t i = 0; i < kWorkers; ++i) {
    const std::string worker = worker_name(i);
    const std::string dir = lab_.house().home().worker_dir(worker);
    for (const char* part : {"running", "uploads", "attempts"}) {
      for (const std::string& file : files_below(
               dir + "/" + part, [](const fs::path& path) { return !fs::is_directory(path); })) {
        left.push_back(worker + "/" + part + "/" + file);
      }
    }
    for (const pid_t pid : lab_.processes_of(worker, "muster-job")) {
      left.push_back(worker + ": supervisor " + std::to_string(pid));
    }
  }
  for (const std::string& file : files_below(lab_.house().home().dir, [](const fs::path& path) {
         return path.filename().string().find(".tmp") != std::string::npos;
       })) {
    left.push_back(file);
  }
  return left;
}

void ChaosRun::audit_leftovers() {
  EXPECT_EQ(lab_.stop(), "");
  EXPECT_EQ(lab_.crashes(), "");
  EXPECT_TRUE(eventually([&] { return lab_.users().empty(); }))
      << "still there: " << testing::PrintToString(lab_.users());
  for (size_t i = 0; i < kWorkers; ++i) audit_spool(worker_name(i));
}

void ChaosRun::keep_house() {
  if (options_.keep.empty()) return;
  const std::string place = options_.keep + "/seed-" + std::to_string(options_.seed);
  fs::create_directories(options_.keep);
  fs::remove_all(place);
  ChildSpec spec;
  spec.argv = {"/bin/cp", "-a", lab_.house().home().dir + "/..", place};
  spec.stdout_file = spec.stderr_file = "/dev/null";
  Child(spec).wait(std::chrono::minutes(1));
  std::printf("What was left of the house is in %s\n", place.c_str());
}

}  // namespace muster
