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

}  // namespace
}  // namespace muster
