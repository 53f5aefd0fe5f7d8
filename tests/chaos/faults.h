// What chaos does: a table of faults, each of one thing, and the order in which a seed deals them.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/chaos/lab.h"
#include "tests/chaos/submitters.h"

namespace muster {

struct Fault {
  std::string kind;  // for the summary: "kill -9 of a daemon"
  std::string of;    // whom: "w0"
  Duration least{0};
  Duration most{0};
  // Begins it. False: there was nothing to do it to.
  std::function<bool(Duration length)> begin;
  // Ends it; null: it is over by itself.
  std::function<void()> end;
};

// All faults that there are.
class FaultTable {
 public:
  // The lab and the submitters outlive it.
  FaultTable(Lab& lab, Submitters& submitters, uint32_t seed);
  FaultTable(const FaultTable&) = delete;
  FaultTable& operator=(const FaultTable&) = delete;

  const std::vector<Fault>& faults() const { return faults_; }

 private:
  using Begin = std::function<bool(Duration)>;
  void add(std::string kind, std::string of, Duration least, Duration most, Begin begin,
           std::function<void()> end = nullptr);
  void add_of_daemon(const std::string& name);
  void add_of_link(const std::string& name);
  void add_weather(const std::string& kind, const std::string& name, Weather weather,
                   Duration least, Duration most);
  // `user` is the daemon that writes there.
  void add_of_disk(const std::string& name, const std::string& user);
  void add_of_worker(const std::string& worker);
  void add_of_supervisors(const std::string& worker);
  void add_of_others();
  bool signal_supervisors(const std::string& worker, int signal);

  Lab& lab_;
  Submitters& submitters_;
  std::mt19937 random_;  // for what is chosen when a fault begins
  std::vector<Fault> faults_;
};

// One fault of a round: when it begins, after the round did, and how long it lasts.
struct Dealt {
  size_t fault = 0;
  Duration at{0};
  Duration length{0};
};

// Deals rounds of one to three faults. Each kind comes once before any comes again, and of a kind
// each fault; no two of a round are of the same thing.
class Deck {
 public:
  // `faults` outlive it.
  Deck(const std::vector<Fault>& faults, uint32_t seed);
  std::vector<Dealt> deal();

 private:
  void shuffle(std::vector<size_t>& cards);
  size_t next();

  const std::vector<Fault>& faults_;
  std::mt19937 random_;
  std::map<std::string, std::vector<size_t>> kinds_;  // by kind, those that have not come yet
  std::vector<size_t> cards_;                         // the last is next
};

}  // namespace muster
