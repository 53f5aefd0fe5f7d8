// What decodes as a message must encode to bytes that decode to an equal value; see round_trip.h.
#include <cstdint>
#include <cstdlib>

#include "tests/support/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (muster::round_trip_message(bytes) == muster::RoundTrip::broken) std::abort();
  return 0;
}
