#include "workers/checks/ssh_control.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "workers/checks/ssh.h"

namespace muster {

const std::string& SshControl::path() {
  if (!dir_.empty()) return path_;
  std::string dir = "/tmp/muster-ssh-XXXXXX";
  if (::mkdtemp(dir.data()) == nullptr) return path_;
  dir_ = std::move(dir);
  path_ = dir_ + "/" + std::to_string(generation_);
  return path_;
}

void SshControl::renew() {
  ++generation_;
  if (!dir_.empty()) path_ = dir_ + "/" + std::to_string(generation_);
}

SshControl::~SshControl() {
  if (dir_.empty()) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, ignored)) {
    if (entry.is_socket(ignored)) end_ssh_master(entry.path());
  }
  std::filesystem::remove_all(dir_, ignored);
}

}  // namespace muster
