#include "collectors/ledger_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/file.h"
#include "io/ledger.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A ledger with the whole script in it, and the questions that people ask.
class LedgerSinkTest : public ::testing::Test {
 protected:
  LedgerSinkTest() {
    std::string pattern = ::testing::TempDir() + "ledger-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    file_ = dir_ + "/ledger.db";
    sink_.emplace(LedgerPlace{file_, {}});
    EXPECT_TRUE(sink_->open().ok());
    const std::vector<SequencedEvent> script = make_script();
    EXPECT_TRUE(sink_->deliver(script, {"the-log", script.size()}).ok());
    Result<Ledger> ledger = Ledger::open(LedgerPlace{file_, {}});
    EXPECT_TRUE(ledger.ok()) << ledger.error();
    ledger_.emplace(std::move(*ledger));
  }
  ~LedgerSinkTest() override { std::filesystem::remove_all(dir_); }

  LedgerTask task(const std::string& guid) {
    const Result<std::optional<LedgerTask>> task = ledger_->task(guid);
    EXPECT_TRUE(task.ok()) << task.error();
    EXPECT_TRUE(task->has_value()) << guid;
    return task->value_or(LedgerTask{});
  }

  std::string dir_;
  std::string file_;
  std::optional<LedgerSink> sink_;
  std::optional<Ledger> ledger_;
};

TEST_F(LedgerSinkTest, KnowsHowEachTaskEnded) {
  struct Row {
    std::string guid;
    TaskState state;
    Verdict verdict;
    uint32_t attempts;
    std::string message;
  };
  const Row rows[] = {
      {kPassing, TaskState::ended, Verdict::pass, 1, ""},
      {kRetried, TaskState::ended, Verdict::fail, 2, "1 of 1 failed"},
      {kCancelled, TaskState::ended, Verdict::error, 0, "cancelled: not needed"},
      {kSilent, TaskState::ended, Verdict::pass, 2, ""},
      {kNonsense, TaskState::ended, Verdict::fail, 2, "now it says why"},
      {kUnfinished, TaskState::running, Verdict::none, 1, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.guid);
    const LedgerTask found = task(row.guid);
    EXPECT_EQ(found.info.spec.guid, row.guid);
    EXPECT_EQ(found.info.state, row.state);
    EXPECT_EQ(found.info.verdict, row.verdict);
    EXPECT_EQ(found.info.attempt_count, row.attempts);
    EXPECT_EQ(found.info.attempts.size(), row.attempts);
    EXPECT_EQ(found.info.ending.has_value(), row.state == TaskState::ended);
    EXPECT_EQ(found.info.ending.value_or(Ending{}).message, row.message);
    EXPECT_EQ(found.info.ended != kNever, row.state == TaskState::ended);
    EXPECT_EQ(found.info.cancelling, "");
  }
}

TEST_F(LedgerSinkTest, KnowsTheSpec) {
  EXPECT_EQ(task(kPassing).info.spec, script_spec(kPassing, TaskKind::verify));
  EXPECT_THAT(task(kPassing).spec_json, HasSubstr("\"kind\":\"verify\""));
}

TEST_F(LedgerSinkTest, KnowsTheAttempts) {
  const LedgerTask found = task(kRetried);
  EXPECT_EQ(found.worker, "bench");
  ASSERT_EQ(found.info.attempts.size(), 2u);
  const AttemptInfo& first = found.info.attempts[0];
  EXPECT_EQ(first.attempt, 1u);
  EXPECT_EQ(first.log_url, "file:///log");
  ASSERT_TRUE(first.ending.has_value());
  EXPECT_EQ(first.ending->outcome, Outcome::error);
  EXPECT_EQ(first.ending->cause, Cause::worker);
  EXPECT_EQ(first.ending->started, script_time(12) - 1ms);
  const AttemptInfo& second = found.info.attempts[1];
  EXPECT_THAT(second.devices, ElementsAre("dut-1", "relay-1"));
  EXPECT_EQ(second.ending->status, StatusCode::failures);
  EXPECT_EQ(second.leased, script_time(23));
}

TEST_F(LedgerSinkTest, KnowsTheResults) {
  const Result<std::vector<LedgerResult>> results = ledger_->results(kRetried);
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 1u);
  EXPECT_EQ((*results)[0].attempt, 2u);
  EXPECT_EQ((*results)[0].result, (CaseResult{"suite", "boots", Outcome::fail, 1500ms, "because"}));
  EXPECT_THAT(*ledger_->results("0194-unknown"), IsEmpty());
}

