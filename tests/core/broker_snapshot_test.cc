// That snapshots tell all is asked at the end of every test with a Lab; here is what they refuse.
#include "core/broker_snapshot.h"

#include <functional>

#include "tests/core/lab_in_hand.h"

namespace muster {
namespace {

using broker_state::kNone;

// A lab in the middle of everything: tasks that run, wait, back off, have ended and were retried.
class BusyLab : public Lab {
 public:
  BusyLab() : Lab(make_inventory(kDevices, {"one a r", "two b s"})) {
    lease(1, "a");
    lease(2, "type=handset");
    lease(3, "type=handset");
    pass_job(3);
    lease(4, "a");  // waits
    end(2, make_ending(Outcome::error, Cause::worker, StatusCode::error, "lost", now, now));
    TaskSpec after = make_task(5, "c");
    after.depends_on = {{guid_of(1), true}};
    submit({after});
    change("c", DeviceChange::lock);
    hear("p", RetryTasks{{guid_of(3)}, "again", "kim", "request-1"});
  }
};

TEST(BrokerSnapshot, AChangeOfAnythingChangesTheDigest) {
  BusyLab lab;
  const BrokerSnapshot snapshot = lab.core.snapshot();
  const uint64_t before = digest(snapshot);
  EXPECT_EQ(digest(BrokerSnapshot(snapshot)), before);
  const std::vector<std::function<void(BrokerSnapshot&)>> changes = {
      [](BrokerSnapshot& s) { ++s.head; },
      [](BrokerSnapshot& s) { s.started += 1us; },
      [](BrokerSnapshot& s) { s.tasks[0].waits_for = 7; },
      [](BrokerSnapshot& s) { s.tasks[0].attempts[0].progress = "half"; },
      [](BrokerSnapshot& s) { s.tasks[0].chain = Box(broker_state::Chain{}); },
      [](BrokerSnapshot& s) { s.ended_digests.push_back(1); },
      [](BrokerSnapshot& s) { s.workers[0].listed["x"] = {}; },
      [](BrokerSnapshot& s) { s.devices[0].uses["power"] = {kZero}; },
      [](BrokerSnapshot& s) { s.devices[0].gone_at = 3; },
      [](BrokerSnapshot& s) {
        s.workers[0].draining = Draining{"kim", "", kZero};
      },
      [](BrokerSnapshot& s) {
        s.draining = Draining{"kim", "", kZero};
      },
      [](BrokerSnapshot& s) { s.logged_through["broker"] = 3; },
      [](BrokerSnapshot& s) { s.classes[0].typical += 1us; },
      [](BrokerSnapshot& s) { s.typical_times.emplace_back("key", 1us); },
      [](BrokerSnapshot& s) {
        auto other = std::make_shared<Inventory>(*s.inventory);
        other->health.fresh += 1us;
        s.inventory = other;
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    BrokerSnapshot changed = snapshot;
    changes[i](changed);
    EXPECT_NE(digest(changed), before) << "change " << i;
  }
}

TEST(BrokerSnapshot, WhatBeginsOneMemberIsNotTakenForTheEndOfTheOther) {
  BrokerSnapshot one;
  one.typical_times = {{"ab", 1us}, {"c", 1us}};
  BrokerSnapshot other;
  other.typical_times = {{"a", 1us}, {"bc", 1us}};
  EXPECT_NE(digest(one), digest(other));
  one.typical_times.clear();
  other.typical_times.clear();
  one.free_tasks = {1};
  other.free_devices = {1};
  EXPECT_NE(digest(one), digest(other));
}

TEST(BrokerSnapshot, WhatContradictsItselfIsRefused) {
  BusyLab lab;
  const BrokerSnapshot sound = lab.core.snapshot();
  ASSERT_EQ(unsound(sound), "");
  const std::vector<std::pair<std::string, std::function<void(BrokerSnapshot&)>>> faults = {
      {"no inventory", [](BrokerSnapshot& s) { s.inventory = nullptr; }},
      {"free task slots", [](BrokerSnapshot& s) { s.free_tasks.push_back(0); }},
      {"free task slots", [](BrokerSnapshot& s) { s.free_tasks.push_back(1'000); }},
      {"is not listed", [](BrokerSnapshot& s) { s.tasks.emplace_back(); }},
      {"is not listed", [](BrokerSnapshot& s) { s.devices.emplace_back(); }},
      {"two tasks", [](BrokerSnapshot& s) { s.tasks[1].spec = s.tasks[0].spec; }},
      {"newer than", [](BrokerSnapshot& s) { s.head = 1; }},
      {"class is wrong", [](BrokerSnapshot& s) { s.tasks[0].task_class = kNone; }},
      {"of no class", [](BrokerSnapshot& s) { s.tasks[0].task_class = 99; }},
      {"at no worker", [](BrokerSnapshot& s) { s.tasks[0].attempts[0].worker = 99; }},
      {"held by nobody", [](BrokerSnapshot& s) { s.tasks[0].state = TaskState::queued; }},
      {"does not know what it holds", [](BrokerSnapshot& s) { s.workers[0].held.clear(); }},
      {"not leased to it", [](BrokerSnapshot& s) { s.workers[1].held.push_back(0); }},
      {"who holds it", [](BrokerSnapshot& s) { s.tasks[0].attempts[0].devices = {77}; }},
      {"held by no task", [](BrokerSnapshot& s) { s.devices[2].holder = 99; }},
      {"at no worker", [](BrokerSnapshot& s) { s.devices[0].worker = 99; }},
      {"one name", [](BrokerSnapshot& s) { s.workers[1].name = s.workers[0].name; }},
      {"one name",
       [](BrokerSnapshot& s) {
         s.devices.push_back(s.devices[0]);
         s.devices.back().holder = kNone;
       }},
      {"another name", [](BrokerSnapshot& s) { s.workers[0].listed["x"] = {}; }},
      {"its inventory", [](BrokerSnapshot& s) { s.devices[0].declared = false; }},
      {"free classes", [](BrokerSnapshot& s) { s.free_classes.push_back(99); }},
      {"not free", [](BrokerSnapshot& s) { s.classes.emplace_back(); }},
      {"not queued there", [](BrokerSnapshot& s) { s.classes[0].queued.push_back(0); }},
      {"names no task",
       [](BrokerSnapshot& s) {
         s.ended_tasks.push_back({99, 1});
       }},
      {"names no task",
       [](BrokerSnapshot& s) {
         s.ended_tasks.push_back({kNone, 1});
       }},
      {"cannot be read",
       [](BrokerSnapshot& s) {
         TaskTerms terms = *s.tasks[0].spec;
         terms.devices[0].selector = "=";
         s.tasks[0].spec.share(std::make_shared<const TaskTerms>(std::move(terms)));
       }},
  };
  for (const auto& [part, damage] : faults) {
    BrokerSnapshot damaged = sound;
    damage(damaged);
    EXPECT_NE(unsound(damaged).find(part), std::string::npos)
        << "wanted: " << part << "; said: " << unsound(damaged);
  }
}

}  // namespace
}  // namespace muster
