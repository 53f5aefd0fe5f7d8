// What a BrokerCore is given from outside: functions that look into what the core carries unread.
#pragma once

#include <string>

#include "core/broker_input.h"

namespace muster {

// With the defaults for what a configuration says. Whoever folds a log needs no more.
BrokerOptions make_broker_options(const std::string& log_id);

}  // namespace muster
