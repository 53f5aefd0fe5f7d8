// Command lines of the daemons: long options only, `--name VALUE` or `--name=VALUE`, switches
// without a value. (The muster command has subcommands and its own parser.)
//
//   FlagSet flags("muster-collector", "Carries the broker's events to its sinks.");
//   flags.text("home", "DIR", "directory of this installation", &options.home);
//   if (std::optional<int> status = flags.parse_or_exit_status(argc, argv)) return *status;
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

namespace muster {

// Exit status of a wrong command line (sysexits' EX_USAGE).
inline constexpr int kExitUsage = 64;

class FlagSet {
 public:
  // `summary` is one or more sentences under the usage line of --help.
  FlagSet(std::string program, std::string summary);

  // Each adds one flag. `help` begins in lower case and has no full stop. The target keeps its
  // value, which --help shows as the default when it is not empty, unless the flag is given; it
  // must outlive parse. A flag given twice is an error, but for `list`, which collects its values.
  void text(std::string name, std::string placeholder, std::string help, std::string* target);
  void list(std::string name, std::string placeholder, std::string help,
            std::vector<std::string>* target);
  void number(std::string name, std::string placeholder, std::string help, uint64_t min,
              uint64_t max, uint64_t* target);
  void choice(std::string name, std::vector<std::string> words, std::string help,
              std::string* target);
  void enable(std::string name, std::string help, bool* target);  // a switch: sets it to true

  enum class Parsed : uint8_t {
    run,      // go on: the targets are set
    help,     // --help was asked for
    version,  // --version was asked for
  };
  // `arguments` is without the program's name. Errors name the argument and suggest what was meant;
  // targets may have been set in part then.
  Result<Parsed> parse(const std::vector<std::string>& arguments);

  // For main: parses, prints help or version on stdout, an error on stderr. Nothing: go on.
  std::optional<int> parse_or_exit_status(int argc, char** argv);

  // The text of --help: usage, summary and one aligned entry for each flag, within 80 columns where
  // the words allow.
  std::string help() const;

 private:
  struct Number {
    uint64_t* target;
    uint64_t min;
    uint64_t max;
  };
  struct Choice {
    std::string* target;
    std::vector<std::string> words;
  };
  struct Flag {
    std::string name;
    std::string placeholder;  // empty: a switch
    std::string help;         // with the default
    std::variant<bool*, std::string*, std::vector<std::string>*, Number, Choice> target;
    bool given = false;
  };

  void add(Flag flag, const std::string& default_text);
  Result<Done> set(Flag& flag, const std::string& value);
  Flag* find(std::string_view name);
  std::vector<std::string> names() const;

  std::string program_;
  std::string summary_;
  std::vector<Flag> flags_;
};

}  // namespace muster
