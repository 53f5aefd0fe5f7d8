// Snapshots beside the blocks of an event log, each a sequence of records that whoever writes it
// understands (io/codec_snapshot.h). The newest two are kept: should one be damaged, there is
// another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster {

inline constexpr size_t kSnapshotsKept = 2;

struct StoredSnapshot {
  uint64_t head = 0;   // the newest event that is in it
  uint64_t bytes = 0;  // that it takes
  bool operator==(const StoredSnapshot&) const = default;
};

// Any thread may ask while another one writes.
class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;

  // Newest first. What is in them was not looked at.
  virtual std::vector<StoredSnapshot> list() const = 0;

  // Writes the records that `next` gives until it gives nothing; durable on return, and there whole
  // or not at all. What is older than the newest kSnapshotsKept is removed then. An error means
  // that nothing has changed; it says what to do.
  virtual Result<Done> write(uint64_t head,
                             const std::function<std::optional<std::string>()>& next) = 0;

  // Gives the records in their order to `take`, until that says an error. Errors: there is no such
  // snapshot, it is not what was written, or what `take` said.
  virtual Result<Done> read(uint64_t head,
                            const std::function<Result<Done>(std::string_view)>& take) const = 0;
};

}  // namespace muster
