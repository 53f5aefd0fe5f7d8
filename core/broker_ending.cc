// decide_ending: what follows from the end of an attempt: another one, or the task's verdict.
#include <algorithm>

#include "core/broker_core.h"
#include "core/duration_text.h"
#include "core/guid.h"

namespace muster {

namespace {

bool is_infra(const Ending& ending) {
  return ending.outcome == Outcome::error && is_infrastructure(ending.cause);
}

bool is_test(const Ending& ending) {
  return ending.outcome == Outcome::fail ||
         (ending.outcome == Outcome::error &&
          (ending.cause == Cause::test || ending.cause == Cause::timeout));
}

// An attempt that never began costs nothing but its number.
bool has_begun(const broker_state::Attempt& attempt, const Ending& ending) {
  return attempt.started != kNever || ending.started != kNever;
}

// Attempts since it was submitted or retried.
struct Used {
  uint32_t infra = 0;  // that used up retries
  uint32_t test = 0;   // likewise
  uint32_t lost = 0;   // with their workers
};

Used count_used(const broker_state::Task& task) {
  Used used;
  for (size_t i = task.attempts_before(); i < task.attempts.size(); ++i) {
    const broker_state::Attempt& attempt = task.attempts[i];
    if (!attempt.ending) continue;
    const bool began = has_begun(attempt, *attempt.ending);
    if (is_infra(*attempt.ending) && began) ++used.infra;
    if (is_test(*attempt.ending)) ++used.test;
    if (attempt.ending->lost && began) ++used.lost;
  }
  return used;
}

// What the worker's word comes to where it stopped the attempt at the task's deadline.
void note_deadline(const broker_state::Task& task, Ending& ending) {
  const bool late = task.cancel && task.cancel->cause == Cause::timeout;
  if (!late || ending.outcome != Outcome::error || ending.cause != Cause::user) return;
  ending.cause = Cause::timeout;
  ending.status = StatusCode::timeout;
  if (ending.message.find(task.cancel->reason) != std::string::npos) return;
  ending.message = cut_text(task.cancel->reason + ": " + ending.message, kMessageLengthMax);
}

}  // namespace

// An attempt of which its worker cannot tell any more.
AttemptEnded BrokerCore::decide_lost(const Task& task, std::string why, Instant now) const {
  Ending ending =
      make_ending(Outcome::error, Cause::worker, StatusCode::error, std::move(why), kNever, now);
  ending.lost = true;
  return decide_ending(task, Origin{}, std::move(ending), now);
}

// Whether a task ends with `ending` or gets another attempt, and when.
AttemptEnded BrokerCore::decide_ending(const Task& task, Origin origin, Ending ending,
                                       Instant now) const {
  const auto number = static_cast<uint32_t>(task.attempts.size());
  const TaskTerms& spec = *task.spec;
  // Who ends it need not know when it began: a worker that was restarted, or we ourselves.
  if (ending.started == kNever) ending.started = task.attempts.back().started;
  note_deadline(task, ending);
  const Used used = count_used(task);
  const bool infra = is_infra(ending);
  const bool began = ending.started != kNever;
  // A check that blames a device or peripheral has come to a result; the same again would be
  // contact before the back-off.
  const bool judged = spec.kind != TaskKind::job &&
                      (ending.cause == Cause::device || ending.cause == Cause::peripheral);
  const uint32_t lost = used.lost + (ending.lost && began ? 1 : 0);
  const bool buried =
      ending.lost && began && spec.retry.crash_limit > 0 && lost >= spec.retry.crash_limit;
  Duration backoff{0};
  if (infra && began) {
    backoff = std::min(kRetryBackoffMax, kRetryBackoffMin * (1u << std::min(used.infra, 10u)));
  }
  const bool too_late = spec.timeouts.deadline > Duration{0} &&
                        now + backoff >= task.submitted + spec.timeouts.deadline;
  const bool again = number < kAttemptsMax && !task.cancel && !(judged && infra) && !buried &&
                     !too_late &&
                     ((infra && (!began || used.infra < spec.retry.infra)) ||
                      (is_test(ending) && used.test < spec.retry.test));
  if (buried) {
    ending.message =
        cut_text(ending.message + "; buried: " + std::to_string(lost) +
                     " attempts were lost with their workers (retry.crash_limit); muster retry " +
                     task.guid(),
                 kMessageLengthMax);
  }

  AttemptEnded ended;
  ended.origin = std::move(origin);
  ended.token = AttemptToken{task.guid(), number};
  if (again) {
    ended.retry_at = now + backoff;
  } else {
    std::vector<const Ending*> endings;
    for (const Attempt& attempt : task.attempts) {
      if (attempt.ending) endings.push_back(&*attempt.ending);
    }
    endings.push_back(&ending);
    ended.verdict = buried ? Verdict::error : fold_verdict(endings);
  }
  ended.ending = std::move(ending);
  return ended;
}

}  // namespace muster
