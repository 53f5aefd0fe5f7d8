// Chains: what a job does when what it waits for does not come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"
#include "tests/core/chain_in_hand.h"

namespace muster {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr VerifyFirst kNone = VerifyFirst::none;
constexpr VerifyFirst kFresh = VerifyFirst::fresh;

class WaitLab : public ChainLab {
 public:
  explicit WaitLab(const Inventory& inventory, uint32_t slots = 8) : ChainLab(inventory, slots) {}

  void take_nothing_new() {
    Sync sync = make_sync();
    sync.slots = 8;
    sync.credit = 0;
    sync.held = {};
    for (const TaskSpecPtr& child : children(1)) {
      const TaskInfo info = core.task_info(child->guid).value();
      const bool lives = !info.attempts.empty() && !info.attempts.back().ending;
      if (lives) sync.held.push_back({{child->guid, info.attempt_count}, true});
    }
    hear("w1", sync);
    dispatch();
    check_fold();
  }
  // The child ends before it has begun: it is queued for another attempt.
  void return_child(size_t number) {
    const std::string guid = children(number).back()->guid;
    const TaskInfo info = core.task_info(guid).value();
    ASSERT_FALSE(info.attempts.empty());
    const AttemptToken token{guid, info.attempt_count};
    report(info.attempts.back().worker, token, make_not_begun());
    check_fold();
  }
};

Inventory listed_handsets() {
  Inventory inventory = make_inventory({"a handset w1", "d handset w2"});
  inventory.devices[0].lister = "usb";
  return inventory;
}

// A job has a verified, which is queued when a cannot be reached any more.
TEST(ChainWait, AJobGoesElsewhereWhenItsChildCannotBeLeased) {
  struct Row {
    const char* name;
    std::function<void(WaitLab&)> change;
    const char* why;
  };
  const std::vector<Row> rows = {
      {"worker lost", [](WaitLab& lab) { lab.lose_w1(); }, "worker w1 is not connected"},
      {"worker takes nothing", [](WaitLab& lab) { lab.take_nothing_new(); },
       "worker w1 takes no new work"},
      {"device unplugged", [](WaitLab& lab) { lab.list({}); }, "it is not plugged in"},
  };
  for (const bool elsewhere : {true, false}) {
    for (const Row& row : rows) {
      WaitLab lab(listed_handsets());
      lab.list({"a usb"});
      if (!elsewhere) lab.changed("d", DeviceChange::lock);
      lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh, true));
      ASSERT_THAT(lab.child_words(1), ElementsAre("verify a")) << row.name;
      lab.return_child(1);
      const std::string child = lab.children(1)[0]->guid;
      row.change(lab);
      lab.check_fold();
      const TaskInfo info = lab.core.task_info(child).value();
      if (!elsewhere) {
        EXPECT_THAT(lab.child_words(1), ElementsAre("verify a")) << row.name;
        EXPECT_NE(info.state, TaskState::ended) << row.name;
        continue;
      }
      ASSERT_THAT(lab.child_words(1), ElementsAre("verify a", "verify d")) << row.name;
      ASSERT_EQ(info.state, TaskState::ended) << row.name;
      EXPECT_EQ(info.ending->cause, Cause::capacity) << row.name;
      EXPECT_THAT(info.ending->message, HasSubstr(row.why)) << row.name;
      lab.end_child(1, make_pass());
      EXPECT_EQ(lab.leased(1), "d") << row.name;
    }
  }
}

TEST(ChainWait, TheExplanationSaysWhatAQueuedChildWaitsFor) {
  WaitLab lab(make_inventory({"a handset w1"}));
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  lab.return_child(1);
  lab.lose_w1();
  const std::string child = lab.children(1)[0]->guid;
  EXPECT_THAT(lab.explain(1).summary, HasSubstr("device a is to be verified for it: task " + child +
                                                ", which waits: device a is offline"));
}

TEST(ChainWait, AChildIsNotTriedAgainByItself) {
  ChainLab lab(make_inventory({"a handset w1"}));
  TaskSpec job = lab.job(1, "a", kFresh, true);
  job.before.repair_budget = 10min;
  lab.submit_and_dispatch(job);
  lab.end_child(1, make_fail());
  ASSERT_THAT(lab.child_words(1), ElementsAre("verify a", "repair a"));
  lab.pass_alive(9min);
  lab.end_child(1, make_error(Cause::worker));
  EXPECT_EQ(lab.core.task_info(lab.children(1)[1]->guid)->state, TaskState::ended)
      << "a second attempt would have the whole budget again";
  lab.pass_alive(1min);
  EXPECT_EQ(lab.children(1).size(), 2u);
  EXPECT_EQ(lab.state(1), TaskState::ended);
}

// What fell off the bus is what a repair is for; a job waits for it.
TEST(ChainWait, WhatIsNotPluggedInMayBeVerifiedAndRepaired) {
  struct Row {
    const char* name;
    TaskKind kind;
    bool leased;
  };
  const std::vector<Row> rows = {{"job", TaskKind::job, false},
                                 {"verify", TaskKind::verify, true},
                                 {"repair", TaskKind::repair, true}};
  for (const Row& row : rows) {
    ChainLab lab(listed_handsets());
    TaskSpec spec = lab.check(1, "a", row.kind);
    lab.submit_and_dispatch(spec);
    EXPECT_EQ(lab.leased(1), row.leased ? "a" : "") << row.name;
    if (row.leased) continue;
    EXPECT_THAT(lab.explain(1).reasons, Contains(HasSubstr("is not plugged in")));
  }
  ChainLab lab(listed_handsets());
  lab.list({"a usb"});
  lab.submit_and_dispatch(lab.job(1, "a", kFresh, true));
  const std::string verification = lab.children(1)[0]->guid;
  Sync sync = lab.make_sync();
  sync.slots = sync.credit = 8;
  sync.held = {{{verification, 1}, true}};
  lab.hear("w1", sync);  // and lists nothing any more
  lab.end_child(1, make_fail());
  ASSERT_THAT(lab.child_words(1), ElementsAre("verify a", "repair a"));
  EXPECT_EQ(lab.core.task_info(lab.children(1)[1]->guid)->state, TaskState::leased);
}

TEST(ChainWait, SomebodyElsesFailedVerificationIsRepairedForTheFirstJobThatWaits) {
  struct Row {
    const char* name;
    const char* devices;
    std::function<void(ChainLab&)> jobs;
    std::vector<size_t> repaired_for;
  };
  const auto submit = [](ChainLab& lab, size_t number, bool repair, uint32_t priority) {
    TaskSpec job = lab.job(number, "type=handset", kFresh, repair);
    job.priority = priority;
    lab.submit_and_dispatch(job);
  };
  const std::vector<Row> rows = {
      {"nobody waits", "a", [](ChainLab&) {}, {}},
      {"one", "a", [&](ChainLab& lab) { submit(lab, 2, true, 50); }, {2}},
      {"not wanted", "a", [&](ChainLab& lab) { submit(lab, 2, false, 50); }, {}},
      {"the first one that wants it",
       "a",
       [&](ChainLab& lab) {
         submit(lab, 2, false, 50);
         submit(lab, 3, true, 50);
         submit(lab, 4, true, 50);
       },
       {3}},
      {"the highest rank",
       "a",
       [&](ChainLab& lab) {
         submit(lab, 2, true, 50);
         submit(lab, 3, true, 60);
       },
       {3}},
      {"it has another one verified", "a b", [&](ChainLab& lab) { submit(lab, 2, true, 50); }, {}},
  };
  for (const Row& row : rows) {
    std::vector<std::string> devices;
    for (const std::string& name : split(row.devices, ' ')) devices.push_back(name + " handset w1");
    ChainLab lab(make_inventory(devices));
    lab.submit_and_dispatch(lab.check(1, "a"));
    row.jobs(lab);
    lab.end_task(guid_of(1), make_fail());
    std::vector<size_t> repaired_for;
    for (size_t number = 2; number <= 4; ++number) {
      for (const std::string& word : lab.child_words(number)) {
        if (word == "repair a") repaired_for.push_back(number);
      }
    }
    EXPECT_EQ(repaired_for, row.repaired_for) << row.name;
  }
  for (const bool passes : {true, false}) {
    ChainLab lab(make_inventory({"a handset w1"}));
    lab.submit_and_dispatch(lab.check(1, "a"));
    lab.submit_and_dispatch(lab.job(2, "a", kFresh, true));
    lab.end_task(guid_of(1), make_fail());
    lab.end_child(2, passes ? make_pass() : make_fail());
    EXPECT_EQ(lab.state(2), passes ? TaskState::leased : TaskState::ended);
  }
}

