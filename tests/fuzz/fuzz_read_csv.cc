// Whatever the bytes are: rows that a report can carry, and the same ones however they are cut.
#include <cstdint>
#include <cstdlib>

#include "tests/support/report_feeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto make = [](muster::MeasurementSink sink) {
    return muster::make_csv_reader("perf", std::move(sink));
  };
  if (!muster::reads_fit<muster::Measurement>(bytes, make)) std::abort();
  return 0;
}
