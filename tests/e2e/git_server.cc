#include "tests/e2e/git_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace muster {

namespace {

constexpr char kRepository[] = "served/repository";

// A port of 127.0.0.1 that nobody has at this moment.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

void GitServer::write(const std::string& name, const std::string& text, bool executable) {
  const std::string file = house_.write(std::string(kRepository) + "/" + name, text, executable);
  repository_ = file.substr(0, file.size() - name.size() - 1);
}

std::string GitServer::serve() {
  git({"init", "--quiet", "--initial-branch=main"});
  git({"add", "."});
  git({"commit", "--quiet", "-m", "jobs"});
  const int port = free_port();
  const std::string base = repository_.substr(0, repository_.rfind('/'));
  ChildSpec spec;
  spec.argv = {"/usr/bin/git",
               "daemon",
               "--export-all",
               "--reuseaddr",
               "--verbose",
               "--listen=127.0.0.1",
               "--port=" + std::to_string(port),
               "--base-path=" + base};
  spec.env = {{"HOME", house_.home().dir}};
  spec.stdout_file = spec.stderr_file = base + "/daemon.log";
  daemon_ = std::make_unique<Child>(spec);
  EXPECT_TRUE(eventually(
      [&] { return read_text(spec.stdout_file).find("Ready to rumble") != std::string::npos; }));
  return "git://127.0.0.1:" + std::to_string(port) + "/repository";
}

std::string GitServer::git(std::vector<std::string> arguments) {
  ChildSpec spec;
  spec.argv = {"/usr/bin/git",  "-C", repository_,         "-c",
               "user.name=ada", "-c", "user.email=ada@lab"};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.env = {{"HOME", house_.home().dir}, {"GIT_CONFIG_NOSYSTEM", "1"}};
  spec.stdout_file = spec.stderr_file = repository_ + ".out";
  Child child(spec);
  EXPECT_EQ(child.wait(std::chrono::seconds(60)), 0) << read_text(spec.stdout_file);
  std::string text = read_text(spec.stdout_file);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace muster
