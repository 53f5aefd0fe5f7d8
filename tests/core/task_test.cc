#include "core/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace muster {
namespace {

Ending ended(Outcome outcome, Cause cause) {
  return make_ending(outcome, cause, StatusCode::error, "", Instant{}, Instant{});
}

struct FoldRow {
  const char* name;
  std::vector<Ending> endings;
  Verdict verdict;
};

TEST(FoldVerdict, Table) {
  const Ending pass = ended(Outcome::pass, Cause::none);
  const Ending skip = ended(Outcome::skip, Cause::none);
  const Ending fail = ended(Outcome::fail, Cause::test);
  const Ending crash = ended(Outcome::error, Cause::test);
  const Ending timeout = ended(Outcome::error, Cause::timeout);
  const Ending lost = ended(Outcome::error, Cause::worker);
  const Ending bad_device = ended(Outcome::fail, Cause::device);
  const Ending cancelled = ended(Outcome::error, Cause::user);
  const Ending misconfigured = ended(Outcome::error, Cause::config);
  const std::vector<FoldRow> rows = {
      {"not ended", {}, Verdict::none},
      {"pass", {pass}, Verdict::pass},
      {"skip", {skip}, Verdict::skip},
      {"fail", {fail}, Verdict::fail},
      {"a failed verification is a fail", {bad_device}, Verdict::fail},
      {"crash", {crash}, Verdict::error},
      {"timeout", {timeout}, Verdict::error},
      {"worker lost", {lost}, Verdict::error},
      {"cancelled", {cancelled}, Verdict::error},
      {"lost, then pass", {lost, pass}, Verdict::pass},
      {"lost many times, then pass", {lost, lost, lost, pass}, Verdict::pass},
      {"bad device, then pass", {bad_device, pass}, Verdict::pass},
      {"lost, then fail", {lost, fail}, Verdict::fail},
      {"lost, then skip", {lost, skip}, Verdict::skip},
      {"fail, then pass", {fail, pass}, Verdict::flaky},
      {"crash, then pass", {crash, pass}, Verdict::flaky},
      {"timeout, then pass", {timeout, pass}, Verdict::flaky},
      {"fail, lost, pass", {fail, lost, pass}, Verdict::flaky},
      {"lost, fail, pass", {lost, fail, pass}, Verdict::flaky},
      {"fail, pass, fail: the last one counts", {fail, pass, fail}, Verdict::fail},
      {"fail, then lost: never came to an end", {fail, lost}, Verdict::error},
      {"pass, then lost", {pass, lost}, Verdict::error},
      {"fail, then skip", {fail, skip}, Verdict::skip},
      {"misconfigured, then pass", {misconfigured, pass}, Verdict::pass},
  };
  for (const FoldRow& row : rows) {
    std::vector<const Ending*> endings;
    for (const Ending& ending : row.endings) endings.push_back(&ending);
    EXPECT_EQ(fold_verdict(endings), row.verdict) << row.name;
  }
}

TEST(Infrastructure, IsWhatTheInfraBudgetCovers) {
  const std::set<Cause> infrastructure = {Cause::device, Cause::peripheral, Cause::worker,
                                          Cause::broker, Cause::capacity};
  for (int i = 0; i <= static_cast<int>(Cause::capacity); ++i) {
    const Cause cause = static_cast<Cause>(i);
    EXPECT_EQ(is_infrastructure(cause), infrastructure.count(cause) == 1) << to_string(cause);
  }
}

TEST(TaskNames, AreDistinctAndComplete) {
  std::set<std::string_view> names;
  for (int i = 0; i <= 9; ++i) names.insert(to_string(static_cast<StatusCode>(i)));
  EXPECT_EQ(names,
            (std::set<std::string_view>{"OK", "ERROR", "NORUN", "BLOCKED", "BUSY", "FAILURES",
                                        "NOLIST", "KILLED", "NOFETCH", "TIMEOUT"}));
  names.clear();
  for (int i = 0; i <= 9; ++i) names.insert(to_string(static_cast<Cause>(i)));
  EXPECT_EQ(names.size(), 10u);
  EXPECT_EQ(names.count("unknown"), 0u);
  names.clear();
  for (int i = 0; i <= 5; ++i) names.insert(to_string(static_cast<Verdict>(i)));
  EXPECT_EQ(names, (std::set<std::string_view>{"none", "pass", "fail", "flaky", "error", "skip"}));
  names.clear();
  for (int i = 0; i <= 3; ++i) names.insert(to_string(static_cast<TaskState>(i)));
  EXPECT_EQ(names, (std::set<std::string_view>{"queued", "leased", "running", "ended"}));
  names.clear();
  for (int i = 0; i <= 3; ++i) names.insert(to_string(static_cast<Outcome>(i)));
  EXPECT_EQ(names, (std::set<std::string_view>{"pass", "fail", "error", "skip"}));
}

TEST(TaskNames, AreSafeForValuesOutOfRange) {
  EXPECT_EQ(to_string(static_cast<TaskKind>(200)), "unknown");
  EXPECT_EQ(to_string(static_cast<Cause>(200)), "unknown");
  EXPECT_EQ(to_string(static_cast<StatusCode>(200)), "UNKNOWN");
}

TEST(TaskKinds, Parse) {
  EXPECT_EQ(parse_task_kind("verify"), TaskKind::verify);
  EXPECT_EQ(parse_task_kind("repair"), TaskKind::repair);
  EXPECT_EQ(parse_task_kind("job"), TaskKind::job);
  for (const char* text : {"", "Verify", "verify ", "jobs", "unknown"}) {
    EXPECT_EQ(parse_task_kind(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace muster
