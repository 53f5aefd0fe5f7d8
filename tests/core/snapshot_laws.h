// What must hold of snapshots: a core from one, and from the events behind it, is the core that all
// events give. It has the same hard state and decides the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/broker_in_hand.h"

namespace muster {

// What the core decides when it starts `later` after all that, hears its workers again and gives
// out work.
inline std::vector<Event> decisions_of(BrokerCore& core, Instant later) {
  std::vector<Event> events;
  const auto take = [&](const Input& input) {
    Decision decision = core.decide(input, later);
    for (const Event& event : decision.events) core.apply(event);
    core.note(input, later);
    std::move(decision.events.begin(), decision.events.end(), std::back_inserter(events));
  };
  take(Start{99});
  for (const std::string worker : {"w1", "w2"}) {
    Hello hello;
    hello.role = Role::worker;
    hello.name = worker;
    take(FromPeer{worker, Envelope{1, hello}});
    Sync sync;
    sync.full = true;
    sync.number = 1;
    sync.incarnation = 7;
    sync.slots = sync.credit = 8;
    take(FromPeer{worker, Envelope{0, sync}});
  }
  take(Tick{});
  for (int turn = 0; turn < 10 && core.dispatch_due(); ++turn) take(Dispatch{});
  return events;
}

inline BrokerCore core_from(const BrokerSnapshot& snapshot, const std::vector<Event>& log) {
  BrokerCore core(Broker::options());
  core.restore(snapshot);
  for (size_t i = snapshot.head; i < log.size(); ++i) core.apply(log[i]);
  return core;
}

// At up to `places` places of the log.
inline void expect_snapshots_tell_all(const std::vector<Event>& log, size_t places = 12) {
  if (log.empty()) return;
  const size_t stride = std::max<size_t>(log.size() / places, 1);
  std::vector<BrokerSnapshot> snapshots;
  BrokerCore whole(Broker::options());
  for (const Event& event : log) {
    whole.apply(event);
    if (whole.head() % stride == 0 || whole.head() == log.size()) {
      snapshots.push_back(whole.snapshot());
    }
  }
  const uint64_t digest = whole.hard_digest();
  const Instant later = log.back().time + std::chrono::hours(2);
  const std::vector<Event> decisions = decisions_of(whole, later);
  for (const BrokerSnapshot& snapshot : snapshots) {
    SCOPED_TRACE("from a snapshot after event " + std::to_string(snapshot.head) + " of " +
                 std::to_string(log.size()));
    ASSERT_EQ(unsound(snapshot), "");
    BrokerCore again = core_from(snapshot, log);
    EXPECT_EQ(again.hard_digest(), digest);
    EXPECT_EQ(decisions_of(again, later), decisions);
    EXPECT_EQ(again.hard_digest(), whole.hard_digest()) << "after the same decisions";
  }
}

}  // namespace muster
