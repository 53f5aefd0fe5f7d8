// What one lister of a worker says: the devices that are plugged in, as JSON, one object a line.
//
//   {"op":"add","name":"usb-1","profile":{"type":"handset","serial":"CB5A1QH2K2"}}
//   {"op":"remove","name":"usb-1"}
//   {"op":"sync"}
//
// add: it is there now, with this profile; of a name that is there the profile is replaced. The
// name may be left out (also of remove, beside a profile): it is the profile's serial then. sync:
// what this run of the lister has listed so far is all there is.
//
// A lister that is started anew begins from nothing. What its last run had listed stays until the
// new one says sync, so that devices do not come and go with the lister.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/device.h"
#include "core/time.h"

namespace muster {

inline constexpr Duration kListedStaleMax = std::chrono::minutes(1);

class ListerFeed {
 public:
  // `lister`: its name, for ListedDevice::lister.
  explicit ListerFeed(std::string lister) : lister_(std::move(lister)) {}

  // Bytes of its output as they came, lines cut anywhere. A line that makes no sense is skipped.
  void take(std::string_view bytes);
  // A run has ended at `now`: half a line of it is dropped. What it had listed stays for
  // kListedStaleMax, unless the next run says something of it, or sync.
  void restart(Instant now);
  // Drops what has been stale for so long. True when there was any.
  bool drop_stale(Instant now);
  // When there will be some; kNever: nothing is stale.
  Instant next_stale() const;

  // This run has said sync.
  bool synced() const { return synced_; }
  // By name.
  const std::map<std::string, ListedDevice>& devices() const { return devices_; }
  // Why lines were skipped, since the last call. Of equal reasons in one run only the first is
  // kept, and of different ones so many that a log can bear them.
  std::vector<std::string> take_complaints();

 private:
  void take_line(std::string_view line);
  void complain(std::string_view line, const std::string& reason);

  std::string lister_;
  std::string partial_;    // a line without its end
  bool skipping_ = false;  // the rest of a line that is too long
  bool synced_ = false;
  std::map<std::string, ListedDevice> devices_;
  // Names in devices_ that this run has not listed, and when each is dropped.
  std::map<std::string, Instant> stale_;
  std::vector<std::string> complaints_;
  std::set<std::string> complained_;
};

}  // namespace muster
