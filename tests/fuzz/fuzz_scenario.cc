// Whatever a scenario is: one line of JSON, by either set of rules.
#include <nlohmann/json.hpp>

#include "io/scenario.h"
#include "tests/support/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = muster::fuzz_bytes(data, size);
  for (const auto rules : {muster::ScenarioRules::sound, muster::ScenarioRules::autotest}) {
    const muster::ScenarioAnswer answer = muster::answer_scenario(text, rules);
    muster::require(nlohmann::json::accept(answer.json));
    muster::require(answer.json.find('\n') == answer.json.npos);
  }
  return 0;
}
