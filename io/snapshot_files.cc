#include "io/snapshot_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/guid.h"
#include "io/file.h"

namespace muster {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "muster snapshot\n";
constexpr std::string_view kPrefix = "snapshot-";
constexpr std::string_view kUnfinished = "unfinished-snapshot";
constexpr size_t kDigits = 20;
constexpr size_t kFrame = 12;
// How often it is looked whether there is still room.
constexpr uint64_t kLookBytes = 8 << 20;

void put_number(std::string& to, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i) & 0xFF);
}

uint64_t number_at(std::string_view bytes, size_t at, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  }
  return number;
}

std::optional<uint64_t> head_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kDigits) return std::nullopt;
  uint64_t head = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, head);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return head;
}

Error failure(const std::string& path, const char* what, int error) {
  return Error{path + ": cannot " + what + ": " + errno_text(error)};
}

// Reads exactly `size` bytes; false at the end of the file, or when it cannot be read.
bool read_exactly(int fd, std::string& to, size_t size) {
  to.resize(size);
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(fd, to.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  to.resize(have);
  return have == size;
}

bool sync_dir(const std::string& dir) {
  const UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.valid() && ::fsync(fd.get()) == 0;
}

}  // namespace

SnapshotFiles::SnapshotFiles(std::string dir, uint64_t reserve_bytes)
    : dir_(std::move(dir)), reserve_bytes_(reserve_bytes) {}

std::string SnapshotFiles::path_of(uint64_t head) const {
  std::string digits = std::to_string(head);
  digits.insert(0, kDigits - digits.size(), '0');
  return dir_ + "/" + std::string(kPrefix) + digits;
}

std::vector<StoredSnapshot> SnapshotFiles::list() const {
  std::vector<StoredSnapshot> found;
  std::error_code error;
  for (fs::directory_iterator at(dir_, error), end; !error && at != end; at.increment(error)) {
    const std::optional<uint64_t> head = head_of(at->path().filename().string());
    if (!head) continue;
    std::error_code gone;
    const uintmax_t bytes = fs::file_size(at->path(), gone);
    if (!gone) found.push_back({*head, bytes});
  }
  std::sort(found.begin(), found.end(),
            [](const StoredSnapshot& a, const StoredSnapshot& b) { return a.head > b.head; });
  return found;
}

Result<Done> SnapshotFiles::write(uint64_t head,
                                  const std::function<std::optional<std::string>()>& next) {
  const std::string unfinished = dir_ + "/" + std::string(kUnfinished);
  const std::string path = path_of(head);
  Result<Done> written = write_to(unfinished, next);
  if (written.ok() && ::rename(unfinished.c_str(), path.c_str()) != 0) {
    written = failure(path, "name the snapshot so", errno);
  }
  if (!written.ok()) {
    ::unlink(unfinished.c_str());
    return written;
  }
  if (!sync_dir(dir_)) return failure(dir_, "sync the directory", errno);
  const std::vector<StoredSnapshot> all = list();
  for (size_t i = kSnapshotsKept; i < all.size(); ++i) ::unlink(path_of(all[i].head).c_str());
  return Done{};
}

Result<Done> SnapshotFiles::write_to(
    const std::string& path, const std::function<std::optional<std::string>()>& next) const {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return failure(path, "write the snapshot", errno);
  std::string bytes(kMagic);
  uint64_t until_look = 0;
  for (std::optional<std::string> record = next(); record; record = next()) {
    put_number(bytes, record->size(), 4);
    put_number(bytes, hash64(*record), 8);
    bytes += *record;
    if (until_look < bytes.size()) {
      const Result<uint64_t> room = free_bytes(dir_);
      if (room.ok() && *room < reserve_bytes_ + kLookBytes) {
        return Error{dir_ + ": only " + std::to_string(*room >> 20) +
                     " MiB are free, too few for a snapshot; free some space on that file system"};
      }
      until_look = kLookBytes;
    }
    until_look -= std::min<uint64_t>(until_look, bytes.size());
    if (const Result<Done> done = write_all(fd.get(), bytes); !done.ok()) {
      return Error{path + ": " + done.error()};
    }
    bytes.clear();
  }
  if (::fsync(fd.get()) != 0) return failure(path, "sync the snapshot", errno);
  return Done{};
}

Result<Done> SnapshotFiles::read(uint64_t head,
                                 const std::function<Result<Done>(std::string_view)>& take) const {
  const std::string path = path_of(head);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return failure(path, "read the snapshot", errno);
  std::string bytes;
  if (!read_exactly(fd.get(), bytes, kMagic.size()) || bytes != kMagic) {
    return Error{path + " is no snapshot"};
  }
  while (read_exactly(fd.get(), bytes, kFrame)) {
    const uint64_t size = number_at(bytes, 0, 4);
    const uint64_t digest = number_at(bytes, 4, 8);
    if (size > kMessageBytesMax || !read_exactly(fd.get(), bytes, size) ||
        hash64(bytes) != digest) {
      return Error{path + " is damaged"};
    }
    if (const Result<Done> taken = take(bytes); !taken.ok()) {
      return Error{path + ": " + taken.error()};
    }
  }
  if (!bytes.empty()) return Error{path + " is cut off"};
  return Done{};
}

}  // namespace muster
