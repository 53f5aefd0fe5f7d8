// What the house's outcomes are in deciBel's three words. `failure` is a test's own word about what
// it tested: nothing that is the lab's fault, and no check of a verification, ever comes to it.
// Nothing: deciBel has no word for what was skipped.
#pragma once

#include <optional>

#include "core/task.h"
#include "io/decibel_run.h"

namespace muster {

std::optional<DecibelResult> decibel_result(Outcome of_case, TaskKind kind);
std::optional<DecibelResult> decibel_result(const Ending& of_attempt, TaskKind kind);
// Of a task whose last attempt, or whose own end, is `last`.
std::optional<DecibelResult> decibel_result(Verdict of_task, const Ending& last, TaskKind kind);

}  // namespace muster
