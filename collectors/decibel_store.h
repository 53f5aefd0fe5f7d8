// What this collector has received as a deciBel: runs, suites and cases (schemas/sql/*_decibel.sql)
// in one SQLite file. Each document is there whole or not at all, and once: by its key.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "collectors/decibel_search.h"
#include "core/result.h"
#include "core/time.h"
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
};

// Any thread.
class DecibelStore {
 public:
  // Opens or creates `file`, and brings it to this build's tables.
  static Result<std::unique_ptr<DecibelStore>> open(const std::string& file);

  // Takes the document that `read` gives to the handler; an error of it means that there is none.
  // `key` is for a document that says none.
  using Read = std::function<Result<Done>(DecibelHandler&)>;
  DecibelReceipt receive(const Read& read, const std::string& key, Instant now);

  // The rows that `query` asks for, as JSON (docs/decibel.md). Errors: the store does not work.
  Result<std::string> search(const DecibelQuery& query);

 private:
  class Intake;
  DecibelStore(Database writer, Database reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}
  static DecibelReceipt failed(const DbStatus& status);

  std::mutex write_mutex_;
  Database writer_;
  std::mutex read_mutex_;
  Database reader_;
};

}  // namespace muster
