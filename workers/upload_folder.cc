#include "workers/upload_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/guid.h"
#include "core/limits.h"
#include "io/clock.h"
#include "io/file.h"
#include "workers/attempt_files.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr Duration kScanEvery = 1s;
constexpr Duration kScanMissing = 50ms;  // while there is no folder yet
constexpr Duration kScanFinished = 10s;  // nobody writes there: what could not be read, perhaps
constexpr Duration kRemoveAgain = 1min;
// What may be collected and what may be pushed.
constexpr size_t kUploadsMax = kArtifactsMax + kPushedFilesMax;
constexpr size_t kRefusalBytesMax = 64 << 10;
constexpr const char* kArtifactsDir = "artifacts";
constexpr const char* kWorkspace = "workspace";

// When the workspace may go, or nothing when it may go now.
std::optional<Instant> kept_until(const std::string& dir, Instant now) {
  const Result<std::string> text = read_file(dir + "/" + kKeepUntilFile, 256);
  if (!text) return std::nullopt;
  const Instant until = parse_rfc3339(text->substr(0, text->find('\n')));
  if (until == kNever || until <= now) return std::nullopt;
  return until;
}

// A job may have taken its own rights away in its workspace.
void remove_tree(const fs::path& path, std::error_code& error) {
  fs::remove_all(path, error);
  if (error != std::errc::permission_denied) return;
  std::error_code unseen;
  if (!fs::is_directory(fs::symlink_status(path, unseen))) return;  // a link leads elsewhere
  std::error_code ignored;
  fs::recursive_directory_iterator entry(path, ignored);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
    if (!entry->is_directory(ignored) || entry->is_symlink(ignored)) continue;
    fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  }
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::remove_all(path, error);
}

}  // namespace

FolderRemoval remove_attempt_folder(const std::string& dir, Instant now) {
  FolderRemoval removal;
  removal.again = kept_until(dir, now);
  std::error_code error;
  if (removal.again) {
    for (fs::directory_iterator entry(dir, error); entry != fs::directory_iterator();
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      std::error_code failed;
      if (name != kKeepUntilFile && name != kWorkspace) remove_tree(entry->path(), failed);
      if (failed) {
        removal.problem = "cannot remove " + entry->path().string() + ": " + failed.message();
      }
    }
    return removal;
  }
  remove_tree(dir, error);
  if (error) {
    removal.problem = "cannot remove " + dir + ": " + error.message();
    removal.again = now + kRemoveAgain;
    return removal;
  }
  fs::remove(fs::path(dir).parent_path(), error);  // the task's, when it is empty
  return removal;
}

bool UploadFolder::finish() {
  if (note_.finished) return false;
  note_.finished = true;
  next_scan_ = kNever;
  return true;
}

std::string UploadFolder::scan(Instant now) {
  std::error_code error;
  const bool is_last = note_.finished && !scanned_finished_;
  if (note_.finished) {
    next_scan_ = now + kScanFinished;
  } else {
    next_scan_ = now + (fs::is_directory(note_.dir, error) ? kScanEvery : kScanMissing);
  }
  const std::string log = note_.dir + "/" + std::string(kLogName);
  if (fs::is_regular_file(fs::symlink_status(log, error))) {
    add(std::string(kLogName), log, log_bytes_max_);
  }
  std::string problem = scan_artifacts();
  for (auto& [name, file] : files_) {
    if (file.poke()) ready_.insert(name);
  }
  if (!note_.finished || is_last) note_growth();
  scanned_finished_ = note_.finished;
  if (problem.empty() || has_complained_) return {};
  has_complained_ = true;
  note_refusal(kArtifactsDir, "not all of them are archived: " + problem);
  return "not all artifacts of " + note_.token.guid + " attempt " +
         std::to_string(note_.token.attempt) + " are archived: " + problem;
}

