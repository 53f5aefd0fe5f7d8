// What deciBel is told: a Run of tests has Suites, and a Suite has Cases (docs/decibel.md has the
// contract, schemas/xml/decibel.xsd its XML). An infrastructure fault is `error`, never `failure`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/limits.h"
#include "core/time.h"

namespace muster {

// Of one document, as bytes and as cases: a receiver refuses more, and who writes one counts what
// is left over instead of listing it. 100,000 cases with ordinary names take 12 MiB.
inline constexpr size_t kDecibelBytesMax = 32 << 20;
inline constexpr size_t kDecibelCasesMax = 100'000;
inline constexpr size_t kDecibelKeyBytesMax = 256;
// Of a name, a link and anything else that is one line. Longer ones are cut.
inline constexpr size_t kDecibelFieldBytesMax = kCaseNameBytesMax;
// Of an info or a comment. Longer ones are cut.
inline constexpr size_t kDecibelTextBytesMax = kMessageLengthMax;

enum class DecibelResult : uint8_t { passed, failure, error };

// Of each, how many cases. Those that are not listed are counted too.
struct DecibelTotals {
  uint64_t passed = 0;
  uint64_t failure = 0;
  uint64_t error = 0;
  uint64_t skipped = 0;  // have no result, and are never listed

  uint64_t& of(DecibelResult result) {
    return result == DecibelResult::passed    ? passed
           : result == DecibelResult::failure ? failure
                                              : error;
  }
  bool operator==(const DecibelTotals&) const = default;
};

struct DecibelCase {
  std::string package;
  std::string name;
  DecibelResult result = DecibelResult::error;
  Duration time{0};
  std::string info;
  std::string log_link;
  std::string comment;
  bool operator==(const DecibelCase&) const = default;
};

struct DecibelSuite {
  std::string hw;  // what it ran on
  std::string name;
  uint64_t iteration = 0;  // the attempt; 0: not said
  Instant start;           // kNever: not said
  Instant end;             // likewise; it may be before the start
  std::string log_link;
  std::string comment;
  std::optional<DecibelResult> result;  // nothing: derived
  DecibelTotals totals;                 // of a written one: no less than what is listed
  bool operator==(const DecibelSuite&) const = default;
};

struct DecibelRun {
  std::string key;         // a repeat of the same key is the same run; empty: not said
  std::string guid;        // of the task
  std::string supersedes;  // the key of the run in whose place this one comes
  std::string sw;          // what was tested
  std::string team;
  std::string framework;
  std::string name;
  Instant start;
  Instant end;
  uint64_t iterations = 1;  // attempts so far, those of the run that it supersedes included
  std::string user;
  std::string origin;
  std::string info;
  std::string comment;
  std::string git_url;
  std::string git_sha1;
  std::optional<DecibelResult> result;  // nothing: derived
  bool operator==(const DecibelRun&) const = default;
};

// A document as it is read. A suite's totals may be less than the cases that follow it.
class DecibelHandler {
 public:
  virtual ~DecibelHandler() = default;
  // Something that no field is for: "attribute tester of <run>". Often, the same again and again.
  virtual void note_ignored(const std::string& /*what*/) {}
  virtual void take_run(const DecibelRun& run) = 0;        // once, first
  virtual void take_suite(const DecibelSuite& suite) = 0;  // until the next one
  virtual void take_case(const DecibelCase& test) = 0;     // of the newest suite
};

std::string_view to_string(DecibelResult result);
std::optional<DecibelResult> parse_decibel_result(std::string_view text);

// What several come to: that something failed is known whatever else is not, and that something
// could not be told whatever else passed.
DecibelResult worse_of(DecibelResult a, DecibelResult b);
// Of a suite that says none.
DecibelResult derive_result(const DecibelTotals& totals);

// "2026-11-23T08:15:30.123456Z", or as others write it: a blank for the T, fewer or more digits of
// a second or none, +01:00 for the Z, or nothing, which is UTC. Nothing for what is no time.
std::optional<Instant> parse_decibel_time(std::string_view text);

}  // namespace muster
