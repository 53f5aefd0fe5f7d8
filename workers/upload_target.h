// Where an uploader carries files: a directory, our collector by HTTP, or an FTP server. All give
// the same answers, those of io/archive_store.h; a server that cannot be asked is
// ArchiveFault::failed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/time.h"
#include "io/archive_name.h"
#include "io/archive_store.h"
#include "io/clock.h"
#include "io/http.h"
#include "workers/upload_threads.h"

namespace muster {

// One request about one file at a time. `done` is called once, in the call itself, by the client's
// run() or by the threads' deliver(): never in another thread.
class UploadTarget {
 public:
  using Done = std::function<void(ArchiveReply)>;

  virtual ~UploadTarget() = default;
  virtual void look(const ArchiveName& name, Done done) = 0;
  virtual void append(const ArchiveName& name, uint64_t offset, std::string bytes, Done done) = 0;
  virtual void complete(const ArchiveName& name, uint64_t bytes, const std::string& sha256,
                        Done done) = 0;
  virtual void restart(const ArchiveName& name, Done done) = 0;
  // Between two appends to a growing file: what comes meanwhile goes in one.
  virtual Duration gap() const = 0;
};

struct UploadPlace {
  std::string archive;   // the base address (io/archive_name.h)
  std::string token;     // of those who may write by http(s)
  uint64_t reserve = 0;  // bytes that are left free in a directory
};

// `client`, `threads` and `clock` outlive it.
std::unique_ptr<UploadTarget> make_upload_target(const UploadPlace& place, HttpClient& client,
                                                 UploadThreads& threads, Clock& clock);

// upload_ftp.cc: FTP, with two commands for each append on a connection that is kept. The server
// cannot check a digest; it is left there in a note beside the file, as ArchiveStore leaves it,
// which is what says that the file is complete.
std::unique_ptr<UploadTarget> make_ftp_target(const std::string& archive, HttpClient& client,
                                              Clock& clock);

}  // namespace muster
