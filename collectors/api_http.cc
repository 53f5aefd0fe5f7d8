#include "collectors/api_http.h"

#include <string>
#include <vector>

#include "json/openapi.h"

namespace muster {
namespace {

using Parameters = std::vector<std::string>;

void add_feed(ApiRoutes& api, FeedHttp& feed) {
  api.add("GET", std::string(kEventsPath),
          {"from", "log", "type", "guid", "format", "follow", "max"},
          [&feed](const HttpCall& call, const Parameters&) { return feed.events(call); });
  api.add("GET", std::string(kFeedPath), {},
          [&feed](const HttpCall& call, const Parameters&) { return feed.status(call); });
}

void add_sinks(ApiRoutes& api, SinksHttp& sinks) {
  const auto answer = [&sinks](const HttpCall& call, const Parameters&) {
    return sinks.answer(call);
  };
  const std::string path(kSinksPath);
  api.add("GET", path, {}, answer);
  api.add("GET", path + "/{name}/dead", {}, answer);
  api.add("POST", path + "/{name}/replay", {"from"}, answer);
  api.add("POST", path + "/{name}/dead/retry", {"seq", "after", "all"}, answer);
  api.add("POST", path + "/{name}/dead/drop", {"seq", "after", "all"}, answer);
}

}  // namespace

ApiRoutes make_api(ApiParts parts) {
  ApiRoutes api;
  api.add("GET", "/api/v1/openapi.json", {}, [](const HttpCall&, const Parameters&) {
    HttpAnswer answer;
    answer.body = kOpenApi;
    return answer;
  });
  add_feed(api, parts.feed);
  add_sinks(api, parts.sinks);
  parts.ledger.add_routes(api);
  return api;
}

}  // namespace muster
