// What chaos is made of: a broker, three workers with devices, a collector with all sinks that need
// no server and CouchDB's stand-in, links between them, disks and clocks of their own; and whoever
// looks after them.
//
// The devices keep a record of who had them (records()): a job or a check that uses one takes the
// lock of its record and writes "begin" and "end" into it, or "overlap" when somebody has the lock.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.h"
#include "tests/chaos/disk.h"
#include "tests/chaos/kept_daemon.h"
#include "tests/chaos/link.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/feed_subscriber.h"
#include "tests/support/house.h"

namespace muster {

inline constexpr size_t kWorkers = 3;
// Short enough that a fault of seconds outlasts it, long enough for a busy machine.
inline constexpr std::chrono::seconds kChaosLease{5};

std::string worker_name(size_t number);
std::string probe_name(size_t worker);

class Lab {
 public:
  // `disk_bytes` is the room of the broker's disk and of the collector's; the others have half.
  Lab(DiskMeans means, uint64_t disk_bytes, uint32_t seed);
  ~Lab();  // nothing of it lives on

  // To be called all the time: what has ended is started again, what is to be full is filled.
  void tend();
  Instant now() { return clock_.now(); }

  House& house() { return house_; }
  CouchDbServer& couchdb() { return *couchdb_; }
  FeedSubscriber& subscriber() { return *subscriber_; }
  // The program by which jobs use their devices, and where the record of each is.
  const std::string& use() const { return use_; }
  const std::string& records() const { return records_; }

  // By name: "broker", "collector", "w0", ...
  KeptDaemon& daemon(const std::string& name) { return *daemons_.at(name); }
  std::vector<KeptDaemon*> daemons();
  // Likewise; the link of "people" is the submitters'.
  Link& link(const std::string& name) { return *links_.at(name); }
  // Likewise; "results" is the collector's other one.
  Disk& disk(const std::string& name) { return *disks_.at(name); }
  void keep_full(const std::string& disk) { full_.push_back(disk); }
  void heal_disk(const std::string& disk);
  // By how much the wall clock of a daemon is ahead, and of what it starts.
  void set_clock(const std::string& name, std::chrono::seconds ahead);
  // Processes of a worker, itself included.
  std::vector<pid_t> processes_of(const std::string& worker, const std::string& name = "");
  void power_off(const std::string& worker, Duration away);

  // Everything that lies in the house or has something open there: daemons, jobs, what they left.
  std::vector<std::string> users() const;
  // What is wrong with how the daemons ended, a line each.
  std::string crashes() const;
  // Stops all of them, workers first. What is wrong with how that went, a line each.
  std::string stop();

 private:
  std::unique_ptr<Child> start(const std::string& name);
  void write_files();

  SystemClock clock_;
  ScratchDir couchdb_dir_;
  std::unique_ptr<CouchDbServer> couchdb_;
  House house_;
  std::string dir_;  // all of it
  std::string use_;
  std::string records_;
  std::map<std::string, std::string> clock_files_;
  std::map<std::string, std::unique_ptr<Disk>> disks_;
  std::vector<std::string> full_;
  std::map<std::string, std::unique_ptr<Link>> links_;
  std::map<std::string, std::unique_ptr<KeptDaemon>> daemons_;
  std::unique_ptr<FeedSubscriber> subscriber_;
};

}  // namespace muster
