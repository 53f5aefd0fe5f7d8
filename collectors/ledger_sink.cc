#include "collectors/ledger_sink.h"

#include <utility>

#include "collectors/ledger_writer.h"
#include "io/ledger_reader.h"
#include "io/ledger_schema.h"

namespace muster {

LedgerSink::LedgerSink(LedgerPlace place) : place_(std::move(place)) {}
LedgerSink::~LedgerSink() = default;

std::string LedgerSink::way_out() const {
  if (place_.server) {
    return "a database belongs to one broker: give this lab one of its own, with ledger.database "
           "in muster.yaml";
  }
  return "or stop the collector and move the file " + place_.file + " away";
}

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

Delivery LedgerSink::deliver_again(std::span<const SequencedEvent> events,
                                   const std::string& log_id) {
  if (!writer_) return Delivery::away(place() + ": the ledger is not open");
  std::vector<Refusal> refusals;
  for (const SequencedEvent& at : events) {
    if (writer_->position().log_id != log_id) {
      refusals.push_back({at.seq, place() + ": event " + std::to_string(at.seq) +
                                      " is of another log, " + log_id +
                                      ": drop the letter, muster sink dead drop ledger " +
                                      std::to_string(at.seq)});
    } else if (!LedgerWriter::may_come_late(at.event)) {
      refusals.push_back(only_in_its_turn(*this, at.seq));
    }
  }
  if (!refusals.empty()) return refuse_named(std::move(refusals));
  return delivery_of(writer_->write_again(events));
}

Delivery LedgerSink::delivery_of(DbStatus status) {
  if (status.ok()) return {};
  writer_.reset();
  status.reason = ledger_error(std::move(status.reason)).message;
  // Whoever looks for the event that is to blame delivers the others right away.
  if (status.fault == DbFault::constraint && open().ok()) return Delivery::refused(status.reason);
  return Delivery::away(status.reason);
}

Result<Done> LedgerSink::rewind(const SinkPosition& to) {
  if (to.cursor != 0) return only_from_the_beginning(*this);
  writer_.reset();
  const Result<std::unique_ptr<SqlStore>> store = open_ledger_store(place_);
  if (!store.ok()) return Error{store.error()};
  const Result<LedgerPosition> held = read_ledger_position(**store);
  if (!held.ok()) return ledger_error(held.error());
  Result<Done> known = check_history(*this, {held->log_id, held->seq}, to);
  if (!known.ok()) return known;
  if (Result<Done> done = reset_ledger(**store); !done.ok()) return ledger_error(done.error());
  return Done{};
}

}  // namespace muster
