#include "io/archive_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/guid.h"
#include "io/clock.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTaskNote = "task.json";
constexpr size_t kNoteBytesMax = 16 << 10;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json read_json(int dir, const std::string& file) {
  const UniqueFd fd = open_regular(dir, file, O_RDONLY);
  if (!fd.valid()) return Json(Json::value_t::discarded);
  std::string text(kNoteBytesMax, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return Json::parse(text, nullptr, false);
}

bool replace_file(int dir, const std::string& file, const std::string& text, bool durable) {
  static std::atomic<uint64_t> counter{0};
  const std::string temporary =
      ".new-" + std::to_string(::getpid()) + "-" + std::to_string(++counter);
  const UniqueFd fd = open_regular(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!fd.valid()) return false;
  const bool written = write_all(fd.get(), text).ok() && (!durable || ::fsync(fd.get()) == 0) &&
                       ::renameat(dir, temporary.c_str(), dir, file.c_str()) == 0;
  if (written) return !durable || ::fsync(dir) == 0;
  const int error_number = errno;
  ::unlinkat(dir, temporary.c_str(), 0);
  errno = error_number;
  return false;
}

template <typename T>
T member(const Json& json, const char* key, T fallback) {
  const auto found = json.find(key);
  if (found == json.end()) return fallback;
  if constexpr (std::is_same_v<T, bool>) return found->is_boolean() ? found->get<bool>() : fallback;
  if constexpr (std::is_same_v<T, uint64_t>) {
    return found->is_number_unsigned() ? found->get<uint64_t>() : fallback;
  }
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : fallback;
  }
}

}  // namespace

UniqueFd open_folder(int dir, const std::string& name, Make make) {
  if (make == Make::yes && ::mkdirat(dir, name.c_str(), 0700) != 0 && errno != EEXIST) {
    return UniqueFd();
  }
  return UniqueFd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

UniqueFd open_regular(int dir, const std::string& name, int flags) {
  UniqueFd fd(
      ::openat(dir, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
  if (!fd.valid()) return fd;
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode)) return fd;
  errno = EINVAL;
  return UniqueFd();
}

Result<ArchiveGate> ArchiveGate::pass(const std::string& archive, Way way) {
  const std::string own = archive + "/" + std::string(kArchiveOwnDir);
  UniqueFd fd(::open((own + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid() && errno == ENOENT) {
    if (const Result<Done> made = make_dirs(own); !made) return Error{made.error()};
    fd = UniqueFd(::open((own + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  if (!fd.valid()) return Error{"cannot open " + own + "/lock: " + errno_text(errno)};
  while (::flock(fd.get(), way == Way::alone ? LOCK_EX : LOCK_SH) != 0) {
    if (errno != EINTR) return Error{"cannot lock " + own + "/lock: " + errno_text(errno)};
  }
  return ArchiveGate(std::move(fd));
}

std::string note_file_name(const std::string& name) { return percent_encode(name) + ".json"; }

std::optional<ArchiveNote> read_note(int own_dir, const std::string& file) {
  const Json json = read_json(own_dir, file);
  if (!json.is_object()) return std::nullopt;
  ArchiveNote note;
  note.name.guid = member(json, "guid", std::string());
  note.name.attempt = static_cast<uint32_t>(member(json, "attempt", uint64_t{0}));
  note.name.name = member(json, "name", std::string());
  note.complete = member(json, "complete", false);
  note.bytes = member(json, "bytes", uint64_t{0});
  note.sha256 = member(json, "sha256", std::string());
  note.stored = parse_rfc3339(member(json, "stored", std::string()));
  if (invalid_archive_name(note.name)) return std::nullopt;
  return note;
}

bool write_note(int own_dir, const ArchiveNote& note, bool durable) {
  Json json = {{"guid", note.name.guid},
               {"attempt", note.name.attempt},
               {"name", note.name.name},
               {"complete", note.complete}};
  if (note.complete) {
    json["bytes"] = note.bytes;
    json["sha256"] = note.sha256;
  }
  json["stored"] = format_rfc3339(note.stored);
  return replace_file(own_dir, note_file_name(note.name.name), dump(json), durable);
}

std::optional<ArchiveTaskNote> read_task_note(int own_dir) {
  const Json json = read_json(own_dir, kTaskNote);
  if (!json.is_object()) return std::nullopt;
  return ArchiveTaskNote{member(json, "guid", std::string()), member(json, "pinned", false)};
}

bool write_task_note(int own_dir, const ArchiveTaskNote& note) {
  return replace_file(own_dir, kTaskNote, dump({{"guid", note.guid}, {"pinned", note.pinned}}),
                      true);
}

std::vector<std::string> folder_entries(int dir) {
  std::vector<std::string> names;
  const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return names;
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, Close> stream(::fdopendir(fd));
  if (stream == nullptr) {
    ::close(fd);
    return names;
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace muster
