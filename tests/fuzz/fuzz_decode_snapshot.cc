// What decodes as a record of a snapshot must encode to bytes that decode to an equal value; and of
// whatever a part holds it can be said whether it is sound.
#include <cstdint>
#include <cstdlib>

#include "tests/support/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (muster::round_trip_snapshot_record(bytes) == muster::RoundTrip::broken) std::abort();
  const auto record = muster::decode_snapshot_record(bytes);
  const auto* part = record.ok() ? std::get_if<muster::BrokerSnapshot>(&*record) : nullptr;
  if (part != nullptr && muster::unsound(*part) == "?") std::abort();
  return 0;
}