TEST_F(LedgerSinkTest, FindsGuids) {
  struct Row {
    std::string prefix;
    uint32_t max;
    std::vector<std::string> guids;
  };
  const Row rows[] = {
      {kPassing, 9, {kPassing}},
      {"https:", 9, {kPassing}},
      {"0194-s", 9, {kUnfinished, kSilent}},
      {"0194-s", 1, {kUnfinished}},
      {"0194-t\xc3", 9, {kNonsense}},
      {"last", 9, {kUnfinished}},
      {"", 9, {}},
      {"0194-x", 9, {}},
      {"0194-never-submitted", 9, {}},
      {"%", 9, {}},
      {"0194_", 9, {}},
      {"\xff", 9, {}},
      {"' OR 1 --", 9, {}},
      {"0194-s", 0, {}},
  };
  for (const Row& row : rows) {
    const Result<std::vector<std::string>> guids = ledger_->find_guids(row.prefix, row.max);
    ASSERT_TRUE(guids.ok()) << guids.error();
    EXPECT_EQ(*guids, row.guids) << row.prefix;
  }
}

TEST_F(LedgerSinkTest, ListsTasksNewestFirst) {
  const auto list = [&](const LedgerTaskFilter& filter) {
    std::vector<std::string> guids;
    const Result<std::vector<LedgerTask>> tasks = ledger_->tasks(filter);
    EXPECT_TRUE(tasks.ok()) << tasks.error();
    for (const LedgerTask& found : *tasks) guids.push_back(found.info.spec.guid);
    return guids;
  };
  EXPECT_THAT(list({}),
              ElementsAre(kUnfinished, kNonsense, kSilent, kCancelled, kRetried, kPassing));
  LedgerTaskFilter filter;
  filter.max = 2;
  EXPECT_THAT(list(filter), ElementsAre(kUnfinished, kNonsense));
  filter.state = TaskState::running;
  EXPECT_THAT(list(filter), ElementsAre(kUnfinished));
  filter = {};
  filter.kind = TaskKind::verify;
  EXPECT_THAT(list(filter), ElementsAre(kPassing));
  filter.parent = "0194-no-parent";
  EXPECT_THAT(list(filter), IsEmpty());
}

TEST_F(LedgerSinkTest, ListsEvents) {
  const auto list = [&](const LedgerEventFilter& filter) {
    std::vector<uint64_t> numbers;
    const Result<std::vector<LedgerEvent>> events = ledger_->events(filter);
    EXPECT_TRUE(events.ok()) << events.error();
    for (const LedgerEvent& event : *events) numbers.push_back(event.seq);
    return numbers;
  };
  EXPECT_EQ(list({}).size(), make_script().size());
  EXPECT_THAT(list({kCancelled, "", 1, 10}), ElementsAre(9, 21, 22));
  EXPECT_THAT(list({kCancelled, "", 10, 1}), ElementsAre(21));
  EXPECT_THAT(list({"", "worker_lost", 1, 10}), ElementsAre(17));
  EXPECT_THAT(list({kPassing, "worker_lost", 1, 10}), IsEmpty());
  EXPECT_THAT(list({"", "", UINT64_MAX, 10}), IsEmpty());
  EXPECT_THAT(list({"", "", 50, 1}), ElementsAre(50));
}

TEST_F(LedgerSinkTest, EventsCarryTheirSourceAndWholeJson) {
  const std::vector<LedgerEvent> events = *ledger_->events({kPassing, "result", 1, 10});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].worker, "bench");
  EXPECT_EQ(events[0].guid, kPassing);
  EXPECT_EQ(events[0].time, script_time(14));
  EXPECT_THAT(events[0].json, HasSubstr("\"name\":\"usb\""));
}

TEST_F(LedgerSinkTest, KnowsWhoHeldADevice) {
  const std::vector<LedgerUse> uses = *ledger_->device_uses("dut-1", 10);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].guid, kRetried);
  EXPECT_EQ(uses[0].attempt.attempt, 2u);
  EXPECT_EQ(uses[1].guid, kPassing);
  EXPECT_THAT(*ledger_->device_uses("dut-2", 10), IsEmpty());
}

TEST_F(LedgerSinkTest, KnowsItsPosition) {
  const Result<LedgerPosition> position = ledger_->position();
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->log_id, "the-log");
  EXPECT_EQ(position->seq, make_script().size());
}

