#include "workers/checks/ssh.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/shell_text.h"
#include "io/file.h"
#include "workers/checks/connect.h"

namespace muster {
namespace {

// A master that nobody uses ends after so many seconds.
constexpr const char* kMasterIdle = "ControlPersist=30";
constexpr int kExitSsh = 255;  // of the client itself; or the remote command ended with it
constexpr int kMasterEndsMs = 1000;

// A path as the value of a client's option: it is split at blanks, and % begins a token.
std::string option_path(const std::string& path) {
  std::string value = "\"";
  for (const char c : path) {
    if (c == '%') value += '%';
    if (c == '"' || c == '\\') value += '\\';
    value += c;
  }
  return value + "\"";
}

std::string name_of(const SshCheck& check) {
  const std::string host = check.port.empty() ? check.host : endpoint_name(check.host, check.port);
  return check.user.empty() ? host : check.user + "@" + host;
}

// What the client would say less plainly, or not at all.
std::optional<std::string> find_fault(const SshCheck& check) {
  if (!check.port.empty()) {
    const std::optional<uint64_t> port = parse_argument(check.port);
    if (!port || *port < 1 || *port > 65535) {
      return "the port \"" + check.port + "\" is not a number from 1 to 65535";
    }
  }
  if (!check.key.empty() && ::access(check.key.c_str(), R_OK) != 0) {
    return "the key " + check.key + ": " + errno_text(errno);
  }
  if (!check.known_hosts.empty() && ::access(check.known_hosts.c_str(), R_OK) != 0) {
    return "the known hosts " + check.known_hosts + ": " + errno_text(errno);
  }
  return std::nullopt;
}

UniqueFd connect_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return UniqueFd();
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return UniqueFd();
  }
  return fd;
}

// Starts a program of PATH with both outputs to `output`, in this process's group.
Result<pid_t> start_program(const std::vector<std::string>& argv, int input, int output) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t pid = -1;
  // A master that it leaves behind is no stray (workers/strays.h): SshControl ends it.
  ::setenv("MUSTER_GUID", "", 1);
  const int error = ::posix_spawnp(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error{"cannot start " + argv[0] + ": " + errno_text(error)};
  return pid;
}

// As a shell says it: the exit code, or 128 and the signal.
int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What a client says before it logs in by itself because the master has no session left. It does no
// harm, and is not what the check has to say.
constexpr std::string_view kNoSession = "mux_client_request_session: ";

// Passes on lines but for those of the client about its master.
class Lines {
 public:
  // False when nobody takes them any more.
  bool add(std::string_view bytes) {
    rest_ += bytes;
    size_t begin = 0;
    for (size_t end = 0; (end = rest_.find('\n', begin)) != rest_.npos; begin = end + 1) {
      if (!put(std::string_view(rest_).substr(begin, end + 1 - begin))) return false;
    }
    rest_.erase(0, begin);
    // What cannot become such a line is not held back.
    const std::string_view start = kNoSession.substr(0, rest_.size());
    if (rest_.starts_with(start)) return true;
    const bool taken = put(rest_);
    rest_.clear();
    in_line_ = true;
    return taken;
  }
  // Passes on the last line when it has no end. True when all was more than blanks.
  bool end() {
    put(rest_);
    return has_words_;
  }

 private:
  bool put(std::string_view text) {
    const bool begins_line = !std::exchange(in_line_, false);
    if (begins_line && text.starts_with(kNoSession)) return true;
    has_words_ = has_words_ || text.find_first_not_of(" \t\r\n") != text.npos;
    return write_all(STDOUT_FILENO, text).ok();
  }

  std::string rest_;
  bool in_line_ = false;  // the beginning of the line has been passed on
  bool has_words_ = false;
};

