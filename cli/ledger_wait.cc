#include "cli/ledger_wait.h"

#include <thread>

#include "cli/access.h"

namespace muster {
namespace {

// How long the collector may take for what the broker has recorded.
constexpr Duration kLedgerPatience = 5s;
constexpr Duration kPollInterval = 50ms;  // a ledger tells nobody that it has more

}  // namespace

bool await_ledger(Session& session, LedgerReader& ledger) {
  if (session.broker_or_none() == nullptr) return false;
  const BrokerStatus status = session.ask_for<BrokerStatus>(AskStatus{});
  const int64_t start_us = boot_us();
  while (true) {
    const Result<LedgerPosition> position = ledger.position();
    if (!position) throw session.ledger_failure(position.error());
    // What is there by the same name is another lab's.
    if (!position->log_id.empty() && position->log_id != status.log_id) {
      throw Failure{kExitLocal,
                    "the ledger has another event log (" + printable(position->log_id) +
                        ") than the broker at " + session.endpoint() + " (" +
                        printable(status.log_id) + "): nothing is answered from it",
                    "see: muster doctor, muster sink status ledger; a ledger belongs to one "
                    "broker: look at ledger.database in muster.yaml"};
    }
    if (position->seq >= status.head) return true;
    if (boot_us() - start_us > kLedgerPatience.count()) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
}

LedgerReader& ledger_or_throw(Session& session, const std::string& what) {
  LedgerReader* ledger = session.ledger();
  if (ledger != nullptr) return *ledger;
  if (session.ledger_denied()) {
    throw Failure{kExitNotPermitted, session.ledger_fault(), kDeniedHint};
  }
  Failure failure = session.ledger_failure("no " + what + " here: " + session.ledger_fault());
  if (failure.hint.empty()) {
    failure.hint =
        "is a collector running? see: muster doctor; if it is another machine's, ask there";
  }
  throw failure;
}

LedgerReader& caught_up_ledger(Session& session, const std::string& what) {
  LedgerReader& ledger = ledger_or_throw(session, what);
  if (!await_ledger(session, ledger)) {
    session.output().talk("the newest entries may be missing yet");
  }
  return ledger;
}

}  // namespace muster
