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
  return delivery_of(writer_->write(events, position));
}

Delivery LedgerSink::deliver_again(const SequencedEvent& event, const std::string& log_id) {
  if (!writer_) return Delivery::away(place() + ": the ledger is not open");
  if (writer_->position().log_id != log_id) {
    return Delivery::refused(place() + ": event " + std::to_string(event.seq) +
                             " is of another log, " + log_id);
  }
  if (!LedgerWriter::may_come_late(event.event)) return Sink::deliver_again(event, log_id);
  return delivery_of(writer_->write_again(event));
}

Delivery LedgerSink::delivery_of(DbStatus status) {
  if (status.ok()) return {};
  writer_.reset();
  status.reason = ledger_error(std::move(status.reason)).message;
  // Whoever looks for the event that is to blame delivers the others right away.
  if (status.fault == DbFault::constraint && open().ok()) return Delivery::refused(status.reason);
  return Delivery::away(status.reason);
}

Result<Done> LedgerSink::rewind(uint64_t cursor) {
  if (cursor != 0) return only_from_the_beginning(*this);
  writer_.reset();
  const Result<std::unique_ptr<SqlStore>> store = open_ledger_store(place_);
  if (!store.ok()) return Error{store.error()};
  if (Result<Done> done = reset_ledger(**store); !done.ok()) return ledger_error(done.error());
  return Done{};
}

}  // namespace muster
