#include "tests/workers/check_child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

namespace muster {

Ended run_child(const ProcessSpec& spec, const std::string& give_up_at) {
  Ended ended;
  Result<std::unique_ptr<Process>> started = Process::start(spec);
  if (!started.ok()) {
    ADD_FAILURE() << started.error();
    return ended;
  }
  Process& process = **started;
  while (process.read_output(ended.output, 64 << 10)) {
    if (!give_up_at.empty() && ended.output.find(give_up_at) != std::string::npos) {
      ended.timed_out = true;
      process.signal_group(SIGKILL);
      break;
    }
    pollfd output{process.output_fd(), POLLIN, 0};
    ::poll(&output, 1, -1);
  }
  pollfd exit_fd{process.exit_fd(), POLLIN, 0};
  ::poll(&exit_fd, 1, -1);
  if (const std::optional<ProcessExit> exit = process.try_reap()) ended.exit = *exit;
  return ended;
}

const std::string& worker_path() {
  static const std::string path = std::string(MUSTER_BIN_DIR) + "/muster-worker";
  return path;
}

CheckContext worker_context() {
  return {worker_path(), {{"PATH", "/usr/bin:/bin"}}, {}, "guid-0123456789", ""};
}

Ended run_check(const CheckSpec& check, const CheckContext& context,
                const std::string& give_up_at) {
  const Result<ProcessSpec> spec = process_for_check(check, context);
  if (spec.ok()) return run_child(*spec, give_up_at);
  ADD_FAILURE() << spec.error();
  return {};
}

Ended run_action(const ActionRun& run, const CheckContext& context) {
  const Result<ProcessSpec> spec = process_for_action(run, context);
  if (spec.ok()) return run_child(*spec);
  ADD_FAILURE() << spec.error();
  return {};
}

RawServer::RawServer(Treat treat) {
  socket_.listen();
  thread_ = std::thread([this, treat = std::move(treat)] {
    for (;;) {
      const UniqueFd visitor(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!visitor.valid()) return;
      treat(visitor.get());
    }
  });
}

RawServer::~RawServer() {
  ::shutdown(socket_.fd(), SHUT_RDWR);  // ends a waiting accept
  thread_.join();
}

bool send_to(int visitor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(visitor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

std::string receive_until(int visitor, std::string_view end) {
  std::string bytes;
  while (bytes.find(end) == std::string::npos) {
    char chunk[512];
    const ssize_t size = ::recv(visitor, chunk, sizeof chunk, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    bytes.append(chunk, static_cast<size_t>(size));
  }
  return bytes;
}

}  // namespace muster
