// Carries the events of one source into one sink, for as long as the process lives. Nothing is
// dropped: a source that is away and a place that fails are tried again for ever, with back-off,
// and what a place refuses for good is buried in the sink's dead letters, alone: a batch that is
// refused is halved until the events to blame stand by themselves.
//
// People's orders are done between two deliveries; a long one in parts, and the log has its turn
// after each. An order that waits ends a pause, but not one that the place has asked for.
//
// Order: the events of the log are delivered in their order, but for those that are buried. A crash
// anywhere loses and doubles nothing, because a letter is durable before the cursor moves past its
// event, and an event that has a letter is not delivered.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/block_source.h"
#include "collectors/dead_letters.h"
#include "collectors/history_mark.h"
#include "collectors/sink.h"
#include "collectors/sink_desk.h"
#include "collectors/stop.h"
#include "core/delivery.h"
#include "io/clock.h"

namespace muster {

struct SinkRunnerOptions {
  BackoffPolicy backoff;
  std::function<uint64_t()> random;                     // any 64 bits, for the back-off
  std::function<void(const std::string&)> log_problem;  // something began to fail
  std::function<void(const std::string&)> log_news;     // it works again; an event was buried
  std::string history_file;                             // collectors/history_mark.h; empty: none
};

class SinkRunner {
 public:
  // All outlive it.
  SinkRunner(Sink& sink, BlockSource& source, DeadLetters& letters, SinkDesk& desk,
             const Stop& stop, Clock& clock, SinkRunnerOptions options);

  // Runs until `stop` is raised. Where going on would mix two histories (the source has another log
  // than the one that this sink has followed, or a shorter one) the sink fails, and nothing is
  // delivered, until a person has put an end to it.
  void run();

 private:
  // What was fetched and is not delivered yet.
  struct Pending {
    std::vector<SequencedEvent> events;
    std::vector<size_t> sizes;  // of each, in encoded bytes, roughly
    uint64_t through = 0;       // cursor after all of them
    Instant since;              // when the oldest was fetched
  };
  // Why following ends: everything is to be opened again.
  enum class Next : uint8_t { go_on, open_again };

  void hold();
  Result<Done> open();
  void follow();
  Next take_turn();
  Next rest();
  Duration fetch_wait() const;
  uint64_t known_done() const;
  std::optional<std::string> wrong_history(const FetchedBlocks& fetched) const;
  // Why the log is not the one that was followed last, though it has its name and is as long.
  std::optional<std::string> find_other_events();
  // Why nothing of the log `log_id` goes to the sink; nothing: it does.
  std::optional<std::string> other_log(const std::string& log_id) const;
  Result<Done> append(std::vector<std::string> blocks);
  void note_unknown(const std::vector<uint64_t>& seqs);
  void note_progress(uint64_t head);

  Next deliver_due();
  Delivery deliver_batch(std::vector<SequencedEvent> events, const SinkPosition& next);
  Delivery deliver_range(std::vector<SequencedEvent>& events, const SinkPosition& next,
                         Bisection& search);
  Delivery deliver_to(std::span<const SequencedEvent> events, const SinkPosition& after);
  Delivery bury(const SequencedEvent& event, const std::string& answer);
  Delivery bury_named(std::vector<SequencedEvent>& events, const Delivery& refused);

  bool serve_order();
  SinkOrderResult handle(const SinkOrder& order);
  std::string closed_reason() const;
  std::string explain_trimmed(const SourceError& error);
  SinkOrderResult replay(uint64_t from);
  // Letters of one log, as many as one delivery may hold.
  struct LetterBatch {
    std::string log_id;
    std::vector<SequencedEvent> events;
    std::string problem;  // why the letter after them cannot be read; empty: it can, or is none
  };
  // What is done with a batch: how it went is in the result.
  using TakeLetters = std::function<void(LetterBatch, SinkOrderResult&)>;

  SinkOrderResult change_letters(const std::vector<uint64_t>& wanted, const TakeLetters& take);
  LetterBatch read_letters(std::span<const uint64_t> seqs) const;
  void retry(LetterBatch batch, SinkOrderResult& result);
  static bool take_named(std::vector<SequencedEvent>& events, ItemRange tried,
                         const Delivery& refused, SinkOrderResult& result);
  void drop(const LetterBatch& batch, SinkOrderResult& result);

  void fail(const Delivery& away);
  void fail(const std::string& message) { fail(Delivery::away(message)); }
  void pause_as_wished(Duration delay, const std::string& why);
  void succeed();

  Sink& sink_;
  BlockSource& source_;
  DeadLetters& letters_;
  SinkDesk& desk_;
  const Stop& stop_;
  Clock& clock_;
  SinkRunnerOptions options_;
  SinkPosition position_;
  std::string
      not_held_;  // why the source does not keep what comes, as it was logged; empty: it does
  bool is_open_ = false;
  std::string not_open_;  // why it did not open
  Pending pending_;
  HistoryMark history_;
  bool is_history_checked_ = false;  // since the source was connected
  bool source_fails_ = false;
  std::string source_log_;                // the source's, as last heard; empty: not yet
  std::optional<SinkPosition> trimmed_;   // where the source begins, if that is behind our position
  bool is_logs_turn_ = false;             // the newest order was done in part
  std::optional<Delivery> failed_again_;  // an order's delivery that found the place away
  uint64_t unknown_through_ = 0;          // newest event of an unknown type
  uint32_t failures_ = 0;                 // in a row
  bool failed_quietly_ = false;           // the first of them was with lines of logs only
  std::string said_;                      // the newest problem that was logged
};

}  // namespace muster
