// Listers: the commands of a worker that tell which devices are plugged in (workers/lister_feed.h
// has what they say). They are started, read, and started again when they end; what they write to
// stderr goes to the log.
//
// One that fails is started again after 1 s, then 2 s and so on up to 30 s. One that says sync and
// exits with 0 has looked once, and looks again every 5 s. What a run had listed stays for a minute
// after the end of that run, unless a later one lists it too or says sync.
//
// A worker that has just begun knows little of what is plugged in. Until each lister has said sync
// once, and for a minute at most, what they do not list is not gone.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/time.h"
#include "io/config.h"
#include "io/process.h"
#include "workers/lister_feed.h"

namespace muster {

class Listers {
 public:
  // `worker`: its name, for their environment.
  Listers(const std::vector<ListerConfig>& listers, const std::string& worker);

  // To be called when one of the descriptors is readable or next_deadline() has passed; the first
  // call starts them.
  void wake(Instant now);
  std::optional<Instant> next_deadline() const;
  void descriptors(std::vector<int>& fds) const;

  // Each by its name in the configuration, with what its last run failed of.
  std::vector<ListerState> states() const;

  // What all of them list, by name, when that has changed since the last call. A name that two of
  // them list belongs to the first of them in the configuration. Changes that follow each other
  // closely come as one.
  std::optional<std::vector<ListedDevice>> take_changed(Instant now);

  // Whether what take_changed told is all there is: each has said sync since they were made, or has
  // had a minute to do so. Once it is it stays so. To be asked with every beat: next_deadline()
  // does not tell of the minute.
  bool all_listed(Instant now);

 private:
  struct Lister {
    ListerConfig config;
    ListerFeed feed;
    std::unique_ptr<Process> process;
    Instant started;
    Instant start_at;  // while it does not run
    uint32_t failures = 0;
    bool said_sync = false;    // a run of it, at some time
    std::string fault;         // of the last run, until the next one says something
    std::string last_error;    // the last line of its stderr
    std::string error_line;    // of stderr, without its end
    uint32_t error_lines = 0;  // logged since error_window
    Instant error_window;
  };

  void start(Lister& lister, Instant now);
  void read(Lister& lister, Instant now);
  void log_errors(Lister& lister, const std::string& bytes, Instant now);
  void log_error_line(Lister& lister, Instant now);
  void end(Lister& lister, const std::string& why, bool looked_once, Instant now);
  std::vector<ListedDevice> merge();
  void say_once(const std::string& text);

  std::vector<Lister> listers_;
  std::string worker_;
  bool dirty_ = false;
  bool all_listed_ = false;
  Instant all_listed_by_;  // of the first wake
  Instant next_change_;    // not before
  std::vector<ListedDevice> listed_;
  std::set<std::string> said_;
};

}  // namespace muster
