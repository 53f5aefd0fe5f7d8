// Whatever the bytes are: bounded, readable cases, and the same ones however they are cut.
#include <cstdint>
#include <cstdlib>

#include "tests/support/report_feeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!muster::reads_fit<muster::CaseResult>(bytes, muster::make_junit_reader)) std::abort();
  return 0;
}
