// A real FTP server (pyftpdlib) on loopback, for one test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/child.h"

namespace muster {

class FtpServer {
 public:
  // Serves `dir` for reading and writing to user "lab" with the password "secret".
  explicit FtpServer(std::string dir, std::string out_file);

  std::string url() const;
  // The commands that it was given so far, with their arguments.
  std::vector<std::string> commands() const;

  void kill_now() { child_.reset(); }
  // On the same port.
  void start_again();

 private:
  void start(const std::string& port);

  std::string dir_;
  std::string out_file_;
  std::string port_;
  std::unique_ptr<Child> child_;
};

}  // namespace muster
