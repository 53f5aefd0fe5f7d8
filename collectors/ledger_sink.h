// The ledger: rows for questions (schemas/sql has the tables, io/ledger.h the questions), in a file
// of SQLite's or on a server. Rows and cursor change in one transaction.
#pragma once

#include <memory>
#include <string>

#include "collectors/sink.h"
#include "io/db_status.h"
#include "io/ledger_place.h"

namespace muster {

class LedgerWriter;

class LedgerSink final : public Sink {
 public:
  explicit LedgerSink(LedgerPlace place);
  ~LedgerSink() override;

  std::string_view name() const override { return "ledger"; }
  std::string place() const override { return describe(place_); }
  std::string way_out() const override;
  BatchLimits limits() const override { return {8'192, 8 << 20}; }
  Result<SinkPosition> open() override;
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override;
  Delivery deliver_again(std::span<const SequencedEvent> events,
                         const std::string& log_id) override;
  bool begins_anew_only() const override { return true; }
  Result<Done> rewind(const SinkPosition& to) override;

 private:
  Delivery delivery_of(DbStatus status);

  LedgerPlace place_;
  std::unique_ptr<LedgerWriter> writer_;  // null: closed, or failed
};

}  // namespace muster
