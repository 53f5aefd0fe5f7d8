#include "cli/parse.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "cli/parse_parts.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"

namespace muster {
namespace {

constexpr size_t kHelpColumn = 30;

void add_global_options(Parse& parse) {
  CLI::App& app = parse.app;
  app.get_formatter()->column_width(kHelpColumn);
  app.fallthrough();
  app.require_subcommand(1, 1);
  app.set_help_flag("-h,--help", "Show this help");
  add_given(&app, "--home", &parse.global.home, "DIR",
            "Installation to work with (default: $MUSTER_HOME, else ~/.local/state/muster)");
  add_given(&app, "--endpoint", &parse.global.endpoint, "URL",
            "Broker to ask (default: $MUSTER_ENDPOINT, else the home's own)");
  const std::map<std::string, Format> formats = {{"human", Format::human},
                                                 {"json", Format::json},
                                                 {"jsonl", Format::jsonl},
                                                 {"quiet", Format::quiet}};
  add_value<Format>(
      &app, "-o,--output",
      [formats](const std::string& text) -> Result<Format> {
        const auto at = formats.find(text);
        if (at != formats.end()) return at->second;
        return Error{quote_text(text) + " is not a format: human, json, jsonl, quiet" +
                     suggestion(text, {"human", "json", "jsonl", "quiet"})};
      },
      [&parse](Format format) { parse.global.format = format; }, "FORMAT",
      "Form of the answer: human, json, jsonl or quiet");
  app.add_flag("--no-color", parse.global.no_color, "No colour, as with $NO_COLOR");
  app.footer(
      "Examples:\n"
      "  muster up                               start broker, worker and collector here\n"
      "  muster run -- uname -a                  run a command as a task\n"
      "  muster verify --all                     check every device\n"
      "  muster task explain last                why is my task not running?\n"
      "  muster VERB --help                      options and examples of a verb\n"
      "Exit status: 0-9 as the task's status, 10 infrastructure error, 64 usage, 69 broker\n"
      "unreachable, 77 not permitted; more in muster(1).");
}

void add_up(Parse& parse) {
  auto [verb, options] = add_verb<UpOptions>(
      parse, &parse.app, "up", "Run broker, worker and collector on this machine",
      "  muster up\n"
      "  muster up --home /srv/muster --slots 4 --inventory lab.yaml");
  add_text(verb, "--worker-name", &options->worker_name, "NAME",
           "The worker's name in inventories (default: local)");
  add_number(
      verb, "--slots", 1, kSlotsMax,
      [target = options](uint64_t n) { target->slots = static_cast<uint32_t>(n); },
      "Attempts that run at the same time (default: 8)");
  add_text(verb, "--inventory", &options->inventory, "FILE", "Apply this inventory once ready");
}

void add_device_change(Parse& parse, CLI::App* group, DeviceChange change,
                       const std::string& description, const std::string& example) {
  const std::string name(to_string(change));
  auto [verb, options] =
      add_verb<DeviceChangeOptions>(parse, group, name, description, "  muster device " + example);
  options->change = change;
  add_devices(verb, &options->devices);
  const bool must_say_why = change == DeviceChange::lock || change == DeviceChange::quarantine;
  CLI::Option* reason =
      add_text(verb, "--reason", &options->reason, "TEXT", "Why, for those who wonder later");
  if (must_say_why) reason->required();
}

void add_device_ways(Parse& parse, CLI::App* group) {
  add_device_change(parse, group, DeviceChange::lock, "Keep devices to yourself: nothing uses them",
                    "lock phone-7 --reason 'new screen'");
  add_device_change(parse, group, DeviceChange::unlock, "Give locked devices back",
                    "unlock phone-7");
  add_device_change(parse, group, DeviceChange::quarantine,
                    "Keep devices from jobs until they are released",
                    "quarantine -l rack=3 --reason 'no air in rack 3'");
  add_device_change(parse, group, DeviceChange::release,
                    "Let devices have jobs again, whatever was found before",
                    "release phone-7 --reason 'battery replaced'");
  auto [verb, options] = add_verb<DeviceHistoryOptions>(
      parse, group, "history", "What a device went through, oldest first",
      "  muster device history phone-7\n"
      "  muster device history phone-7 --max 500 -o jsonl");
  add_word(verb, "DEVICE", &options->name, "Name of a device")->required();
  add_number(
      verb, "-n,--max", 1, kListTasksMax,
      [target = options](uint64_t n) { target->count_max = static_cast<uint32_t>(n); },
      "At most so many entries, the newest (default: 50)");
}

void add_strategy_stats(Parse& parse, CLI::App* strategy) {
  auto [verb, options] = add_verb<StrategyStatsOptions>(
      parse, strategy, "stats", "How well repair actions have worked",
      "  muster strategy stats\n"
      "  muster strategy stats phone.yaml -o json");
  add_word(verb, "STRATEGY", &options->strategy, "A strategy file or name (default: all)");
}

void add_lab(Parse& parse) {
  CLI::App* device = add_group(parse, "device", "Devices, their state and health");
  {
    auto [verb, options] =
        add_verb<DeviceListOptions>(parse, device, "ls", "Devices of the inventory",
                                    "  muster device ls\n"
                                    "  muster device ls -l type=handset");
    add_text(verb, "-l,--selector", &options->selector, "SEL", "Only those that match");
  }
  {
    auto [verb, options] = add_verb<DeviceShowOptions>(
        parse, device, "show", "Everything about devices", "  muster device show phone-7");
    add_words(verb, "DEVICE", &options->names, "Names of devices")->required();
  }
  add_device_ways(parse, device);
  CLI::App* worker = add_group(parse, "worker", "Workers, their slots and leases");
  add_verb<WorkerListOptions>(parse, worker, "ls", "Workers the broker knows",
                              "  muster worker ls");
}

void add_files(Parse& parse) {
  CLI::App* inventory = add_group(parse, "inventory", "Files that declare a lab's devices");
  for (const bool apply : {false, true}) {
    auto [verb, options] = add_verb<InventoryOptions>(
        parse, inventory, apply ? "apply" : "check",
        apply ? "Make a file the lab's inventory" : "Say everything that is wrong with a file",
        std::string("  muster inventory ") + (apply ? "apply" : "check") + " lab.yaml");
    options->apply = apply;
    add_word(verb, "FILE", &options->file, "An inventory file")->required();
  }
  CLI::App* strategy = add_group(parse, "strategy", "Files that say how to check and repair");
  {
    auto [verb, options] = add_verb<StrategyCheckOptions>(
        parse, strategy, "check", "Say everything that is wrong with files",
        "  muster strategy check strategies/*.yaml");
    add_words(verb, "FILE", &options->files, "Strategy files")->required();
  }
  add_strategy_stats(parse, strategy);
  {
    auto [verb, options] =
        add_verb<StrategyTreeOptions>(parse, strategy, "tree", "Show what is checked after what",
                                      "  muster strategy tree phone.yaml\n"
                                      "  muster strategy tree --short phone.yaml");
    add_word(verb, "FILE", &options->file, "A strategy file")->required();
    verb->add_flag("--short", options->brief, "Tags only");
  }
}

void add_rest(Parse& parse) {
  auto [verb, options] = add_verb<DoctorOptions>(
      parse, &parse.app, "doctor", "Say what is wrong with this installation and what to do",
      "  muster doctor\n"
      "  muster doctor --wait 30s      until nothing is wrong any more");
  add_duration(verb, "--wait", &options->wait, "Ask again until nothing is wrong, so long at most");
  add_verb<VersionOptions>(parse, &parse.app, "version", "Print the version", "  muster version");
}

// The format that was asked for, as far as a wrong command line shows it.
Format wanted_format(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : "";
    const std::string& word = arguments[i];
    const std::string value = word == "-o" || word == "--output" ? next
                              : word.starts_with("--output=")    ? word.substr(9)
                              : word.starts_with("-o")           ? word.substr(2)
                                                                 : "";
    if (value == "json") return Format::json;
    if (value == "jsonl") return Format::jsonl;
    if (value == "quiet") return Format::quiet;
  }
  return Format::human;
}

// The verb that the parser reached, outermost first: muster, task, ls.
std::vector<CLI::App*> reached(CLI::App& app) {
  std::vector<CLI::App*> path = {&app};
  while (!path.back()->get_subcommands().empty()) {
    path.push_back(path.back()->get_subcommands().front());
  }
  return path;
}

std::vector<std::string> verb_names(CLI::App* app) {
  std::vector<std::string> names;
  for (CLI::App* verb : app->get_subcommands([](CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

std::string explain_extra(const std::vector<CLI::App*>& path, const std::string& extra) {
  const std::string word = without_mark(extra);
  CLI::App* verb = path.back();
  if (word.starts_with("-")) {
    std::vector<std::string> names;
    for (CLI::App* app : path) {
      for (const CLI::Option* option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back(name);
      }
    }
    const std::string bare =
        word.substr(std::min(word.find_first_not_of('-'), word.size()), std::string::npos);
    return "unknown option " + quote_text(word) +
           suggestion(bare.substr(0, bare.find('=')), names, "--");
  }
  const std::vector<std::string> verbs = verb_names(verb);
  if (!verbs.empty()) return "unknown verb " + quote_text(word) + suggestion(word, verbs);
  if (verb->get_name() == "run") {
    return "unexpected argument " + quote_text(word) +
           "; a command goes after --: muster run -- CMD";
  }
  return "unexpected argument " + quote_text(word);
}

UsageFault explain_fault(Parse& parse, const CLI::ParseError& fault,
                         const std::vector<std::string>& left) {
  const std::vector<CLI::App*> path = reached(parse.app);
  std::vector<std::string> names;
  for (CLI::App* app : path) names.push_back(app->get_name());
  UsageFault usage;
  const bool is_extra = dynamic_cast<const CLI::ExtrasError*>(&fault) != nullptr;
  const bool wants_verb = dynamic_cast<const CLI::RequiredError*>(&fault) != nullptr &&
                          !verb_names(path.back()).empty();
  if (!left.empty() && (is_extra || wants_verb)) {
    usage.message = explain_extra(path, left.front());
  } else if (wants_verb) {
    usage.message = "a verb is missing: " + join(verb_names(path.back()), ", ");
  } else {
    usage.message = fault.what();
  }
  usage.hint = "see: " + join(names, " ") + " --help";
  return usage;
}

// What the struct of a verb cannot say by itself.
std::optional<std::string> contradiction(const VerbOptions& verb) {
  if (const auto* run = std::get_if<RunOptions>(&verb)) {
    if (run->source.empty() == run->command.empty()) {
      return run->source.empty() ? "give a job file, a directory, or a command after --"
                                 : "give either a job or a command after --, not both";
    }
    const bool picks_jobs = !run->path.empty() || !run->tags.empty();
    if (picks_jobs && !run->command.empty()) return "--path and --tags choose jobs of a directory";
    if (!run->path.empty() && !run->tags.empty()) return "give one of --path and --tags";
  }
  const auto ways = [](const DeviceChoice& choice) {
    return (choice.names.empty() ? 0 : 1) + (choice.selector.empty() ? 0 : 1);
  };
  if (const auto* verify = std::get_if<VerifyOptions>(&verb)) {
    if (ways(verify->devices) + (verify->all ? 1 : 0) != 1) {
      return verify->repair ? "say which devices: names, or -l SELECTOR"
                            : "say which devices: names, -l SELECTOR, or --all";
    }
  }
  if (const auto* change = std::get_if<DeviceChangeOptions>(&verb)) {
    if (ways(change->devices) != 1) return "say which devices: names, or -l SELECTOR";
  }
  return std::nullopt;
}

ParsedCommand parse_words(std::vector<std::string> words, std::vector<std::string> command) {
  Parse parse;
  add_global_options(parse);
  add_up(parse);
  add_run(parse);
  add_verify(parse);
  add_task_ways(parse);
  add_task(parse);
  add_answers(parse);
  add_lab(parse);
  add_files(parse);
  add_rest(parse);
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    parse.app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return HelpText{parse.app.help()};
  } catch (const CLI::ParseError& fault) {
    return explain_fault(parse, fault, parse.app.remaining(true));
  }
  if (auto* run = std::get_if<RunOptions>(&*parse.chosen)) run->command = std::move(command);
  if (const std::optional<std::string> reason = contradiction(*parse.chosen)) {
    return UsageFault{*reason, "see: muster " + reached(parse.app).back()->get_name() + " --help"};
  }
  return Invocation{std::move(parse.global), std::move(*parse.chosen)};
}

}  // namespace

ParsedCommand parse_command_line(const std::vector<std::string>& arguments) {
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> words(arguments.begin(), mark);
  const std::vector<std::string> rest(mark == arguments.end() ? mark : mark + 1, arguments.end());
  if (words.size() == 1 && words[0] == "--version") words[0] = "version";
  const bool may_be_run = std::find(words.begin(), words.end(), "run") != words.end();
  ParsedCommand parsed = UsageFault{};
  if (may_be_run) parsed = parse_words(words, rest);
  const auto* invocation = std::get_if<Invocation>(&parsed);
  const bool is_other =
      invocation != nullptr && !std::holds_alternative<RunOptions>(invocation->verb);
  if (!may_be_run || is_other) {
    for (const std::string& word : rest) words.push_back(kPlainWord + word);
    parsed = parse_words(std::move(words), {});
  }
  if (auto* fault = std::get_if<UsageFault>(&parsed)) fault->format = wanted_format(arguments);
  return parsed;
}

}  // namespace muster
