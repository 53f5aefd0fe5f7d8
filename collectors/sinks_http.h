// The sinks over HTTP (docs/sinks.md):
//
//   GET  /api/v1/sinks                            how each is doing, as JSON (muster.sinks/1)
//   POST /api/v1/sinks/NAME/replay?from=SEQ       delivers every event from SEQ (1) on again
//   GET  /api/v1/sinks/NAME/dead                  its dead letters, as NDJSON
//                                                 (muster.dead_letter/1)
//   POST /api/v1/sinks/NAME/dead/retry?seq=N,N    tries them again (all, where none is named)
//   POST /api/v1/sinks/NAME/dead/drop?seq=N,N     forgets them (likewise, but needs seq or all=1)
//
// Orders about many letters are answered in parts: `left` has those that were not looked at yet,
// and `after=N` goes on with those beyond event N.
//
// POSTs need the socket or the token. A refusal has a body {"error": ...}: 400 what cannot be
// asked, 401 no token, 404 no such sink, 409 what cannot be done now.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/http_server.h"
#include "collectors/sink_post.h"
#include "io/clock.h"

namespace muster {

inline constexpr std::string_view kSinksPath = "/api/v1/sinks";

class SinksHttp {
 public:
  // Both outlive it.
  SinksHttp(SinkPosts& posts, Clock& clock) : posts_(posts), clock_(clock) {}

  // In any thread.
  HttpAnswer answer(const HttpCall& call);

 private:
  HttpAnswer list();
  SinkOrderResult change_letters(SinkPost& post, SinkOrder order, uint64_t after);
  HttpAnswer order(const HttpCall& call, SinkPost& post, std::string_view what);

  SinkPosts& posts_;
  Clock& clock_;
};

}  // namespace muster
