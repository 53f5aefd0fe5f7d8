// Questions to the ledger (schemas/sql has its tables), which the collector writes: in a file of
// SQLite's, or on a server (io/ledger_place.h). The answers are the same. Read-only; works while
// the collector runs and when nothing runs. The broker forgets tasks that ended long ago: the
// ledger does not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "io/ledger_device.h"
#include "io/ledger_place.h"
#include "io/ledger_reader.h"
#include "io/measure_table.h"
#include "io/sql.h"

namespace muster {

class Ledger final : public LedgerReader {
 public:
  // An error when there is none yet (nothing has been collected), when it is no ledger, or when it
  // was written by a newer muster.
  static Result<Ledger> open(const LedgerPlace& place);
  static Result<Ledger> open(std::unique_ptr<SqlStore> store);

  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger() override;

  Result<LedgerPosition> position() override;
  Result<std::vector<std::string>> find_guids(std::string_view prefix, uint32_t max) override;
  Result<std::optional<LedgerTask>> task(const std::string& guid) override;
  Result<std::vector<LedgerTask>> tasks(const LedgerTaskFilter& filter) override;
  Result<std::vector<LedgerResult>> results(const std::string& guid,
                                            const LedgerSlice& slice = {}) override;
  Result<std::vector<LedgerReport<SourceFetched>>> sources(const std::string& guid,
                                                           const LedgerSlice& slice = {}) override;
  Result<MeasureAnswer> query_measurements(const MeasureQuery& query) override;
  Result<std::vector<MeasureTable>> measure_tables() override;
  Result<std::vector<LedgerEvent>> events(const LedgerEventFilter& filter) override;
  Result<bool> has_device(const std::string& name) override;
  Result<std::vector<HistoryEntry>> device_history(const std::string& device, uint32_t max,
                                                   uint64_t before = UINT64_MAX) override;
  Result<std::vector<ActionStat>> action_stats(const std::string& strategy) override;
  Result<std::vector<std::string>> strategies() override;

  // In the order in which they were reported.
  Result<std::vector<LedgerReport<Artifact>>> artifacts(const std::string& guid,
                                                        const LedgerSlice& slice = {});
  Result<std::vector<LedgerReport<Measurement>>> measurements(const std::string& guid,
                                                              const LedgerSlice& slice = {});

  // By name: those that an inventory has declared or allowed, a lister finds, or somebody has
  // judged.
  Result<std::vector<LedgerDevice>> devices(const LedgerDeviceFilter& filter);
  // What became of the attempts that held the device.
  Result<std::vector<LedgerUseCount>> device_use_counts(const std::string& device);

  // Attempts that held the device, newest first.
  Result<std::vector<LedgerUse>> device_uses(const std::string& device, uint32_t max,
                                             uint64_t before = UINT64_MAX);

  // Changes of the device's health, newest first.
  Result<std::vector<LedgerJudgement>> device_judgements(const std::string& device, uint32_t max,
                                                         uint64_t before = UINT64_MAX);

  // Repair actions that ran on the device (not on others of its stack), newest first.
  Result<std::vector<LedgerRepair>> device_repairs(const std::string& device, uint32_t max,
                                                   uint64_t before = UINT64_MAX);

  // Oldest first, of one strategy or of all (empty).
  Result<std::vector<LedgerActionRun>> action_runs(const std::string& strategy,
                                                   const LedgerSlice& slice = {});

 private:
  explicit Ledger(std::unique_ptr<SqlStore> store);
  Result<MeasureAnswer> query_measured(const MeasureQuery& query,
                                       const std::optional<MeasureTable>& found);
  Result<std::string> why_not_measured(const std::string& table);
  std::unique_ptr<SqlStore> store_;
};

}  // namespace muster
