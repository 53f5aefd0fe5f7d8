#include "cli/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "cli/exit_status.h"
#include "cli/failure.h"
#include "cli/text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/file.h"
#include "io/sha256.h"

namespace muster {
namespace {

[[noreturn]] void fail(const std::string& error, const std::string& hint = "") {
  throw Failure{kExitLocal, error, hint};
}

class Download {
 public:
  Download(ArchiveClient& archive, const std::string& guid, const ArchivedFile& file,
           std::string path)
      : archive_(archive),
        name_{guid, file.attempt, file.name},
        file_(file),
        path_(std::move(path)) {}

  void run() {
    if (const Result<Done> made = make_dirs(path_.substr(0, path_.rfind('/'))); !made) {
      fail(made.error());
    }
    const bool can_resume = !file_.sha256.empty();
    // What an earlier try has left may be of another file.
    if (!(can_resume && fetch(false)) && !fetch(true)) {
      fail(printable(path_) + ": what came has not the digest that the archive says",
           "is its disk damaged? The copy is " + printable(part()));
    }
    if (std::rename(part().c_str(), path_.c_str()) != 0) {
      fail("cannot replace " + printable(path_) + ": " + errno_text(errno));
    }
  }

 private:
  std::string part() const { return download_part(path_, name_.guid, name_.attempt); }

  // False when the digest is another.
  bool fetch(bool anew) {
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (anew ? O_TRUNC : 0);
    const UniqueFd fd(::open(part().c_str(), flags, 0666));
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0) fail_here("cannot write");
    uint64_t have = static_cast<uint64_t>(info.st_size);
    if (have > file_.bytes) return false;
    if (::lseek(fd.get(), 0, SEEK_END) < 0) fail_here("cannot write");
    std::string problem;
    const Result<Done> read = archive_.read(name_, have, [&](std::string_view bytes) {
      const Result<Done> written = write_all(fd.get(), bytes);
      if (!written) problem = written.error();
      have += bytes.size();
      return written.ok();
    });
    if (!problem.empty()) fail("cannot write " + printable(part()) + ": " + problem);
    if (!read) {
      fail(read.error(), file_.sha256.empty() ? "" : "the rest comes when it is asked for again");
    }
    if (file_.sha256.empty()) return true;
    const Result<std::string> digest = sha256_of_file(fd.get(), have);
    return digest && *digest == file_.sha256;
  }

  [[noreturn]] void fail_here(const std::string& what) const {
    fail(what + " " + printable(part()) + ": " + errno_text(errno));
  }

  ArchiveClient& archive_;
  ArchiveName name_;
  const ArchivedFile& file_;
  std::string path_;
};

}  // namespace

std::string download_part(const std::string& path, const std::string& guid, uint32_t attempt) {
  constexpr const char* kSuffix = ".muster-part";
  const size_t name = path.rfind('/') + 1;  // 0 without a folder
  std::string part = path.substr(name) + "." + percent_encode(guid) + "." + std::to_string(attempt);
  if (1 + part.size() + std::string_view(kSuffix).size() > kArtifactPartBytesMax) {
    part = sha256_hex(part);
  }
  return path.substr(0, name) + "." + part + kSuffix;
}

void download(ArchiveClient& archive, const std::string& guid, const ArchivedFile& file,
              const std::string& path) {
  Download(archive, guid, file, path).run();
}

}  // namespace muster
