#include "core/messages.h"

#include <gtest/gtest.h>

#include <memory>

namespace muster {
namespace {

TaskSpecPtr spec_named(const std::string& guid) {
  TaskSpec spec;
  spec.guid = guid;
  return std::make_shared<const TaskSpec>(spec);
}

TEST(MessageEquality, SubmitComparesSpecsByValue) {
  const Submit one{{spec_named("a"), spec_named("b")}, false};
  EXPECT_EQ(one, (Submit{{spec_named("a"), spec_named("b")}, false}));
  EXPECT_NE(one, (Submit{{spec_named("a"), spec_named("c")}, false}));
  EXPECT_NE(one, (Submit{{spec_named("a")}, false}));
  EXPECT_NE(one, (Submit{{spec_named("a"), spec_named("b")}, true}));
  EXPECT_NE(one, (Submit{{spec_named("a"), nullptr}, false}));
  EXPECT_EQ((Submit{{nullptr}, false}), (Submit{{nullptr}, false}));
}

TEST(MessageEquality, ApplyInventoryComparesByValue) {
  Inventory inventory;
  inventory.lab = "lab";
  const InventoryPtr lab = std::make_shared<const Inventory>(inventory);
  const InventoryPtr same = std::make_shared<const Inventory>(inventory);
  const InventoryPtr other = std::make_shared<const Inventory>();
  EXPECT_EQ((ApplyInventory{lab, "me"}), (ApplyInventory{same, "me"}));
  EXPECT_NE((ApplyInventory{lab, "me"}), (ApplyInventory{other, "me"}));
  EXPECT_NE((ApplyInventory{lab, "me"}), (ApplyInventory{same, "you"}));
  EXPECT_NE((ApplyInventory{lab, "me"}), (ApplyInventory{nullptr, "me"}));
  EXPECT_EQ((ApplyInventory{nullptr, "me"}), (ApplyInventory{nullptr, "me"}));
}

TEST(MessageEquality, AssignmentComparesByValue) {
  const Assignment one{spec_named("a"), 1, {}, "s"};
  EXPECT_EQ(one, (Assignment{spec_named("a"), 1, {}, "s"}));
  EXPECT_NE(one, (Assignment{spec_named("b"), 1, {}, "s"}));
  EXPECT_NE(one, (Assignment{spec_named("a"), 2, {}, "s"}));
  EXPECT_NE(one, (Assignment{spec_named("a"), 1, {DeviceSpec{}}, "s"}));
  EXPECT_NE(one, (Assignment{spec_named("a"), 1, {}, "t"}));
  EXPECT_NE(one, (Assignment{nullptr, 1, {}, "s"}));
}

TEST(MessageNames, RoleAndRefusal) {
  EXPECT_EQ(to_string(Role::submitter), "submitter");
  EXPECT_EQ(to_string(Role::admin), "admin");
  EXPECT_EQ(to_string(static_cast<Role>(77)), "unknown");
  EXPECT_EQ(to_string(RefusalCode::hello_first), "hello_first");
  EXPECT_EQ(to_string(RefusalCode::not_permitted), "not_permitted");
  EXPECT_EQ(to_string(static_cast<RefusalCode>(77)), "unknown");
}

TEST(ListTasks, EveryWordOfAQuestionMustHold) {
  TaskSpec spec;
  spec.guid = "lab/0042";
  spec.group = "group-7";
  spec.kind = TaskKind::job;
  spec.name = "wifi 5g";
  spec.metadata = {{"branch", "main"}, {"build", "42"}};
  struct Row {
    const char* word;
    void (*ask)(ListTasks&);
    bool is_meant;
  };
  const Row rows[] = {
      {"nothing", [](ListTasks&) {}, true},
      {"guid", [](ListTasks& q) { q.guid_prefix = "lab/"; }, true},
      {"other guid", [](ListTasks& q) { q.guid_prefix = "lab/1"; }, false},
      {"group", [](ListTasks& q) { q.group_prefix = "group-7"; }, true},
      {"other group", [](ListTasks& q) { q.group_prefix = "group-70"; }, false},
      {"state",
       [](ListTasks& q) {
         q.states = {TaskState::queued, TaskState::ended};
       },
       true},
      {"other state", [](ListTasks& q) { q.states = {TaskState::running}; }, false},
      {"verdict",
       [](ListTasks& q) {
         q.verdicts = {Verdict::error, Verdict::fail};
       },
       true},
      {"other verdict", [](ListTasks& q) { q.verdicts = {Verdict::pass}; }, false},
      {"kind", [](ListTasks& q) { q.kinds = {TaskKind::job}; }, true},
      {"other kind",
       [](ListTasks& q) {
         q.kinds = {TaskKind::verify, TaskKind::repair};
       },
       false},
      {"name", [](ListTasks& q) { q.name = "wifi*"; }, true},
      {"other name", [](ListTasks& q) { q.name = "wifi"; }, false},
      {"metadata",
       [](ListTasks& q) {
         q.metadata = {{"build", "42"}};
       },
       true},
      {"other value",
       [](ListTasks& q) {
         q.metadata = {{"build", "4"}};
       },
       false},
      {"other key",
       [](ListTasks& q) {
         q.metadata = {{"branch", "main"}, {"x", ""}};
       },
       false},
      {"one of two",
       [](ListTasks& q) {
         q.name = "*";
         q.group_prefix = "x";
       },
       false},
  };
  for (const Row& row : rows) {
    ListTasks question;
    row.ask(question);
    EXPECT_EQ(is_meant(question, spec.guid, spec, TaskState::ended, Verdict::fail, false),
              row.is_meant)
        << row.word;
  }
}

TEST(Messages, OnlyBuriedTasksAreMeantWhereTheseAreAskedFor) {
  const TaskTerms spec;
  ListTasks question;
  question.buried = true;
  EXPECT_TRUE(is_meant(question, "task-100001", spec, TaskState::ended, Verdict::fail, true));
  EXPECT_FALSE(is_meant(question, "task-100001", spec, TaskState::ended, Verdict::fail, false));
}

}  // namespace
}  // namespace muster
