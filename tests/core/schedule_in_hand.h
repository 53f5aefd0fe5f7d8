// A lab in which people share a few slots.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/core/lab_in_hand.h"

namespace muster {

class Shop : public Lab {
 public:
  // One worker w1 with so many slots.
  explicit Shop(uint32_t slots, const Inventory& inventory = make_inventory({}))
      : Lab(inventory, 1), slots_(slots) {
    hear("w2", Beat{});
    sync("w1", slots);
    drain("w2");
  }

  static TaskSpec task(size_t number, const std::string& submitter, const std::string& pool = "") {
    TaskSpec spec = spec_of(number);
    spec.submitter = submitter;
    spec.pool = pool;
    return spec;
  }
  static TaskSpec spec_of(size_t number) { return Broker::spec(guid_of(number)); }

  // The worker says what it is; what it holds goes on.
  void sync(const std::string& worker, uint32_t slots, std::vector<std::string> pools = {"wifi"}) {
    Sync sync = make_sync();
    sync.slots = sync.credit = slots;
    sync.pools = std::move(pools);
    for (size_t i = 0; i < kTasksMax; ++i) {
      const auto info = core.task_info(guid_of(i));
      const bool lives = info && !info->attempts.empty() && !info->attempts.back().ending &&
                         info->attempts.back().worker == worker;
      if (lives) sync.held.push_back({{guid_of(i), info->attempt_count}, true});
    }
    hear(worker, sync);
    dispatch();
  }
  void submit_and_dispatch(const std::vector<TaskSpec>& specs) {
    submit(specs);
    for (const SubmitResult& result : answer<SubmitReply>().results) {
      EXPECT_EQ(result.refused, "") << result.guid;
    }
    dispatch();
  }
  DrainReply::Outcome drain(const std::string& worker, bool resume = false) {
    const std::vector<std::string> workers =
        worker.empty() ? std::vector<std::string>() : std::vector<std::string>{worker};
    hear("a", Drain{workers, resume, "new disk", "kim"});
    const DrainReply reply = answer<DrainReply>();
    dispatch();
    return reply.results.at(0);
  }
  bool runs(size_t number) const {
    return core.task_info(guid_of(number)).value().state != TaskState::queued &&
           core.task_info(guid_of(number)).value().state != TaskState::ended;
  }
  // Numbers of the tasks that are held, in the order in which they were leased.
  std::vector<size_t> leased_order() const {
    std::vector<size_t> order;
    for (const Event& event : log) {
      const auto* leased = std::get_if<AttemptLeased>(&event.body);
      if (leased) order.push_back(std::stoul(leased->token.guid.substr(5)) - 100'000);
    }
    return order;
  }
  // Ends the oldest held one again and again; the order in which all were leased.
  std::vector<size_t> run_all() {
    size_t next = 0;
    while (next < leased_order().size()) {
      pass_job(leased_order().at(next++));
    }
    return leased_order();
  }
  TaskInfo info(size_t number) const { return core.task_info(guid_of(number)).value(); }
  uint32_t slots() const { return slots_; }

 private:
  static constexpr size_t kTasksMax = 200;
  uint32_t slots_;
};

}  // namespace muster
