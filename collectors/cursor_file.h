// How far a sink has come whose place tells by ids what it has already: one small file, written
// after each delivery. HOME/collector/SINK.cursor.
//
//   {"schema":"muster.cursor/1","place":"http://box:5984/muster","log":LOG_ID,"cursor":N,
//    "newest":[N,N]}
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "collectors/sink.h"

namespace muster {

struct CursorNote {
  SinkPosition position;
  // The last of the events up to there that left something at the place, in ascending order, as far
  // as they are noted: by these one can see whether the place still has what it was given.
  std::vector<uint64_t> newest;
};

class CursorFile {
 public:
  // `place` names where the events go: of another place nothing is known.
  CursorFile(std::string file, std::string place)
      : file_(std::move(file)), place_(std::move(place)) {}

  const std::string& file() const { return file_; }

  // The beginning when there is no file, or one of another place. Errors: it cannot be read, or is
  // damaged.
  Result<CursorNote> read() const;
  // Durable on return.
  Result<Done> write(const SinkPosition& position, std::span<const uint64_t> newest = {}) const;

 private:
  std::string file_;
  std::string place_;
};

}  // namespace muster
