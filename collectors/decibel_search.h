// Questions to the collector's own deciBel, as its search takes them (docs/decibel.md):
//
//   projection=run.name,case     what each row has: fields, or whole parts (run, suite, case).
//                                Its innermost part says what a row is; run when nothing is said
//   PART.FIELD=VALUE             a filter. * stands for anything. One of a part within the row's
//                                asks for rows in which something is so
//   from=TIME, to=TIME           by the run's end: from then on; before then
//   superseded=1                 runs in whose place a later one came, too
//   limit=N                      rows at most; 100 where nothing is said
//   before=ID                    the next page, from the `next` of the one before
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "io/sqlite.h"

namespace muster {

inline constexpr uint64_t kDecibelRowsMax = 10'000;  // of one answer
inline constexpr uint64_t kDecibelRowsDefault = 100;
// An answer that is longer is cut at a row, and has a next.
inline constexpr size_t kDecibelAnswerBytesMax = 8 << 20;

struct DecibelField;  // of a part: decibel_search.cc has them all

struct DecibelQuery {
  int level = 0;                             // what a row is: 0 a run, 1 a suite, 2 a case
  std::vector<const DecibelField*> columns;  // outermost part first
  std::vector<std::pair<const DecibelField*, std::string>> filters;
  Instant from;  // kNever: no bound
  Instant to;    // likewise
  bool superseded = false;
  uint64_t limit = kDecibelRowsDefault;
  std::optional<uint64_t> before;
};

// The words that there are, fields as PART.FIELD.
std::vector<std::string> decibel_query_words();

// Errors say what is wrong with which word, and what there is.
Result<DecibelQuery> parse_decibel_query(const std::map<std::string, std::string>& words);

// The answer, as JSON (muster.test_results/1), newest first.
Result<std::string> search_decibel(Database& db, const DecibelQuery& query);

}  // namespace muster
