#include "tests/e2e/audit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "collectors/couchdb_document.h"
#include "core/guid.h"
#include "core/status_record.h"
#include "io/event_json.h"
#include "io/ledger.h"

namespace muster {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);

std::string status_log_of(const House& house, const std::string& guid) {
  return read_text(house.home().results_dir() + "/" + percent_encode(guid) + "/status.log");
}

bool is_complete(const std::string& text) {
  return !text.empty() && parse_status_log(text).problems.empty();
}

void expect_ledger_task(Ledger& ledger, const std::string& guid, const TaskLife& life) {
  const Result<std::optional<LedgerTask>> found = ledger.task(guid);
  ASSERT_TRUE(found.ok()) << found.error();
  ASSERT_TRUE(found->has_value()) << guid << " is not in the ledger";
  const TaskInfo& info = (*found)->info;
  EXPECT_EQ(info.state, life.ends > 0 ? TaskState::ended : info.state) << guid;
  EXPECT_EQ(info.verdict, life.verdict) << guid;
  EXPECT_EQ(info.attempt_count, life.leases) << guid;
  for (const AttemptInfo& attempt : info.attempts) {
    EXPECT_EQ(attempt.ending.has_value(), life.attempt_ends.contains(attempt.attempt))
        << guid << " attempt " << attempt.attempt;
  }
}

}  // namespace

std::string ended_guid(const Event& event) {
  if (const TaskEnded* ended = std::get_if<TaskEnded>(&event.body)) return ended->guid;
  const AttemptEnded* attempt = std::get_if<AttemptEnded>(&event.body);
  return attempt != nullptr && attempt->verdict != Verdict::none ? attempt->token.guid : "";
}

std::map<std::string, TaskLife> fold_lives(const std::vector<Event>& events) {
  std::map<std::string, TaskLife> lives;
  for (const Event& event : events) {
    if (const TaskSubmitted* submitted = std::get_if<TaskSubmitted>(&event.body)) {
      ++lives[submitted->spec->guid].submissions;
    } else if (const AttemptLeased* leased = std::get_if<AttemptLeased>(&event.body)) {
      ++lives[leased->token.guid].leases;
    } else if (const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body)) {
      TaskLife& life = lives[ended->token.guid];
      ++life.attempt_ends[ended->token.attempt];
      if (ended->verdict != Verdict::none) life.verdict = ended->verdict;
      life.ends += ended->verdict != Verdict::none;
    } else if (const TaskEnded* over = std::get_if<TaskEnded>(&event.body)) {
      TaskLife& life = lives[over->guid];
      life.verdict = over->verdict;
      ++life.ends;
    }
  }
  return lives;
}

void expect_ended_once(const std::vector<Event>& events, const std::vector<std::string>& guids) {
  const std::map<std::string, TaskLife> lives = fold_lives(events);
  for (const std::string& guid : guids) {
    const auto found = lives.find(guid);
    ASSERT_NE(found, lives.end()) << guid << " was accepted and is not in the log";
    EXPECT_EQ(found->second.submissions, 1u) << guid;
    EXPECT_EQ(found->second.ends, 1u) << guid;
    for (const auto& [attempt, ends] : found->second.attempt_ends) {
      EXPECT_EQ(ends, 1u) << guid << " attempt " << attempt;
    }
  }
}

void expect_status_logs_complete(const House& house, const std::vector<std::string>& guids) {
  for (const std::string& guid : guids) {
    if (eventually([&] { return is_complete(status_log_of(house, guid)); }, kPatience)) continue;
    const std::string text = status_log_of(house, guid);
    ADD_FAILURE() << guid << " has no complete status.log:\n" << text << house.daemon_output();
    for (const StatusLogProblem& problem : parse_status_log(text).problems) {
      ADD_FAILURE() << "line " << problem.line << ": " << problem.message;
    }
    return;
  }
}

uint64_t ledger_position(const House& house) {
  Result<Ledger> ledger = Ledger::open(LedgerPlace{house.home().ledger_file(), {}});
  if (!ledger.ok()) return 0;
  const Result<LedgerPosition> position = ledger->position();
  return position.ok() ? position->seq : 0;
}

void expect_ledger_agrees(const House& house, const std::vector<Event>& events) {
  ASSERT_TRUE(eventually([&] { return ledger_position(house) >= events.size(); }, kPatience))
      << "the ledger stands at " << ledger_position(house) << " of " << events.size() << "\n"
      << house.daemon_output();
  Result<Ledger> ledger = Ledger::open(LedgerPlace{house.home().ledger_file(), {}});
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  for (const auto& [guid, life] : fold_lives(events)) expect_ledger_task(*ledger, guid, life);
  uint64_t next = 1;
  while (next <= events.size()) {
    LedgerEventFilter filter;
    filter.from = next;
    const Result<std::vector<LedgerEvent>> page = ledger->events(filter);
    ASSERT_TRUE(page.ok()) << page.error();
    ASSERT_FALSE(page->empty()) << "event " << next << " is not in the ledger";
    for (const LedgerEvent& row : *page) {
      if (row.seq > events.size()) return;
      ASSERT_EQ(row.seq, next) << "a gap, or an event twice";
      EXPECT_EQ(row.type, event_type(events[next - 1])) << "event " << next;
      ++next;
    }
  }
}

void expect_ledger_rows(Ledger& ledger, const std::vector<Event>& log,
                        const std::set<uint64_t>& poison) {
  std::map<uint64_t, std::string> rows;
  for (uint64_t from = 1;;) {
    const Result<std::vector<LedgerEvent>> page = ledger.events({.from = from, .max = 10'000});
    ASSERT_TRUE(page.ok()) << page.error();
    if (page->empty()) break;
    for (const LedgerEvent& row : *page) {
      EXPECT_TRUE(rows.emplace(row.seq, row.json).second) << row.seq;
    }
    from = rows.rbegin()->first + 1;
  }
  for (size_t i = 0; i < log.size(); ++i) {
    const std::string expected = poison.contains(i + 1) ? "" : event_to_json(i + 1, log[i]);
    ASSERT_EQ(rows[i + 1], expected) << i + 1;
  }
  EXPECT_EQ(rows.size(), log.size());
}

void expect_couchdb_documents(CouchDbServer& couchdb, const std::string& db,
                              const std::vector<Event>& log, const std::string& log_id,
                              const std::set<uint64_t>& poison) {
  const std::map<std::string, nlohmann::json> documents = couchdb.documents(db);
  size_t expected = 0;
  for (size_t i = 0; i < log.size(); ++i) {
    if (event_guid(log[i]).empty() || poison.contains(i + 1)) continue;
    ++expected;
    const nlohmann::json document =
        nlohmann::json::parse(couchdb_document(log_id, {i + 1, log[i]}));
    const auto found = documents.find(couchdb_id(log_id, i + 1));
    ASSERT_NE(found, documents.end()) << document.dump();
    ASSERT_EQ(found->second, document);
  }
  EXPECT_EQ(documents.size(), expected);
}

}  // namespace muster
