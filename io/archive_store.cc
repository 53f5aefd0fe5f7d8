#include "io/archive_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "core/guid.h"
#include "io/archive_dir.h"
#include "io/sha256.h"

namespace muster {
namespace {

ArchiveReply fault(ArchiveFault kind, std::string reason, uint64_t bytes = 0) {
  ArchiveReply reply;
  reply.fault = kind;
  reply.reason = std::move(reason);
  reply.bytes = bytes;
  return reply;
}

// Where a file is, opened: every folder on the way to it, outermost first.
struct Place {
  std::vector<UniqueFd> folders;
  UniqueFd own;   // .muster of its attempt
  UniqueFd file;  // locked while it is open for writing

  int folder() const { return folders.back().get(); }
};

// A folder, a file or a link has the name, and keeps it.
bool is_in_the_way(int error_number) {
  return error_number == ENOTDIR || error_number == EISDIR || error_number == ELOOP ||
         error_number == EINVAL || error_number == ENXIO;
}

class Opener {
 public:
  Opener(const std::string& archive, const ArchiveName& name, Make make)
      : archive_(archive), name_(name), make_(make) {}

  // The folders, and the note's.
  ArchiveReply open_folders(Place& place) {
    const std::string folder = percent_encode(name_.guid);
    if (auto bad = enter(place, AT_FDCWD, archive_)) return *bad;
    if (auto bad = enter(place, place.folder(), folder)) return *bad;
    const int task = place.folder();
    if (auto bad = enter(place, task, std::to_string(name_.attempt))) return *bad;
    place.own = open_folder(place.folder(), std::string(kArchiveOwnDir), make_);
    if (!place.own.valid()) return failed("open the notes of");
    if (make_ == Make::yes) name_task(task);
    own_ = true;
    return enter_parents(place);
  }

  ArchiveReply failed(const char* what) const {
    const int error_number = errno;
    const std::string where = archive_ + ": " + quote_text(name_.name) + " of attempt " +
                              std::to_string(name_.attempt) + " of " + quote_text(name_.guid);
    if (error_number == ENOENT) return fault(ArchiveFault::absent, where + " is not there");
    const std::string reason =
        std::string("cannot ") + what + " " + where + ": " + errno_text(error_number);
    if (own_ && is_in_the_way(error_number)) return fault(ArchiveFault::bad_name, reason);
    const bool full = error_number == ENOSPC || error_number == EDQUOT;
    return fault(full ? ArchiveFault::no_room : ArchiveFault::failed, reason);
  }

  std::string base_name() const { return name_.name.substr(name_.name.rfind('/') + 1); }

 private:
  std::optional<ArchiveReply> enter(Place& place, int dir, const std::string& name) {
    UniqueFd fd = open_folder(dir, name, make_);
    if (!fd.valid()) return failed("open the folder of");
    place.folders.push_back(std::move(fd));
    return std::nullopt;
  }

  ArchiveReply enter_parents(Place& place) {
    for (size_t start = 0;;) {
      const size_t slash = name_.name.find('/', start);
      if (slash == std::string::npos) return {};
      if (auto bad = enter(place, place.folder(), name_.name.substr(start, slash - start))) {
        return *bad;
      }
      start = slash + 1;
    }
  }

  // The folder's own name may be cut; the note has all of it.
  void name_task(int task) {
    const UniqueFd own = open_folder(task, std::string(kArchiveOwnDir), Make::yes);
    if (own.valid() && !read_task_note(own.get())) write_task_note(own.get(), {name_.guid, false});
  }

  const std::string& archive_;
  const ArchiveName& name_;
  Make make_;
  bool own_ = false;  // the attempt's folder is open: what is met now bears the artifact's names
};

uint64_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

bool lock(int fd) {
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// Writes at `offset`, or leaves the file as long as it was.
bool write_whole(int fd, uint64_t offset, std::string_view bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t size =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (size >= 0) {
      done += static_cast<size_t>(size);
      continue;
    }
    if (errno == EINTR) continue;
    const int error_number = errno;
    while (::ftruncate(fd, static_cast<off_t>(offset)) != 0 && errno == EINTR) {
    }
    errno = error_number;
    return false;
  }
  return true;
}

ArchiveReply describe(const Place& place, const std::string& name) {
  ArchiveReply reply;
  reply.bytes = size_of(place.file.get());
  const std::optional<ArchiveNote> note = read_note(place.own.get(), note_file_name(name));
  if (note && note->complete && note->bytes == reply.bytes) {
    reply.complete = true;
    reply.sha256 = note->sha256;
  }
  return reply;
}

// Opens for writing and waits for the lock.
ArchiveReply open_to_change(Opener& opener, Place& place, int flags) {
  if (ArchiveReply opened = opener.open_folders(place); !opened.ok()) return opened;
  place.file = open_regular(place.folder(), opener.base_name(), O_RDWR | flags);
  if (!place.file.valid() || !lock(place.file.get())) return opener.failed("open");
  return {};
}

OpenedArchiveFile open_to_read(const std::string& archive, const ArchiveName& name) {
  if (const auto why = invalid_archive_name(name)) {
    return {UniqueFd(), fault(ArchiveFault::bad_name, *why)};
  }
  Opener opener(archive, name, Make::no);
  Place place;
  if (ArchiveReply opened = opener.open_folders(place); !opened.ok()) return {UniqueFd(), opened};
  place.file = open_regular(place.folder(), opener.base_name(), O_RDONLY);
  if (!place.file.valid()) return {UniqueFd(), opener.failed("open")};
  ArchiveReply reply = describe(place, name.name);
  return {std::move(place.file), std::move(reply)};
}

bool sync_place(const Place& place) {
  bool synced = ::fdatasync(place.file.get()) == 0;
  for (const UniqueFd& folder : place.folders) synced = ::fsync(folder.get()) == 0 && synced;
  return synced;
}

std::optional<uint32_t> attempt_folder(const std::string& name) {
  uint32_t attempt = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), attempt);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return attempt;
}

