// People who hand in tasks, each by a `muster submit` of their own, and try again until the broker
// has said yes: the GUIDs make a repeat harmless.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "tests/chaos/lab.h"

namespace muster {

class Submitters {
 public:
  Submitters(Lab& lab, uint32_t seed) : lab_(lab), random_(seed) {}

  // A batch of jobs, with and without devices, of every kind that the lab has room for.
  void hand_in();
  // A job for each worker that goes before all others. Their GUIDs.
  std::set<std::string> hand_in_probes();

  void tend(Instant now);
  // Kills one of those who are at it. False: nobody is.
  bool kill_one();
  bool idle() const { return batches_.empty(); }

  // GUIDs of all tasks that the broker said yes to.
  const std::set<std::string>& accepted() const { return accepted_; }
  size_t tries() const { return tries_; }
  // What the broker has refused for good, which it should not have, a line each.
  const std::string& refused() const { return refused_; }

 private:
  struct Batch {
    std::string file;
    std::set<std::string> guids;
    std::unique_ptr<Child> child;  // null: to be tried at `at`
    std::string errors;            // its stderr
    Instant at;
  };

  void add(const std::string& yaml, std::set<std::string> guids);
  void judge(Batch& batch, int status, Instant now);
  std::string use(const std::string& seconds) const;
  std::string draw_seconds();

  Lab& lab_;
  std::mt19937 random_;
  std::list<Batch> batches_;
  std::set<std::string> accepted_;
  std::string refused_;
  size_t count_ = 0;
  size_t tries_ = 0;
};

}  // namespace muster
