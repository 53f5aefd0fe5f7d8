#include "workers/job_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/guid.h"
#include "core/limits.h"
#include "io/archive_name.h"
#include "io/beneath.h"
#include "io/sha256.h"

namespace muster {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  return real ? real.get() : path;
}

// What is left of `path` below `root`, or nothing when it lies elsewhere by its letters.
std::optional<std::string> below(const std::string& root, const std::string& path) {
  if (!path.starts_with(root + "/")) return std::nullopt;
  const size_t at = path.find_first_not_of('/', root.size());
  return at == std::string::npos ? "." : path.substr(at);
}

// For reading, of what `path_fd` (O_PATH) stands for. Only a regular file gives no surprises: to
// open a pipe waits for its other end, and a device may do anything.
Result<UniqueFd> reopen_regular(const UniqueFd& path_fd, const std::string& path) {
  struct stat status;
  if (::fstat(path_fd.get(), &status) != 0)
    return Error{quote_text(path) + ": " + errno_text(errno)};
  if (!S_ISREG(status.st_mode)) return Error{quote_text(path) + " is not a regular file"};
  const std::string link = "/proc/self/fd/" + std::to_string(path_fd.get());
  UniqueFd fd(::open(link.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return Error{"cannot read " + quote_text(path) + ": " + errno_text(errno)};
  return fd;
}

// Reads a piece of `fd` into `buffer`; empty at the end. An errno value, or 0.
int read_piece(int fd, std::string& buffer) {
  buffer.resize(kPieceBytes);
  ssize_t count = -1;
  do {
    count = ::read(fd, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  buffer.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return count < 0 ? errno : 0;
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find('/', start), name.size());
    parts.push_back(name.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

}  // namespace

Result<UniqueFd> open_job_file(const std::vector<std::string>& roots, const std::string& path) {
  std::string reason = quote_text(path) + " lies outside of the job's directories";
  for (size_t i = 0; i < roots.size(); ++i) {
    std::optional<std::string> rest;
    if (path.empty() || path[0] != '/') {
      if (i == 0) rest = path;
    } else {
      rest = below(roots[i], path);
      if (!rest) rest = below(real_path(roots[i]), path);
    }
    if (!rest) continue;
    Result<UniqueFd> fd = open_beneath(roots[i], *rest);
    if (fd.ok()) return reopen_regular(*fd, path);
    reason = fd.error();
  }
  return Error{reason};
}

bool ReadChore::work() {
  if (const int fault = read_piece(fd_.get(), buffer_)) {
    return fail("cannot read " + quote_text(name_) + ": " + errno_text(fault));
  }
  const bool ended = buffer_.empty();
  const Result<Done> done = ended ? reader_->finish() : reader_->feed(buffer_);
  if (!done.ok()) return fail(quote_text(name_) + ": " + done.error());
  return ended;
}

std::optional<std::string> invalid_artifact(const std::string& name) {
  if (std::optional<std::string> reason = invalid_artifact_name(name)) return reason;
  return invalid_artifact_name(archived_as(name));
}

struct CopyChore::Digest {
  Sha256 sha256;
};

CopyChore::CopyChore(UniqueFd fd, std::string artifacts, std::string name, uint64_t bytes_max)
    : from_(std::move(fd)),
      artifacts_(std::move(artifacts)),
      name_(std::move(name)),
      bytes_max_(bytes_max),
      digest_(std::make_unique<Digest>()) {}

CopyChore::~CopyChore() {
  if (!part_.empty()) ::unlink(part_.c_str());
}

bool CopyChore::work() {
  if (part_.empty() && !begin()) return true;
  if (const int fault = read_piece(from_.get(), buffer_)) {
    return fail("cannot read the file: " + errno_text(fault));
  }
  if (buffer_.empty()) return end();
  digest_->sha256.update(buffer_);
  if (digest_->sha256.bytes() > bytes_max_) {
    return fail("the attempt may push " + std::to_string(kPushedBytesMax) +
                " bytes altogether, and this file exceeds that");
  }
  const Result<Done> written = write_all(to_.get(), buffer_);
  if (!written.ok()) return fail("cannot write to " + artifacts_ + ": " + written.error());
  return false;
}

// The copy grows beside the folder: who looks into the folder sees whole files only.
bool CopyChore::begin() {
  if (std::optional<std::string> reason = invalid_artifact(name_)) return !fail(*reason);
  const Result<Done> ready = make_dirs(artifacts_);
  if (!ready.ok()) return !fail(ready.error());
  std::string pattern = artifacts_ + ".part-XXXXXX";
  to_ = UniqueFd(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!to_.valid()) return !fail("cannot write beside " + artifacts_ + ": " + errno_text(errno));
  part_ = pattern;
  return true;
}

// Into its place, through directories that are none but ours: a link on the way is refused.
bool CopyChore::end() {
  std::vector<std::string> parts = parts_of(name_);
  UniqueFd dir(::open(artifacts_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  for (size_t i = 0; i + 1 < parts.size() && dir.valid(); ++i) {
    if (::mkdirat(dir.get(), parts[i].c_str(), 0700) != 0 && errno != EEXIST) break;
    dir = UniqueFd(
        ::openat(dir.get(), parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!dir.valid() || ::renameat(AT_FDCWD, part_.c_str(), dir.get(), parts.back().c_str()) != 0) {
    return fail("cannot put " + quote_text(name_) + " into " + artifacts_ + ": " +
                errno_text(errno));
  }
  part_.clear();
  return true;
}

Artifact CopyChore::artifact() const {
  return {name_, "", digest_->sha256.bytes(), digest_->sha256.hex()};
}

}  // namespace muster
