// Snapshots as files of one directory:
//
//   snapshot-NUMBER = "muster snapshot\n" { size:u32 digest:u64 bytes }     little-endian; NUMBER:
//   the
//                                                                      newest event in it, 20
//                                                                      digits
//
// A file is written under another name, synced and then renamed. Records are checked as they are
// read.
#pragma once

#include <string>

#include "core/limits.h"
#include "io/snapshot_store.h"

namespace muster {

class SnapshotFiles final : public SnapshotStore {
 public:
  // `dir` must be there when it is written to. So many bytes must stay free on its file system:
  // what runs must be recorded before anything is made quicker.
  explicit SnapshotFiles(std::string dir, uint64_t reserve_bytes = 2 * kDiskReserveBytes);

  std::vector<StoredSnapshot> list() const override;
  Result<Done> write(uint64_t head,
                     const std::function<std::optional<std::string>()>& next) override;
  Result<Done> read(uint64_t head,
                    const std::function<Result<Done>(std::string_view)>& take) const override;

  // For people.
  std::string path_of(uint64_t head) const;

 private:
  Result<Done> write_to(const std::string& path,
                        const std::function<std::optional<std::string>()>& next) const;

  std::string dir_;
  uint64_t reserve_bytes_;
};

}  // namespace muster
