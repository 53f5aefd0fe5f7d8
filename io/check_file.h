// The `check:` of a verifier and the `run:` of an action in a strategy file. Each is one kind with
// its keys (io/strategy_file.h lists them).
#pragma once

#include <optional>
#include <vector>

#include "core/strategy.h"
#include "io/object_reader.h"

namespace muster {

// Both read what can be told from the text alone; check_strategy judges the values. Nothing after a
// problem.
std::optional<CheckSpec> read_check(const YamlNode& node, const FileScope& scope);
std::optional<ActionRun> read_action_run(const YamlNode& node, const FileScope& scope);

std::vector<NamedKeyTable> check_keys();

}  // namespace muster
