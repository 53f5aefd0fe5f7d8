// Carries what attempts leave to the archive: each attempt's `log` while it grows, and the files in
// its `artifacts` folder. A thread of its own; nothing here waits for it.
//
// What is to be carried is on disk, so that a worker that comes back goes on where its archive's
// copies end. When all of a finished attempt is in the archive, whole and with its digest, its
// folder is removed from this machine. If there is a file `keep_until` in it (one line, RFC 3339),
// that file and `workspace` stay until then.
//
// What is new in logs goes first, then what closes them, and artifacts of the attempts in turn: one
// that leaves thousands of files holds up nobody else's. No disk holds up the thread itself.
//
// Nothing is given up while the archive is away or full: it waits, here. What the archive cannot
// have, or has refused for kRefusalPatience, is named in a file of its own beside the rest
// (kNotArchivedName).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "core/result.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

struct UploaderConfig {
  std::string archive;       // the base address (io/archive_name.h)
  std::string token;         // of those who may write by http(s)
  std::string state_dir;     // one small file for each attempt that is not in the archive yet
  uint64_t reserve = 0;      // bytes that are left free in an archive that is a directory
  size_t transfers_max = 8;  // at the same time
  // Of one console log: what its supervisor keeps. A job can write to the file itself, and of that
  // nothing past this and kConsoleLogFrameBytesMax is carried.
  uint64_t log_max = kConsoleLogBytesMax;
};

// How long a worker that has stopped waits for what its uploader has begun.
inline constexpr Duration kUploaderGrace = std::chrono::seconds(2);

struct UploaderStatus {
  size_t attempts = 0;  // that are followed or not wholly in the archive
  size_t files = 0;     // of them, that wait or are under way
  std::string fault;    // why the archive does not get them, or empty
};

class Uploader {
 public:
  // Goes on with what is in the state directory. Errors: the directory cannot be made or read; the
  // address is none.
  static Result<std::unique_ptr<Uploader>> start(UploaderConfig config);
  // Stops, and waits for what is under way on a disk. The rest is for whoever starts with the same
  // state.
  ~Uploader();
  // Stops. False: something on a disk was not over within `patience`, and the destructor would wait
  // for it; a process that ends without it loses nothing.
  bool stop(Duration patience);

  // The archive, without credentials.
  const std::string& base() const;
  // Where a file of the attempt will be (likewise); told before there is one.
  std::string url(const AttemptToken& token, const std::string& name) const;

  // Begins to carry what is in the attempt's folder `dir` (absolute) and what comes. To be said
  // again after a restart for whatever is there still; repeats are harmless.
  void follow(const AttemptToken& token, const std::string& dir);

  // Nobody writes in the attempt's folder any more, or needs it. Likewise. Of an attempt that is
  // not followed it says nothing.
  void finish(const AttemptToken& token);

  // What an earlier run has followed and not finished, as found at the start: whoever knows that
  // one of them is over says so.
  const std::vector<AttemptToken>& unfinished() const;

  UploaderStatus status() const;

 private:
  class Impl;
  explicit Uploader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster
