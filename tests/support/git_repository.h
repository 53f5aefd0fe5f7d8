// A git repository in the hands of a test.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "io/process.h"

namespace muster {

class GitRepository {
 public:
  // Makes one, without a commit, in the directory `path`, which may hold files already. Its branch
  // is main.
  explicit GitRepository(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    git({"init", "--quiet", "--initial-branch=main"});
  }

  const std::string& path() const { return path_; }

  // Runs git in it to its end and returns the first line of what it printed.
  std::string git(std::vector<std::string> arguments) const {
    ProcessSpec spec;
    spec.argv = {"git", "-C", path_, "-c", "user.name=ada", "-c", "user.email=ada@lab"};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.env = {{"PATH", ::getenv("PATH")}, {"HOME", path_}, {"GIT_CONFIG_NOSYSTEM", "1"}};
    const Result<std::unique_ptr<Process>> process = Process::start(spec);
    if (!process) {
      ADD_FAILURE() << process.error();
      return {};
    }
    std::string output;
    std::optional<ProcessExit> exit;
    while (!(exit = (*process)->try_reap())) {
      (*process)->read_output(output, kOutputBytesMax);
      pollfd items[] = {{(*process)->output_fd(), POLLIN, 0}, {(*process)->exit_fd(), POLLIN, 0}};
      ::poll(items, 2, -1);
    }
    (*process)->read_output(output, kOutputBytesMax);
    EXPECT_EQ(exit->exit_code, 0) << arguments[0] << ": " << output;
    return output.substr(0, output.find('\n'));
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
  }

  // Everything that its directory holds now. The result is the sha.
  std::string commit() const {
    git({"add", "--all"});
    git({"commit", "--quiet", "--message", "as it is now"});
    return git({"rev-parse", "HEAD"});
  }

 private:
  static constexpr size_t kOutputBytesMax = 64 << 10;
  const std::string path_;
};

}  // namespace muster
