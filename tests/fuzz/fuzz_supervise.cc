// What a supervisor's socket takes is what encodes to it again.
#include "tests/support/fuzz_check.h"
#include "workers/supervise_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto first = muster::decode_supervise(muster::fuzz_bytes(data, size));
  if (!first) return 0;
  const auto again = muster::decode_supervise(muster::encode_supervise(*first));
  muster::require(again.has_value() && again->index() == first->index());
  const auto* stop = std::get_if<muster::SuperviseStop>(&*first);
  muster::require(stop != nullptr || *again == *first);  // of a stop the text may be cut
  return 0;
}