// Passes on what comes from `fd` until its end. True when that was more than blanks.
bool pass_on(int fd) {
  Lines lines;
  std::array<char, 16 << 10> chunk;
  for (;;) {
    const ssize_t size = ::read(fd, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return lines.end();
    if (!lines.add({chunk.data(), static_cast<size_t>(size)})) return lines.end();
  }
}

// The command line for the other side, whose login shell may be any. A timed-out check must not
// leave its command running there, and sshd ends nothing when a connection goes. So a shell waits
// for the end of the channel's input, which stays open as long as the check lives, and then kills
// the group that sshd has made for the command. When the command has ended before, whatever it left
// behind stays, as without this shell.
std::string remote_command(const std::vector<std::string>& argv) {
  constexpr const char* kWatch =
      "exec 3<&0 </dev/null; "
      "(while read -r _; do :; done <&3; kill -9 -$$) >/dev/null 2>&1 & w=$!; "
      "\"$@\" 3<&-; s=$?; exec 2>/dev/null; kill $w; exit $s";
  std::vector<std::string> words = {"sh", "-c", kWatch, "muster"};
  words.insert(words.end(), argv.begin(), argv.end());
  return "exec " + quote_for_shell(words);
}

// Sees to it that a master listens at `socket`. The verdict when it could not log in; ssh has said
// why. Of clients that come at the same time one logs in and the others wait for it.
std::optional<CheckVerdict> share_connection(const SshCheck& check, const std::string& socket) {
  const UniqueFd lock(
      ::open((socket + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  // Without a lock, or a master, the client logs in by itself.
  if (!lock.valid()) return std::nullopt;
  while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  if (connect_socket(socket).valid()) return std::nullopt;
  ::unlink(socket.c_str());
  say(name_of(check) + ": logging in");
  std::vector<std::string> argv = ssh_client(check, socket);
  argv.insert(argv.end(),
              {"-o", "ControlMaster=yes", "-o", kMasterIdle, "-N", "-f", "--", check.host});
  const Result<pid_t> pid = start_program(argv, STDIN_FILENO, STDOUT_FILENO);
  if (!pid) return CheckVerdict{false, pid.error()};
  if (wait_for(*pid) != 0) return CheckVerdict{false, ""};
  return std::nullopt;
}

void put_number(std::string* packet, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) *packet += static_cast<char>(number >> shift);
}

}  // namespace

std::vector<std::string> ssh_arguments(const SshRun& run) {
  const SshCheck& check = run.check;
  std::vector<std::string> words = {"ssh",     check.host,        check.port, check.user,
                                    check.key, check.known_hosts, run.control};
  words.insert(words.end(), check.argv.begin(), check.argv.end());
  return words;
}

std::optional<SshRun> parse_ssh_arguments(CheckArguments arguments) {
  if (arguments.size() < 6) return std::nullopt;
  return SshRun{{arguments[0],
                 arguments[1],
                 arguments[2],
                 arguments[3],
                 arguments[4],
                 {arguments.begin() + 6, arguments.end()}},
                arguments[5]};
}

std::vector<std::string> ssh_client(const SshCheck& check, const std::string& socket) {
  std::vector<std::string> argv = {"ssh", "-F", "none",
                                   "-T",  "-S", socket.empty() ? "none" : socket};
  const auto option = [&argv](const std::string& text) { argv.insert(argv.end(), {"-o", text}); };
  option("BatchMode=yes");
  option("StrictHostKeyChecking=yes");
  option("UpdateHostKeys=no");
  option("LogLevel=ERROR");
  option("ServerAliveInterval=5");  // a dead connection is noticed within 15 seconds
  option("ServerAliveCountMax=3");
  if (!check.known_hosts.empty()) {
    option("UserKnownHostsFile=" + option_path(check.known_hosts));
    option("GlobalKnownHostsFile=/dev/null");
  }
  if (!check.key.empty()) {
    option("IdentityFile=" + option_path(check.key));
    option("IdentitiesOnly=yes");
    option("IdentityAgent=none");
  }
  if (!check.port.empty()) argv.insert(argv.end(), {"-p", check.port});
  if (!check.user.empty()) argv.insert(argv.end(), {"-l", check.user});
  return argv;
}

std::string ssh_control_socket(const SshCheck& check, const std::string& control) {
  uint64_t hash = hash64("");
  for (const std::string* part :
       {&check.host, &check.port, &check.user, &check.key, &check.known_hosts}) {
    hash = hash64(std::string_view(part->c_str(), part->size() + 1), hash);
  }
  return control + "-" + hex16(hash);
}

std::string quote_for_shell(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& argument : argv)
    line += (line.empty() ? "" : " ") + quote_for_shell(argument);
  return line;
}

CheckVerdict run_ssh_check(const SshRun& run) {
  const SshCheck& check = run.check;
  const std::string name = name_of(check);
  if (std::optional<std::string> fault = find_fault(check)) return {false, name + ": " + *fault};
  std::string socket;
  if (!run.control.empty()) {
    socket = ssh_control_socket(check, run.control);
    if (std::optional<CheckVerdict> verdict = share_connection(check, socket)) return *verdict;
  }
  std::vector<std::string> argv = ssh_client(check, socket);
  argv.insert(argv.end(), {"-o", "ControlMaster=no", "--", check.host,
                           check.argv.empty() ? "true" : remote_command(check.argv)});
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {false, "cannot make a pipe"};
  const UniqueFd output(ends[0]);
  UniqueFd output_end(ends[1]);
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {false, "cannot make a pipe"};
  UniqueFd input(ends[0]);
  const UniqueFd open_while_we_live(ends[1]);
  const Result<pid_t> pid = start_program(argv, input.get(), output_end.get());
  if (!pid) return {false, pid.error()};
  input.reset();
  output_end.reset();
  const bool has_words = pass_on(output.get());
  const int status = wait_for(*pid);
  if (status == 0) return {true, check.argv.empty() ? name + ": logged in" : ""};
  if (has_words) return {false, ""};
  return {false, name + ": exit " + std::to_string(status) +
                     (status == kExitSsh ? ", the connection may have broken" : "")};
}

// OpenSSH's PROTOCOL.mux: packets of a length, a type and numbers, all of four bytes.
void end_ssh_master(const std::string& socket) {
  constexpr uint32_t kHello = 0x00000001;
  constexpr uint32_t kVersion = 4;
  constexpr uint32_t kTerminate = 0x10000005;
  constexpr uint32_t kRequest = 0;
  const UniqueFd fd = connect_socket(socket);
  if (!fd.valid()) return;
  std::string packets;
  for (const uint32_t number : {8u, kHello, kVersion, 8u, kTerminate, kRequest}) {
    put_number(&packets, number);
  }
  if (::send(fd.get(), packets.data(), packets.size(), MSG_NOSIGNAL) < 0) return;
  // It answers, and ends, which closes the connection.
  std::array<char, 256> answer;
  pollfd item{fd.get(), POLLIN, 0};
  while (::poll(&item, 1, kMasterEndsMs) > 0) {
    if (::recv(fd.get(), answer.data(), answer.size(), 0) <= 0) return;
  }
}

}  // namespace muster
