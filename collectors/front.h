// What others see of the collector: its HTTP, with the archive, the API and the feed, and the
// feed's ZeroMQ sockets. Where the configuration says so, it is a deciBel too.
#pragma once

#include <memory>

#include "collectors/api_http.h"
#include "collectors/archive_service.h"
#include "collectors/decibel_http.h"
#include "collectors/feed.h"
#include "collectors/feed_http.h"
#include "collectors/feed_sockets.h"
#include "collectors/http_service.h"
#include "collectors/ledger_http.h"
#include "collectors/sink_post.h"
#include "collectors/sinks_http.h"
#include "collectors/stop.h"
#include "core/result.h"
#include "io/clock.h"
#include "io/config.h"
#include "io/home.h"
#include "io/socket.h"

namespace muster {

class Front {
 public:
  // Listens when it returns. All outlive it. Errors: an address is taken, or cannot be had as the
  // configuration says (collectors/http_service.h).
  static Result<std::unique_ptr<Front>> open(const Home& home, const Config& config,
                                             SinkPosts& sinks, SocketContext& sockets);
  ~Front();

 private:
  Front(const Home& home, const Config& config, SinkPosts& sinks, SocketContext& sockets,
        std::unique_ptr<DecibelStore> results);
  HttpAnswer answer(const HttpCall& call);

  SystemClock clock_;
  Stop stop_;
  Feed feed_;
  FeedHttp feed_http_;
  SinksHttp sinks_http_;
  LedgerHttp ledger_http_;
  std::unique_ptr<DecibelStore> results_;  // null: it takes no documents
  DecibelHttp decibel_http_;
  ArchiveService archive_;
  ApiRoutes api_;
  std::unique_ptr<FeedSockets> feed_sockets_;
  std::unique_ptr<HttpService> http_;  // the last member: it asks the others
};

}  // namespace muster
