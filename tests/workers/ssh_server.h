// A real sshd on a loopback port, with keys, settings and a log of its own, for one test.
#pragma once

#include <memory>
#include <string>

#include "core/strategy.h"
#include "io/process.h"

namespace muster {

class SshServer {
 public:
  // Makes keys and settings in `dir` and starts it. What goes wrong is a failure of the test.
  explicit SshServer(const std::string& dir);

  // How to log in: host, port, user, key and known hosts, with this command.
  SshCheck login(std::vector<std::string> argv = {}) const;
  const std::string& port() const { return port_; }
  // A file in the server's directory.
  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  // Makes a key pair NAME and NAME.pub there.
  void make_key(const std::string& name) const;

  // Waits until its log has `text` so many times.
  void wait_for_log(const std::string& text, size_t times);
  size_t logged(const std::string& text) const;

 private:
  bool start_on(const std::string& port);

  std::string dir_;
  std::string port_;
  std::string log_;
  std::unique_ptr<Process> process_;
};

}  // namespace muster
