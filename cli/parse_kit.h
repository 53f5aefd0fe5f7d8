// Pieces of the command line's grammar, for the files parse*.cc. Only they include this: CLI11
// costs seconds of compile time for each that does.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "core/result.h"
#include "core/time.h"

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

void add_duration(CLI::App* app, const std::string& name, std::optional<Duration>* target,
                  const std::string& description);

void add_number(CLI::App* app, const std::string& name, uint64_t min, uint64_t max,
                std::function<void(uint64_t)> take, const std::string& description);

// One option that may be repeated and takes one word each time. (A CLI11 vector option would take
// every word up to the next flag.)
CLI::Option* add_list(CLI::App* app, const std::string& name, std::vector<std::string>* target,
                      const std::string& type, const std::string& description);

// A form of answers; `also` are those that the verb has besides.
Result<Format> parse_format(const std::string& text, const std::vector<std::string>& also);

// K=V, once or more often.
void add_assignments(CLI::App* app, const std::string& name,
                     std::map<std::string, std::string>* target, const std::string& description);

CLI::Option* add_text(CLI::App* app, const std::string& name, std::string* target,
                      const std::string& type, const std::string& description);

// --reason, which must be given and say something.
void add_reason(CLI::App* app, std::string* target);

// A text that says where. Empty, as from an unset variable of a script, must not mean the default:
// the work would go elsewhere.
void add_given(CLI::App* app, const std::string& name, std::string* target, const std::string& type,
               const std::string& description);

// A word without kPlainWord.
std::string without_mark(std::string word);

CLI::Option* add_words(CLI::App* app, const std::string& name, std::vector<std::string>* target,
                       const std::string& description);

CLI::Option* add_word(CLI::App* app, const std::string& name, std::string* target,
                      const std::string& description);

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

CLI::App* add_group(Parse& parse, const std::string& name, const std::string& description);

// parse_device.cc
void add_devices(CLI::App* app, DeviceChoice* target);  // by name, as words, or by a selector
void add_device_verbs(Parse& parse);
// Of workers, or of the broker.
void add_drain_verbs(Parse& parse, CLI::App* group, bool of_workers);
// parse_archive.cc
void add_archive_verbs(Parse& parse);  // log and artifact
// parse_sink.cc
void add_sink_verbs(Parse& parse);
// parse_broker.cc
void add_broker_verbs(Parse& parse);
// parse_key.cc
void add_key_verbs(Parse& parse);
// parse_job_api.cc
void add_job_api_verbs(Parse& parse);
// parse_measure.cc
void add_measure_questions(Parse& parse, CLI::App* measure);  // query and ls
// parse_strategy.cc
void add_strategy_verbs(Parse& parse);
// parse_task.cc
void add_task_filters(CLI::App* app, const std::shared_ptr<TaskListOptions>& options);
// parse_job.cc
void add_tag_terms(CLI::App* app, std::vector<std::string>* target);
void add_array_flags(CLI::App* app, const std::shared_ptr<RunOptions>& options);
void add_job_verbs(Parse& parse);

}  // namespace muster
