// The archive over HTTP (docs/archive.md has the whole of it):
//
//   GET  /archive/v1/GUID/                         what a task has left, as JSON
//   POST /archive/v1/GUID/?pin=1|0                 pins its folder, or lets it go
//   GET  /archive/v1/GUID/ATTEMPT/NAME?offset=N&wait=S
//                                                  bytes from N on; waits up to S seconds for some
//   PUT  /archive/v1/GUID/ATTEMPT/NAME?offset=N    appends the body at N, or without it at the end
//   POST /archive/v1/GUID/ATTEMPT/NAME?complete&sha256=HEX&bytes=N
//   POST /archive/v1/GUID/ATTEMPT/NAME?restart     empties what is not complete
//
// Every answer about a file says in headers how it is: Muster-Bytes, Muster-Complete (true or
// false) and, of a complete one, Muster-Sha256. A refusal has a body {"error": ...}: 400 what
// cannot be asked, 401 no token, 404 no such file, 409 another offset (or complete already: see the
// headers), 416 an offset past the end, 422 another digest (it is empty now), 507 no room.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/http_answers.h"
#include "collectors/http_server.h"
#include "core/time.h"
#include "io/archive_store.h"
#include "io/clock.h"

namespace muster {

// What it serves.
const std::vector<HttpRoute>& archive_routes();

class ArchiveHttp {
 public:
  // Both outlive it.
  ArchiveHttp(const ArchiveStore& store, Clock& clock) : store_(store), clock_(clock) {}

  // In any thread.
  HttpAnswer answer(const HttpCall& call);

  // Everybody who waits gets what there is, from now on.
  void stop();

 private:
  // Those who wait for one file.
  struct Waiters {
    std::condition_variable grown;
    uint64_t changes = 0;
  };

  HttpAnswer answer_folder(const HttpCall& call, const std::string& guid);
  HttpAnswer read(const HttpCall& call, const ArchiveName& name);
  HttpAnswer change(const HttpCall& call, const ArchiveName& name);
  OpenedArchiveFile await(const ArchiveName& name, uint64_t offset, Duration wait);
  void note_change(const ArchiveName& name);

  const ArchiveStore& store_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<ArchiveName, std::weak_ptr<Waiters>> waiters_;
  bool stopped_ = false;
};

}  // namespace muster
