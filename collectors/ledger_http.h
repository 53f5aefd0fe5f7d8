// What the ledger knows, over HTTP (docs/api.md; the JSON is io/ledger_json.h's):
//
//   GET /api/v1/ledger                       where it is, and how far it has come
//   GET /api/v1/tasks?state=&kind=&parent=   newest first; prefix=P: those whose GUID begins so
//   GET /api/v1/tasks/{guid}                 with its attempts
//   GET /api/v1/tasks/{guid}/results         in the order in which they were reported, and likewise
//       .../sources, .../artifacts, .../measurements, .../events
//   GET /api/v1/measurements                 names of tables
//   GET /api/v1/measurements/{table}?where=CONDITIONS&before=SEQ
//   GET /api/v1/devices?health=&declared=0|1&strategy=&model=
//                                            by name; the cursor is a name
//   GET /api/v1/devices/{name}               with what became of the attempts that held it
//   GET /api/v1/devices/{name}/history       oldest first; before=SEQ: what came before
//   GET /api/v1/strategies                   names of those that devices have or had
//   GET /api/v1/strategies/stats?strategy=   how well repair actions have worked
//
// What has no end comes in pages of `max` rows, kApiPageMax at most and by default, and of
// kApiPageBytes; `next` of one is the `cursor` of the following one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collectors/api_routes.h"
#include "collectors/lease_pool.h"
#include "core/result.h"
#include "io/ledger.h"

namespace muster {

inline constexpr uint32_t kApiPageMax = 1'000;
inline constexpr size_t kApiPageBytes = 4 << 20;  // a page ends with the row that comes to it
// Of a list of tasks found by a prefix: each is looked up by itself.
inline constexpr uint32_t kApiPrefixMax = 100;

using LedgerPool = LeasePool<Ledger>;

class LedgerHttp {
 public:
  // `place` is its place, for people.
  LedgerHttp(LedgerPool::Open open, std::string place);

  // It outlives them.
  void add_routes(ApiRoutes& api);

  // Whoever waits for the ledger is refused, from now on.
  void stop() { pool_.stop(); }

 private:
  using Parameters = std::vector<std::string>;
  using Ask = std::function<HttpAnswer(Ledger&, const HttpCall&, const Parameters&)>;

  void add(ApiRoutes& api, std::string path, std::vector<std::string> words, Ask ask);

  LedgerPool pool_;
  std::string place_;
};

}  // namespace muster
