#include "broker/snapshots.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>

#include "io/codec_snapshot.h"

namespace muster {

namespace {

// After one that could not be written.
constexpr Duration kRetryPause = std::chrono::minutes(1);

}  // namespace

Snapshots::Snapshots(EventLog& log, SnapshotPolicy policy) : log_(log), policy_(policy) {}

Snapshots::~Snapshots() {
  if (writing_) writing_->wait();
}

void Snapshots::start_after(const Recovered& recovered) {
  newest_ = recovered.snapshot;
  events_ = recovered.events;
  bytes_ = recovered.bytes;
}

void Snapshots::note_appended(uint64_t events, uint64_t bytes) {
  events_ += events;
  bytes_ += bytes;
}

bool Snapshots::due(Instant now) const {
  return !writing_ && now >= not_before_ && (events_ >= policy_.events || bytes_ >= policy_.bytes);
}

void Snapshots::begin(const BrokerCore& core, Instant newest, Instant now) {
  if (writing_ || core.head() == 0) return;
  const Result<SnapshotPlace> place = place_of_snapshot(log_, newest);
  if (!place.ok()) {
    spdlog::warn("no snapshot is taken: {}", place.error());
    not_before_ = now + kRetryPause;
    return;
  }
  events_ = bytes_ = 0;
  auto state = std::make_shared<BrokerSnapshot>(core.snapshot());
  // The thread also frees the copy, which takes as long as making it.
  writing_ =
      std::async(std::launch::async, [this, state = std::move(state), place = *place]() mutable {
        SnapshotEncoder encoder(*state, place);
        Outcome outcome{state->head,
                        log_.snapshots().write(state->head, [&] { return encoder.next(); })};
        state.reset();
        return outcome;
      });
}

void Snapshots::heed(Instant now) {
  if (!writing_ || writing_->wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  const Outcome outcome = std::exchange(writing_, std::nullopt)->get();
  if (outcome.written.ok()) {
    newest_ = outcome.head;
    spdlog::info("took a snapshot after event {}", outcome.head);
    return;
  }
  spdlog::error("no snapshot could be taken after event {}, a recovery would take longer: {}",
                outcome.head, outcome.written.error());
  events_ = policy_.events;
  not_before_ = now + kRetryPause;
}

void Snapshots::finish(const BrokerCore& core, Instant newest, Instant now) {
  if (writing_) writing_->wait();
  heed(now);
  if (core.head() == newest_) return;
  begin(core, newest, now);
  if (writing_) writing_->wait();
  heed(now);
}

}  // namespace muster