void list_attempt(const std::string& archive, const std::string& guid, uint32_t attempt,
                  int attempt_dir, ArchiveFolder& folder) {
  const UniqueFd own = open_folder(attempt_dir, std::string(kArchiveOwnDir), Make::no);
  if (!own.valid()) return;
  for (const std::string& entry : folder_entries(own.get())) {
    if (!entry.ends_with(".json")) continue;
    const std::optional<ArchiveNote> note = read_note(own.get(), entry);
    if (!note || note->name.guid != guid || note->name.attempt != attempt) continue;
    const OpenedArchiveFile file = open_to_read(archive, note->name);
    if (!file.reply.ok()) continue;
    folder.files.push_back({attempt, note->name.name, file.reply.bytes, file.reply.complete,
                            file.reply.sha256, note->stored});
  }
}

}  // namespace

ArchiveReply ArchiveStore::append(const ArchiveName& name, std::optional<uint64_t> offset,
                                  std::string_view bytes, Instant now) const {
  if (const auto why = invalid_archive_name(name)) return fault(ArchiveFault::bad_name, *why);
  const Result<ArchiveGate> gate = ArchiveGate::pass(dir_, ArchiveGate::Way::shared);
  if (!gate) return fault(ArchiveFault::failed, gate.error());
  if (const Result<uint64_t> free = free_bytes(dir_); free && *free < reserve_ + bytes.size()) {
    ArchiveReply reply = look(name);
    reply.fault = ArchiveFault::no_room;
    reply.reason = "the archive's disk is nearly full: " + dir_;
    return reply;
  }
  Opener opener(dir_, name, Make::yes);
  Place place;
  if (ArchiveReply opened = open_to_change(opener, place, O_CREAT); !opened.ok()) return opened;
  ArchiveReply reply = describe(place, name.name);
  if (reply.complete) {
    reply.fault = ArchiveFault::is_complete;
    reply.reason = "it is complete, with " + std::to_string(reply.bytes) + " bytes";
    return reply;
  }
  if (offset && *offset != reply.bytes) {
    reply.fault = ArchiveFault::wrong_offset;
    reply.reason =
        "it ends at " + std::to_string(reply.bytes) + ", not at " + std::to_string(*offset);
    return reply;
  }
  if (reply.bytes == 0 && !write_note(place.own.get(), {name, false, 0, "", now}, false)) {
    return opener.failed("write a note about");
  }
  if (!write_whole(place.file.get(), reply.bytes, bytes)) return opener.failed("write");
  reply.bytes += bytes.size();
  return reply;
}

ArchiveReply ArchiveStore::complete(const ArchiveName& name, uint64_t bytes,
                                    const std::string& sha256, Instant now) const {
  if (const auto why = invalid_archive_name(name)) return fault(ArchiveFault::bad_name, *why);
  if (!is_sha256(sha256)) {
    return fault(ArchiveFault::wrong_digest, "that is no sha256: 64 lower-case hexadecimal digits");
  }
  const Result<ArchiveGate> gate = ArchiveGate::pass(dir_, ArchiveGate::Way::shared);
  if (!gate) return fault(ArchiveFault::failed, gate.error());
  // An empty file has never been appended to.
  Opener opener(dir_, name, bytes == 0 ? Make::yes : Make::no);
  Place place;
  const int flags = bytes == 0 ? O_CREAT : 0;
  if (ArchiveReply opened = open_to_change(opener, place, flags); !opened.ok()) return opened;
  ArchiveReply reply = describe(place, name.name);
  if (reply.complete && reply.bytes == bytes && reply.sha256 == sha256) return reply;
  if (reply.complete) {
    reply.fault = ArchiveFault::is_complete;
    reply.reason = "it is complete already, with " + std::to_string(reply.bytes) +
                   " bytes and the digest " + reply.sha256;
    return reply;
  }
  if (reply.bytes != bytes) {
    reply.fault = ArchiveFault::wrong_offset;
    reply.reason = "it has " + std::to_string(reply.bytes) + " bytes, not " + std::to_string(bytes);
    return reply;
  }
  const Result<std::string> digest = sha256_of_file(place.file.get(), bytes);
  if (!digest) return fault(ArchiveFault::failed, digest.error(), bytes);
  if (*digest != sha256) {
    if (::ftruncate(place.file.get(), 0) != 0) return opener.failed("empty");
    return fault(ArchiveFault::wrong_digest, "its digest is " + *digest + ", not " + sha256 +
                                                 "; it is empty now: send it anew");
  }
  if (!sync_place(place) || !write_note(place.own.get(), {name, true, bytes, sha256, now}, true)) {
    return opener.failed("complete");
  }
  reply.complete = true;
  reply.sha256 = sha256;
  return reply;
}

