#include "collectors/ledger_devices.h"

#include <algorithm>
#include <optional>

#include "io/codec.h"

namespace muster {
namespace {

Statement& bind_some(Statement& statement, int index, std::string_view text) {
  return text.empty() ? statement.bind_null(index) : statement.bind(index, text);
}

// Calls `take` with each row of `sql`.
template <typename Take>
Result<Done> for_each_row(Database& db, std::string_view sql, Take take) {
  Result<Statement> rows = db.prepare(sql);
  if (!rows.ok()) return Error{rows.error()};
  while (rows->next()) take(*rows);
  if (DbStatus status = rows->finish(); !status.ok()) return Error{status.reason};
  return Done{};
}

}  // namespace

Result<Done> LedgerDevices::open(Database& db) {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&insert_spec_,
       "INSERT OR REPLACE INTO device_specs SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1"
       " FROM (SELECT strategy, model FROM device_specs WHERE device = ?1 AND seq < ?2"
       " ORDER BY seq DESC LIMIT 1) WHERE strategy IS ?4 AND model IS ?5)"},
      {&delete_selectors_, "DELETE FROM inventory_selectors"},
      {&insert_selector_, "INSERT INTO inventory_selectors (selector, strategy) VALUES (?,?)"},
      {&delete_declared_, "DELETE FROM declared_devices"},
      {&insert_declared_, "INSERT OR REPLACE INTO declared_devices VALUES (?)"},
      {&delete_listed_, "DELETE FROM listed_devices WHERE device = ? AND worker = ?"},
      {&insert_listed_, "INSERT OR REPLACE INTO listed_devices VALUES (?,?,?,?)"},
  };
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = db.prepare(sql);
    if (!prepared.ok()) return Error{prepared.error()};
    *statement = std::move(*prepared);
  }
  return load(db);
}

Result<Done> LedgerDevices::load(Database& db) {
  const auto take_selector = [&](const Statement& row) {
    Result<Selector> selector = Selector::parse(row.text(0));
    if (!selector.ok()) return;
    if (row.is_null(1)) {
      allow_.push_back(std::move(*selector));
    } else {
      strategies_.emplace_back(std::move(*selector), row.text(1));
    }
  };
  Result<Done> done = for_each_row(
      db, "SELECT selector, strategy FROM inventory_selectors ORDER BY place", take_selector);
  if (!done.ok()) return done;
  done = for_each_row(db, "SELECT device FROM declared_devices",
                      [&](const Statement& row) { declared_.emplace(row.text(0)); });
  if (!done.ok()) return done;
  return for_each_row(db, "SELECT device, worker, key, value FROM listed_devices",
                      [&](const Statement& row) {
                        listed_[{std::string(row.text(0)), std::string(row.text(1))}].emplace(
                            row.text(2), row.text(3));
                      });
}

DbStatus LedgerDevices::add(const InventoryApplied& event, uint64_t seq, Instant time) {
  if (!event.inventory) return {};
  choose_selectors(*event.inventory);
  write_selectors();
  declared_.clear();
  run(delete_declared_);
  for (const DeviceSpec& device : event.inventory->devices) {
    declared_.insert(device.name);
    insert_declared_.bind(1, device.name);
    run(insert_declared_);
    add_spec(device, seq, time);
  }
  for (const auto& [key, profile] : listed_) add_listed(key.first, profile, seq, time);
  return take_failure();
}

void LedgerDevices::choose_selectors(const Inventory& inventory) {
  allow_.clear();
  strategies_.clear();
  for (const std::string& text : inventory.allow) {
    if (Result<Selector> selector = Selector::parse(text); selector.ok()) {
      allow_.push_back(std::move(*selector));
    }
  }
  for (const StrategyBlob& blob : inventory.strategies) {
    if (allow_.empty()) return;
    const Result<Strategy> strategy = decode_strategy(blob.bytes);
    if (!strategy.ok() || strategy->for_selector.empty()) continue;
    if (Result<Selector> selector = Selector::parse(strategy->for_selector); selector.ok()) {
      strategies_.emplace_back(std::move(*selector), blob.name);
    }
  }
}

void LedgerDevices::write_selectors() {
  run(delete_selectors_);
  const auto insert = [&](const Selector& selector, std::string_view strategy) {
    insert_selector_.bind(1, selector.canonical());
    bind_some(insert_selector_, 2, strategy);
    run(insert_selector_);
  };
  for (const Selector& selector : allow_) insert(selector, "");
  for (const auto& [selector, strategy] : strategies_) insert(selector, strategy);
}

DbStatus LedgerDevices::add(const DeviceListed& event, uint64_t seq, Instant time) {
  const std::string& name = event.device.name;
  DeviceSpec spec;
  spec.name = name;
  spec.profile = event.device.profile;
  Profile& profile = listed_[{name, event.worker}];
  profile = match_profile(spec);
  delete_listed_.bind(1, name).bind(2, event.worker);
  run(delete_listed_);
  for (const auto& [key, value] : profile) {
    insert_listed_.bind(1, name).bind(2, event.worker).bind(3, key).bind(4, value);
    run(insert_listed_);
  }
  add_listed(name, profile, seq, time);
  return take_failure();
}

DbStatus LedgerDevices::add(const DeviceUnlisted& event) {
  listed_.erase({event.name, event.worker});
  delete_listed_.bind(1, event.name).bind(2, event.worker);
  run(delete_listed_);
  return take_failure();
}

// `profile` has its name in it.
void LedgerDevices::add_listed(const std::string& name, const Profile& profile, uint64_t seq,
                               Instant time) {
  const auto matches = [&](const Selector& selector) { return selector.matches(profile); };
  if (declared_.contains(name) || std::none_of(allow_.begin(), allow_.end(), matches)) return;
  DeviceSpec device;
  device.name = name;
  device.profile = profile;
  const auto chosen = std::find_if(strategies_.begin(), strategies_.end(),
                                   [&](const auto& entry) { return matches(entry.first); });
  if (chosen != strategies_.end()) device.strategy = chosen->second;
  add_spec(device, seq, time);
}

void LedgerDevices::add_spec(const DeviceSpec& device, uint64_t seq, Instant time) {
  const auto model = device.profile.find("model");
  const auto found = model == device.profile.end() ? device.profile.find("type") : model;
  insert_spec_.bind(1, device.name).bind(2, static_cast<int64_t>(seq)).bind(3, to_us(time));
  bind_some(insert_spec_, 4, device.strategy);
  bind_some(insert_spec_, 5,
            found == device.profile.end() ? std::string_view() : std::string_view(found->second));
  run(insert_spec_);
}

void LedgerDevices::run(Statement& statement) {
  DbStatus status = statement.run();
  if (failure_.ok()) failure_ = std::move(status);
}

DbStatus LedgerDevices::take_failure() { return std::exchange(failure_, {}); }

}  // namespace muster
