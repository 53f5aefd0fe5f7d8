// What cli/parse*.cc build the command line from. Only they include it: CLI11 costs seconds of
// compile time for each file that does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "cli/values.h"
#include "core/duration_text.h"
#include "core/result.h"

namespace muster {

// Put before words that stand after --, so that CLI11 takes none of them for a flag or a verb;
// positionals take it off again. (CLI11's own -- ends a verb's positionals once one was given.)
inline constexpr char kPlainWord = '\x01';

// Words of the command line on their way into an Invocation. `chosen` is set by the verb's callback
// once its words are complete.
struct Parse {
  CLI::App app{"Verifies, repairs and runs test jobs on the devices of a lab.", "muster"};
  GlobalOptions global;
  std::optional<VerbOptions> chosen;
};

// Adds an option whose text `read` turns into a value or a reason.
template <typename Value>
CLI::Option* add_value(CLI::App* app, const std::string& name,
                       std::function<Result<Value>(const std::string&)> read,
                       std::function<void(Value)> take, const std::string& type,
                       const std::string& description) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, read, take](const std::string& text) {
            Result<Value> value = read(text);
            if (!value) throw CLI::ValidationError(name.substr(name.rfind(',') + 1), value.error());
            take(std::move(*value));
          },
          description)
      ->type_name(type);
}

inline void add_duration(CLI::App* app, const std::string& name, std::optional<Duration>* target,
                         const std::string& description) {
  add_value<Duration>(
      app, name, [](const std::string& text) { return parse_duration(text); },
      [target](Duration value) { *target = value; }, "TIME", description);
}

inline void add_number(CLI::App* app, const std::string& name, uint64_t min, uint64_t max,
                       std::function<void(uint64_t)> take, const std::string& description) {
  add_value<uint64_t>(
      app, name, [min, max](const std::string& text) { return parse_whole_number(text, min, max); },
      std::move(take), "N", description);
}

// One option that may be repeated and takes one word each time. (A CLI11 vector option would take
// every word up to the next flag.)
inline CLI::Option* add_list(CLI::App* app, const std::string& name,
                             std::vector<std::string>* target, const std::string& type,
                             const std::string& description) {
  return app->add_option(name, *target, description)->allow_extra_args(false)->type_name(type);
}

inline CLI::Option* add_text(CLI::App* app, const std::string& name, std::string* target,
                             const std::string& type, const std::string& description) {
  return app->add_option(name, *target, description)->type_name(type);
}

// A text that says where. Empty, as from an unset variable of a script, must not mean the default:
// the work would go elsewhere.
inline void add_given(CLI::App* app, const std::string& name, std::string* target,
                      const std::string& type, const std::string& description) {
  add_value<std::string>(
      app, name,
      [](const std::string& text) -> Result<std::string> {
        if (text.empty()) return Error{"must not be empty; leave it out for the default"};
        return text;
      },
      [target](std::string text) { *target = std::move(text); }, type, description);
}

inline std::string without_mark(std::string word) {
  return word.starts_with(kPlainWord) ? word.substr(1) : word;
}

inline CLI::Option* add_words(CLI::App* app, const std::string& name,
                              std::vector<std::string>* target, const std::string& description) {
  return app->add_option(name, *target, description)->transform(without_mark)->type_name("");
}

inline CLI::Option* add_word(CLI::App* app, const std::string& name, std::string* target,
                             const std::string& description) {
  return app->add_option(name, *target, description)->transform(without_mark)->type_name("");
}

// A verb with its options on the heap (they must live as long as the parser) and its examples.
template <typename Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add_verb(Parse& parse, CLI::App* parent,
                                                        const std::string& name,
                                                        const std::string& description,
                                                        const std::string& examples) {
  CLI::App* verb = parent->add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  verb->callback([&parse, options] { parse.chosen = *options; });
  verb->footer("Examples:\n" + examples);
  return {verb, options};
}

inline CLI::App* add_group(Parse& parse, const std::string& name, const std::string& description) {
  CLI::App* group = parse.app.add_subcommand(name, description);
  group->require_subcommand(1, 1);
  group->footer("Examples of each: muster " + name + " VERB --help");
  return group;
}

// Devices by name, as the verb's words, or by a selector.
inline void add_devices(CLI::App* app, DeviceChoice* target) {
  add_words(app, "DEVICE", &target->names, "Names of devices");
  add_text(app, "-l,--selector", &target->selector, "SEL", "Devices that match, e.g. k=v,k2!=v");
}

// parse_task.cc
void add_run(Parse& parse);
void add_verify(Parse& parse);
void add_task_ways(Parse& parse);
void add_task(Parse& parse);
void add_answers(Parse& parse);

}  // namespace muster
