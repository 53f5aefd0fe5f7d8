#include "workers/checks/tcp.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "workers/checks/connect.h"

namespace muster {
namespace {

// Reads until the answer is as long as `expect`, or differs from it, or ends.
std::string read_answer(int fd, const std::string& expect) {
  std::string answer;
  while (answer.size() < expect.size() && expect.starts_with(answer)) {
    char chunk[512];
    const ssize_t size = ::recv(fd, chunk, sizeof chunk, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    answer.append(chunk, static_cast<size_t>(size));
  }
  return answer;
}

}  // namespace

std::vector<std::string> tcp_arguments(const TcpCheck& check) {
  return {"tcp", check.host, check.port, check.expect};
}

std::optional<TcpCheck> parse_tcp_arguments(CheckArguments arguments) {
  if (arguments.size() != 3) return std::nullopt;
  return TcpCheck{arguments[0], arguments[1], arguments[2]};
}

CheckVerdict run_tcp_check(const TcpCheck& check) {
  const std::string name = endpoint_name(check.host, check.port);
  const Result<UniqueFd> fd = connect_to(check.host, check.port);
  if (!fd) return {false, fd.error()};
  if (check.expect.empty()) return {true, name + ": accepts connections"};

  say(name + ": connected, waiting for " + shown_answer(check.expect));
  const std::string answer = read_answer(fd->get(), check.expect);
  if (answer.starts_with(check.expect)) return {true, name + ": says " + shown_answer(answer)};
  const std::string instead =
      answer.empty() ? "closed the connection without a word" : "says " + shown_answer(answer);
  return {false, name + ": " + instead + " instead of " + shown_answer(check.expect)};
}

}  // namespace muster
