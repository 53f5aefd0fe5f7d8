#include "tests/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace muster {
namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

void redirect(const std::string& file, int fd) {
  const int opened = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (opened < 0 || dup2(opened, fd) < 0) _exit(126);
  close(opened);
}

[[noreturn]] void become(const ChildSpec& spec, char* const* argv, char* const* env) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  redirect("/dev/null", STDIN_FILENO);
  redirect(spec.stdout_file, STDOUT_FILENO);
  redirect(spec.stderr_file, STDERR_FILENO);
  execve(argv[0], argv, env);
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

ScratchDir::ScratchDir(const std::string& parent) : path_(parent + "/muster-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) die("mkdtemp");
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Child::Child(const ChildSpec& spec) {
  std::vector<std::string> argv_texts = spec.argv;
  std::vector<std::string> env_texts = {"LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin"};
  for (const auto& [key, value] : spec.env) env_texts.push_back(key + "=" + value);
  const std::vector<char*> argv = pointers(argv_texts);
  const std::vector<char*> env = pointers(env_texts);
  pid_ = fork();
  if (pid_ < 0) die("fork");
  if (pid_ == 0) become(spec, argv.data(), env.data());
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pid_fd_ < 0) die("pidfd_open");
}

Child::~Child() {
  if (!status_) kill_now();
  close(pid_fd_);
}

void Child::signal(int signal) {
  if (!status_) kill(pid_, signal);
}

std::optional<int> Child::wait(Duration timeout) {
  if (status_) return status_;
  pollfd item{pid_fd_, POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  if (poll(&item, 1, static_cast<int>(ms)) <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) die("waitpid");
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

void Child::kill_now() {
  signal(SIGKILL);
  while (!wait(std::chrono::seconds(10))) {
  }
}

std::optional<int> Child::stop(Duration timeout) {
  signal(SIGTERM);
  const std::optional<int> status = wait(timeout);
  if (!status) kill_now();
  return status;
}

}  // namespace muster
