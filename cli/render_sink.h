// The collector's sinks as text.
#pragma once

#include <string>
#include <vector>

#include "cli/sink_client.h"
#include "cli/text.h"

namespace muster {

std::string render_sink_table(const std::vector<SinkInfo>& sinks, const Look& look);
std::string render_letter_table(const std::vector<DeadLetterInfo>& letters, const Look& look);
// Of letters that were tried again, or dropped.
std::string render_letter_change(const std::string& sink, bool drop, const SinkOrderInfo& info);

}  // namespace muster
