// Whatever a program prints: bounded, readable cases, and the same ones however it is cut.
#include <cstdint>
#include <cstdlib>

#include "core/gtest_output.h"
#include "tests/support/report_feeds.h"

namespace muster {
namespace {

std::vector<CaseResult> results(std::string_view bytes, size_t piece) {
  GtestOutput output;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    output.feed(bytes.substr(0, piece), from_us(1));
  }
  output.finish(from_us(2));
  ChildEnd end;
  end.signal = 11;
  return results_of_gtest_step(output, {}, false, end, "step");
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<muster::CaseResult> whole = muster::results(bytes, SIZE_MAX);
  if (whole != muster::results(bytes, 3)) std::abort();
  for (const muster::CaseResult& one : whole) {
    if (one.message.size() > muster::kMessageLengthMax || !muster::is_utf8(one.message))
      std::abort();
  }
  return 0;
}
