#include "cli/render_inventory.h"

#include <gtest/gtest.h>

#include "cli/render_json.h"

namespace muster {
namespace {

const InventoryPlan kPlan = {"lab.yaml",
                             {{ChangeKind::changed, "lab", "", {{"", "lund-3", "lund-4"}}},
                              {ChangeKind::added, "device", "phone-9", {}},
                              {ChangeKind::changed,
                               "device",
                               "phone-7",
                               {{"profile.serial", "", "S1"}, {"worker", "w1", "w2"}}},
                              {ChangeKind::removed, "device", "phone-3", {}},
                              {ChangeKind::removed, "stack", "phone-3", {}}},
                             {{"phone-3", {"guid-000001", 2}}}};

TEST(RenderInventory, SaysWhatWouldChangeAndWhatDrains) {
  EXPECT_EQ(render_inventory_plan(kPlan, Look{}),
            "~ lab: lund-3 -> lund-4\n"
            "+ device phone-9\n"
            "~ device phone-7\n"
            "    profile.serial  (nothing) -> S1\n"
            "    worker          w1 -> w2\n"
            "- device phone-3: leased by guid-000001 (attempt 2), which goes on; it drains\n"
            "- stack phone-3\n"
            "5 changes: 1 added, 2 changed, 2 removed\n");
  EXPECT_EQ(render_inventory_plan({"lab.yaml", {}, {}}, Look{}), "lab.yaml: nothing to do\n");
}

TEST(RenderInventory, AsJson) {
  EXPECT_EQ(inventory_diff_json(kPlan),
            R"({"schema":"muster.inventory_diff/1","file":"lab.yaml","changes":[)"
            R"({"change":"changed","part":"lab","fields":[{"from":"lund-3","to":"lund-4"}]},)"
            R"({"change":"added","part":"device","name":"phone-9"},)"
            R"({"change":"changed","part":"device","name":"phone-7","fields":[)"
            R"({"field":"profile.serial","to":"S1"},{"field":"worker","from":"w1","to":"w2"}]},)"
            R"({"change":"removed","part":"device","name":"phone-3",)"
            R"("held_by":{"guid":"guid-000001","attempt":2}},)"
            R"({"change":"removed","part":"stack","name":"phone-3"}]})");
  EXPECT_EQ(inventory_diff_json({"lab.yaml", {}, {}}),
            R"({"schema":"muster.inventory_diff/1","file":"lab.yaml","changes":[]})");
}

}  // namespace
}  // namespace muster
