// The collector's archive: HOME/archive, answered for over HTTP, and kept within its limits.
#pragma once

#include <thread>

#include "collectors/archive_http.h"
#include "collectors/http_server.h"
#include "collectors/stop.h"
#include "io/archive_store.h"
#include "io/config.h"
#include "io/home.h"

namespace muster {

class ArchiveService {
 public:
  // Sweeps now and every few minutes.
  ArchiveService(const Home& home, const Config& config);
  ~ArchiveService();

  // In any thread.
  HttpAnswer answer(const HttpCall& call) { return http_.answer(call); }

  // Everybody who waits for a file gets what there is, from now on.
  void stop() { http_.stop(); }

 private:
  void sweep_again_and_again();

  ArchiveLimits limits_;
  SystemClock clock_;
  ArchiveStore store_;
  ArchiveHttp http_;
  Stop stop_;
  std::jthread sweeper_;
};

}  // namespace muster
