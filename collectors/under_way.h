// While a sink's place has something in hand.
#pragma once

#include "collectors/sink_desk.h"
#include "io/clock.h"

namespace muster {

// Says that the place has something in hand, for as long as it lives.
class UnderWay {
 public:
  UnderWay(SinkDesk& desk, Clock& clock) : desk_(desk) {
    desk_.update([&](SinkStatus& status) { status.delivering_since = clock.now(); });
  }
  ~UnderWay() {
    desk_.update([](SinkStatus& status) { status.delivering_since = kNever; });
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  SinkDesk& desk_;
};

}  // namespace muster
