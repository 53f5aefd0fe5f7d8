#include "collectors/decibel_results.h"

namespace muster {

std::optional<DecibelResult> decibel_result(Outcome of_case, TaskKind kind) {
  switch (of_case) {
    case Outcome::pass:
      return DecibelResult::passed;
    case Outcome::fail:
      return kind == TaskKind::job ? DecibelResult::failure : DecibelResult::error;
    case Outcome::error:
      return DecibelResult::error;
    case Outcome::skip:
      break;
  }
  return std::nullopt;
}

std::optional<DecibelResult> decibel_result(const Ending& of_attempt, TaskKind kind) {
  const std::optional<DecibelResult> result = decibel_result(of_attempt.outcome, kind);
  const bool is_lab_fault = is_infrastructure(of_attempt.cause);
  return result == DecibelResult::failure && is_lab_fault ? DecibelResult::error : result;
}

std::optional<DecibelResult> decibel_result(Verdict of_task, const Ending& last, TaskKind kind) {
  switch (of_task) {
    case Verdict::pass:
    case Verdict::flaky:
      return DecibelResult::passed;
    case Verdict::fail: {
      Ending failed = last;
      failed.outcome = Outcome::fail;
      return decibel_result(failed, kind);
    }
    case Verdict::skip:
      return std::nullopt;
    case Verdict::error:
    case Verdict::none:
      break;
  }
  return DecibelResult::error;
}

}  // namespace muster
