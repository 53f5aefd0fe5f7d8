// Carries the events of one source into one sink, for as long as the process lives. Nothing is
// skipped: a source that is away and a sink that fails are tried again for ever, with back-off.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "collectors/block_source.h"
#include "collectors/sink.h"
#include "collectors/stop.h"
#include "core/delivery.h"

namespace muster {

struct SinkRunnerOptions {
  BackoffPolicy backoff;
  std::function<uint64_t()> random;                     // any 64 bits, for the back-off
  std::function<void(const std::string&)> log_problem;  // something began to fail
  std::function<void(const std::string&)> log_news;     // it works again
};

class SinkRunner {
 public:
  // All outlive it.
  SinkRunner(Sink& sink, BlockSource& source, const Stop& stop, SinkRunnerOptions options);

  // Runs until `stop` is raised. An error means that going on would mix two histories: the source
  // has another log than the one that this sink has followed, or a shorter one.
  Result<Done> run();

 private:
  // What is to be delivered of one answer.
  struct Fresh {
    std::vector<SequencedEvent> events;
    std::vector<size_t> sizes;  // of each, in encoded bytes, roughly
    uint64_t through = 0;       // cursor after all of them
  };

  Result<Done> follow(SinkPosition position);
  std::optional<std::string> wrong_history(const SinkPosition& position,
                                           const FetchedBlocks& fetched) const;
  Result<Fresh> decode(const std::vector<std::string>& blocks, DeliveryCursor cursor) const;
  Result<Done> deliver(const Fresh& fresh, SinkPosition& position);
  void fail(const std::string& message);
  void succeed();

  Sink& sink_;
  BlockSource& source_;
  const Stop& stop_;
  SinkRunnerOptions options_;
  uint32_t failures_ = 0;  // in a row
  std::string said_;       // the newest problem that was logged
};

}  // namespace muster
