// Below ArchiveStore: folders and small files of an archive by descriptor, so that no link is
// followed and nothing outside is met.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "io/archive_name.h"
#include "io/file.h"

namespace muster {

enum class Make : bool { no, yes };

// A folder in `dir` (AT_FDCWD with an absolute path for the root). Invalid with errno when it is
// not there, cannot be made or is no folder.
UniqueFd open_folder(int dir, const std::string& name, Make make);

// A regular file in `dir`. The same. `flags` are open(2)'s.
UniqueFd open_regular(int dir, const std::string& name, int flags);

// Locks DIR/.muster/lock until it goes: shared by those who add, alone for who removes. Nothing of
// it is held when the archive is not there and is not to be made.
class ArchiveGate {
 public:
  enum class Way : bool { shared, alone };
  static Result<ArchiveGate> pass(const std::string& archive, Way way);

 private:
  explicit ArchiveGate(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// What the archive knows about a file (the .json beside it).
struct ArchiveNote {
  ArchiveName name;
  bool complete = false;
  uint64_t bytes = 0;  // once complete
  std::string sha256;  // likewise
  Instant stored;
};

// About a task's folder.
struct ArchiveTaskNote {
  std::string guid;
  bool pinned = false;
};

std::string note_file_name(const std::string& name);

// Nothing when there is none, or it cannot be understood: such a file is not complete.
std::optional<ArchiveNote> read_note(int own_dir, const std::string& file);
std::optional<ArchiveTaskNote> read_task_note(int own_dir);
// Replaces it, whole or not at all; with `durable` it is on the disk then. False with errno.
bool write_note(int own_dir, const ArchiveNote& note, bool durable);
bool write_task_note(int own_dir, const ArchiveTaskNote& note);

// The names in a folder but "." and "..", sorted.
std::vector<std::string> folder_entries(int dir);

}  // namespace muster
