// The collector's HTTP API (docs/api.md).
#pragma once

#include "collectors/api_routes.h"
#include "collectors/feed_http.h"
#include "collectors/ledger_http.h"
#include "collectors/sinks_http.h"

namespace muster {

// All outlive the routes.
struct ApiParts {
  FeedHttp& feed;
  SinksHttp& sinks;
  LedgerHttp& ledger;
};

ApiRoutes make_api(ApiParts parts);

}  // namespace muster
