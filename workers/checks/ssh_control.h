// The connections that the ssh clients of one attempt share: the first client to a host leaves a
// master behind, and the next ones go through it without logging in again.
//
// A master lives outside the process group of the client that started it. It is ended with this
// object, and ends by itself when no client has used it for a while, so that none is left even when
// the worker is killed.
#pragma once

#include <cstdint>
#include <string>

namespace muster {

class SshControl {
 public:
  SshControl() = default;
  ~SshControl();  // ends the masters and removes their directory
  SshControl(const SshControl&) = delete;
  SshControl& operator=(const SshControl&) = delete;

  // For CheckContext::ssh_control: what the paths of the control sockets begin with, in a private
  // directory (mode 0700) below /tmp that the first call makes. Short enough for a Unix socket (107
  // bytes) with what is appended to it. Empty when no directory can be made: then nothing is
  // shared.
  const std::string& path();

  // From now on clients log in anew. To be called when an action has run or an ssh client timed
  // out: a connection that broke must not fail the checks after it. Clients that still go through
  // an old master are not disturbed.
  void renew();

 private:
  std::string dir_;   // empty: not made yet
  std::string path_;  // in dir_
  uint64_t generation_ = 0;
};

}  // namespace muster
