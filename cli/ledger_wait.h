// The ledger as a source of answers about what the broker has recorded by now.
#pragma once

#include <string>

#include "cli/session.h"

namespace muster {

// Waits a moment until the collector has taken in what the broker has recorded by now. False when
// it does not in time, or when the broker does not answer. Throws Failure where the two have
// different logs.
bool await_ledger(Session& session, LedgerReader& ledger);

// The ledger. Throws Failure when there is none (Session::ledger_failure); `what` is what is asked
// for: "results".
LedgerReader& ledger_or_throw(Session& session, const std::string& what);

// The ledger with everything that the broker has recorded by now, as far as can be waited for; says
// so where that is not all. Throws as ledger_or_throw does.
LedgerReader& caught_up_ledger(Session& session, const std::string& what);

}  // namespace muster
