// Buried tasks: those that came to nothing, by nobody's word. They stay with their evidence until a
// person has them retried.
#pragma once

#include "core/task.h"

namespace muster {

// Whether an ended task is buried. Not what was cancelled, nor what ran on another one's behalf.
inline bool is_buried(const TaskTerms& spec, Verdict verdict, const Ending& ending) {
  const bool lost = verdict == Verdict::fail || verdict == Verdict::error;
  return lost && ending.cause != Cause::user && spec.parent.empty();
}

}  // namespace muster
