// Whatever the bytes are: problems with their places, or a strategy that a worker reads as it is.
#include "io/codec.h"
#include "io/strategy_file.h"
#include "tests/support/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(muster::fuzz_bytes(data, size));
  const muster::StrategyFile file = muster::parse_strategy_file(text, "/nowhere/strategy.yaml");
  muster::require_lines(file.problems);
  if (file.problems.has_errors()) return 0;
  const auto again = muster::decode_strategy(muster::encode_strategy(file.strategy));
  muster::require(again.ok() && *again == file.strategy);
  return 0;
}
