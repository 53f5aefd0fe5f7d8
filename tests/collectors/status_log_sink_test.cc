#include "collectors/status_log_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <sstream>

#include "collectors/append_file.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/status_record.h"
#include "io/file.h"
#include "io/sqlite.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

class StatusLogSinkTest : public ::testing::Test {
 protected:
  StatusLogSinkTest() {
    std::string pattern = ::testing::TempDir() + "status-log-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    sink_.emplace(dir_ + "/state.db", dir_ + "/results");
  }
  ~StatusLogSinkTest() override { std::filesystem::remove_all(dir_); }

  std::string path(const std::string& guid) const {
    return dir_ + "/results/" + percent_encode(guid) + "/status.log";
  }
  std::string log(const std::string& guid) const {
    const Result<std::string> text = read_file(path(guid), 1 << 20);
    EXPECT_TRUE(text.ok()) << text.error();
    return text.ok() ? *text : "";
  }
  Delivery deliver(std::vector<SequencedEvent> events) {
    return sink_->deliver(events, {"log", events.back().seq});
  }

  std::string dir_;
  std::optional<StatusLogSink> sink_;
};

TEST_F(StatusLogSinkTest, EveryLogIsCompleteAndParses) {
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(deliver(make_script()).ok());
  for (const std::string& guid : {kPassing, kRetried, kCancelled, kSilent, kNonsense}) {
    const std::string text = log(guid);
    EXPECT_FALSE(text.empty()) << guid;
    const ParsedStatusLog parsed = parse_status_log(text);
    for (const StatusLogProblem& problem : parsed.problems) {
      ADD_FAILURE() << guid << ":" << problem.line << ": " << problem.message << "\n" << text;
    }
  }
  EXPECT_THAT(log(kPassing), HasSubstr("\tGOOD\t----\tverify.PASS\t"));
  EXPECT_THAT(log(kPassing), HasSubstr("\tall well\n  second line\n  third line\n"));
  EXPECT_THAT(log(kRetried), HasSubstr("END FAIL\t----\tjob\t"));
  EXPECT_THAT(log(kRetried), ::testing::Not(HasSubstr("late")));
  EXPECT_FALSE(std::filesystem::exists(path("0194-never-submitted")));
}

TEST_F(StatusLogSinkTest, KnowsTasksThatMayBeRetried) {
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(deliver(make_script()).ok());
  Result<StatusLogState> state = StatusLogState::open(dir_ + "/state.db");
  ASSERT_TRUE(state.ok()) << state.error();
  for (const std::string& guid : {kPassing, kRetried, kCancelled, kSilent, kNonsense}) {
    const std::optional<StatusLogRow> row = *state->find(guid);
    ASSERT_TRUE(row.has_value()) << guid;
    EXPECT_TRUE(row->state.ended) << guid;
    EXPECT_EQ(row->bytes, log(guid).size()) << guid;
  }
  const std::optional<StatusLogRow> row = *state->find(kUnfinished);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->bytes, log(kUnfinished).size());
  EXPECT_FALSE(row->state.ended);
  EXPECT_EQ(row->state.open, std::vector<OpenGroup>({{"", "job"}}));
}

// As many as the broker keeps, and no more.
TEST_F(StatusLogSinkTest, ForgetsTheOldestThatEnded) {
  Result<StatusLogState> state = StatusLogState::open(dir_ + "/state.db");
  ASSERT_TRUE(state.ok()) << state.error();
  const StatusLogRow ended{7, {TaskKind::job, true, true, {}}};
  const StatusLogRow open{7, {TaskKind::job, true, false, {}}};
  std::vector<std::string> guids;
  for (size_t i = 0; i <= kEndedTasksKept; ++i) guids.push_back("task-" + std::to_string(i));
  std::vector<StatusLogChange> changes;
  for (size_t i = 1; i < guids.size(); ++i) changes.push_back({guids[i], ended});
  ASSERT_TRUE(state->commit({{guids[0], ended}, {"still-open", open}}, {"the-log", 1}).ok());
  ASSERT_TRUE(state->commit(changes, {"the-log", 2}).ok());
  EXPECT_FALSE(state->find(guids[0])->has_value());
  EXPECT_TRUE(state->find(guids[1])->has_value());
  EXPECT_TRUE(state->find("still-open")->has_value());
}

