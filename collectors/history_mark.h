// The newest event that a sink has followed, so that another history under the same numbers is
// noticed however far it has come: a log that was put back from an older copy goes on with other
// events. HOME/collector/SINK.history, written at most once a second: an older one, or none,
// notices less, but never what is not so.
//
//   {"schema":"muster.history/1","log":LOG_ID,"seq":N,"time_us":T}
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"

namespace muster {

class HistoryMark {
 public:
  struct Followed {
    std::string log_id;
    uint64_t seq = 0;
    Instant time;  // of the event: what another one would hardly share
    bool operator==(const Followed&) const = default;
  };

  // Reads the file; what cannot be read says nothing. No file: what this process follows is noted
  // in memory only.
  explicit HistoryMark(std::string file);

  const std::optional<Followed>& newest() const { return newest_; }

  void note(Followed followed, Instant now);
  // Writes what was noted and not written yet. Where that fails, the file says less.
  void keep();
  // A person has begun anew.
  void forget();

 private:
  std::string file_;
  std::optional<Followed> newest_;
  bool is_kept_ = true;
  Instant next_write_;
};

}  // namespace muster
