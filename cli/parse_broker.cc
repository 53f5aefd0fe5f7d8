// The verbs of the broker and its event log.
#include "cli/parse_kit.h"

namespace muster {
namespace {

void add_log_verbs(Parse& parse, CLI::App* log) {
  add_verb<LogStatusOptions>(parse, log, "status",
                             "How much of the log there is, and who still needs what of it",
                             "  muster broker log status\n"
                             "  muster broker log status -o json");
  add_verb<LogVerifyOptions>(parse, log, "verify",
                             "Read all of this home's log: each block, and each snapshot against "
                             "what the events before it give",
                             "  muster broker log verify\n"
                             "  muster --home /srv/backup broker log verify");
  {
    auto [verb, options] = add_verb<LogExportOptions>(
        parse, log, "export", "Print this home's log as JSON, one event a line",
        "  muster broker log export > events.ndjson\n"
        "  muster broker log export --from 120000 --to 130000 --file part.ndjson");
    add_number(
        verb, "--from", 1, INT64_MAX, [target = options](uint64_t n) { target->from = n; },
        "Number of the first event (default: the oldest there is)");
    add_number(
        verb, "--to", 1, INT64_MAX, [target = options](uint64_t n) { target->to = n; },
        "Number of the last event (default: the newest)");
    add_given(verb, "--file", &options->file, "PATH", "Write there, not to stdout");
  }
  {
    auto [verb, options] =
        add_verb<LogTrimOptions>(parse, log, "trim", "Remove old events that nobody needs any more",
                                 "  muster broker log trim --dry-run\n"
                                 "  muster broker log trim --before 120000");
    add_number(
        verb, "--before", 1, INT64_MAX, [target = options](uint64_t n) { target->before = n; },
        "Keep this event and what comes after it (default: only what is needed)");
    verb->add_flag("--dry-run", options->dry_run, "Only say what would go");
  }
  {
    auto [verb, options] = add_verb<LogForgetOptions>(
        parse, log, "forget", "Keep nothing for a reader that is gone for good",
        "  muster broker log forget couchdb@old-host:/srv/muster");
    add_word(verb, "READER", &options->reader, "As muster broker log status names it")->required();
  }
}

}  // namespace

void add_broker_verbs(Parse& parse) {
  CLI::App* group = add_group(parse, "broker", "The broker and its event log");
  add_drain_verbs(parse, group, false);
  CLI::App* log = group->add_subcommand("log", "What the broker has recorded");
  log->require_subcommand(1, 1);
  log->footer("Examples of each: muster broker log VERB --help");
  add_log_verbs(parse, log);
}

}  // namespace muster
