// muster strategy run and simulate: the strategy engine without devices.
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/failure.h"
#include "cli/render_strategy.h"
#include "cli/verb_file.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/repair_forecast.h"
#include "core/suggest.h"
#include "io/file.h"
#include "io/scenario.h"

namespace muster {
namespace {

// Refuses words that are none of `known`.
void check_words(const std::vector<std::string>& words, const std::vector<std::string>& known,
                 const std::string& path, const std::string& noun) {
  for (const std::string& word : words) {
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    throw Failure{kExitUsageError,
                  "no verifier of " + path + " has the " + noun + " " + quote_text(word) +
                      suggestion(word, known),
                  "see: muster strategy tree " + path};
  }
}

// The next line, of which `max` bytes are kept. False at the end.
bool read_line(std::istream& in, size_t max, std::string* line) {
  line->clear();
  bool found = false;
  for (int byte = 0; (byte = in.rdbuf()->sbumpc()) != EOF; found = true) {
    if (byte == '\n') return true;
    if (line->size() < max) *line += static_cast<char>(byte);
  }
  return found;
}

ForecastOptions forecast_options(const StrategySimulateOptions& options, const Strategy& strategy) {
  std::vector<std::string> tags;
  std::vector<std::string> levels;
  for (const Verifier& verifier : strategy.verifiers) {
    tags.push_back(verifier.tag);
    levels.insert(levels.end(), verifier.levels.begin(), verifier.levels.end());
  }
  check_words(options.failing, tags, options.file, "tag");
  if (!options.level.empty()) check_words({options.level}, levels, options.file, "level");
  ForecastOptions forecast;
  forecast.failing.insert(options.failing.begin(), options.failing.end());
  forecast.level = options.level;
  forecast.profile.insert(options.profile.begin(), options.profile.end());
  return forecast;
}

}  // namespace

int do_verb(Output& output, const StrategyScenarioOptions& options) {
  const ScenarioRules rules = options.compat ? ScenarioRules::autotest : ScenarioRules::sound;
  if (!options.lines) {
    const Result<std::string> text = read_file(options.file, kScenarioBytesMax);
    if (!text) throw Failure{kExitUsageError, text.error(), "see: muster strategy run --help"};
    const ScenarioAnswer answer = answer_scenario(*text, rules);
    output.print(answer.json + "\n");
    return answer.malformed ? kExitUsageError : kExitOk;
  }
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  for (std::string line; read_line(std::cin, kScenarioBytesMax + 1, &line);) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    output.print(answer_scenario(line, rules).json + "\n");
  }
  return kExitOk;
}

int do_verb(Output& output, const StrategySimulateOptions& options) {
  const Strategy strategy = load_strategy_or_throw(output, options.file);
  const Forecast forecast = forecast_repair(strategy, forecast_options(options, strategy));
  output.show_one([&] { return render_forecast(strategy, forecast); },
                  [&] { return forecast_json(strategy, forecast); }, [&] { return strategy.name; });
  return kExitOk;
}

}  // namespace muster
