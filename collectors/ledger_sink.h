// The ledger: rows for questions (schemas/sql has the tables, io/ledger.h the questions). Rows and
// cursor change in one SQLite transaction.
#pragma once

#include <memory>
#include <string>

#include "collectors/sink.h"

namespace muster {

class LedgerSink final : public Sink {
 public:
  explicit LedgerSink(std::string file);
  ~LedgerSink() override;

  std::string_view name() const override { return "ledger"; }
  std::string place() const override { return file_; }
  BatchLimits limits() const override { return {8'192, 8 << 20}; }
  Result<SinkPosition> open() override;
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override;
  Result<Done> rewind(uint64_t cursor) override;

 private:
  class Writer;
  std::string file_;
  std::unique_ptr<Writer> writer_;  // null: closed, or failed
};

}  // namespace muster
