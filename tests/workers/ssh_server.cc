#include "tests/workers/ssh_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/workers/check_child.h"

namespace muster {
namespace {

const std::map<std::string, std::string> kServerEnv = {{"PATH", "/usr/sbin:/usr/bin:/bin"}};
constexpr int kLogPatienceMs = 60'000;

std::string contents(const std::string& path) {
  const Result<std::string> text = read_file(path, 1 << 20);
  if (text.ok()) return *text;
  ADD_FAILURE() << text.error();
  return {};
}

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? "" : user->pw_name;
}

}  // namespace

SshServer::SshServer(const std::string& dir) : dir_(dir) {
  // Where sshd of the superuser separates its privileges; a package's script makes it at boot.
  if (::geteuid() == 0) ::mkdir("/run/sshd", 0755);
  make_key("host_key");
  make_key("user_key");
  std::ofstream(path("authorized_keys")) << contents(path("user_key.pub"));
  // Another program may take the free port before sshd does.
  for (int attempt = 0; attempt < 10; ++attempt) {
    const std::string port = free_port();
    if (start_on(port)) return;
  }
  ADD_FAILURE() << "sshd does not start: " << log_;
}

bool SshServer::start_on(const std::string& port) {
  std::ofstream(path("sshd_config"))
      << "ListenAddress 127.0.0.1\nPort " << port << "\nHostKey " << path("host_key")
      << "\nAuthorizedKeysFile " << path("authorized_keys")
      << "\nPidFile none\nUsePAM no\nStrictModes no\n"
         "PasswordAuthentication no\nPermitRootLogin yes\n"
         "MaxStartups 100\nLogLevel INFO\n";
  Result<std::unique_ptr<Process>> started =
      Process::start({{"/usr/sbin/sshd", "-D", "-e", "-f", path("sshd_config")}, kServerEnv});
  if (!started.ok()) {
    log_ = started.error();
    return false;
  }
  process_ = std::move(*started);
  port_ = port;
  log_.clear();
  while (log_.find("Server listening") == std::string::npos) {
    pollfd output{process_->output_fd(), POLLIN, 0};
    const bool came = ::poll(&output, 1, kLogPatienceMs) > 0;
    if (!came || !process_->read_output(log_, 64 << 10)) return false;
  }
  std::ofstream(path("known_hosts"))
      << "[127.0.0.1]:" << port << " " << contents(path("host_key.pub"));
  return true;
}

SshCheck SshServer::login(std::vector<std::string> argv) const {
  return {"127.0.0.1", port_, user_name(), path("user_key"), path("known_hosts"), std::move(argv)};
}

void SshServer::make_key(const std::string& name) const {
  const Ended made = run_child(
      {{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path(name)}, kServerEnv});
  EXPECT_TRUE(made.passed()) << made.output;
}

size_t SshServer::logged(const std::string& text) const {
  size_t count = 0;
  for (size_t at = log_.find(text); at != log_.npos; at = log_.find(text, at + 1)) ++count;
  return count;
}

void SshServer::wait_for_log(const std::string& text, size_t times) {
  while (logged(text) < times) {
    pollfd output{process_->output_fd(), POLLIN, 0};
    const bool came = ::poll(&output, 1, kLogPatienceMs) > 0;
    if (!came || !process_->read_output(log_, 64 << 10)) {
      FAIL() << "sshd does not log \"" << text << "\" " << times << " times:\n" << log_;
    }
  }
}

}  // namespace muster
