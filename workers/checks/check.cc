#include "workers/checks/check.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <variant>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/file.h"
#include "workers/checks/adb.h"
#include "workers/checks/disk.h"
#include "workers/checks/file.h"
#include "workers/checks/http.h"
#include "workers/checks/ping.h"
#include "workers/checks/ssh.h"
#include "workers/checks/tcp.h"
#include "workers/checks/usb.h"

namespace muster {
namespace {

constexpr int kExitPassed = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 64;

// What a check's child reads at most: all that a strategy may hold.
constexpr size_t kInputBytesMax = 4 * kStrategyBytesMax;

// What is started for a check or action whose strings are all there.
struct Start {
  std::vector<std::string> argv;
  std::vector<std::string> input;  // the texts that it finds on its stdin
};

class MakeStart {
 public:
  MakeStart(const CheckContext& context, std::string ssh_control)
      : context_(context), ssh_control_(std::move(ssh_control)) {}

  Start operator()(const CommandCheck& check) const { return {check.argv, {}}; }
  Start operator()(const PingCheck& check) const { return {ping_command(check), {}}; }
  Start operator()(const TcpCheck& check) const { return self(tcp_arguments(check)); }
  Start operator()(const DiskCheck& check) const { return self(disk_arguments(check)); }
  Start operator()(const FileCheck& check) const { return self(file_arguments(check)); }
  Start operator()(const SshCheck& check) const {
    return self(ssh_arguments({check, ssh_control_}));
  }
  Start operator()(const HttpCheck& check) const { return self(http_arguments(check)); }
  Start operator()(const AdbCheck& check) const { return self(adb_arguments(check)); }
  Start operator()(const UsbCheck& check) const { return self(usb_arguments(check)); }
  Start operator()(const auto&) const {
    assert(false);
    return {};
  }

 private:
  // `arguments` begins with the kind.
  Start self(std::vector<std::string> arguments) const {
    Start start{{context_.self, std::string(kRunCheckFlag), arguments.front()}, {}};
    arguments.erase(arguments.begin());
    start.input = std::move(arguments);
    return start;
  }

  const CheckContext& context_;
  std::string ssh_control_;
};

// Each text with a NUL behind it, which none may hold.
Result<std::string> join_input(const std::vector<std::string>& texts) {
  std::string input;
  for (const std::string& text : texts) {
    if (text.find('\0') != text.npos) return Error{"a text of the check holds a NUL byte"};
    input.append(text).append(1, '\0');
  }
  return input;
}

// What join_input made; nothing when it did not make it.
std::optional<std::vector<std::string>> read_input(int fd) {
  std::string input;
  std::array<char, 16 << 10> chunk;
  for (;;) {
    const ssize_t size = ::read(fd, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (size == 0) break;
    input.append(chunk.data(), static_cast<size_t>(size));
    if (input.size() > kInputBytesMax) return std::nullopt;
  }
  std::vector<std::string> texts;
  for (size_t begin = 0; begin < input.size();) {
    const size_t end = input.find('\0', begin);
    if (end == input.npos) return std::nullopt;
    texts.push_back(input.substr(begin, end - begin));
    begin = end + 1;
  }
  return texts;
}

const DeviceSpec* device_of(const CheckContext& context) {
  return context.devices.empty() ? nullptr : &context.devices.front();
}

PlaceholderScope scope_of(const CheckContext& context) {
  return {device_of(context), context.devices, context.guid};
}

std::string from_profile(const DeviceSpec* device, const std::string& key) {
  if (device == nullptr) return {};
  const Profile::const_iterator found = device->profile.find(key);
  return found == device->profile.end() ? "" : found->second;
}

Error missing(const std::string& what, const std::string& key, const DeviceSpec* device) {
  if (device == nullptr) return Error{what + ", and there is no device"};
  return Error{what + ", and the profile of device " + device->name + " has no \"" + key + "\""};
}

// What a check or action leaves out, from the device's profile. The error when it is not there.
class FillIn {
 public:
  explicit FillIn(const DeviceSpec* device) : device_(device) {}

  std::optional<Error> operator()(SshCheck& check) const {
    const std::pair<std::string*, const char*> keys[] = {{&check.host, "host"},
                                                         {&check.port, "ssh_port"},
                                                         {&check.user, "ssh_user"},
                                                         {&check.key, "ssh_key"},
                                                         {&check.known_hosts, "ssh_known_hosts"}};
    for (const auto& [field, key] : keys) {
      if (field->empty()) *field = from_profile(device_, key);
    }
    if (check.host.empty()) return missing("ssh is given no host", "host", device_);
    return std::nullopt;
  }
  std::optional<Error> operator()(AdbCheck& check) const {
    if (check.serial.empty()) check.serial = from_profile(device_, "serial");
    if (check.serial.empty()) return missing("adb is given no serial", "serial", device_);
    return std::nullopt;
  }
  std::optional<Error> operator()(auto&) const { return std::nullopt; }

 private:
  const DeviceSpec* device_;
};

// What switches the power: a command or a request.
Result<ActionRun> resolve_power(const PowerAction& action, const CheckContext& context) {
  const DeviceSpec* target = device_of(context);
  if (target == nullptr) return Error{"there is no device whose power could be switched"};
  std::string names;
  for (const DeviceSpec& device : context.devices) {
    if (device.name != action.relay) {
      names += (names.empty() ? "" : ", ") + device.name;
      continue;
    }
    if (device.power.empty()) return Error{"device " + device.name + " has no \"power\""};
    Result<PowerSpec> power = expand_power(device.power, *target, action.operation);
    if (!power) return Error{"the power of device " + device.name + ": " + power.error()};
    if (!power->argv.empty()) return ActionRun(CommandCheck{std::move(power->argv)});
    HttpCheck request;
    request.method = power->method.empty() ? "POST" : std::move(power->method);
    request.url = std::move(power->url);
    return ActionRun(std::move(request));
  }
  return Error{"no device of the lease is named " + quote_text(action.relay) + "; there is " +
               cut_text(names, kMessageLengthMax / 2)};
}

template <typename Variant>
Result<ProcessSpec> make_process(Variant what, const CheckContext& context,
                                 const std::string& ssh_control) {
  const FillIn fill_in(device_of(context));
  if (std::optional<Error> error = std::visit(fill_in, what)) return *error;
  Start start = std::visit(MakeStart(context, ssh_control), what);
  Result<std::string> input = join_input(start.input);
  if (!input) return Error{input.error()};
  ProcessSpec spec;
  spec.argv = std::move(start.argv);
  spec.input = std::move(*input);
  spec.env = context.env;
  spec.cwd = context.cwd;
  return spec;
}

// Runs the check that `parse` finds in `arguments`; nothing when there is none.
template <typename Parse, typename Run>
std::optional<CheckVerdict> parse_and_run(CheckArguments arguments, Parse parse, Run run) {
  const auto check = parse(arguments);
  if (!check) return std::nullopt;
  return run(*check);
}

std::optional<CheckVerdict> run_check(const std::string& kind, CheckArguments arguments) {
  if (kind == "tcp") return parse_and_run(arguments, parse_tcp_arguments, run_tcp_check);
  if (kind == "disk") return parse_and_run(arguments, parse_disk_arguments, run_disk_check);
  if (kind == "file") return parse_and_run(arguments, parse_file_arguments, run_file_check);
  if (kind == "ssh") return parse_and_run(arguments, parse_ssh_arguments, run_ssh_check);
  if (kind == "http") return parse_and_run(arguments, parse_http_arguments, run_http_check);
  if (kind == "adb") return parse_and_run(arguments, parse_adb_arguments, run_adb_check);
  if (kind == "usb") return parse_and_run(arguments, parse_usb_arguments, run_usb_check);
  return std::nullopt;
}

bool ends_line(char c) { return c == '\n' || c == '\r'; }

// Skips the rest of an escape sequence of a terminal, from the byte behind ESC: "[1;31m".
size_t end_of_escape(std::string_view text, size_t at) {
  if (at >= text.size() || text[at] != '[') return std::min(at + 1, text.size());
  for (++at; at < text.size(); ++at) {
    if (text[at] >= 0x40 && text[at] <= 0x7e) return at + 1;
  }
  return at;
}

// `line` in UTF-8 without control characters and without blanks at its ends.
std::string clean_line(std::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      i = end_of_escape(line, i + 1);
      continue;
    }
    const auto byte = static_cast<unsigned char>(line[i++]);
    text += byte < 0x20 || byte == 0x7f ? ' ' : static_cast<char>(byte);
  }
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  text = text.substr(first, text.find_last_not_of(' ') - first + 1);
  return cut_text(sanitize_utf8(text), kMessageLengthMax);
}

std::string last_line(std::string_view output) {
  while (!output.empty()) {
    size_t start = output.size();
    while (start > 0 && !ends_line(output[start - 1])) --start;
    std::string line = clean_line(output.substr(start));
    if (!line.empty()) return line;
    output = output.substr(0, start > 0 ? start - 1 : 0);
  }
  return {};
}

}  // namespace

