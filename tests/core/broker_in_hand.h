// A BrokerCore in the hands of a test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/broker_core.h"

namespace muster {

inline constexpr Instant kZero{std::chrono::hours(500'000)};

// A BrokerCore in a shell that forgets nothing.
class Broker {
 public:
  Broker() : core(options()), now(kZero) { take(Start{1}); }
  // Started on a log.
  Broker(std::vector<Event> events, Instant start)
      : core(options()), now(start), log(std::move(events)) {
    for (const Event& event : log) core.apply(event);
    take(Start{2});
  }

  // "INDEX", or "INDEX:LEVEL" of a verification of a level.
  static std::string make_work(const Work& work) {
    const auto* verify = std::get_if<VerifyWork>(&work);
    const std::string level = verify && !verify->level.empty() ? ":" + verify->level : "";
    return std::to_string(work.index()) + level;
  }
  static BrokerOptions options() {
    BrokerOptions options;
    options.log_id = "log";
    options.make_work = make_work;
    options.verify_level = [](std::string_view work) {
      const size_t colon = work.find(':');
      return colon == std::string::npos ? "" : std::string(work.substr(colon + 1));
    };
    options.strategy_selector = [](const std::string& bytes) { return bytes; };
    return options;
  }

  void take(const Input& input) {
    Decision decision = core.decide(input, now);
    newest = decision.events.size();
    for (Event& event : decision.events) {
      core.apply(event);
      log.push_back(std::move(event));
    }
    core.note(input, now);
    sends = std::move(decision.sends);
  }
  // Also what is owed to workers and watchers now.
  void hear(const std::string& peer, Message message) {
    take(FromPeer{peer, Envelope{1, std::move(message)}});
    std::vector<Send> level = core.drain_sends(now);
    std::move(level.begin(), level.end(), std::back_inserter(sends));
  }
  void dispatch() {
    while (core.dispatch_due()) take(Dispatch{});
    sends = core.drain_sends(now);
  }
  // Time passes, with a Tick and a Dispatch at each deadline on the way.
  void pass(Duration duration) {
    const Instant end = now + duration;
    for (auto next = core.next_deadline(); next && *next <= end; next = core.next_deadline()) {
      now = std::max(now, *next);
      take(Tick{});
      dispatch();
    }
    now = end;
  }

  void hello(const std::string& peer, Role role, const std::string& name) {
    Hello hello;
    hello.role = role;
    hello.name = name;
    hear(peer, hello);
  }
  void worker(const std::string& peer, const std::string& name, uint32_t slots,
              uint32_t credit = 0) {
    hello(peer, Role::worker, name);
    Sync sync = make_sync();
    sync.slots = slots;
    sync.credit = std::max(slots, credit);
    hear(peer, sync);
  }
  Sync make_sync() {
    Sync sync;
    sync.number = ++sync_number;
    sync.incarnation = 1;
    sync.full = true;
    sync.slots = sync.credit = 1;
    return sync;
  }
  void report(const std::string& peer, const AttemptToken& token, ReportBody body) {
    report_all(peer, {{token, std::move(body)}});
  }
  // In one Sync.
  void report_all(const std::string& peer,
                  std::vector<std::pair<AttemptToken, ReportBody>> bodies) {
    Sync sync = make_sync();
    sync.full = false;
    for (auto& [token, body] : bodies) {
      sync.reports.push_back({(1ull << 32) + ++report_counter, token, now, std::move(body)});
    }
    sync.unacked_first = sync.reports.front().seq;
    sync.unacked_last = sync.reports.back().seq;
    hear(peer, sync);
  }

  static TaskSpec spec(const std::string& guid) {
    TaskSpec spec;
    spec.guid = guid;
    spec.wait_for_capacity = true;
    return spec;
  }
  void submit(const std::vector<TaskSpec>& specs) {
    Submit submit;
    for (const TaskSpec& each : specs)
      submit.tasks.push_back(std::make_shared<const TaskSpec>(each));
    hear("p", submit);
  }
  // Why the task is refused; empty when it is accepted.
  std::string refusal(const TaskSpec& spec) {
    submit({spec});
    return answer<SubmitReply>().results.at(0).refused;
  }

  // The newest answer of this kind.
  template <typename Answer>
  Answer answer() const {
    for (auto send = sends.rbegin(); send != sends.rend(); ++send) {
      if (const auto* found = std::get_if<Answer>(&send->envelope.message)) return *found;
    }
    ADD_FAILURE() << "no such answer";
    return {};
  }
  template <typename Answer>
  size_t answers() const {
    return static_cast<size_t>(std::count_if(sends.begin(), sends.end(), [](const Send& send) {
      return std::holds_alternative<Answer>(send.envelope.message);
    }));
  }

  BrokerCore core;
  Instant now;
  std::vector<Event> log;
  size_t newest = 0;  // events of the newest decision
  std::vector<Send> sends;
  uint64_t sync_number = 0;
  uint64_t report_counter = 0;
};

inline std::string guid_of(size_t index) { return "task-" + std::to_string(100'000 + index); }

}  // namespace muster
