// How far a sink has come whose place tells by ids what it has already: one small file, written
// after each delivery. HOME/collector/SINK.cursor.
//
//   {"schema":"muster.cursor/1","place":"http://box:5984/muster","log":LOG_ID,"cursor":N}
#pragma once

#include <string>

#include "collectors/sink.h"

namespace muster {

class CursorFile {
 public:
  // `place` names where the events go: of another place nothing is known.
  CursorFile(std::string file, std::string place)
      : file_(std::move(file)), place_(std::move(place)) {}

  const std::string& file() const { return file_; }

  // The beginning when there is no file, or one of another place. Errors: it cannot be read, or is
  // damaged.
  Result<SinkPosition> read() const;
  // Durable on return.
  Result<Done> write(const SinkPosition& position) const;

 private:
  std::string file_;
  std::string place_;
};

}  // namespace muster
