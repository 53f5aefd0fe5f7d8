// The collector as a deciBel (docs/decibel.md):
//
//   POST /api/test-results/v1/                     takes a document: XML (schemas/xml/decibel.xsd)
//                                                  or AVE's JSON (io/decibel_json.h)
//   GET  /api/test-results/v1/search/?projection=  what it has (collectors/decibel_search.h)
//
// POSTs need the socket or the token. 201: it was taken; 200: it is known already; both with a
// "muster.decibel_receipt/1", which names what no field is for (`ignored`): a newer muster, and
// others' tests, may say more than this build keeps. Refusals: 400 no document, or no such
// question; 409 the key is another run's; 413 it is too large; 507 no room.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/decibel_store.h"
#include "collectors/http_answers.h"
#include "collectors/http_server.h"
#include "io/clock.h"
#include "io/config_decibel.h"
#include "io/home.h"

namespace muster {

inline constexpr std::string_view kDecibelPath = "/api/test-results/v1";

// HOME/collector/test_results.db, where the configuration says that documents are taken; else null.
Result<std::unique_ptr<DecibelStore>> open_decibel_store(const Home& home,
                                                         const DecibelConfig& config);

// Lets documents of results go to a file while they come in.
void spool_decibel_bodies(const Home& home, HttpListen& listen);

// What it serves; without the last slash, too.
const std::vector<HttpRoute>& decibel_routes();

class DecibelHttp {
 public:
  // Both outlive it. Without a store it answers that it takes nothing.
  DecibelHttp(DecibelStore* store, Clock& clock) : store_(store), clock_(clock) {}

  // In any thread; of paths that begin with kDecibelPath.
  HttpAnswer answer(const HttpCall& call);

 private:
  HttpAnswer receive(const HttpCall& call);
  HttpAnswer search(const HttpCall& call);

  void say_ignored(const DecibelReceipt& receipt);

  DecibelStore* store_;
  Clock& clock_;
  std::mutex mutex_;
  std::vector<std::string> said_;  // the newest that was ignored and logged
};

}  // namespace muster
