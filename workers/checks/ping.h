// The ping check: a host answers an ICMP echo request.
//
// It is the system's ping: that has the right to send such requests everywhere, by its file's
// capability. An ICMP socket of our own would need no program but works only where the sysctl
// net.ipv4.ping_group_range admits the worker's group, which differs between distributions and in
// containers.
#pragma once

#include <string>
#include <vector>

#include "core/strategy.h"

namespace muster {

// The whole command. It ends by itself some seconds after the last request.
std::vector<std::string> ping_command(const PingCheck& check);

}  // namespace muster
