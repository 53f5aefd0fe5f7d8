#include "workers/disk_watch.h"

#include "io/file.h"

namespace muster {

namespace {

constexpr uint64_t kLookAfterBytes = 1 << 20;
// Of the reserve, what must be free beside it before it counts as whole again.
constexpr uint64_t kMarginDivisor = 8;

}  // namespace

DiskWatch::DiskWatch(std::string dir, uint64_t reserve) : dir_(std::move(dir)), reserve_(reserve) {
  look();
}

void DiskWatch::look() {
  const Result<uint64_t> free = free_bytes(dir_);
  free_ = free.ok() ? *free : UINT64_MAX;
  written_ = 0;
  low_ = free_ < (low_ ? wanted() : reserve_);
}

uint64_t DiskWatch::wanted() const { return reserve_ + reserve_ / kMarginDivisor; }

bool DiskWatch::has_room(uint64_t bytes) {
  if (!low_ && written_ + bytes >= kLookAfterBytes) look();
  if (!low_ && free_ < reserve_ + written_ + bytes) low_ = true;
  if (low_) return false;
  written_ += bytes;
  return true;
}

}  // namespace muster
