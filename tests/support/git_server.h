// A repository served by a real git daemon.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/git_repository.h"
#include "tests/support/house.h"
#include "tests/support/loopback.h"

namespace muster {

class GitServer {
 public:
  // Commits what the directory `path` holds, and serves what lies beside it.
  explicit GitServer(const std::string& path) : repository_(path) {
    repository_.commit();
    const std::string base = path.substr(0, path.rfind('/'));
    const std::string port = free_port();
    ChildSpec spec;
    // Not by way of git, which would be killed and leave the daemon running.
    spec.argv = {repository_.git({"--exec-path"}) + "/git-daemon",
                 "--export-all",
                 "--reuseaddr",
                 "--verbose",
                 "--listen=127.0.0.1",
                 "--port=" + port,
                 "--base-path=" + base};
    spec.env = {{"HOME", base}};
    spec.stdout_file = spec.stderr_file = log_ = base + "/daemon.log";
    daemon_ = std::make_unique<Child>(spec);
    EXPECT_TRUE(
        eventually([&] { return read_text(log_).find("Ready to rumble") != std::string::npos; }));
    url_ = "git://127.0.0.1:" + port + path.substr(base.size());
  }

  const GitRepository& repository() const { return repository_; }
  const std::string& url() const { return url_; }
  // What it was asked so far.
  std::string log() const { return read_text(log_); }
  // Nobody answers at its url any more.
  void stop() { daemon_.reset(); }

 private:
  const GitRepository repository_;
  std::string log_;
  std::unique_ptr<Child> daemon_;
  std::string url_;
};

}  // namespace muster
