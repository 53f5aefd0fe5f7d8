#include "workers/checks/check.h"

#include <cassert>
#include <cstdio>
#include <utility>
#include <variant>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "workers/checks/disk.h"
#include "workers/checks/file.h"
#include "workers/checks/tcp.h"

namespace muster {
namespace {

constexpr int kExitPassed = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 64;

struct ArgumentsOf {
  std::vector<std::string> operator()(const TcpCheck& check) const { return tcp_arguments(check); }
  std::vector<std::string> operator()(const DiskCheck& check) const {
    return disk_arguments(check);
  }
  std::vector<std::string> operator()(const FileCheck& check) const {
    return file_arguments(check);
  }
  std::vector<std::string> operator()(const CommandCheck& check) const { return check.argv; }
  std::vector<std::string> operator()(const auto&) const {
    assert(false);
    return {};
  }
};

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

ProcessSpec process_for_check(const CheckSpec& check, const std::string& self,
                              const std::map<std::string, std::string>& env) {
  ProcessSpec spec;
  spec.argv = std::visit(ArgumentsOf{}, check);
  spec.env = env;
  if (!std::holds_alternative<CommandCheck>(check)) {
    spec.argv.insert(spec.argv.begin(), {self, std::string(kRunCheckFlag)});
  }
  return spec;
}

bool is_check_child(int argc, char** argv) { return argc >= 2 && argv[1] == kRunCheckFlag; }

int run_check_child(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
  std::optional<CheckVerdict> verdict;
  if (!arguments.empty()) {
    verdict = run_check(arguments.front(), CheckArguments(arguments).subspan(1));
  }
  if (!verdict) {
    std::fputs("--run-check is for the worker itself: it takes a kind and its arguments\n", stderr);
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