// Written before ended tasks were remembered.
TEST_F(StatusLogSinkTest, TakesOverAStateOfTheFirstFormat) {
  {
    auto opened = Database::open(dir_ + "/old.db");
    Database& old = std::get<Database>(opened);
    ASSERT_TRUE(old.execute("CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1),"
                            " log_id TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;"
                            "CREATE TABLE logs (guid TEXT PRIMARY KEY, kind INTEGER NOT NULL,"
                            " bytes INTEGER NOT NULL, has_records INTEGER NOT NULL,"
                            " open TEXT NOT NULL) STRICT, WITHOUT ROWID;"
                            "INSERT INTO logs VALUES ('0194-old', 2, 9, 1, '');"
                            "PRAGMA user_version = 1;")
                    .ok());
  }
  Result<StatusLogState> state = StatusLogState::open(dir_ + "/old.db");
  ASSERT_TRUE(state.ok()) << state.error();
  const std::optional<StatusLogRow> row = *state->find("0194-old");
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->bytes, 9u);
  EXPECT_FALSE(row->state.ended);
}

// More files in one delivery than are synced one by one.
TEST_F(StatusLogSinkTest, ManyTasksInOneDelivery) {
  ASSERT_TRUE(sink_->open().ok());
  std::vector<EventBody> bodies;
  for (int i = 0; i < 100; ++i) {
    const std::string guid = "0194-many-" + std::to_string(i);
    bodies.push_back(submitted(guid));
    bodies.push_back(task_ended(guid, Cause::user, "cancelled " + std::to_string(i)));
  }
  ASSERT_TRUE(deliver(number_events(bodies)).ok());
  EXPECT_THAT(log("0194-many-99"), HasSubstr("\tcancelled 99\n"));
}

// Somebody cut or removed the file: it goes on without a hole.
TEST_F(StatusLogSinkTest, AFileThatLostItsEndHasNoHole) {
  const std::vector<SequencedEvent> events =
      number_events({submitted(kPassing), record(kPassing, 1, "START", "job"),
                     record(kPassing, 1, "GOOD", "a"), record(kPassing, 1, "GOOD", "b")});
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(deliver({events[0], events[1]}).ok());
  std::filesystem::resize_file(path(kPassing), 10);
  ASSERT_TRUE(deliver({events[2]}).ok());
  EXPECT_EQ(log(kPassing).find('\0'), std::string::npos);
  std::filesystem::remove_all(dir_ + "/results/" + percent_encode(kPassing));
  ASSERT_TRUE(deliver({events[3]}).ok());
  EXPECT_EQ(log(kPassing).find("\tGOOD\t----\tb\t"), 0u) << log(kPassing);
}

// It went on with the end of a log that had lost its beginning, and nobody heard of it.
TEST_F(StatusLogSinkTest, FilesThatWereRemovedWhileItRunsAreSaid) {
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  const std::vector<SequencedEvent> events =
      number_events({submitted(kPassing), record(kPassing, 1, "START", "job"), submitted(kRetried),
                     record(kRetried, 1, "START", "job"), record(kPassing, 1, "GOOD", "a"),
                     record(kRetried, 1, "GOOD", "a"), record(kPassing, 1, "GOOD", "b")});
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(deliver({events[0], events[1], events[2], events[3]}).ok());
  EXPECT_EQ(said.str(), "");
  std::filesystem::remove_all(dir_ + "/results");
  std::filesystem::create_directories(dir_ + "/results");
  ASSERT_TRUE(deliver({events[4], events[5]}).ok());
  spdlog::set_default_logger(before);
  EXPECT_THAT(said.str(), HasSubstr("/status.log and 1 more lack what was written to them"));
  EXPECT_THAT(said.str(), HasSubstr("muster sink replay status_log"));
  // And once it is written anew it is whole.
  ASSERT_TRUE(sink_->rewind({"log", 0}).ok());
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(deliver(events).ok());
  EXPECT_THAT(log(kPassing), HasSubstr("START\t"));
  EXPECT_THAT(log(kPassing), HasSubstr("\tGOOD\t----\tb\t"));
}