TEST_F(LedgerSinkTest, ShowsATaskThatIsTriedAgain) {
  const std::string guid = "0194-once-more";
  const uint64_t head = make_script().size();
  std::vector<SequencedEvent> more = number_events(
      {submitted(guid), leased(guid, 1), started(guid, 1),
       attempt_ended(guid, 1, Outcome::error, Cause::worker, Verdict::none, "gone", ""),
       leased(guid, 2, {"dut-2"})});
  for (SequencedEvent& at : more) at.seq += head;
  const std::span<const SequencedEvent> events(more);

  ASSERT_TRUE(sink_->deliver(events.first(4), {"the-log", head + 4}).ok());
  const LedgerTask waiting = task(guid);
  EXPECT_EQ(waiting.info.state, TaskState::queued);
  EXPECT_EQ(waiting.info.not_before, script_time(4) + 10s);
  EXPECT_EQ(waiting.info.ending, std::nullopt);
  ASSERT_EQ(waiting.info.attempts.size(), 1u);
  EXPECT_EQ(waiting.info.attempts[0].ending.value_or(Ending{}).message, "gone");

  ASSERT_TRUE(sink_->deliver(events.last(1), {"the-log", head + 5}).ok());
  const LedgerTask again = task(guid);
  EXPECT_EQ(again.info.state, TaskState::leased);
  EXPECT_EQ(again.info.not_before, kNever);
  EXPECT_EQ(again.started, kNever);
  EXPECT_EQ(again.info.attempt_count, 2u);
}

// Readers and the writer do not wait for each other.
TEST_F(LedgerSinkTest, SeesWhatIsWrittenMeanwhile) {
  const uint64_t next = make_script().size() + 1;
  std::vector<SequencedEvent> more = {{next, {script_time(next), submitted("0194-newest-one")}}};
  ASSERT_TRUE(sink_->deliver(more, {"the-log", next}).ok());
  EXPECT_THAT(*ledger_->find_guids("last", 1), ElementsAre("0194-newest-one"));
}

// It was the newest verification that the broker had done of itself, or for a job.
TEST_F(LedgerSinkTest, LastIsTheNewestTaskThatSomebodySubmitted) {
  uint64_t next = make_script().size();
  std::vector<SequencedEvent> more;
  const auto add = [&](const char* guid, const char* parent, const char* submitter) {
    EventBody body = submitted(guid);
    auto spec = std::make_shared<TaskSpec>(*std::get<TaskSubmitted>(body).spec);
    spec->parent = parent;
    spec->submitter = submitter;
    ++next;
    more.push_back({next, {script_time(next), TaskSubmitted{std::move(spec)}}});
  };
  add("0194-by-ann", "", "ann@desk");
  add("0194-by-ann/verify-1", "0194-by-ann", "ann@desk");
  add("reverify-phone-7", "", "broker");
  ASSERT_TRUE(sink_->deliver(more, {"the-log", next}).ok());
  EXPECT_THAT(*ledger_->find_guids("last", 1), ElementsAre("0194-by-ann"));
}

TEST_F(LedgerSinkTest, TellsAboutACancelThatHasNoEffectYet) {
  const uint64_t next = make_script().size() + 1;
  std::vector<SequencedEvent> more = {
      {next, {script_time(next), CancelRequested{kUnfinished, "too slow", "ann"}}}};
  ASSERT_TRUE(sink_->deliver(more, {"the-log", next}).ok());
  EXPECT_EQ(task(kUnfinished).info.cancelling, "too slow");
}

TEST_F(LedgerSinkTest, ARetriedTaskIsOpenAgain) {
  const uint64_t next = make_script().size() + 1;
  ASSERT_EQ(task(kCancelled).info.state, TaskState::ended);
  std::vector<SequencedEvent> more = {
      {next, {script_time(next), TaskRetried{kCancelled, "needed after all", "ann", "1"}}}};
  ASSERT_TRUE(sink_->deliver(more, {"the-log", next}).ok());
  const LedgerTask open = task(kCancelled);
  EXPECT_EQ(open.info.state, TaskState::queued);
  EXPECT_EQ(open.info.verdict, Verdict::none);
  EXPECT_EQ(open.info.ending, std::nullopt);
  EXPECT_EQ(open.info.submitted, script_time(next));
  EXPECT_EQ(open.info.ended, kNever);
}

}  // namespace
}  // namespace muster