ArchiveReply ArchiveStore::restart(const ArchiveName& name) const {
  if (const auto why = invalid_archive_name(name)) return fault(ArchiveFault::bad_name, *why);
  const Result<ArchiveGate> gate = ArchiveGate::pass(dir_, ArchiveGate::Way::shared);
  if (!gate) return fault(ArchiveFault::failed, gate.error());
  Opener opener(dir_, name, Make::no);
  Place place;
  if (ArchiveReply opened = open_to_change(opener, place, 0); !opened.ok()) return opened;
  ArchiveReply reply = describe(place, name.name);
  if (reply.complete) {
    reply.fault = ArchiveFault::is_complete;
    reply.reason = "it is complete, with " + std::to_string(reply.bytes) + " bytes";
    return reply;
  }
  if (::ftruncate(place.file.get(), 0) != 0) return opener.failed("empty");
  return {};
}

ArchiveReply ArchiveStore::look(const ArchiveName& name) const {
  return open_to_read(dir_, name).reply;
}

OpenedArchiveFile ArchiveStore::open(const ArchiveName& name) const {
  return open_to_read(dir_, name);
}

Result<std::optional<ArchiveFolder>> ArchiveStore::list(const std::string& guid) const {
  if (const auto why = invalid_guid(guid)) return Error{*why};
  ArchiveFolder folder;
  folder.guid = guid;
  const UniqueFd root = open_folder(AT_FDCWD, dir_, Make::no);
  if (!root.valid() && errno == ENOENT) return std::optional<ArchiveFolder>();
  if (!root.valid()) return Error{"cannot open the archive " + dir_ + ": " + errno_text(errno)};
  const UniqueFd task = open_folder(root.get(), percent_encode(guid), Make::no);
  if (!task.valid() && errno == ENOENT) return std::optional<ArchiveFolder>();
  if (!task.valid()) {
    return Error{"cannot open the folder of " + quote_text(guid) + " in " + dir_ + ": " +
                 errno_text(errno)};
  }
  const UniqueFd own = open_folder(task.get(), std::string(kArchiveOwnDir), Make::no);
  const std::optional<ArchiveTaskNote> note =
      own.valid() ? read_task_note(own.get()) : std::nullopt;
  folder.pinned = note && note->pinned;
  for (const std::string& entry : folder_entries(task.get())) {
    const std::optional<uint32_t> attempt = attempt_folder(entry);
    const UniqueFd fd = attempt ? open_folder(task.get(), entry, Make::no) : UniqueFd();
    if (fd.valid()) list_attempt(dir_, guid, *attempt, fd.get(), folder);
  }
  std::sort(folder.files.begin(), folder.files.end(),
            [](const ArchivedFile& a, const ArchivedFile& b) {
              return std::tie(a.attempt, a.name) < std::tie(b.attempt, b.name);
            });
  return std::optional<ArchiveFolder>(std::move(folder));
}

Result<Done> ArchiveStore::pin(const std::string& guid, bool pinned) const {
  if (const auto why = invalid_guid(guid)) return Error{*why};
  const Result<ArchiveGate> gate = ArchiveGate::pass(dir_, ArchiveGate::Way::shared);
  if (!gate) return Error{gate.error()};
  const UniqueFd root = open_folder(AT_FDCWD, dir_, Make::yes);
  const UniqueFd task = open_folder(root.get(), percent_encode(guid), Make::yes);
  const UniqueFd own = open_folder(task.get(), std::string(kArchiveOwnDir), Make::yes);
  if (!own.valid() || !write_task_note(own.get(), {guid, pinned})) {
    return Error{"cannot pin " + quote_text(guid) + " in " + dir_ + ": " + errno_text(errno)};
  }
  return Done{};
}

}  // namespace muster
