// What the devices were when something happened to them: the rows of device_specs, of declared
// devices and of those that are listed and may be used all the same.
//
// The broker chooses the strategy of the latter from the newest inventory, by its selectors, and so
// does this. Which of several workers that list one name is meant does not matter here: a device is
// one thing.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/event.h"
#include "core/selector.h"
#include "io/sql.h"

namespace muster {

class LedgerDevices {
 public:
  // `store` must be migrated and outlive this.
  Result<Done> open(SqlStore& store);

  // Rows for the event `seq`, which happened at `time`, in the caller's transaction.
  DbStatus add(const InventoryApplied& event, uint64_t seq, Instant time);
  DbStatus add(const DeviceListed& event, uint64_t seq, Instant time);
  DbStatus add(const DeviceUnlisted& event);
  DbStatus flush();

 private:
  // Strategy and model, as they were written last.
  using Spec = std::pair<std::string, std::string>;

  Result<Done> load(SqlStore& store);
  void choose_selectors(const Inventory& inventory);
  void write_selectors();
  void add_spec(const DeviceSpec& device, uint64_t seq, Instant time);
  void add_listed(const std::string& name, const Profile& profile, uint64_t seq, Instant time);
  void delete_listed(std::string_view device, std::string_view worker);
  std::string_view text(std::string_view text);
  std::string_view name(std::string_view text);
  void note(DbStatus status);
  DbStatus take_failure();

  // Of the newest inventory.
  std::vector<Selector> allow_;
  std::vector<std::pair<Selector, std::string>> strategies_;  // by whom they are for
  std::set<std::string> declared_;
  std::map<std::pair<std::string, std::string>, Profile> listed_;  // by name and worker

  std::map<std::string, Spec> specs_;  // by device

  DbStatus failure_;
  std::deque<std::string> texts_;
  std::unique_ptr<SqlInserter> insert_spec_;
  std::unique_ptr<SqlInserter> insert_selector_;
  std::unique_ptr<SqlInserter> insert_declared_;
  std::unique_ptr<SqlInserter> insert_listed_;
  std::unique_ptr<SqlStatement> delete_selectors_;
  std::unique_ptr<SqlStatement> delete_declared_;
  std::unique_ptr<SqlStatement> delete_listed_;
};

}  // namespace muster
