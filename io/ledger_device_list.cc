// The devices that the ledger knows.
#include <map>
#include <utility>

#include "io/ledger.h"
#include "io/ledger_rows.h"
#include "io/word.h"

namespace muster {
namespace {

// An attempt holds only what was declared, or listed and allowed: such have specs.
constexpr std::string_view kSelectDevice =
    ", n.device, s.strategy, s.model, c.device, h.seq, h.time_us, h.health, h.reason, h.who, "
    "h.guid, h.until_us, h.failures, u.seq, u.guid, t.kind, t.name, t.parent, "
    "(SELECT count(*) FROM device_attempts WHERE device = n.device) "
    "FROM (SELECT device FROM device_specs WHERE device > ? UNION "
    "SELECT device FROM device_health WHERE device > ? UNION "
    "SELECT device FROM declared_devices WHERE device > ? UNION "
    "SELECT device FROM listed_devices WHERE device > ?) n "
    "LEFT JOIN device_specs s ON s.device = n.device AND s.seq = "
    "(SELECT max(seq) FROM device_specs WHERE device = n.device) "
    "LEFT JOIN device_health h ON h.device = n.device AND h.seq = "
    "(SELECT max(seq) FROM device_health WHERE device = n.device) "
    "LEFT JOIN declared_devices c ON c.device = n.device "
    "LEFT JOIN device_attempts u ON u.device = n.device AND u.seq = "
    "(SELECT max(seq) FROM device_attempts WHERE device = n.device) "
    "LEFT JOIN attempts a ON a.guid = u.guid AND a.attempt = u.attempt "
    "LEFT JOIN tasks t ON t.guid = u.guid WHERE 1 = 1";
constexpr int kFirst = 13;  // column behind those of kSelectAttempt

LedgerDevice device_at(const SqlStatement& row) {
  LedgerDevice device;
  device.name = text_at(row, kFirst);
  device.strategy = text_at(row, kFirst + 1);
  device.model = text_at(row, kFirst + 2);
  device.is_declared = !row.is_null(kFirst + 3);
  if (!row.is_null(kFirst + 4)) {
    device.judgement = LedgerJudgement{
        static_cast<uint64_t>(row.integer(kFirst + 4)), time_at(row, kFirst + 5),
        DeviceJudged{device.name, parse_word(row.text(kFirst + 6), DeviceHealth::locked),
                     text_at(row, kFirst + 7), text_at(row, kFirst + 8), text_at(row, kFirst + 9),
                     time_at(row, kFirst + 10), static_cast<uint32_t>(row.integer(kFirst + 11))}};
  }
  if (!row.is_null(kFirst + 12)) {
    device.last = LedgerUse{static_cast<uint64_t>(row.integer(kFirst + 12)),
                            text_at(row, kFirst + 13),
                            attempt_at(row),
                            parse_task_kind(row.text(kFirst + 14)).value_or(TaskKind::job),
                            text_at(row, kFirst + 15),
                            text_at(row, kFirst + 16)};
  }
  device.attempts = static_cast<uint64_t>(row.integer(kFirst + 17));
  return device;
}

}  // namespace

Result<std::vector<LedgerDevice>> Ledger::devices(const LedgerDeviceFilter& filter) {
  std::string sql = std::string(kSelectAttempt) + std::string(kSelectDevice);
  std::vector<SqlValue> values(4, std::string_view(filter.after));
  const auto also = [&](const char* condition, std::string_view value) {
    sql += condition;
    values.emplace_back(value);
  };
  if (!filter.name.empty()) also(" AND n.device = ?", filter.name);
  if (!filter.strategy.empty()) also(" AND s.strategy = ?", filter.strategy);
  if (!filter.model.empty()) also(" AND s.model = ?", filter.model);
  if (filter.health) also(" AND coalesce(h.health, 'unknown') = ?", to_string(*filter.health));
  if (filter.is_declared) {
    sql += *filter.is_declared ? " AND c.device IS NOT NULL" : " AND c.device IS NULL";
  }
  values.emplace_back(row_limit(filter.max));
  auto devices = select_rows(*store_, sql + " ORDER BY n.device LIMIT ?", values, device_at);
  if (!devices.ok() || devices->empty()) return devices;
  const auto listed = select_rows(
      *store_,
      "SELECT device, worker FROM listed_devices WHERE \"key\" = 'name' AND device >= ? AND "
      "device <= ? ORDER BY device, worker",
      {std::string_view(devices->front().name), std::string_view(devices->back().name)},
      [](const SqlStatement& row) { return std::pair(text_at(row, 0), text_at(row, 1)); });
  if (!listed.ok()) return Error{listed.error()};
  std::map<std::string, std::vector<std::string>> workers;
  for (const auto& [device, worker] : *listed) workers[device].push_back(worker);
  for (LedgerDevice& device : *devices) device.workers = std::move(workers[device.name]);
  return devices;
}

Result<bool> Ledger::has_device(const std::string& name) {
  LedgerDeviceFilter filter;
  filter.name = name;
  filter.max = 1;
  const Result<std::vector<LedgerDevice>> found = devices(filter);
  if (!found.ok()) return Error{found.error()};
  return !found->empty();
}

Result<std::vector<LedgerUseCount>> Ledger::device_use_counts(const std::string& device) {
  return select_rows(
      *store_,
      "SELECT t.kind, a.outcome, count(*) FROM device_attempts d JOIN attempts a ON a.guid = "
      "d.guid AND a.attempt = d.attempt LEFT JOIN tasks t ON t.guid = d.guid WHERE d.device = ? "
      "GROUP BY t.kind, a.outcome ORDER BY t.kind, a.outcome",
      {std::string_view(device)}, [](const SqlStatement& row) {
        LedgerUseCount count;
        count.kind = parse_task_kind(row.text(0)).value_or(TaskKind::job);
        if (!row.is_null(1)) count.outcome = parse_word(row.text(1), Outcome::skip);
        count.attempts = static_cast<uint64_t>(row.integer(2));
        return count;
      });
}

}  // namespace muster
