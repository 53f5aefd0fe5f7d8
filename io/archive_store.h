// The archive in a directory: what attempts leave behind, by task.
//
//   DIR/GUID/ATTEMPT/NAME                 the bytes; GUID as percent_encode writes it
//   DIR/GUID/ATTEMPT/.muster/NAME.json    what is known about them: guid, attempt, name, complete,
//                                         bytes and sha256 once they are complete, stored (RFC
//                                         3339); NAME as percent_encode writes it
//   DIR/GUID/.muster/task.json            guid, pinned
//   DIR/.muster/lock                      held by whoever changes something, alone by sweep()
//   DIR/.muster/trash/                    what sweep() is removing
//
// A file grows by appending, and is complete when somebody has said how long it is and what its
// digest is, and both are so. Any number of threads and processes may work on one directory: every
// append to a file is whole and finds the end that the one before it left. No link in the directory
// is ever followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "core/result.h"
#include "core/time.h"
#include "io/archive_name.h"
#include "io/file.h"

namespace muster {

enum class ArchiveFault : uint8_t {
  none,
  bad_name,      // nothing can have this name, ever, or beside what has its name or its folder's
  absent,        // there is no such file
  wrong_offset,  // the file ends elsewhere, at `bytes`
  is_complete,   // nothing can be added any more
  wrong_digest,  // it was not what it was said to be; it is empty now and wants to be sent anew
  no_room,       // the disk is full, or nearly
  failed,        // the disk or the directory does something else
};

// What became of a request, and how the file is afterwards.
struct ArchiveReply {
  ArchiveFault fault = ArchiveFault::none;
  std::string reason;  // a sentence for people; empty without a fault
  uint64_t bytes = 0;  // that the file has
  bool complete = false;
  std::string sha256;    // of a complete file
  bool refused = false;  // beside `failed`: a server says no, and would whenever it were asked

  bool ok() const { return fault == ArchiveFault::none; }
};

struct ArchivedFile {
  uint32_t attempt = 0;
  std::string name;
  uint64_t bytes = 0;
  bool complete = false;
  std::string sha256;
  Instant stored;  // when it began or, complete, when it ended
};

struct ArchiveFolder {
  std::string guid;
  bool pinned = false;
  std::vector<ArchivedFile> files;  // by attempt and name
};

// A file that is open for reading. `reply` tells how it was at that moment.
struct OpenedArchiveFile {
  UniqueFd fd;
  ArchiveReply reply;
};

struct ArchiveLimits {
  Duration keep = kArchiveKeepDefault;        // since a task's folder was last added to
  uint64_t bytes_max = kArchiveBytesDefault;  // of everything together
};

struct ArchiveSweep {
  uint64_t bytes = 0;  // that are left
  uint64_t folders = 0;
  uint64_t removed_bytes = 0;
  uint64_t removed_folders = 0;
  std::vector<std::string> problems;
};

class ArchiveStore {
 public:
  // The directory is made when something is stored. While its file system has less than `reserve`
  // bytes free, nothing is added.
  explicit ArchiveStore(std::string dir, uint64_t reserve = kWorkerReserveBytes)
      : dir_(std::move(dir)), reserve_(reserve) {}

  const std::string& dir() const { return dir_; }

  // Adds `bytes` at `offset`, which must be the file's end, or at its end whatever that is. All of
  // them or none. Not durable before complete().
  ArchiveReply append(const ArchiveName& name, std::optional<uint64_t> offset,
                      std::string_view bytes, Instant now) const;

  // Closes a file that has `bytes` bytes with this digest; durable on return. Saying it again is
  // harmless.
  ArchiveReply complete(const ArchiveName& name, uint64_t bytes, const std::string& sha256,
                        Instant now) const;

  // Empties a file that is not complete: what is sent is not what was sent before.
  ArchiveReply restart(const ArchiveName& name) const;

  ArchiveReply look(const ArchiveName& name) const;
  // `fd` is valid when `reply` is ok.
  OpenedArchiveFile open(const ArchiveName& name) const;

  // Nothing when there is no folder for that task.
  Result<std::optional<ArchiveFolder>> list(const std::string& guid) const;

  // A pinned folder is never swept. It may be pinned before anything is in it.
  Result<Done> pin(const std::string& guid, bool pinned) const;

  // Removes folders that are too old, and then the oldest until the rest is small enough. Never one
  // that is pinned or in which a file is being written (kArchiveWritingMax).
  ArchiveSweep sweep(const ArchiveLimits& limits, Instant now) const;

 private:
  std::string dir_;
  uint64_t reserve_;
};

}  // namespace muster
