// How deep JSON is nested, told from its brackets before anything is built of it. nlohmann's parser
// takes any depth, but what walks its values afterwards (dump, copies, comparison) takes some of
// the stack for each level: a peer's text of half a megabyte of brackets would end the process.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/limits.h"

namespace muster {

// Whether arrays and objects of `text` are nested deeper than `depth_max`. Of what is no JSON the
// answer means nothing.
bool is_deep_json(std::string_view text, size_t depth_max = kJsonDepthMax);

}  // namespace muster
