// The verbs about tasks.
#include "cli/parse_parts.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"

namespace muster {
namespace {

void add_run_limits(CLI::App* verb, const std::shared_ptr<RunOptions>& options) {
  add_number(
      verb, "--priority", 0, kPriorityMax,
      [target = options](uint64_t n) { target->priority = static_cast<uint32_t>(n); },
      "0 to 100, higher first (default: 50)");
  add_duration(verb, "--timeout", &options->timeout, "Longest time for one attempt");
  add_duration(verb, "--silence", &options->silence, "Longest time without output");
  add_duration(verb, "--queue-timeout", &options->queue_timeout, "Longest time in the queue");
  add_duration(verb, "--grace", &options->grace, "Time between TERM and KILL (default: 10s)");
  add_value<RetryBudget>(
      verb, "--retry", parse_retry,
      [target = options](RetryBudget budget) {
        target->retry_infra = budget.infra;
        target->retry_test = budget.test;
      },
      "CAUSE=N", "Further attempts by cause, e.g. infra=2,test=1 (default: infra=2)");
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
  add_list(verb, "--tags", &options->tags, "A,B", "The directory's jobs that carry all these tags")
      ->delimiter(',');
  add_list(verb, "-d,--device", &options->devices, "NAME", "Device to use; ROLE=NAME for several");
  add_list(verb, "-l,--selector", &options->selectors, "SEL",
           "Any device that matches, e.g. type=handset,!broken");
  add_value<std::string>(
      verb, "--pool", [](const std::string& text) -> Result<std::string> { return text; },
      [target = options](std::string pool) { target->pool = std::move(pool); }, "NAME",
      "Devices and workers of this pool only");
  add_text(verb, "--guid", &options->guid, "GUID", "Name of the task (default: a new UUID)");
  add_text(verb, "--name", &options->name, "TEXT", "The task's name for people");
  verb->add_option_function<std::vector<std::string>>(
          "--env",
          [target = options](const std::vector<std::string>& assignments) {
            for (const std::string& text : assignments) {
              Result<std::pair<std::string, std::string>> pair = parse_assignment(text);
              if (!pair) throw CLI::ValidationError("--env", pair.error());
              target->env.insert_or_assign(pair->first, pair->second);
            }
          },
          "Set in the job's environment, which is empty otherwise")
      ->allow_extra_args(false)
      ->type_name("K=V");
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

}  // namespace

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
    add_duration(verb, "--timeout", &options->timeout, "Longest time for one device");
  }
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
    add_text(verb, "--reason", &options->reason, "TEXT", "Why, for those who wonder later")
        ->required();
  }
}

void add_task(Parse& parse) {
  CLI::App* group = add_group(parse, "task", "What the broker knows about tasks");
  {
    auto [verb, options] =
        add_verb<TaskListOptions>(parse, group, "ls", "Tasks that have not ended, newest first",
                                  "  muster task ls\n"
                                  "  muster task ls --all --kind verify -n 20\n"
                                  "  muster task ls --state queued -o quiet");
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
        add_verb<LogOptions>(parse, &parse.app, "log", "Print the console log of a task",
                             "  muster log last\n"
                             "  muster log 0193a5 -f\n"
                             "  muster log last --attempt 1");
    add_word(verb, "GUID", &options->guid, "Task: a GUID, a unique prefix, or last")->required();
    verb->add_flag("-f,--follow", options->follow, "Go on until the task has ended");
    add_number(
        verb, "--attempt", 1, kAttemptsMax,
        [target = options](uint64_t n) { target->attempt = static_cast<uint32_t>(n); },
        "Of this attempt (default: the newest)");
  }
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

}  // namespace muster
