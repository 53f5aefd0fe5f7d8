// A git repository and a real git daemon that serves it on the loopback.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/house.h"

namespace muster {

class GitServer {
 public:
  // The repository lies beside the house's home.
  explicit GitServer(House& house) : house_(house) {}

  // Writes a file into its tree.
  void write(const std::string& name, const std::string& text, bool executable = false);
  // Makes a repository of what was written, at branch main, and serves it. The result is its URL.
  std::string serve();
  // Runs git in the repository to its end and returns what it printed.
  std::string git(std::vector<std::string> arguments);

 private:
  House& house_;
  std::string repository_;
  std::unique_ptr<Child> daemon_;
};

}  // namespace muster
