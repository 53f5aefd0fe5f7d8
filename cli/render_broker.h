// The broker's event log, for people and as JSON.
#pragma once

#include <string>

#include "cli/text.h"
#include "core/messages.h"
#include "io/log_check.h"

namespace muster {

std::string render_log_state(const LogState& state, const Look& look);
std::string log_state_json(const LogState& state);

std::string render_log_check(const LogCheck& check, const Look& look);
std::string log_check_json(const LogCheck& check);

// `gone`: how many events go, or would.
std::string render_trim(const TrimLogReply& reply, bool dry_run);
std::string trim_json(const TrimLogReply& reply, bool dry_run);

}  // namespace muster
