#include "tests/collectors/ledger_http_kit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace muster {

LedgerApi::LedgerApi(LedgerPool::Open open) : http_(std::move(open), "here") {
  http_.add_routes(api_);
}

HttpAnswer LedgerApi::ask(const std::string& path, Query query) {
  HttpCall call;
  call.method = "GET";
  call.path = path;
  call.query = std::move(query);
  return api_.answer(call);
}

nlohmann::json LedgerApi::get(const std::string& path, Query query) {
  const HttpAnswer answer = ask(path, std::move(query));
  EXPECT_EQ(answer.status, 200) << answer.body;
  return nlohmann::json::parse(answer.body);
}

}  // namespace muster
