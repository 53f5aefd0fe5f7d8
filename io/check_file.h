// The `check:` of a verifier in a strategy file: one of command, tcp, disk, file, noop.
#pragma once

#include <optional>
#include <vector>

#include "core/strategy.h"
#include "io/object_reader.h"

namespace muster {

// Reads what can be told from the text alone; check_strategy judges the values. Nothing after a
// problem.
std::optional<CheckSpec> read_check(const YamlNode& node, const FileScope& scope);

std::vector<NamedKeyTable> check_keys();

}  // namespace muster
