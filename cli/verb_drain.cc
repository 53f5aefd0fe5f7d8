// muster worker drain and resume, broker drain and resume.
#include <algorithm>

#include "cli/render_device.h"
#include "cli/render_json.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "core/duration_text.h"
#include "io/clock.h"

namespace muster {
namespace {

// How many attempts they hold now.
uint64_t count_held(Session& session, const DrainOptions& options) {
  if (options.workers.empty()) return session.ask_for<BrokerStatus>(AskStatus{}).leased;
  uint64_t held = 0;
  for (const WorkerInfo& worker : session.ask_for<WorkerList>(ListWorkers{}).workers) {
    const bool is_asked = std::find(options.workers.begin(), options.workers.end(), worker.name) !=
                          options.workers.end();
    if (is_asked) held += worker.held;
  }
  return held;
}

// Waits for events, each of which may be the end of something. True: they hold nothing any more.
bool wait_until_empty(Session& session, const DrainOptions& options) {
  SystemClock clock;
  const Duration patience = *options.wait;
  const Instant end = patience > Duration{0} ? clock.now() + patience : Instant::max();
  while (true) {
    const uint64_t head = session.ask_for<BrokerStatus>(AskStatus{}).head;
    if (count_held(session, options) == 0) return true;
    const Instant now = clock.now();
    if (now >= end) return false;
    session.ask_for<Blocks>(Fetch{head + 1, 1, std::min(end - now, kFetchWaitMax)});
  }
}

}  // namespace

int do_verb(Session& session, const DrainOptions& options) {
  Output& output = session.output();
  session.set_role(Role::admin);
  const std::vector<DrainReply::Outcome> results =
      session
          .ask_for<DrainReply>(
              Drain{options.workers, options.resume, options.reason, Session::user()})
          .results;
  output.show_list(
      "drain", results, [&] { return render_drains(results, options.resume, output.look()); },
      [&](const DrainReply::Outcome& result) { return drain_json(result, options.resume); },
      [](const DrainReply::Outcome& result) { return result.name; });
  const bool refused =
      std::any_of(results.begin(), results.end(),
                  [](const DrainReply::Outcome& result) { return !result.refused.empty(); });
  if (refused) return kExitUsageError;
  if (!options.wait) return kExitOk;
  if (!wait_until_empty(session, options)) {
    output.talk("after " + format_duration(*options.wait) + " it still holds " +
                counted(count_held(session, options), "attempt"));
    return static_cast<int>(StatusCode::timeout);
  }
  output.talk(options.workers.empty() ? "the broker holds nothing any more"
                                      : "they hold nothing any more");
  return kExitOk;
}

}  // namespace muster
