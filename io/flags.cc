#include "io/flags.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "core/join.h"
#include "core/suggest.h"

namespace muster {
namespace {

constexpr size_t kHelpColumns = 80;

// Appends `text` at `indent`, broken at blanks so that lines end before kHelpColumns. `column` is
// where the current line stands.
void append_wrapped(std::string& out, std::string_view text, size_t indent, size_t column) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (column > indent && column + 1 + word.size() > kHelpColumns) {
      out += '\n';
      column = 0;
    }
    if (column < indent) {
      out.append(indent - column, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end + 1;
  }
  out += '\n';
}

}  // namespace

FlagSet::FlagSet(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

void FlagSet::add(Flag flag, const std::string& default_text) {
  if (!default_text.empty()) flag.help += " (default: " + default_text + ")";
  flags_.push_back(std::move(flag));
}

void FlagSet::text(std::string name, std::string placeholder, std::string help,
                   std::string* target) {
  add({std::move(name), std::move(placeholder), std::move(help), target}, *target);
}

void FlagSet::list(std::string name, std::string placeholder, std::string help,
                   std::vector<std::string>* target) {
  add({std::move(name), std::move(placeholder), help + "; may be repeated", target},
      join(*target, ", "));
}

void FlagSet::number(std::string name, std::string placeholder, std::string help, uint64_t min,
                     uint64_t max, uint64_t* target) {
  add({std::move(name), std::move(placeholder), std::move(help), Number{target, min, max}},
      std::to_string(*target));
}

void FlagSet::choice(std::string name, std::vector<std::string> words, std::string help,
                     std::string* target) {
  std::string placeholder = join(words, "|");
  add({std::move(name), std::move(placeholder), std::move(help), Choice{target, std::move(words)}},
      *target);
}

void FlagSet::enable(std::string name, std::string help, bool* target) {
  add({std::move(name), "", std::move(help), target}, "");
}

FlagSet::Flag* FlagSet::find(std::string_view name) {
  const auto at = std::find_if(flags_.begin(), flags_.end(),
                               [&](const Flag& flag) { return flag.name == name; });
  return at == flags_.end() ? nullptr : &*at;
}

std::vector<std::string> FlagSet::names() const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back(flag.name);
  names.push_back("help");
  names.push_back("version");
  return names;
}

Result<Done> FlagSet::set(Flag& flag, const std::string& value) {
  if (auto* text = std::get_if<std::string*>(&flag.target)) {
    **text = value;
  } else if (auto* list = std::get_if<std::vector<std::string>*>(&flag.target)) {
    if (!flag.given) (*list)->clear();
    (*list)->push_back(value);
  } else if (auto* number = std::get_if<Number>(&flag.target)) {
    uint64_t parsed = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, parsed);
    if (error != std::errc() || stop != end || parsed < number->min || parsed > number->max) {
      return Error{"--" + flag.name + " wants a whole number from " + std::to_string(number->min) +
                   " to " + std::to_string(number->max) + ", not '" + value + "'"};
    }
    *number->target = parsed;
  } else if (auto* choice = std::get_if<Choice>(&flag.target)) {
    if (std::find(choice->words.begin(), choice->words.end(), value) == choice->words.end()) {
      return Error{"--" + flag.name + " is one of " + join(choice->words, ", ") + ", not '" +
                   value + "'" + suggestion(value, choice->words)};
    }
    *choice->target = value;
  } else {
    **std::get_if<bool*>(&flag.target) = true;
  }
  flag.given = true;
  return Done{};
}

Result<FlagSet::Parsed> FlagSet::parse(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") return Parsed::help;
    if (argument == "--version") return Parsed::version;
    if (!argument.starts_with("--") || argument == "--") {
      return Error{"unexpected argument '" + argument + "': " + program_ +
                   " takes only flags that begin with --"};
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    Flag* flag = find(name);
    if (flag == nullptr) {
      return Error{"unknown flag --" + name + suggestion(name, names(), "--")};
    }
    if (flag->given && !std::holds_alternative<std::vector<std::string>*>(flag->target)) {
      return Error{"--" + name + " is given twice"};
    }
    std::string value;
    if (flag->placeholder.empty()) {
      if (equals != std::string::npos) return Error{"--" + name + " takes no value"};
    } else if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (++i < arguments.size()) {
      value = arguments[i];
    } else {
      return Error{"--" + name + " wants a value: --" + name + " " + flag->placeholder};
    }
    if (!flag->placeholder.empty() && value.empty()) {
      return Error{"--" + name + " has an empty value: --" + name + " " + flag->placeholder};
    }
    if (Result<Done> done = set(*flag, value); !done.ok()) return Error{done.error()};
  }
  return Parsed::run;
}

std::optional<int> FlagSet::parse_or_exit_status(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const Result<Parsed> parsed = parse(arguments);
  if (!parsed.ok()) {
    std::fprintf(stderr, "%s: %s\nTry '%s --help'.\n", program_.c_str(), parsed.error().c_str(),
                 program_.c_str());
    return kExitUsage;
  }
  if (*parsed == Parsed::run) return std::nullopt;
  if (*parsed == Parsed::help) {
    std::fputs(help().c_str(), stdout);
  } else {
    std::printf("%s %s\n", program_.c_str(), MUSTER_VERSION);
  }
  return 0;
}

std::string FlagSet::help() const {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Flag& flag : flags_) {
    const std::string value = flag.placeholder.empty() ? "" : " " + flag.placeholder;
    entries.emplace_back("--" + flag.name + value, flag.help);
  }
  entries.emplace_back("--help", "print this text and exit");
  entries.emplace_back("--version", "print the version and exit");

  constexpr size_t kTermColumnsMax = 20;
  size_t width = 0;
  for (const auto& [term, text] : entries) {
    if (term.size() <= kTermColumnsMax) width = std::max(width, term.size());
  }
  std::string out = "Usage: " + program_ + " [FLAG]...\n";
  append_wrapped(out, summary_, 0, 0);
  out += '\n';
  for (const auto& [term, text] : entries) {
    out += "  " + term;
    size_t column = 2 + term.size();
    if (term.size() > width) {
      out += '\n';
      column = 0;
    }
    append_wrapped(out, text, width + 4, column);
  }
  return out;
}

}  // namespace muster
