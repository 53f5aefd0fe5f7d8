// What this collector has received as a deciBel: runs, suites and cases (schemas/sql/*_decibel.sql)
// in one SQLite file. Each document is there whole or not at all, and once: by its key.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/decibel_search.h"
#include "collectors/lease_pool.h"
#include "collectors/stop.h"
#include "core/result.h"
#include "core/time.h"
#include "io/config_decibel.h"
#include "io/decibel_run.h"
#include "io/sqlite.h"

namespace muster {

enum class DecibelFault : uint8_t {
  none,
  wrong,     // it is no document
  conflict,  // its key is another document's
  no_room,   // the disk is full
  failed,    // the store does not work
};

// What became of a document.
struct DecibelReceipt {
  DecibelFault fault = DecibelFault::none;
  std::string reason;      // unless all is well
  std::string key;         // that it is known by
  bool is_repeat = false;  // it was there already, and nothing changed
  // What of it no field is for, for people: the first kIgnoredNamed, each once.
  std::vector<std::string> ignored;
};
inline constexpr size_t kIgnoredNamed = 16;

// How long documents are kept. When one is taken, those that were received longest ago go: what is
// older than `age`, and what is more than `runs`.
struct DecibelKeep {
  Duration age = kDecibelKeepDefault;
  uint64_t runs = kDecibelRunsDefault;
};

// Any thread.
class DecibelStore {
 public:
  // Opens or creates `file`, and brings it to this build's tables.
  static Result<std::unique_ptr<DecibelStore>> open(const std::string& file,
                                                    const DecibelKeep& keep = {},
                                                    Duration question_max = kQuestionTimeMax);

  // Takes the document that `read` gives to the handler; an error of it means that there is none.
  // `key` is for a document that says none.
  using Read = std::function<Result<Done>(DecibelHandler&)>;
  DecibelReceipt receive(const Read& read, const std::string& key, Instant now);

  // The rows that `query` asks for, as JSON (docs/decibel.md). Errors: the store does not work, the
  // answer takes longer than `question_max`, too many ask, or it was stopped.
  Result<std::string> search(const DecibelQuery& query);

  // Every search ends, and there is none any more. What is being received goes on.
  void stop();

 private:
  class Intake;
  DecibelStore(Database writer, const DecibelKeep& keep, Duration question_max);
  static DecibelReceipt failed(const DbStatus& status);
  DecibelReceipt take(const Read& read, const std::string& key, Instant now);
  Result<Done> count_runs();
  void remove_old(Instant now);
  DbStatus remove_oldest(Instant before, bool& removed);

  const DecibelKeep keep_;

  std::mutex write_mutex_;
  uint64_t runs_ = 0;
  Database writer_;
  Stop stop_;
  LeasePool<Database> readers_;
};

}  // namespace muster
