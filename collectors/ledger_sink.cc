#include "collectors/ledger_sink.h"

#include <utility>

#include "collectors/ledger_writer.h"
#include "io/ledger_schema.h"

namespace muster {

LedgerSink::LedgerSink(LedgerPlace place) : place_(std::move(place)) {}
LedgerSink::~LedgerSink() = default;

Result<SinkPosition> LedgerSink::open() {
  writer_.reset();
  Result<std::unique_ptr<SqlStore>> store = open_ledger_store(place_);
  if (!store.ok()) return Error{store.error()};
  Result<std::unique_ptr<LedgerWriter>> writer = LedgerWriter::open(std::move(*store));
  if (!writer.ok()) return Error{writer.error()};
  writer_ = std::move(*writer);
  return writer_->position();
}

Delivery LedgerSink::deliver(std::span<const SequencedEvent> events, const SinkPosition& position) {
  if (!writer_) return Delivery::away(place() + ": the ledger is not open");
  DbStatus status = writer_->write(events, position);
  if (status.ok()) return {};
  writer_.reset();
  status.reason = ledger_error(std::move(status.reason)).message;
  // Whoever looks for the event that is to blame delivers the others right away.
  if (status.fault == DbFault::constraint && open().ok()) return Delivery::refused(status.reason);
  return Delivery::away(status.reason);
}

Result<Done> LedgerSink::rewind(uint64_t cursor) {
  if (cursor != 0) return only_from_the_beginning(*this);
  if (const Result<SinkPosition> position = open(); !position.ok()) return Error{position.error()};
  Result<Done> done = writer_->forget();
  writer_.reset();
  return done;
}

}  // namespace muster
