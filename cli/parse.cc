#include "cli/parse.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "cli/parse_kit.h"
#include "cli/values.h"
#include "core/duration_text.h"
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
  add_given(
      &app, "--key", &parse.global.key, "NAME",
      "Key pair for tcp://, a name or a file (default: $MUSTER_KEY, else HOME/keys/admin.key)");
  add_given(&app, "--server-key", &parse.global.server_key, "KEY",
            "The broker's public key, or a file (default: $MUSTER_SERVER_KEY, else "
            "HOME/keys/broker.pub)");
  add_value<Format>(
      &app, "-o,--output", [](const std::string& text) { return parse_format(text, {}); },
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

void add_verify(Parse& parse) {
  for (const bool repair : {false, true}) {
    auto [verb, options] = add_verb<VerifyOptions>(
        parse, &parse.app, repair ? "repair" : "verify",
        repair ? "Verify devices, repair what fails, and wait for the findings"
               : "Check devices with their strategies and wait for the findings",
        repair ? "  muster repair phone-7 --reason 'screen was dark'\n"
                 "  muster repair -l type=handset,!broken"
               : "  muster verify phone-7\n"
                 "  muster verify -l type=handset,!broken\n"
                 "  muster verify --all -o jsonl");
    options->repair = repair;
    add_devices(verb, &options->devices);
    if (repair) {
      add_text(verb, "--reason", &options->reason, "TEXT", "What is wrong, for those who wonder");
    } else {
      verb->add_flag("--all", options->all, "Every device of the inventory");
      add_text(verb, "--level", &options->level, "NAME", "Only checks of this level, e.g. quick");
    }
    verb->add_flag("--detach", options->detach, "Do not wait: print the tasks' GUIDs");
    add_number(
        verb, "--priority", 0, kPriorityMax,
        [target = options](uint64_t n) { target->priority = static_cast<uint32_t>(n); },
        "0 to 100, higher first (default: 50)");
    add_duration(verb, "--timeout", &options->timeout,
                 "Longest time for one device: to run, and before that in the queue");
    add_duration(verb, "--queue-timeout", &options->queue_timeout,
                 "Longest time in the queue (default: --timeout, else 1h; 0: no limit)");
  }
}

void add_run_limits(CLI::App* verb, const std::shared_ptr<RunOptions>& options) {
  add_number(
      verb, "--priority", 0, kPriorityMax,
      [target = options](uint64_t n) { target->priority = static_cast<uint32_t>(n); },
      "0 to 100, higher first (default: 50)");
  add_duration(verb, "--timeout", &options->timeout, "Longest time for one attempt");
  add_duration(verb, "--silence", &options->silence, "Longest time without output");
  add_duration(verb, "--queue-timeout", &options->queue_timeout, "Longest time in the queue");
  add_duration(verb, "--deadline", &options->deadline,
               "Longest time from submission to the end: what has not ended then is ended");
  add_duration(verb, "--grace", &options->grace, "Time between TERM and KILL (default: 10s)");
  add_value<RetryBudget>(
      verb, "--retry", parse_retry,
      [target = options](RetryBudget budget) {
        target->retry_infra = budget.infra;
        target->retry_test = budget.test;
      },
      "CAUSE=N", "Further attempts by cause, e.g. infra=2,test=1 (default: infra=2)");
  add_number(
      verb, "--crash-limit", 0, kCrashLimitMax,
      [target = options](uint64_t n) { target->crash_limit = static_cast<uint32_t>(n); },
      "Attempts lost with their workers before it is buried (default: 3; 0: any number)");
  verb->add_flag("--wait-for-capacity", options->wait_for_capacity,
                 "Accept it even if no known device or worker could serve it");
}

void add_run_before(CLI::App* verb, const std::shared_ptr<RunOptions>& options) {
  add_value<VerifyFirst>(
      verb, "--verify",
      [](const std::string& text) -> Result<VerifyFirst> {
        if (std::optional<VerifyFirst> verify = parse_verify_first(text)) return *verify;
        return Error{quote_text(text) + " is not one of none, fresh, always" +
                     suggestion(text, {"none", "fresh", "always"})};
      },
      [target = options](VerifyFirst verify) { target->verify = verify; }, "WHEN",
      "Verify the devices first: none, fresh (default: unless it was done lately) or always");
  verb->add_flag("--no-repair", options->no_repair, "Do not repair devices that fail that");
}

void add_run_source(CLI::App* verb, const std::shared_ptr<RunOptions>& options) {
  add_word(verb, "JOB", &options->source, "A job file, or a directory with .vcsjob");
  add_text(verb, "--path", &options->path, "PATH", "The job of the directory at this path");
  add_tag_terms(verb, &options->tags);
  add_array_flags(verb, options);
  add_list(verb, "-d,--device", &options->devices, "NAME", "Device to use; ROLE=NAME for several");
  add_list(verb, "-l,--selector", &options->selectors, "SEL",
           "Any device that matches, e.g. type=handset,!broken");
  add_value<std::string>(
      verb, "--pool", [](const std::string& text) -> Result<std::string> { return text; },
      [target = options](std::string pool) { target->pool = std::move(pool); }, "NAME",
      "Devices and workers of this pool only");
  add_text(verb, "--guid", &options->guid, "GUID", "Name of the task (default: a new UUID)");
  add_text(verb, "--name", &options->name, "TEXT", "The task's name for people");
  add_assignments(verb, "--env", &options->env,
                  "Set in the job's environment, which is empty otherwise");
  add_list(verb, "--pass-env", &options->env_pass, "NAME",
           "Passed on from the worker's environment");
  add_text(verb, "--cwd", &options->cwd, "DIR", "Where the job runs (default: a fresh workspace)");
}

void add_run_after(CLI::App* verb, const std::shared_ptr<RunOptions>& options) {
  const auto add = [&](const std::string& name, After after, const std::string& description) {
    verb->add_flag_callback(
        name,
        [target = options, name, after] {
          if (target->after != After::unsaid) {
            throw CLI::ValidationError(name, "give one of --wait, --follow, --detach");
          }
          target->after = after;
        },
        description);
  };
  add("--wait", After::wait, "Wait for the verdict (default without a terminal)");
  add("--follow", After::follow, "Wait and show the console log (default on a terminal)");
  add("--detach", After::detach, "Do not wait: print the task's GUID");
}

void add_run(Parse& parse) {
  auto [verb, options] = add_verb<RunOptions>(
      parse, &parse.app, "run", "Run a job as a task: run [OPTIONS] JOB.yaml | DIR | -- CMD ARG...",
      "  muster run -- uname -a\n"
      "  muster run -l type=handset --timeout 10m --retry infra=2,test=1 smoke.yaml\n"
      "  muster run -d phone-7 ./jobs --tags nightly,camera\n"
      "  muster run --detach -o quiet --env SEED=7 -- ./soak-test");
  add_run_source(verb, options);
  add_run_limits(verb, options);
  add_run_before(verb, options);
  add_run_after(verb, options);
}

void add_task_ways(Parse& parse) {
  {
    auto [verb, options] = add_verb<SubmitOptions>(
        parse, &parse.app, "submit", "Hand in the tasks of files; returns when they are recorded",
        "  muster submit nightly.yaml\n"
        "  muster wait $(muster submit -o quiet *.yaml)");
    add_words(verb, "FILE", &options->files, "Job files")->required();
  }
  {
    auto [verb, options] = add_verb<WaitOptions>(
        parse, &parse.app, "wait", "Wait until tasks have ended; exits with the worst status",
        "  muster wait last\n"
        "  muster wait 0193a5 0193a6 --timeout 30m");
    add_words(verb, "GUID", &options->guids, "Tasks: GUIDs, unique prefixes, or last")->required();
    add_duration(verb, "--timeout", &options->timeout, "Give up after this time (exit status 75)");
  }
  {
    auto [verb, options] =
        add_verb<CancelOptions>(parse, &parse.app, "cancel", "Cancel tasks that have not ended",
                                "  muster cancel last --reason 'wrong build'");
    add_words(verb, "GUID", &options->guids, "Tasks: GUIDs, unique prefixes, or last")->required();
    add_reason(verb, &options->reason);
  }
  {
    auto [verb, options] = add_verb<RetryOptions>(
        parse, &parse.app, "retry",
        "Give tasks that ended without a pass another go; their earlier attempts stay visible",
        "  muster retry last\n"
        "  muster retry 0193a5 --reason 'new cable' --wait");
    add_words(verb, "GUID", &options->guids, "Tasks: GUIDs, unique prefixes, or last")->required();
    add_text(verb, "--reason", &options->reason, "TEXT", "Why, for those who wonder later");
    verb->add_flag("--wait", options->wait,
                   "Wait until they have ended; exits with the worst status");
  }
}

void add_task(Parse& parse) {
  CLI::App* group = add_group(parse, "task", "What the broker knows about tasks");
  {
    auto [verb, options] =
        add_verb<TaskListOptions>(parse, group, "ls", "Tasks that have not ended, newest first",
                                  "  muster task ls\n"
                                  "  muster task ls --all --kind verify -n 20\n"
                                  "  muster task ls --group last --verdict fail,error -o quiet");
    add_value<std::vector<TaskState>>(
        verb, "--state", parse_task_states,
        [target = options](std::vector<TaskState> states) { target->states = std::move(states); },
        "A,B", "Only these: queued, leased, running, ended");
    add_value<TaskKind>(
        verb, "--kind",
        [](const std::string& text) -> Result<TaskKind> {
          if (std::optional<TaskKind> kind = parse_task_kind(text)) return *kind;
          return Error{quote_text(text) + " is not a kind: verify, repair, job"};
        },
        [target = options](TaskKind kind) { target->kind = kind; }, "KIND",
        "Only these: verify, repair or job");
    add_number(
        verb, "-n,--count", 1, kListTasksMax,
        [target = options](uint64_t n) { target->count_max = static_cast<uint32_t>(n); },
        "At most so many (default: 50)");
    verb->add_flag("--all", options->all, "Ended ones too");
    add_task_filters(verb, options);
  }
  {
    auto [verb, options] = add_verb<TaskShowOptions>(
        parse, group, "show", "Everything about tasks: attempts, devices, logs, verdict",
        "  muster task show last\n"
        "  muster task show 0193a5 -o json");
    add_words(verb, "GUID", &options->guids, "Tasks: GUIDs, unique prefixes, or last")->required();
  }
  {
    auto [verb, options] = add_verb<TaskExplainOptions>(
        parse, group, "explain", "Why a task is where it is", "  muster task explain last");
    add_word(verb, "GUID", &options->guid, "Task: a GUID, a unique prefix, or last")->required();
  }
  {
    auto [verb, options] = add_verb<TaskTraceOptions>(
        parse, group, "trace",
        "Everything that happened to a task, to those it caused and to those that caused it",
        "  muster task trace last\n"
        "  muster task trace 0193a5 -o jsonl");
    add_word(verb, "GUID", &options->guid,
             "Any task of the chain: a GUID, a unique prefix, or last")
        ->required();
  }
}

void add_answers(Parse& parse) {
  {
    auto [verb, options] =
        add_verb<EventsOptions>(parse, &parse.app, "events", "Print the broker's event log",
                                "  muster events -n 20\n"
                                "  muster events -f --guid last\n"
                                "  muster events --from 1 --type task_submitted -o jsonl");
    verb->add_flag("-f,--follow", options->follow, "Go on as events happen");
    add_number(
        verb, "--from", 1, UINT64_MAX, [target = options](uint64_t n) { target->from = n; },
        "From this sequence number on");
    add_text(verb, "--guid", &options->guid, "GUID", "Only of this task");
    add_text(verb, "--type", &options->type, "TYPE", "Only of this type, e.g. attempt_ended");
    add_number(
        verb, "-n,--count", 1, UINT64_MAX,
        [target = options](uint64_t n) { target->count_max = n; },
        "At most so many: the newest, or with --from the first");
  }
  {
    auto [verb, options] =
        add_verb<ResultOptions>(parse, &parse.app, "result", "Test cases and verdict of a task",
                                "  muster result last\n"
                                "  muster result last --format junit > result.xml\n"
                                "  muster result 0193a5 --format status-log");
    add_word(verb, "GUID", &options->guid, "Task: a GUID, a unique prefix, or last")->required();
    add_value<ResultFormat>(
        verb, "--format",
        [](const std::string& text) -> Result<ResultFormat> {
          if (text == "junit") return ResultFormat::junit;
          if (text == "json") return ResultFormat::json;
          if (text == "status-log") return ResultFormat::status_log;
          return Error{quote_text(text) + " is not a format: junit, json, status-log"};
        },
        [target = options](ResultFormat format) { target->format = format; }, "FORMAT",
        "junit, json or status-log");
  }
}

void add_lab(Parse& parse) {
  add_device_verbs(parse);
  CLI::App* worker = add_group(parse, "worker", "Workers, their slots and leases");
  add_verb<WorkerListOptions>(parse, worker, "ls", "Workers the broker knows",
                              "  muster worker ls");
  add_drain_verbs(parse, worker, true);
}

void add_inventory(Parse& parse) {
  CLI::App* inventory = add_group(parse, "inventory", "Files that declare a lab's devices");
  const auto add_inventory_verb = [&](const std::string& name, InventoryVerb kind,
                                      const std::string& help) {
    auto [verb, options] = add_verb<InventoryOptions>(parse, inventory, name, help,
                                                      "  muster inventory " + name + " lab.yaml");
    options->verb = kind;
    add_word(verb, "FILE", &options->file, "An inventory file")->required();
    return std::pair(verb, options);
  };
  add_inventory_verb("check", InventoryVerb::check, "Say everything that is wrong with a file");
  add_inventory_verb("diff", InventoryVerb::diff,
                     "Say what applying a file would change: exit 0 nothing, 1 something");
  auto [apply, options] =
      add_inventory_verb("apply", InventoryVerb::apply, "Make a file the lab's inventory");
  apply->add_flag("--dry-run", options->dry_run, "Say what it would change, and change nothing");
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

// "see: muster strategy run --help".
std::string help_hint(const std::vector<CLI::App*>& path) {
  std::vector<std::string> names;
  for (CLI::App* app : path) names.push_back(app->get_name());
  return "see: " + join(names, " ") + " --help";
}

UsageFault explain_fault(Parse& parse, const CLI::ParseError& fault,
                         const std::vector<std::string>& left) {
  const std::vector<CLI::App*> path = reached(parse.app);
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
  usage.hint = help_hint(path);
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
    if (!run->array.empty() && !run->each_line.empty())
      return "give one of --array and --each-line";
  }
  if (const auto* report = std::get_if<ReportOptions>(&verb)) {
    const bool one = !report->name.empty() || !report->outcome.empty();
    if (one + !report->junit.empty() + !report->gtest.empty() != 1) {
      return "give one of: --name N and an outcome, --junit FILE, --gtest FILE";
    }
    if (one && (report->name.empty() || report->outcome.empty())) {
      return "a case wants --name N and an outcome: pass, fail, error or skip";
    }
  }
  if (const auto* measure = std::get_if<MeasureOptions>(&verb)) {
    if (measure->table.empty()) return "which table? muster measure TABLE K=V...";
    if (measure->row.empty() == measure->csv.empty()) return "give K=V... or --csv FILE";
  }
  if (const auto* call = std::get_if<CallOptions>(&verb)) {
    if (call->arguments.empty()) return "which verb? muster call VERB ARGS...";
  }
  if (const auto* scenario = std::get_if<StrategyScenarioOptions>(&verb)) {
    if (scenario->file.empty() && !scenario->lines) return "give --scenario FILE or --jsonl";
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
  if (const auto* change = std::get_if<SinkDeadChangeOptions>(&verb)) {
    if (change->seqs.empty() != change->all) return "say which letters: SEQ..., or --all";
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
  add_archive_verbs(parse);
  add_answers(parse);
  add_lab(parse);
  add_inventory(parse);
  add_strategy_verbs(parse);
  add_job_verbs(parse);
  add_job_api_verbs(parse);
  add_sink_verbs(parse);
  add_broker_verbs(parse);
  add_key_verbs(parse);
  add_rest(parse);
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    parse.app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return HelpText{parse.app.help()};
  } catch (const CLI::ParseError& fault) {
    return explain_fault(parse, fault, parse.app.remaining(true));
  }
  if (auto* run = std::get_if<RunOptions>(&*parse.chosen)) {
    run->command = std::move(command);
  } else if (auto* call = std::get_if<CallOptions>(&*parse.chosen)) {
    call->arguments = std::move(command);
  }
  if (const std::optional<std::string> reason = contradiction(*parse.chosen)) {
    return UsageFault{*reason, help_hint(reached(parse.app))};
  }
  return Invocation{std::move(parse.global), std::move(*parse.chosen)};
}

// Where the verb `call` stands, when that is the verb: what follows it is another command line.
std::optional<size_t> find_call(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "call") return i;
    if (word == "--home" || word == "--endpoint" || word == "--key" || word == "--server-key" ||
        word == "-o" || word == "--output") {
      ++i;
    } else if (!word.starts_with("-")) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

ParsedCommand parse_command_line(const std::vector<std::string>& arguments) {
  if (const std::optional<size_t> at = find_call(arguments)) {
    const auto call = arguments.begin() + static_cast<ptrdiff_t>(*at);
    const bool help = *at + 1 < arguments.size() && (call[1] == "--help" || call[1] == "-h");
    const std::vector<std::string> words(arguments.begin(), call + (help ? 2 : 1));
    std::vector<std::string> inner(arguments.begin(), call);  // its options go for the inner verb
    if (*at + 1 < arguments.size())
      inner.insert(inner.end(), call + 1, arguments.end());
    else
      inner.clear();
    ParsedCommand parsed = parse_words(words, std::move(inner));
    if (auto* fault = std::get_if<UsageFault>(&parsed)) fault->format = wanted_format(arguments);
    auto* invocation = std::get_if<Invocation>(&parsed);
    if (invocation != nullptr) std::get<CallOptions>(invocation->verb).method = call[1];
    return parsed;
  }
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> words(arguments.begin(), mark);
  // CLI11 would give such an option the next word.
  for (const std::string& word : words) {
    const bool has_no_value = word.starts_with("--") && word.find('=') == word.size() - 1;
    if (!has_no_value) continue;
    return UsageFault{quote_text(word) + " has no value; leave it out for the default",
                      "see: muster --help", wanted_format(arguments)};
  }
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
