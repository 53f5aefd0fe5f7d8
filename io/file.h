// Files and descriptors: bounded reads, writes that are there whole or not at all, directories, and
// locks that end with the process that holds them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace muster {

// The system's words for an errno value: "No space left on device".
std::string errno_text(int error_number);

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// The directory that this process's program lies in.
Result<std::string> own_program_dir();

// The whole file. A file of more than `bytes_max` bytes, a directory or a device is an error; the
// reason names the path.
Result<std::string> read_file(const std::string& path, size_t bytes_max);

// Replaces `path` durably: after a crash it holds either its old bytes or the new ones. Mode 0600
// where it did not exist, else the mode it had.
Result<Done> write_file_atomically(const std::string& path, std::string_view bytes);

// Makes `path` and the directories above it that are missing, with mode 0700. The reason names the
// path and what to do.
Result<Done> make_dirs(const std::string& path);

// Bytes that an ordinary process may still write on the file system that holds `path`.
Result<uint64_t> free_bytes(const std::string& path);

// Writes all of `bytes` to `fd`, which must block.
Result<Done> write_all(int fd, std::string_view bytes);

// Raises the soft limit of open descriptors to the hard one: a broker holds one per peer.
void raise_descriptor_limit();

// From now on nothing but root reads this process's memory: no core dump is written of it, and
// nobody attaches to it. Programs that it runs are as ever.
void hide_memory();

// What a file holds that somebody has written a secret into: all of it but the ends of line at its
// end. Hides this process's memory. Errors: it cannot be read, or is larger than `bytes_max` and an
// end of line.
Result<std::string> read_secret(const std::string& path, size_t bytes_max);

// A file that holds its process's id and is locked (flock) while the process lives. The file stays
// afterwards, empty: removing it would let two processes hold "the" lock.
class PidFile {
 public:
  // `who` begins the error when another process holds it: "a muster broker is already running (pid
  // 123, lock file ...)".
  static Result<PidFile> acquire(const std::string& path, std::string_view who);

  // The process that holds the lock now, or nothing.
  static std::optional<pid_t> holder(const std::string& path);

  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) noexcept;
  ~PidFile() { release(); }

 private:
  explicit PidFile(UniqueFd fd) : fd_(std::move(fd)) {}
  void release();
  UniqueFd fd_;
};

}  // namespace muster
