// The ssh check and action: a command on a host, over the system's ssh client.
//
// The client reads no configuration file, asks nothing, and refuses hosts that are not in
// known_hosts. Without a key or known_hosts of its own it uses those of the worker's user. Clients
// with the same `control` share one connection to a host: the first logs in and leaves a master
// (workers/checks/ssh_control.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

struct SshRun {
  SshCheck check;
  std::string control;  // CheckContext::ssh_control
  bool operator==(const SshRun&) const = default;
};

std::vector<std::string> ssh_arguments(const SshRun& run);
std::optional<SshRun> parse_ssh_arguments(CheckArguments arguments);

// Blocks until the remote command has ended; the caller's timeout ends it. What the command and ssh
// print is printed; the verdict's line is empty when that says it all.
CheckVerdict run_ssh_check(const SshRun& run);

// The whole client without the host's name and the command behind it. `socket` is the control
// socket, or empty.
std::vector<std::string> ssh_client(const SshCheck& check, const std::string& socket);

// The control socket of the connection that `check` uses: `control` and a name made from the host,
// port, user, key and known_hosts.
std::string ssh_control_socket(const SshCheck& check, const std::string& control);

// One word for each argument, for the shell of the other side.
std::string quote_for_shell(const std::vector<std::string>& argv);

// Ends the master that listens there, if there is one; waits a moment for it to have done so.
void end_ssh_master(const std::string& socket);

}  // namespace muster
