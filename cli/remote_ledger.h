// The ledger as a collector answers for it: from any machine, wherever it lies.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/api_client.h"
#include "io/ledger_json.h"
#include "io/ledger_reader.h"

namespace muster {

class RemoteLedger final : public LedgerReader {
 public:
  explicit RemoteLedger(ApiAddress address) : api_(std::move(address)) {}

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

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;

  Error fault(const std::string& reason) const;
  // Hands the rows of `name` at `target`, all in one answer, to `take`. What is not there (404) has
  // none.
  Result<JsonPage> read_page(const std::string& name, const std::string& target,
                             const std::function<void(const std::string&)>& take);
  // Hands `max` rows of `name` at `path` to `take`, page by page. What is not
  // there (404) has none.
  Result<Done> read_pages(const std::string& name, const std::string& path, Query query,
                          uint64_t cursor, uint32_t max,
                          const std::function<void(const std::string&)>& take);

  ApiClient api_;
};

}  // namespace muster
