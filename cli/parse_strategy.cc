// The verbs of muster strategy.
#include "cli/parse_kit.h"
#include "core/guid.h"

namespace muster {
namespace {

void add_strategy_trials(Parse& parse, CLI::App* strategy) {
  {
    auto [verb, options] = add_verb<StrategySimulateOptions>(
        parse, strategy, "simulate", "Show what a repair would do if some checks failed",
        "  muster strategy simulate phone.yaml --fail adb\n"
        "  muster strategy simulate phone.yaml --fail usb,battery --profile type=handset");
    add_word(verb, "FILE", &options->file, "A strategy file")->required();
    add_list(verb, "--fail", &options->failing, "TAG,...",
             "Verifiers whose checks fail, whatever is tried")
        ->delimiter(',');
    add_text(verb, "--level", &options->level, "NAME", "Only verifiers of this level");
    add_assignments(verb, "--profile", &options->profile, "Of the device, for what has a \"when\"");
  }
  auto [verb, options] = add_verb<StrategyScenarioOptions>(
      parse, strategy, "run", "Run the engine on made-up verifiers and actions",
      "  muster strategy run --scenario one.json\n"
      "  muster strategy run --jsonl --compat autotest < many.jsonl");
  CLI::Option* file = add_text(verb, "--scenario", &options->file, "FILE", "One scenario, as JSON");
  CLI::Option* lines =
      verb->add_flag("--jsonl", options->lines, "Scenarios on stdin, an answer for each line");
  file->excludes(lines);
  add_value<std::string>(
      verb, "--compat",
      [](const std::string& text) -> Result<std::string> {
        if (text == "autotest") return text;
        return Error{quote_text(text) + " is not a set of rules: autotest"};
      },
      [target = options](const std::string&) { target->compat = true; }, "RULES",
      "autotest: its rules to the letter, no more");
}

void add_strategy_stats(Parse& parse, CLI::App* strategy) {
  auto [verb, options] = add_verb<StrategyStatsOptions>(
      parse, strategy, "stats", "How well repair actions have worked",
      "  muster strategy stats\n"
      "  muster strategy stats phone.yaml -o json");
  add_word(verb, "STRATEGY", &options->strategy, "A strategy file or name (default: all)");
}

}  // namespace

void add_strategy_verbs(Parse& parse) {
  CLI::App* strategy = add_group(parse, "strategy", "Files that say how to check and repair");
  {
    auto [verb, options] = add_verb<StrategyCheckOptions>(
        parse, strategy, "check", "Say everything that is wrong with files",
        "  muster strategy check strategies/*.yaml");
    add_words(verb, "FILE", &options->files, "Strategy files")->required();
  }
  {
    auto [verb, options] =
        add_verb<StrategyTreeOptions>(parse, strategy, "tree", "Show what is checked after what",
                                      "  muster strategy tree phone.yaml\n"
                                      "  muster strategy tree --short phone.yaml");
    add_word(verb, "FILE", &options->file, "A strategy file")->required();
    verb->add_flag("--short", options->brief, "Tags only");
  }
  add_strategy_trials(parse, strategy);
  add_strategy_stats(parse, strategy);
}

}  // namespace muster
