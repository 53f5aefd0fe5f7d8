#include "collectors/ledger_devices.h"

#include <algorithm>
#include <optional>

#include "io/codec.h"
#include "io/ledger_text.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

SqlValue some(std::string_view text) {
  if (text.empty()) return SqlNull{};
  return text;
}

// Calls `take` with each row of `sql`.
template <typename Take>
Result<Done> for_each_row(SqlStore& store, std::string_view sql, Take take) {
  Result<std::unique_ptr<SqlStatement>> rows = store.prepare(sql);
  if (!rows.ok()) return Error{rows.error()};
  (*rows)->start({});
  while ((*rows)->next()) take(**rows);
  if (DbStatus status = (*rows)->finish(); !status.ok()) return Error{status.reason};
  return Done{};
}

std::string text_at(const SqlStatement& row, int column) { return std::string(row.text(column)); }

}  // namespace

Result<Done> LedgerDevices::open(SqlStore& store) {
  insert_spec_ =
      store.make_inserter("device_specs", {"device", "seq", "time_us", "strategy", "model"});
  insert_selector_ = store.make_inserter("inventory_selectors", {"place", "selector", "strategy"});
  insert_declared_ = store.make_inserter("declared_devices", {"device"});
  insert_listed_ = store.make_inserter("listed_devices", {"device", "worker", "key", "value"});
  const std::pair<std::unique_ptr<SqlStatement>*, std::string_view> statements[] = {
      {&delete_selectors_, "DELETE FROM inventory_selectors"},
      {&delete_declared_, "DELETE FROM declared_devices"},
      {&delete_listed_, "DELETE FROM listed_devices WHERE device = ? AND worker = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    Result<std::unique_ptr<SqlStatement>> prepared = store.prepare(sql);
    if (!prepared.ok()) return Error{prepared.error()};
    *statement = std::move(*prepared);
  }
  return load(store);
}

Result<Done> LedgerDevices::load(SqlStore& store) {
  const auto take_selector = [&](const SqlStatement& row) {
    Result<Selector> selector = Selector::parse(row.text(0));
    if (!selector.ok()) return;
    if (row.is_null(1)) {
      allow_.push_back(std::move(*selector));
    } else {
      strategies_.emplace_back(std::move(*selector), row.text(1));
    }
  };
  Result<Done> done = for_each_row(
      store, "SELECT selector, strategy FROM inventory_selectors ORDER BY place", take_selector);
  if (!done.ok()) return done;
  done = for_each_row(store, "SELECT device FROM declared_devices",
                      [&](const SqlStatement& row) { declared_.insert(text_at(row, 0)); });
  if (!done.ok()) return done;
  done = for_each_row(store,
                      "SELECT device, strategy, model FROM device_specs s WHERE seq = "
                      "(SELECT max(seq) FROM device_specs d WHERE d.device = s.device)",
                      [&](const SqlStatement& row) {
                        specs_[text_at(row, 0)] = {text_at(row, 1), text_at(row, 2)};
                      });
  if (!done.ok()) return done;
  return for_each_row(
      store, "SELECT device, worker, \"key\", value FROM listed_devices",
      [&](const SqlStatement& row) {
        listed_[{text_at(row, 0), text_at(row, 1)}].emplace(row.text(2), row.text(3));
      });
}

DbStatus LedgerDevices::add(const InventoryApplied& event, uint64_t seq, Instant time) {
  if (!event.inventory) return {};
  choose_selectors(*event.inventory);
  write_selectors();
  declared_.clear();
  note(insert_declared_->flush());
  note(delete_declared_->run());
  for (const DeviceSpec& device : event.inventory->devices) {
    declared_.insert(device.name);
    note(insert_declared_->add({name(device.name)}));
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
  note(insert_selector_->flush());
  note(delete_selectors_->run());
  int64_t place = 0;
  const auto insert = [&](const Selector& selector, std::string_view strategy) {
    note(insert_selector_->add({++place, text(selector.canonical()), some(text(strategy))}));
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
  delete_listed(name, event.worker);
  for (const auto& [key, value] : profile) {
    note(insert_listed_->add(
        {this->name(name), this->name(event.worker), this->name(key), text(value)}));
  }
  add_listed(name, profile, seq, time);
  return take_failure();
}

DbStatus LedgerDevices::add(const DeviceUnlisted& event) {
  listed_.erase({event.name, event.worker});
  delete_listed(event.name, event.worker);
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
  Spec spec = {device.strategy, found == device.profile.end() ? "" : found->second};
  const auto [last, is_new] = specs_.try_emplace(device.name);
  if (!is_new && last->second == spec) return;
  last->second = std::move(spec);
  note(insert_spec_->add({name(device.name), static_cast<int64_t>(seq), to_us(time),
                          some(text(last->second.first)), some(text(last->second.second))}));
}

void LedgerDevices::delete_listed(std::string_view device, std::string_view worker) {
  note(insert_listed_->flush());
  note(delete_listed_->run({name(device), name(worker)}));
}

std::string_view LedgerDevices::text(std::string_view text) { return ledger_text(text, texts_); }

std::string_view LedgerDevices::name(std::string_view text) {
  return ledger_text(text, texts_, kSqlNameMax);
}

DbStatus LedgerDevices::flush() {
  for (const auto& table : {&insert_spec_, &insert_selector_, &insert_declared_, &insert_listed_}) {
    note((*table)->flush());
  }
  texts_.clear();
  return take_failure();
}

void LedgerDevices::note(DbStatus status) {
  if (failure_.ok()) failure_ = std::move(status);
}

DbStatus LedgerDevices::take_failure() { return std::exchange(failure_, {}); }

}  // namespace muster
