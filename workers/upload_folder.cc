#include "workers/upload_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/guid.h"
#include "core/limits.h"
#include "io/clock.h"
#include "io/file.h"
#include "workers/attempt_files.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr Duration kScanEvery = 1s;
constexpr Duration kScanMissing = 50ms;  // while there is no folder yet
constexpr Duration kRemoveAgain = 1min;
constexpr size_t kNoteBytesMax = 16 << 10;
// What may be collected and what may be pushed.
constexpr size_t kUploadsMax = kArtifactsMax + kPushedFilesMax;
constexpr size_t kRefusalBytesMax = 64 << 10;
constexpr const char* kArtifactsDir = "artifacts";
constexpr const char* kWorkspace = "workspace";

std::optional<UploadNote> parse_note(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto text_of = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  UploadNote note;
  note.token.guid = text_of("guid");
  note.dir = text_of("dir");
  const auto attempt = json.find("attempt");
  if (attempt != json.end() && attempt->is_number_unsigned()) {
    note.token.attempt = attempt->get<uint32_t>();
  }
  const auto finished = json.find("finished");
  note.finished = finished != json.end() && finished->is_boolean() && finished->get<bool>();
  const bool whole =
      !invalid_guid(note.token.guid) && note.token.attempt > 0 && note.dir.starts_with('/');
  if (!whole) return std::nullopt;
  return note;
}

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

std::string upload_note_file(const std::string& state_dir, const AttemptToken& token) {
  return state_dir + "/" + percent_encode(token.guid) + "." + std::to_string(token.attempt) +
         ".json";
}

// Whole or not at all, but no later than the system likes: after a power cut the worker names its
// attempts anew.
Result<Done> write_upload_note(const std::string& state_dir, const UploadNote& note) {
  const Json json = {{"guid", note.token.guid},
                     {"attempt", note.token.attempt},
                     {"dir", note.dir},
                     {"finished", note.finished}};
  const std::string path = upload_note_file(state_dir, note.token);
  const std::string temporary = path + ".new";
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const auto fail = [&] { return Error{"cannot write " + path + ": " + errno_text(errno)}; };
  std::FILE* const file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return fail();
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) return fail();
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail();
  return Done{};
}

std::vector<UploadNote> read_upload_notes(const std::string& state_dir,
                                          std::vector<std::string>& problems) {
  std::vector<UploadNote> notes;
  std::error_code error;
  for (fs::directory_iterator entry(state_dir, error); entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!path.ends_with(".json")) continue;
    const Result<std::string> text = read_file(path, kNoteBytesMax);
    std::optional<UploadNote> note = text ? parse_note(*text) : std::nullopt;
    if (note) {
      notes.push_back(std::move(*note));
    } else {
      problems.push_back(text ? path + " is damaged" : text.error());
    }
  }
  if (error) problems.push_back("cannot read " + state_dir + ": " + error.message());
  return notes;
}

bool UploadFolder::finish() {
  if (note_.finished) return false;
  note_.finished = true;
  next_scan_ = kNever;
  return true;
}

std::string UploadFolder::scan(Instant now) {
  std::error_code error;
  next_scan_ = now + (fs::is_directory(note_.dir, error) ? kScanEvery : kScanMissing);
  const std::string log = note_.dir + "/" + std::string(kLogName);
  if (fs::is_regular_file(fs::symlink_status(log, error))) {
    add(std::string(kLogName), log, log_bytes_max_);
  }
  std::string problem = scan_artifacts();
  for (auto& [name, file] : files_) file.poke();
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
  files_.try_emplace(name, ArchiveName{note_.token.guid, note_.token.attempt, name}, path,
                     bytes_max);
}

void UploadFolder::forget(const std::string& name) {
  files_.erase(name);
  over_.insert(name);
}

void UploadFolder::note_refusal(const std::string& name, const std::string& why) {
  if (name == kNotArchivedName || refusals_.size() > kRefusalBytesMax) return;
  refusals_ += quote_text(name) + ": " + why + "\n";
  if (refusals_.size() > kRefusalBytesMax) refusals_ += "and more\n";
}

// A file of the job's that has this name is what stands for it: the worker's log says the rest.
void UploadFolder::tell_refusals() {
  if (!is_carried() || refusals_.empty()) return;
  const std::string path = note_.dir + "/" + kNotArchivedName;
  if (write_file_atomically(path, refusals_).ok()) add(kNotArchivedName, path, UINT64_MAX);
  refusals_.clear();
}

std::optional<Instant> UploadFolder::remove(Instant now, std::string& problem) const {
  const std::optional<Instant> until = kept_until(note_.dir, now);
  std::error_code error;
  if (until) {
    for (fs::directory_iterator entry(note_.dir, error); entry != fs::directory_iterator();
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      std::error_code failed;
      if (name != kKeepUntilFile && name != kWorkspace) remove_tree(entry->path(), failed);
      if (failed) problem = "cannot remove " + entry->path().string() + ": " + failed.message();
    }
    return until;
  }
  remove_tree(note_.dir, error);
  if (error) {
    problem = "cannot remove " + note_.dir + ": " + error.message();
    return now + kRemoveAgain;
  }
  fs::remove(fs::path(note_.dir).parent_path(), error);  // the task's, when it is empty
  return std::nullopt;
}

}  // namespace muster
