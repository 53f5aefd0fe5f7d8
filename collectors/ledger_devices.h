// What the devices were when something happened to them: the rows of device_specs, of declared
// devices and of those that are listed and may be used all the same.
//
// The broker chooses the strategy of the latter from the newest inventory, by its selectors, and so
// does this. Which of several workers that list one name is meant does not matter here: a device is
// one thing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/event.h"
#include "core/selector.h"
#include "io/sqlite.h"

namespace muster {

class LedgerDevices {
 public:
  // `db` must be migrated and outlive this.
  Result<Done> open(Database& db);

  // Rows for the event `seq`, which happened at `time`, in the caller's transaction.
  DbStatus add(const InventoryApplied& event, uint64_t seq, Instant time);
  DbStatus add(const DeviceListed& event, uint64_t seq, Instant time);
  DbStatus add(const DeviceUnlisted& event);

 private:
  Result<Done> load(Database& db);
  void choose_selectors(const Inventory& inventory);
  void write_selectors();
  void add_spec(const DeviceSpec& device, uint64_t seq, Instant time);
  void add_listed(const std::string& name, const Profile& profile, uint64_t seq, Instant time);
  void run(Statement& statement);
  DbStatus take_failure();

  // Of the newest inventory.
  std::vector<Selector> allow_;
  std::vector<std::pair<Selector, std::string>> strategies_;  // by whom they are for
  std::set<std::string> declared_;
  std::map<std::pair<std::string, std::string>, Profile> listed_;  // by name and worker

  DbStatus failure_;
  Statement insert_spec_;
  Statement delete_selectors_;
  Statement insert_selector_;
  Statement delete_declared_;
  Statement insert_declared_;
  Statement delete_listed_;
  Statement insert_listed_;
};

}  // namespace muster
