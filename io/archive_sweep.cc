// ArchiveStore::sweep: what is removed from an archive, and what never.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>

#include "io/archive_dir.h"
#include "io/archive_store.h"

namespace muster {
namespace {

const std::string kOwn(kArchiveOwnDir);

Instant modified(const struct stat& info) {
  return from_us(int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1'000);
}

// One task's folder, as far as it matters here.
struct Weighed {
  std::string name;
  uint64_t bytes = 0;
  Instant newest;  // kNever when nothing is in it
};

// Adds what lies in `dir`, at any depth, but for the notes of the task (depth 0) and its attempts.
void weigh(int dir, Weighed& folder, size_t depth = 0) {
  if (depth > kArtifactDepthMax + 1) return;
  for (const std::string& entry : folder_entries(dir)) {
    struct stat info {};
    if (depth <= 1 && entry == kOwn) continue;
    if (::fstatat(dir, entry.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      const UniqueFd fd = open_folder(dir, entry, Make::no);
      if (fd.valid()) weigh(fd.get(), folder, depth + 1);
      continue;
    }
    folder.bytes += static_cast<uint64_t>(info.st_size);
    folder.newest = std::max(folder.newest, modified(info));
  }
}

// Files that are written now: not complete, and added to lately. `own` is their attempt's notes,
// `prefix` what comes before the names in `dir`.
bool is_written(int dir, int own, const std::string& prefix, Instant now) {
  for (const std::string& entry : folder_entries(dir)) {
    struct stat info {};
    if (prefix.empty() && entry == kOwn) continue;
    if (::fstatat(dir, entry.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      const UniqueFd fd = open_folder(dir, entry, Make::no);
      if (fd.valid() && is_written(fd.get(), own, prefix + entry + "/", now)) return true;
      continue;
    }
    if (now - modified(info) > kArchiveWritingMax) continue;
    const std::optional<ArchiveNote> note = read_note(own, note_file_name(prefix + entry));
    if (!note || !note->complete) return true;
  }
  return false;
}

bool is_written(int task, Instant now) {
  for (const std::string& entry : folder_entries(task)) {
    if (entry == kOwn) continue;
    const UniqueFd attempt = open_folder(task, entry, Make::no);
    if (!attempt.valid()) continue;
    const UniqueFd own = open_folder(attempt.get(), kOwn, Make::no);
    if (is_written(attempt.get(), own.get(), "", now)) return true;
  }
  return false;
}

bool is_pinned(int task) {
  const UniqueFd own = open_folder(task, kOwn, Make::no);
  const std::optional<ArchiveTaskNote> note =
      own.valid() ? read_task_note(own.get()) : std::nullopt;
  return note && note->pinned;
}

class Sweeper {
 public:
  Sweeper(const std::string& dir, Instant now, ArchiveSweep& sweep)
      : dir_(dir), now_(now), sweep_(sweep), root_(open_folder(AT_FDCWD, dir, Make::no)) {}

  bool there() const { return root_.valid(); }

  // Oldest first.
  std::vector<Weighed> weigh_all() {
    std::vector<Weighed> folders;
    for (const std::string& entry : folder_entries(root_.get())) {
      const UniqueFd task = entry == kOwn ? UniqueFd() : open_folder(root_.get(), entry, Make::no);
      if (!task.valid()) continue;
      Weighed folder{entry, 0, kNever};
      weigh(task.get(), folder);
      folders.push_back(std::move(folder));
    }
    std::sort(folders.begin(), folders.end(), [](const Weighed& a, const Weighed& b) {
      return std::tie(a.newest, a.name) < std::tie(b.newest, b.name);
    });
    return folders;
  }

  // Takes the folder out of the archive, unless it must stay or has changed since it was weighed.
  bool take_out(const Weighed& folder) {
    const Result<ArchiveGate> gate = ArchiveGate::pass(dir_, ArchiveGate::Way::alone);
    if (!gate) {
      sweep_.problems.push_back(gate.error());
      return false;
    }
    const UniqueFd task = open_folder(root_.get(), folder.name, Make::no);
    if (!task.valid() || is_pinned(task.get()) || is_written(task.get(), now_)) return false;
    Weighed again{folder.name, 0, kNever};
    weigh(task.get(), again);
    if (again.newest != folder.newest) return false;
    const UniqueFd own = open_folder(root_.get(), kOwn, Make::yes);
    const UniqueFd trash = open_folder(own.get(), "trash", Make::yes);
    if (::renameat(root_.get(), folder.name.c_str(), trash.get(), folder.name.c_str()) == 0) {
      return true;
    }
    sweep_.problems.push_back("cannot remove " + dir_ + "/" + folder.name + ": " +
                              errno_text(errno));
    return false;
  }

  void empty_trash() {
    std::error_code error;
    std::filesystem::remove_all(dir_ + "/" + kOwn + "/trash", error);
    if (error)
      sweep_.problems.push_back("cannot empty the trash of " + dir_ + ": " + error.message());
  }

 private:
  const std::string& dir_;
  Instant now_;
  ArchiveSweep& sweep_;
  UniqueFd root_;
};

}  // namespace

ArchiveSweep ArchiveStore::sweep(const ArchiveLimits& limits, Instant now) const {
  ArchiveSweep sweep;
  Sweeper sweeper(dir_, now, sweep);
  if (!sweeper.there()) return sweep;
  sweeper.empty_trash();  // of a sweep that was interrupted
  const std::vector<Weighed> folders = sweeper.weigh_all();
  for (const Weighed& folder : folders) sweep.bytes += folder.bytes;
  sweep.folders = folders.size();
  for (const Weighed& folder : folders) {
    // One that is empty was pinned once, or is about to be filled.
    const bool old = folder.newest != kNever && now - folder.newest > limits.keep;
    if (!old && sweep.bytes <= limits.bytes_max) continue;
    if (folder.newest == kNever || !sweeper.take_out(folder)) continue;
    sweep.bytes -= folder.bytes;
    --sweep.folders;
    sweep.removed_bytes += folder.bytes;
    ++sweep.removed_folders;
  }
  sweeper.empty_trash();
  return sweep;
}

}  // namespace muster
