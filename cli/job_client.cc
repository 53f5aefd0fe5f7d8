#include "cli/job_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "io/file.h"

namespace muster {

std::string job_socket() {
  const char* path = std::getenv("MUSTER_SOCKET");
  return path == nullptr ? "" : path;
}

Result<JobAnswer> ask_job_socket(const std::string& path, const std::string& request) {
  const auto failed = [&](const std::string& why) {
    return Error{"the job's socket " + path + " ($MUSTER_SOCKET) does not answer: " + why};
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed("its path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(errno_text(errno));
  }
  std::string_view rest = request;
  const std::string line = request + "\n";
  for (rest = line; !rest.empty();) {
    const ssize_t count = ::send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno_text(errno));
    rest.remove_prefix(static_cast<size_t>(count));
  }
  std::string text;
  while (text.find('\n') == std::string::npos && text.size() <= kApiLineBytesMax) {
    char bytes[4096];
    const ssize_t count = ::recv(fd.get(), bytes, sizeof bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failed(count < 0 ? errno_text(errno) : "it was closed");
    text.append(bytes, static_cast<size_t>(count));
  }
  JobAnswer answer;
  answer.json = text.substr(0, text.find('\n'));
  const nlohmann::json json = nlohmann::json::parse(answer.json, nullptr, false);
  if (!json.is_object()) return failed("what it says is not JSON");
  answer.ok = json.value("ok", false);
  answer.error = json.value("error", "");
  answer.dropped = json.contains("dropped");
  return answer;
}

}  // namespace muster
