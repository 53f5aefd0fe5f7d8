// A broker with workers, an inventory and people in the hands of a test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/snapshot_laws.h"

namespace muster {

inline std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

// "NAME TYPE WORKER"
inline DeviceSpec make_device(const std::string& text) {
  const std::vector<std::string> words = split(text, ' ');
  DeviceSpec device;
  device.name = words.at(0);
  device.profile["type"] = words.at(1);
  device.worker = words.at(2);
  device.strategy = "check";
  return device;
}

// "NAME MEMBER MEMBER..."
inline StackSpec make_stack(const std::string& text) {
  std::vector<std::string> words = split(text, ' ');
  StackSpec stack;
  stack.name = words.at(0);
  stack.members.assign(words.begin() + 1, words.end());
  return stack;
}

inline Inventory make_inventory(const std::vector<std::string>& devices,
                                const std::vector<std::string>& stacks = {}) {
  Inventory inventory;
  for (const std::string& text : devices) inventory.devices.push_back(make_device(text));
  for (const std::string& text : stacks) inventory.stacks.push_back(make_stack(text));
  inventory.strategies = {{"check", "type"}};
  return inventory;
}

// "[ROLE:]NAME or KEY=VALUE[~WITH]"
inline DeviceRequest make_request(const std::string& text) {
  DeviceRequest request;
  std::string rest = text;
  if (const size_t tilde = rest.find('~'); tilde != std::string::npos) {
    request.with = rest.substr(tilde + 1);
    rest.resize(tilde);
  }
  if (const size_t colon = rest.find(':'); colon != std::string::npos) {
    request.role = rest.substr(0, colon);
    rest = rest.substr(colon + 1);
  }
  (rest.find('=') == std::string::npos ? request.name : request.selector) = rest;
  return request;
}

inline TaskSpec make_task(size_t number, const std::string& requests) {
  TaskSpec spec = Broker::spec(guid_of(number));
  spec.wait_for_capacity = false;
  for (const std::string& text : split(requests, ' ')) {
    spec.devices.push_back(make_request(text));
  }
  return spec;
}

// A broker with workers w1 and w2, a person p and an admin a.
class Lab : public Broker {
 public:
  explicit Lab(const Inventory& inventory, uint32_t slots = 8) {
    hello("p", Role::submitter, "ann");
    hello("a", Role::admin, "ann");
    apply(inventory);
    worker("w1", "w1", slots);
    worker("w2", "w2", slots);
  }
  ~Lab() {
    BrokerCore folded(options());
    for (const Event& event : log) folded.apply(event);
    EXPECT_EQ(folded.hard_digest(), core.hard_digest()) << "the log does not give this state";
    expect_snapshots_tell_all(log);
  }

  void apply(const Inventory& inventory) {
    hear("a", ApplyInventory{std::make_shared<const Inventory>(inventory), "ann"});
    answer<InventoryReply>();
  }
  // Why the inventory is refused; empty when it is taken.
  std::string refusal_of(const Inventory& inventory) {
    hear("a", ApplyInventory{std::make_shared<const Inventory>(inventory), "ann"});
    return answers<Refused>() == 0 ? "" : answer<Refused>().reason;
  }

  // Submits and dispatches; the devices it got, space between them, or "" when it waits.
  std::string lease(size_t number, const std::string& requests) {
    submit({make_task(number, requests)});
    EXPECT_EQ(answer<SubmitReply>().results.at(0).refused, "") << requests;
    dispatch();
    return leased(number);
  }
  // The devices of the task's newest attempt, while it lives.
  std::string leased(size_t number) const {
    const TaskInfo info = core.task_info(guid_of(number)).value();
    if (info.attempts.empty() || info.attempts.back().ending) return "";
    std::string names;
    for (const std::string& name : info.attempts.back().devices) {
      names += (names.empty() ? "" : " ") + name;
    }
    return names;
  }
  void end(size_t number, Ending ending) {
    const TaskInfo info = core.task_info(guid_of(number)).value();
    const AttemptToken token{guid_of(number), info.attempt_count};
    report(info.attempts.back().worker, token, AttemptStarted{});
    report(info.attempts.back().worker, token, std::move(ending));
    dispatch();
  }
  void pass_job(size_t number) {
    end(number, make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now, now));
  }

  std::vector<ListerState> listers = {{"usb", ""}};  // of w1
  bool listed_all = true;                            // false: they have only just begun
  // A full Sync of w1 with these devices listed: "NAME LISTER [SERIAL]".
  void list(const std::vector<std::string>& devices) {
    Sync sync = make_sync();
    sync.slots = sync.credit = 8;
    sync.listers = listers;
    sync.listed_all = listed_all;
    for (const std::string& text : devices) {
      const std::vector<std::string> words = split(text, ' ');
      ListedDevice listed;
      listed.name = words.at(0);
      listed.lister = words.at(1);
      listed.profile["type"] = "handset";
      if (words.size() > 2) listed.profile["serial"] = words[2];
      sync.listed.push_back(std::move(listed));
    }
    for (const auto& held : held_by_w1()) sync.held.push_back({held, true});
    hear("w1", sync);
    dispatch();
  }
  std::vector<AttemptToken> held_by_w1() const {
    std::vector<AttemptToken> held;
    for (size_t i = 0; i < 100; ++i) {
      const auto info = core.task_info(guid_of(i));
      const bool lives = info && !info->attempts.empty() && !info->attempts.back().ending &&
                         info->attempts.back().worker == "w1";
      if (lives) held.push_back({guid_of(i), info->attempt_count});
    }
    return held;
  }

  Explanation explain(size_t number) {
    hear("p", ExplainTask{guid_of(number)});
    return answer<Explanation>();
  }
  std::vector<DeviceInfo> devices() {
    hear("p", ListDevices{});
    return answer<DeviceList>().devices;
  }
  void change(const std::string& name, DeviceChange what) {
    hear("p", ChangeDevices{{name}, what, "no charge", "kim"});
    EXPECT_EQ(answer<ChangeDevicesReply>().results.at(0).refused, "") << name;
    dispatch();
  }
};

// Handsets a, b, c on w1 with relays r and s; d is alone on w2.
inline const std::vector<std::string> kDevices = {"a handset w1", "b handset w1", "c handset w1",
                                                  "d handset w2", "r relay w1",   "s relay w1"};

}  // namespace muster
