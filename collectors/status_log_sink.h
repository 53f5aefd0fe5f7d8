// status.log files: RESULTS/<percent_encode(guid)>/status.log, one per task, in autotest's grammar.
//
// Exactly once: a delivery appends to the files, makes them durable, and then commits their lengths
// with the cursor (collectors/status_log_state.h). After a crash in between, the events come again;
// a file is cut to its recorded length before it is appended to, so a torn tail disappears. One
// that is shorter than that, because somebody has removed or cut it, is appended to, and the log
// says so.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/sink.h"
#include "collectors/status_log_state.h"

namespace muster {

class StatusLogSink final : public Sink {
 public:
  StatusLogSink(std::string state_file, std::string results_dir);

  std::string_view name() const override { return "status_log"; }
  std::string place() const override { return results_dir_; }
  BatchLimits limits() const override { return {4'096, 1 << 20}; }
  Result<SinkPosition> open() override;
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override;
  bool begins_anew_only() const override { return true; }
  Result<Done> rewind(const SinkPosition& to) override;

 private:
  // A task that the present delivery touches.
  struct Touched {
    bool stored = false;  // has a row in the state
    uint64_t bytes = 0;   // of the file, by the state
    TaskLogState before;
    TaskLog log;
    std::string text;  // to be appended
  };
  using TouchedLogs = std::map<std::string, Touched, std::less<>>;

  Result<Done> deliver_fresh(std::span<const SequencedEvent> events, const SinkPosition& position);
  Result<Done> take(const Event& event, TouchedLogs& logs);
  Result<Done> append_files(TouchedLogs& logs);
  std::vector<StatusLogChange> changes(const TouchedLogs& logs) const;

  std::string state_file_;
  std::string results_dir_;
  std::optional<StatusLogState> state_;  // nothing: closed, or failed
  uint64_t cursor_ = 0;
};

}  // namespace muster