// The directory that was opened is the one that is walked, whatever takes its place.
std::string UploadFolder::scan_artifacts() {
  const std::string artifacts = note_.dir + "/" + kArtifactsDir;
  const UniqueFd root(::open(artifacts.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) {
    if (errno == ENOENT) return {};
    const bool is_other = errno == ENOTDIR || errno == ELOOP;
    return artifacts + (is_other ? " is no directory" : ": " + errno_text(errno));
  }
  const std::string walked = "/proc/self/fd/" + std::to_string(root.get());
  size_t seen = 0;
  size_t carried = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(walked, error);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (++seen > kArtifactWalkMax) {
      return "there are more than " + std::to_string(kArtifactWalkMax) + " names to look at";
    }
    std::error_code ignored;
    if (!fs::is_regular_file(entry->symlink_status(ignored))) continue;
    if (++carried > kUploadsMax) {
      return "they are more than " + std::to_string(kUploadsMax) + " files";
    }
    const std::string name = entry->path().string().substr(walked.size() + 1);
    add(archived_as(name), artifacts + "/" + name, UINT64_MAX);
  }
  return {};
}

void UploadFolder::add(const std::string& name, const std::string& path, uint64_t bytes_max) {
  if (over_.contains(name)) return;
  const bool is_new =
      files_
          .try_emplace(name, ArchiveName{note_.token.guid, note_.token.attempt, name}, path,
                       bytes_max)
          .second;
  if (is_new) ready_.insert(name);
}

void UploadFolder::forget(const std::string& name) {
  files_.erase(name);
  over_.insert(name);
}

FileUpload* UploadFolder::next(UploadRank rank, Instant now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    ready_.insert(later_.begin()->second);
    later_.erase(later_.begin());
  }
  const std::string log(kLogName);
  if (rank != UploadRank::artifact) {
    const auto found = ready_.contains(log) ? files_.find(log) : files_.end();
    if (found == files_.end()) return nullptr;
    const bool is_closing = note_.finished && found->second.caught_up();
    if (is_closing != (rank == UploadRank::closing_log)) return nullptr;
    ready_.erase(log);
    return &found->second;
  }
  for (size_t left = ready_.size(); left > 0; --left) {
    auto turn = ready_.upper_bound(last_turn_);
    if (turn == ready_.end()) turn = ready_.begin();
    last_turn_ = *turn;
    if (*turn == log) continue;
    const auto found = files_.find(*turn);
    ready_.erase(turn);
    if (found != files_.end()) return &found->second;
  }
  return nullptr;
}

void UploadFolder::settle(const FileUpload& file, FileUpload::Step step) {
  if (file.asking() || file.over()) return;
  if (file.next_try()) {
    later_.emplace(*file.next_try(), file.name().name);
  } else if (step != FileUpload::Step::wait) {
    ready_.insert(file.name().name);
  }
}

void UploadFolder::note_growth() {
  const auto log = files_.find(std::string(kLogName));
  if (log == files_.end()) return;
  log->second.note_growth();
  if (log->second.poke()) ready_.insert(log->first);
}

std::optional<Instant> UploadFolder::next_turn() const {
  if (later_.empty()) return std::nullopt;
  return later_.begin()->first;
}

bool UploadFolder::note_delivered() { return !std::exchange(note_.delivered, true); }

void UploadFolder::note_refusal(const std::string& name, const std::string& why) {
  if (name == kNotArchivedName || refusals_.size() > kRefusalBytesMax) return;
  refusals_ += quote_text(name) + ": " + why + "\n";
  if (refusals_.size() > kRefusalBytesMax) refusals_ += "and more\n";
}

// A file of the job's that has this name is what stands for it: the worker's log says the rest.
bool UploadFolder::tell_refusals() {
  if (!is_carried() || refusals_.empty()) return false;
  const std::string path = note_.dir + "/" + kNotArchivedName;
  if (write_file_atomically(path, refusals_).ok()) add(kNotArchivedName, path, UINT64_MAX);
  refusals_.clear();
  return true;
}

}  // namespace muster