Result<ProcessSpec> process_for_check(const CheckSpec& check, const CheckContext& context) {
  Result<CheckSpec> expanded = expand_check(check, scope_of(context));
  if (!expanded) return Error{expanded.error()};
  return make_process(std::move(*expanded), context, context.ssh_control);
}

Result<ProcessSpec> process_for_action(const ActionRun& run, const CheckContext& context) {
  Result<ActionRun> expanded = expand_action(run, scope_of(context));
  if (expanded && std::holds_alternative<PowerAction>(*expanded)) {
    expanded = resolve_power(std::get<PowerAction>(*expanded), context);
  }
  if (!expanded) return Error{expanded.error()};
  // An action may break the connection, so it has one of its own.
  return make_process(std::move(*expanded), context, "");
}

Result<std::string> expand_in_context(std::string_view text, const CheckContext& context) {
  return expand_placeholders(text, scope_of(context));
}

bool is_check_child(int argc, char** argv) { return argc >= 2 && argv[1] == kRunCheckFlag; }

int run_check_child(int argc, char** argv) {
  std::optional<CheckVerdict> verdict;
  if (argc == 3) {
    const std::optional<std::vector<std::string>> texts = read_input(STDIN_FILENO);
    // What it starts has nothing to read.
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (null.valid()) ::dup2(null.get(), STDIN_FILENO);
    if (texts) verdict = run_check(argv[2], *texts);
  }
  if (!verdict) {
    std::fputs(
        "--run-check is for the worker itself: it takes a kind, and the rest on its "
        "standard input\n",
        stderr);
    return kExitUsage;
  }
  std::puts(verdict->line.c_str());
  std::fflush(stdout);
  return verdict->passed ? kExitPassed : kExitFailed;
}

std::string diagnostic_line(std::string_view output, const ProcessExit& exit, bool timed_out,
                            Duration timeout) {
  const std::string line = last_line(output);
  const std::string tail = line.empty() ? "" : ": " + line;
  if (timed_out) {
    return cut_text("timed out after " + format_duration(timeout) + tail, kMessageLengthMax);
  }
  if (exit.signal) {
    return cut_text("killed by signal " + std::to_string(*exit.signal) + tail, kMessageLengthMax);
  }
  if (!line.empty()) return line;
  const int code = exit.exit_code.value_or(0);
  return code == 0 ? "" : "exit " + std::to_string(code);
}

}  // namespace muster