// Somebody's verification of a is queued when a job wants a verified.
TEST(ChainWait, OnlyAVerificationThatComesBeforeTheJobIsWaitedFor) {
  struct Row {
    const char* name;
    std::function<void(TaskSpec&)> change;
    bool waited_for;
  };
  const std::vector<Row> rows = {
      {"the same rank", [](TaskSpec&) {}, true},
      {"a higher one", [](TaskSpec& spec) { spec.priority = 60; }, true},
      {"a lower one", [](TaskSpec& spec) { spec.priority = 40; }, false},
      {"never leased",
       [](TaskSpec& spec) {
         spec.pool = "elsewhere";
         spec.wait_for_capacity = true;
       },
       false},
  };
  for (const Row& row : rows) {
    WaitLab lab(make_inventory({"a handset w1", "b handset w1"}), 1);
    lab.submit_and_dispatch(lab.job(9, "b", kNone));  // takes the only slot
    TaskSpec check = lab.check(1, "a");
    row.change(check);
    lab.submit_and_dispatch(check);
    lab.submit_and_dispatch(lab.job(2, "a", kFresh));
    lab.end_task(guid_of(9), make_pass());
    const std::vector<std::string> words = lab.child_words(2);
    EXPECT_EQ(words.empty(), row.waited_for) << row.name;
  }
}

TEST(ChainWait, TheExplanationSaysWhyAnIdleDeviceIsNotForTheJob) {
  WaitLab lab(make_inventory({"a handset w1", "b handset w1"}));
  lab.submit_and_dispatch(lab.job(9, "b", kNone));
  lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
  lab.end_child(1, make_error(Cause::timeout));
  EXPECT_THAT(lab.explain(1).reasons,
              Contains("device a was tried in vain (task " + lab.children(1)[0]->guid + ")"));

  WaitLab other(make_inventory({"a handset w1", "r relay w1"}));
  other.submit_and_dispatch(other.job(1, "dut:a relay:r", VerifyFirst::always));
  other.end_task(other.children(1)[1]->guid, make_pass());
  other.submit_and_dispatch(other.job(2, "r", kNone));
  EXPECT_THAT(other.explain(2).reasons, ElementsAre("device r is kept for task " + guid_of(1)));

  WaitLab full(make_inventory({"a handset w1", "b handset w1"}), 1);
  full.submit_and_dispatch(full.job(9, "b", kNone));
  full.submit_and_dispatch(full.check(1, "a"));
  full.submit_and_dispatch(full.job(2, "a", kFresh));
  EXPECT_THAT(full.explain(2).reasons, ElementsAre("device a waits for verify task " + guid_of(1)));
  EXPECT_THAT(full.child_words(2), IsEmpty());
}

// The device that was left is taken away; what was found before says whose fault it is.
TEST(ChainWait, AJobThatTriedInVainEndsForTheCauseThatWasFound) {
  struct Row {
    Ending ending;
    Cause cause;
  };
  const std::vector<Row> rows = {{make_error(Cause::timeout), Cause::device},
                                 {make_fail(), Cause::device},
                                 {make_blame("hub9"), Cause::peripheral},
                                 {make_error(Cause::config), Cause::config}};
  for (const Row& row : rows) {
    ChainLab lab(make_inventory({"a handset w1", "b handset w1"}));
    lab.submit_and_dispatch(lab.job(2, "b", kNone));
    lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
    lab.end_child(1, row.ending);
    ASSERT_EQ(lab.state(1), TaskState::queued);
    lab.changed("b", DeviceChange::lock);
    ASSERT_EQ(lab.state(1), TaskState::ended);
    EXPECT_EQ(lab.task(1).ending->cause, row.cause);
    EXPECT_THAT(lab.task(1).ending->message, HasSubstr("a (task " + lab.children(1)[0]->guid));
  }
}

// It was kept for jobs that ended in the same message, or later, and then waited for ever.
TEST(ChainWait, AChildIsNotKeptForJobsThatHaveEndedToo) {
  for (const bool together : {true, false}) {
    ChainLab lab(make_inventory({"a handset w1"}));
    lab.submit_and_dispatch(lab.job(1, "a", VerifyFirst::always));
    lab.submit_and_dispatch(lab.job(2, "a", VerifyFirst::always));
    const std::string child = lab.children(1).at(0)->guid;
    if (together) {
      lab.hear("p", Cancel{{guid_of(1), guid_of(2)}, "enough", "kim"});
      lab.check_fold();
    } else {
      lab.cancel(guid_of(1));
      EXPECT_EQ(lab.core.task_info(child)->cancelling, "") << "another waits for it";
      lab.cancel(guid_of(2));
    }
    EXPECT_NE(lab.core.task_info(child)->cancelling, "");
  }
}

}  // namespace
}  // namespace muster
