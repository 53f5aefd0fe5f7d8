// One run of chaos: rounds of faults while tasks go through the house; after each the house must
// work again, and at the end nothing may be lost, doubled or left behind.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/chaos/disk.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/lab.h"
#include "tests/chaos/submitters.h"
#include "tests/chaos/watcher.h"

namespace muster {

struct ChaosOptions {
  uint64_t minutes = 30;
  uint64_t seed = 0;
  std::string keep;  // where the house goes when something is wrong; empty: nowhere
  DiskMeans disks = DiskMeans::preload;
};

class ChaosRun {
 public:
  explicit ChaosRun(const ChaosOptions& options);

  // What goes wrong is a failure of the test that calls these. Each wants those before it.
  void make_chaos();       // for as long as the options say
  void drain();            // until all has ended and every sink has come to the end
  void audit();            // what was recorded
  void audit_leftovers();  // stops everything

  // For people and docs/testing.md.
  std::string summary();
  void keep_house();

 private:
  struct Count {
    size_t times = 0;
    size_t in_vain = 0;  // there was nothing to do it to
    Duration longest{0};
  };

  void make_round();
  void recover(const std::string& faults);
  void turn();
  // False: `condition` did not come true in time. Everything goes on meanwhile.
  bool live_until(const std::function<bool()>& condition, Duration timeout);
  bool sinks_have_come_to(uint64_t head);
  std::string state();

  void audit_devices();
  void audit_attempts();
  void audit_status_logs(const std::string& log_id);
  void audit_feed(const std::string& log_id);
  void audit_spool(const std::string& worker);
  std::vector<std::string> leftovers();

  const ChaosOptions options_;
  Lab lab_;
  Submitters submitters_;
  FaultTable table_;
  Deck deck_;
  Watcher watcher_;
  Instant begin_;
  Instant next_batch_;
  bool handing_in_ = true;
  size_t rounds_ = 0;
  std::map<std::string, Count> counts_;  // by kind
  Duration longest_recovery_{0};
  std::string longest_after_;
  Duration recoveries_{0};
  Duration drained_in_{0};
  std::vector<Event> log_;
};

}  // namespace muster
