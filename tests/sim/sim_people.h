// Everybody else who talks to the broker: the submitter, the admin and the collector. All repeat
// what was not answered; that is all that a lost message costs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "tests/sim/checkers.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_lab.h"
#include "tests/sim/sim_network.h"

namespace muster::sim {

// A process that asks questions, each until it is answered.
class SimClient {
 public:
  SimClient(Sim& sim, SimNetwork& network, Checkers& checkers, Role role, std::string name);
  virtual ~SimClient() = default;

  void start();
  bool idle() const { return open_.empty(); }
  const std::string& name() const { return name_; }

 protected:
  // Sends `message` now and again until something with its number comes back.
  void ask(Message message);
  // Whether a question of this kind is still open.
  template <typename Question>
  bool asking() const {
    for (const auto& [request, question] : open_) {
      if (std::holds_alternative<Question>(question)) return true;
    }
    return false;
  }
  // `question` was answered; or the answer was pushed, and there is none.
  virtual void take_answer(const Message* question, const Message& answer) = 0;
  // The broker forgot this peer: what it only kept in mind must be said again.
  virtual void said_hello() {}
  Sim& sim() { return sim_; }
  Checkers& checkers() { return checkers_; }

 private:
  void receive(const Envelope& envelope);
  void say_hello();
  void repeat(uint64_t request);
  void beat();

  Sim& sim_;
  SimNetwork& network_;
  Checkers& checkers_;
  Role role_;
  std::string name_;
  uint64_t socket_ = 0;
  Duration last_hello_{0};
  uint64_t next_request_ = 1;
  std::map<uint64_t, Message> open_;
};

// Submits tasks, cancels some, and watches all.
class SimSubmitter : public SimClient {
 public:
  // `races`: all its tasks are jobs that want a handset.
  SimSubmitter(Sim& sim, SimNetwork& network, Checkers& checkers, const Faults& faults,
               const SimLab& lab, bool races, std::string name)
      : SimClient(sim, network, checkers, Role::submitter, std::move(name)),
        faults_(faults),
        lab_(lab),
        races_(races) {}

  // Gives up what has not ended.
  void cancel_rest();
  const std::set<std::string>& unended() const { return unended_; }
  // Begins to submit `count` tasks, spread over `period`.
  void submit_over(uint32_t count, Duration period);
  // Whether all it submitted was answered and it knows every verdict.
  bool at_rest() const;
  std::string describe_rest() const;

 protected:
  void take_answer(const Message* question, const Message& answer) override;
  void said_hello() override { watch(); }

 private:
  void submit_some(uint32_t count);
  TaskSpecPtr draw_task();
  void draw_devices(TaskSpec& spec);
  void draw_dependencies(TaskSpec& spec);
  void draw_before(Before& before);
  void draw_rules(TaskSpec& spec);
  void take_results(const Submit& submit, const SubmitReply& reply);
  void take_news(const TaskNews& news);
  void draw_retry(const std::string& guid);
  void watch();
  void watch_again();

  const Faults& faults_;
  const SimLab& lab_;
  bool races_;
  bool gives_up_ = false;  // retries and repeats nothing any more
  uint32_t retries_ = 0;   // that it will ask for, or has not been answered
  uint32_t next_task_ = 1;
  uint32_t next_retry_ = 1;
  uint32_t to_submit_ = 0;
  std::set<std::string> accepted_;
  std::set<std::string> unended_;  // accepted, and no news of a verdict yet
};

// Applies the inventory, and changes it when told to.
class SimAdmin : public SimClient {
 public:
  SimAdmin(Sim& sim, SimNetwork& network, Checkers& checkers, const SimLab& lab);

  // The inventory as it is meant to be.
  void apply_whole();
  // One with a device gone, moved or changed, or with its stacks taken apart.
  void apply_changed();
  // Locks or quarantines some device, and says which.
  std::string take_away();
  // Has some worker, or the broker, drain, and says which; empty: the broker.
  std::string drain(const std::vector<std::string>& workers);
  void resume(const std::vector<std::string>& workers);
  // Whatever was done to them, by whom ever.
  void give_back(const std::vector<std::string>& names);
  std::vector<std::string> device_names() const { return lab_.device_names(); }

 protected:
  void take_answer(const Message*, const Message&) override {}

 private:
  Inventory whole() const;

  const SimLab& lab_;
  HealthPolicy health_;
  std::vector<Cap> caps_;
  std::vector<Share> shares_;
};

// Reads the log from its cursor on.
class SimCollector : public SimClient {
 public:
  SimCollector(Sim& sim, SimNetwork& network, Checkers& checkers)
      : SimClient(sim, network, checkers, Role::collector, "collector") {}

  void fetch();
  uint64_t cursor() const { return cursor_; }

 protected:
  void take_answer(const Message* question, const Message& answer) override;

 private:
  uint64_t cursor_ = 0;  // newest event taken
};

}  // namespace muster::sim
