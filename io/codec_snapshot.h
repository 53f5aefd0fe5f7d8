// The codec of snapshots (core/broker_snapshot.h): a sequence of records, each of which is a frame
// as io/codec.h describes them and holds about a megabyte of the state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/broker_snapshot.h"
#include "core/kept_task.h"
#include "core/result.h"
#include "io/codec.h"

namespace muster {

// Grows whenever a snapshot holds more than before, or digest() covers more.
inline constexpr uint32_t kSnapshotForm = 2;

// Where a snapshot belongs.
struct SnapshotPlace {
  std::string log_id;
  uint64_t block_digest = 0;  // block_digest() of the block that ends with BrokerSnapshot::head
  Instant newest;             // time of that event
  std::string version;        // of the build that wrote it
  bool operator==(const SnapshotPlace&) const = default;
};

uint64_t block_digest(std::string_view bytes);

struct SnapshotHead {
  uint32_t form = kSnapshotForm;
  SnapshotPlace place;
  uint64_t head = 0;
  uint64_t epoch = 0;
  Instant started;
  uint64_t ended_count = 0;
};
struct SnapshotEnd {
  uint32_t parts = 0;
  uint64_t digest = 0;  // of the whole; of another form it says nothing
};
// A part is the lists of a snapshot, or a piece of some of them.
using SnapshotRecord = std::variant<SnapshotHead, BrokerSnapshot, SnapshotEnd>;

Bytes encode_snapshot_record(const SnapshotRecord& record);
// What a part names need not exist: that is asked of the whole (unsound).
Result<SnapshotRecord> decode_snapshot_record(std::string_view bytes);
std::string dump_snapshot_record(std::string_view bytes);

// The records of a snapshot, one after the other.
class SnapshotEncoder {
 public:
  // `snapshot` outlives it.
  SnapshotEncoder(const BrokerSnapshot& snapshot, SnapshotPlace place);

  // Nothing: that was all.
  std::optional<Bytes> next();

 private:
  std::optional<Bytes> next_part();

  const BrokerSnapshot& snapshot_;
  SnapshotPlace place_;
  bool begun_ = false;
  bool ended_ = false;
  uint32_t list_ = 0;  // which one is next, and from where on
  size_t from_ = 0;
  uint32_t parts_ = 0;
};

// The other way round.
class SnapshotDecoder {
 public:
  // The next record. After an error nothing more is to be taken.
  Result<Done> take(std::string_view record);

  // When all were taken: the snapshot, which is whole, sound and what its digest says; or why not.
  Result<BrokerSnapshot> finish();
  const SnapshotPlace& place() const { return head_.place; }

 private:
  void append(BrokerSnapshot part);

  BrokerSnapshot snapshot_;
  SharedTerms terms_;
  SnapshotHead head_;
  bool begun_ = false;
  uint32_t parts_ = 0;
  std::optional<SnapshotEnd> end_;
};

}  // namespace muster
