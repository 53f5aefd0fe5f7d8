// Whatever the text is: a reason, or a selector whose canonical text means the same.
#include "core/selector.h"
#include "tests/support/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto selector = muster::Selector::parse(muster::fuzz_bytes(data, size));
  if (!selector.ok()) {
    muster::require(muster::is_line(selector.error()));
    return 0;
  }
  const std::string text = selector->canonical();
  const auto again = muster::Selector::parse(text);
  muster::require(again.ok() && again->canonical() == text);
  for (const muster::Profile& profile :
       {muster::Profile{}, {{"type", "handset"}, {"name", "a"}}, {{"k", ""}, {"pool", "x"}}}) {
    muster::require(selector->matches(profile) == again->matches(profile));
  }
  return 0;
}
