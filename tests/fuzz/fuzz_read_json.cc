// Documents of ours that come back as JSON, from an API, an archive or a file: whatever they are,
// values, or a reason.
#include <nlohmann/json.hpp>

#include "io/archive_json.h"
#include "io/event_json.h"
#include "io/ledger_json.h"
#include "io/measure_json.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

void check(std::string_view text) {
  if (const std::optional<Event> event = event_from_json(text)) {
    require(nlohmann::json::accept(event_to_json(1, *event)));
  }
  require(nlohmann::json::accept(task_spec_to_json(task_spec_from_json(text))));
  require(nlohmann::json::accept(task_to_json(task_from_json(text), false)));
  require(nlohmann::json::accept(result_to_json(result_from_json(text))));
  require(nlohmann::json::accept(source_to_json(source_from_json(text))));
  require(nlohmann::json::accept(history_to_json(history_from_json("phone-1", text))));
  require(nlohmann::json::accept(action_stat_to_json(action_stat_from_json(text))));
  require(nlohmann::json::accept(measure_table_to_json(measure_table_from_json(text))));
  ledger_event_from_json(text);
  names_from_json(text);
  if (const auto rows = measurements_from_json(text); !rows.ok()) require(!rows.error().empty());
  if (const auto page = page_from_json("events", text); !page.ok()) require(!page.error().empty());
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::check(muster::fuzz_bytes(data, size));
  return 0;
}
