// The routes of a ledger, asked without a server.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "collectors/ledger_http.h"

namespace muster {

class LedgerApi {
 public:
  using Query = std::map<std::string, std::string>;

  explicit LedgerApi(LedgerPool::Open open);

  HttpAnswer ask(const std::string& path, Query query = {});

  // The document of a call that must succeed: anything but JSON with a 200 fails the test.
  nlohmann::json get(const std::string& path, Query query = {});

 private:
  LedgerHttp http_;
  ApiRoutes api_;
};

}  // namespace muster