TEST_F(StatusLogSinkTest, SomethingInTheWayIsNamedAndRetriedUntilItIsGone) {
  const std::vector<SequencedEvent> events = number_events(
      {submitted(kPassing), record(kPassing, 1, "START", "job"), submitted(kRetried)});
  const std::string in_the_way = dir_ + "/results/" + percent_encode(kPassing);
  ASSERT_TRUE(sink_->open().ok());
  ASSERT_TRUE(write_file_atomically(in_the_way, "not a directory").ok());
  for (int i = 0; i < 3; ++i) {
    const Delivery done = deliver(events);
    ASSERT_FALSE(done.ok());
    EXPECT_THAT(done.reason, HasSubstr(in_the_way));
    EXPECT_THAT(done.reason, HasSubstr("Not a directory"));
    const Result<SinkPosition> position = sink_->open();
    ASSERT_TRUE(position.ok()) << position.error();
    EXPECT_EQ(position->cursor, 0u);
  }
  std::filesystem::remove(in_the_way);
  EXPECT_TRUE(deliver(events).ok());
  EXPECT_THAT(log(kPassing), HasSubstr("START"));
}

// A link must not lead the writer out of its directory.
TEST_F(StatusLogSinkTest, LinksAreNotFollowed) {
  ASSERT_TRUE(sink_->open().ok());
  const std::string victim = dir_ + "/victim";
  ASSERT_TRUE(write_file_atomically(victim, "precious").ok());
  std::filesystem::create_directories(dir_ + "/results/" + percent_encode(kPassing));
  std::filesystem::create_symlink(victim, path(kPassing));
  EXPECT_FALSE(
      deliver(number_events({submitted(kPassing), record(kPassing, 1, "START", "job")})).ok());
  EXPECT_EQ(*read_file(victim, 100), "precious");
}

TEST_F(StatusLogSinkTest, StateOfANewerMusterIsRefused) {
  ASSERT_TRUE(sink_->open().ok());
  sink_.reset();
  {
    std::variant<Database, DbStatus> db = Database::open(dir_ + "/state.db");
    ASSERT_TRUE(std::get<Database>(db).execute("PRAGMA user_version = 99").ok());
  }
  StatusLogSink sink(dir_ + "/state.db", dir_ + "/results");
  const Result<SinkPosition> position = sink.open();
  ASSERT_FALSE(position.ok());
  EXPECT_THAT(position.error(), HasSubstr("format 99"));
  EXPECT_THAT(position.error(), HasSubstr("upgrade"));
}

TEST(AppendAt, Table) {
  std::string pattern = ::testing::TempDir() + "append-XXXXXX";
  const std::string dir = mkdtemp(pattern.data());
  struct Row {
    std::string before;
    uint64_t length;
    std::string text, after;
  };
  const Row rows[] = {
      {"", 0, "abc", "abc"},  {"abc", 3, "def", "abcdef"}, {"abcXX", 3, "def", "abcdef"},
      {"abc", 0, "d", "d"},   {"abc", 7, "d", "abcd"},     {"abc", 3, "", "abc"},
      {"abcX", 3, "", "abc"}, {"", 9, "a", "a"},
  };
  for (const Row& row : rows) {
    for (const bool sync : {false, true}) {
      ASSERT_TRUE(write_file_atomically(dir + "/file", row.before).ok());
      const Result<uint64_t> length = append_at(dir, "file", row.length, row.text, sync);
      ASSERT_TRUE(length.ok()) << length.error();
      EXPECT_EQ(*length, row.after.size());
      EXPECT_EQ(*read_file(dir + "/file", 100), row.after);
    }
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace muster
