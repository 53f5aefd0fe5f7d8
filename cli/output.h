// Where answers and talk go: results to stdout in the format that was asked for, everything else to
// stderr. Colour and progress lines only on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "cli/render_json.h"
#include "cli/text.h"
#include "io/clock.h"

namespace muster {

class Output {
 public:
  explicit Output(const GlobalOptions& options);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Format format() const { return format_; }
  bool is_human() const { return format_ == Format::human; }
  // Both ends of the conversation are a terminal: a person can be asked.
  bool interactive() const { return interactive_; }
  bool stdout_is_terminal() const { return stdout_is_terminal_; }
  bool stderr_is_terminal() const { return stderr_is_terminal_; }

  Look look();       // for stdout
  Look talk_look();  // for stderr

  // To stdout, at once.
  void print(std::string_view text);
  // One line to stderr, without its line feed.
  void talk(std::string_view line);
  // One line on a terminal's stderr that the next one replaces; nothing elsewhere.
  void progress(std::string_view line);
  void clear_progress();

  // Prints an error in the format that was asked for. The JSON goes to stderr too.
  void error(std::string_view error, std::string_view hint, int exit_status);

  // False when stdout could not be written (disk full, ...).
  bool finish();

  // Lists: a table, one document, a document a line, or a name a line.
  template <typename Item, typename Human, typename Json, typename Name>
  void show_list(const std::string& kind, const std::vector<Item>& items, Human human, Json json,
                 Name name, const std::string& extra = "") {
    if (format_ == Format::human) return print(human());
    std::vector<std::string> lines;
    for (const Item& item : items) {
      lines.push_back(format_ == Format::quiet ? name(item) : json(item));
    }
    if (format_ == Format::json) return print(list_json(kind, lines, extra) + "\n");
    for (const std::string& line : lines) print(line + "\n");
  }

  // The same for a single thing.
  template <typename Human, typename Json, typename Name>
  void show_one(Human human, Json json, Name name) {
    if (format_ == Format::human) return print(human());
    print((format_ == Format::quiet ? name() : json()) + "\n");
  }

 private:
  SystemClock clock_;
  Format format_;
  bool stdout_is_terminal_;
  bool stderr_is_terminal_;
  bool interactive_;
  bool color_;
  bool progress_shown_ = false;
  bool failed_ = false;
};

}  // namespace muster
