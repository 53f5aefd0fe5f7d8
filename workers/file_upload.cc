#include "workers/file_upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "io/file.h"

namespace muster {
namespace {

// Read for a digest in one step, so that other files come to their turn.
constexpr uint64_t kHashBytesMax = 4 << 20;
constexpr BackoffPolicy kBackoff = {200ms, 30s};

struct LocalFile {
  UniqueFd fd;
  uint64_t bytes = 0;
};

Result<LocalFile> open_local(const std::string& path) {
  LocalFile file;
  file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file.fd.valid() || ::fstat(file.fd.get(), &info) != 0) {
    return Error{"cannot read " + path + ": " + errno_text(errno)};
  }
  if (!S_ISREG(info.st_mode)) return Error{path + " is no regular file"};
  file.bytes = static_cast<uint64_t>(info.st_size);
  return file;
}

// Up to `bytes_max` bytes from `offset` on.
Result<std::string> read_piece(const std::string& path, uint64_t offset, uint64_t bytes_max) {
  const Result<LocalFile> file = open_local(path);
  if (!file) return Error{file.error()};
  std::string piece(bytes_max, '\0');
  size_t size = 0;
  while (size < piece.size()) {
    const ssize_t got = ::pread(file->fd.get(), piece.data() + size, piece.size() - size,
                                static_cast<off_t>(offset + size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{"cannot read " + path + ": " + errno_text(errno)};
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  piece.resize(size);
  return piece;
}

}  // namespace

FileUpload::Step FileUpload::step(UploadTarget& target, bool finished, Instant now,
                                  UploadTarget::Done done) {
  if (asking_ || over_ || idle_ || (next_try_ && now < *next_try_)) return Step::wait;
  next_try_.reset();
  gap_ = target.gap();
  if (!remote_) {
    ask(Asked::look);
    target.look(name_, std::move(done));
    return Step::asked;
  }
  const Result<LocalFile> local = open_local(path_);
  if (!local) {
    if (finished) give_up(local.error());
    return be_idle();
  }
  // What was carried under a larger limit is not taken back.
  const uint64_t bytes = std::min(local->bytes, std::max(bytes_max_, *remote_));
  is_cut_ = bytes < local->bytes;
  if (!remote_complete_ && *remote_ < bytes) return send_more(target, bytes, std::move(done));
  caught_up_ = true;
  if (!finished) return be_idle();
  if (!remote_complete_ && *remote_ > bytes) {
    // This machine lost the end with its power; what the archive has of it is of no use.
    ask(Asked::restart);
    target.restart(name_, std::move(done));
    return Step::asked;
  }
  return close(target, bytes, std::move(done));
}

FileUpload::Step FileUpload::be_idle() {
  idle_ = true;
  return Step::wait;
}

void FileUpload::ask(Asked what) {
  asked_ = what;
  asking_ = true;
}

FileUpload::Step FileUpload::send_more(UploadTarget& target, uint64_t end,
                                       UploadTarget::Done done) {
  const uint64_t offset = *remote_;
  const uint64_t size = std::min<uint64_t>(end - offset, kArchiveAppendBytesMax);
  Result<std::string> piece = read_piece(path_, offset, size);
  if (!piece || piece->empty()) {
    fault_ = piece ? "" : piece.error();
    return be_idle();
  }
  if (digest_.bytes() == offset) digest_.update(*piece);
  caught_up_ = offset + piece->size() >= end;
  ask(Asked::append);
  target.append(name_, offset, std::move(*piece), std::move(done));
  return Step::asked;
}

FileUpload::Step FileUpload::close(UploadTarget& target, uint64_t local, UploadTarget::Done done) {
  if (digest_.bytes() > local) digest_ = Sha256();
  if (!hash_up_to(local)) return fault_.empty() ? Step::again : be_idle();
  if (!remote_complete_) {
    ask(Asked::complete);
    target.complete(name_, local, digest_.hex(), std::move(done));
    return Step::asked;
  }
  if (remote_digest_ == digest_.hex()) {
    over_ = true;
  } else {
    give_up("the archive has another file of this name, and it is complete");
  }
  return Step::wait;
}

bool FileUpload::hash_up_to(uint64_t end) {
  if (digest_.bytes() == end) return true;
  const uint64_t want = std::min(end - digest_.bytes(), kHashBytesMax);
  const Result<std::string> piece = read_piece(path_, digest_.bytes(), want);
  fault_ = piece ? "" : piece.error();
  if (!piece || piece->empty()) return false;
  digest_.update(*piece);
  return digest_.bytes() == end;
}

void FileUpload::take(const ArchiveReply& reply, Instant now, uint64_t random) {
  asking_ = false;
  idle_ = false;
  // To look at what is not there is answered well by a server that refuses all the rest.
  if (reply.ok() && asked_ != Asked::look) refused_since_.reset();
  if (reply.fault == ArchiveFault::absent && asked_ == Asked::look) {
    if (!refused_since_) {
      failures_ = 0;
      fault_.clear();
    }
    remote_ = 0;
    return;
  }
  if (!reply.ok()) return take_fault(reply, now, random);
  failures_ = 0;
  fault_.clear();
  remote_ = reply.bytes;
  remote_complete_ = reply.complete;
  remote_digest_ = reply.sha256;
  if (asked_ == Asked::append) next_try_ = now + gap_;
  if (asked_ == Asked::complete) over_ = true;
}

void FileUpload::take_fault(const ArchiveReply& reply, Instant now, uint64_t random) {
  switch (reply.fault) {
    case ArchiveFault::bad_name:
      return give_up(reply.reason);
    case ArchiveFault::is_complete:  // step() compares the digests
      remote_ = reply.bytes;
      remote_complete_ = true;
      remote_digest_ = reply.sha256;
      return;
    case ArchiveFault::wrong_offset:
      remote_ = reply.bytes;
      break;
    case ArchiveFault::wrong_digest:
      remote_ = 0;
      digest_ = Sha256();
      break;
    case ArchiveFault::none:
    case ArchiveFault::absent:
    case ArchiveFault::no_room:
    case ArchiveFault::failed:
      remote_.reset();
      break;
  }
  if (reply.refused) {
    if (!refused_since_) refused_since_ = now;
    if (now - *refused_since_ >= kRefusalPatience) return give_up(reply.reason);
  } else {
    refused_since_.reset();
  }
  fault_ = reply.reason;
  next_try_ = now + backoff_delay(kBackoff, ++failures_, random);
}

void FileUpload::give_up(std::string reason) {
  over_ = true;
  refusal_ = std::move(reason);
}

}  // namespace muster
