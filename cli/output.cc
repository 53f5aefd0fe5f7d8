#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/guid.h"
#include "io/file.h"

namespace muster {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr size_t kColumnsDefault = 80;

bool color_wanted(const GlobalOptions& options) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return !options.no_color && (no_color == nullptr || *no_color == '\0') && !dumb;
}

size_t terminal_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kColumnsDefault;
}

}  // namespace

Output::Output(const GlobalOptions& options)
    : format_(options.format),
      stdout_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      stderr_is_terminal_(::isatty(STDERR_FILENO) == 1),
      interactive_(::isatty(STDIN_FILENO) == 1 && stderr_is_terminal_),
      color_(color_wanted(options)) {}

Output::~Output() { clear_progress(); }

Look Output::look() { return {color_ && stdout_is_terminal_, clock_.now(), stdout_is_terminal_}; }

Look Output::talk_look() {
  return {color_ && stderr_is_terminal_, clock_.now(), stderr_is_terminal_};
}

void Output::print(std::string_view text) {
  clear_progress();
  if (!write_all(STDOUT_FILENO, text)) failed_ = true;
}

void Output::talk(std::string_view line) {
  clear_progress();
  const std::string text = std::string(line) + "\n";
  // Nobody can be told that stderr does not work.
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Output::progress(std::string_view line) {
  if (!stderr_is_terminal_ || format_ != Format::human) return;
  const std::string text = std::string(kClearLine) + cut_text(line, terminal_columns() - 1);
  std::fwrite(text.data(), 1, text.size(), stderr);
  progress_shown_ = true;
}

void Output::clear_progress() {
  if (!progress_shown_) return;
  std::fwrite(kClearLine.data(), 1, kClearLine.size(), stderr);
  progress_shown_ = false;
}

void Output::error(std::string_view error, std::string_view hint, int exit_status) {
  if (format_ == Format::json || format_ == Format::jsonl) {
    return talk(error_json(std::string(error), std::string(hint), exit_status));
  }
  talk(paint("muster: ", Color::bad, talk_look()) + std::string(error));
  if (!hint.empty()) talk("  " + std::string(hint));
}

bool Output::finish() {
  clear_progress();
  return !failed_;
}

}  // namespace muster
