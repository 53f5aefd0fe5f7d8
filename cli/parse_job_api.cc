// The grammar of the verbs that work inside a job.
#include <charconv>
#include <cmath>

#include "cli/parse_kit.h"
#include "cli/values.h"
#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"

namespace muster {

namespace {

// As programs print it: with a point, or as people write durations.
Result<Duration> read_seconds(const std::string& text) {
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc() || stop != end) return parse_duration(text);
  const double most = std::chrono::duration<double>(kTimeoutMax).count();
  if (!(seconds >= 0 && seconds <= most)) return Error{quote_text(text) + " is no time"};
  return Duration(std::llround(seconds * 1e6));
}

void add_shout(Parse& parse) {
  auto [verb, options] = add_verb<ShoutOptions>(
      parse, &parse.app, "shout", "Inside a job: tell everybody who listens (elsewhere: nothing)",
      "  muster shout '{\"state\": \"flashed\", \"build\": 4711}'");
  add_word(verb, "JSON", &options->json, "A JSON object")->required();
}

void add_report(Parse& parse) {
  auto [verb, options] = add_verb<ReportOptions>(
      parse, &parse.app, "report", "Inside a job: report a test case, or a file of them",
      "  muster report --suite wifi --name connect pass --seconds 1.5\n"
      "  muster report --suite wifi --name roam fail --message 'expected 2, got 3'\n"
      "  muster report --junit build/report.xml\n"
      "  muster report --gtest result.json");
  add_text(verb, "--suite", &options->suite, "S", "Suite of the case");
  add_text(verb, "--name", &options->name, "N", "Name of the case");
  add_word(verb, "OUTCOME", &options->outcome, "pass, fail, error or skip");
  add_value<Duration>(
      verb, "--seconds", read_seconds,
      [target = options.get()](Duration took) { target->seconds = took; }, "TIME",
      "How long it took, in seconds (1.5) or with units (90ms)");
  add_text(verb, "--message", &options->message, "TEXT", "Why it did not pass");
  add_given(verb, "--junit", &options->junit, "FILE", "All cases of a JUnit XML file");
  add_given(verb, "--gtest", &options->gtest, "FILE", "All cases of googletest's XML or JSON");
}

void add_measure(Parse& parse) {
  auto [verb, options] = add_verb<MeasureOptions>(
      parse, &parse.app, "measure", "Inside a job: add rows to a table of measurements",
      "  muster measure boot seconds=12.5 cold=true build=4711\n"
      "  muster measure latency --csv latency.csv");
  // With a verb of its own below, which must have the last word.
  verb->callback([&parse, app = verb, chosen = options] {
    if (app->get_subcommands().empty()) parse.chosen = *chosen;
  });
  verb->require_subcommand(0, 1);
  add_measure_questions(parse, verb);
  add_word(verb, "TABLE", &options->table, "Name of the table");
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::Option* row = add_words(verb, "K=V", words.get(), "Columns of one row");
  row->each([target = options, words](const std::string& word) {
    const Result<std::pair<std::string, std::string>> pair = parse_assignment(without_mark(word));
    if (!pair.ok()) throw CLI::ValidationError("K=V", pair.error());
    target->row.push_back(*pair);
  });
  add_given(verb, "--csv", &options->csv, "FILE",
            "Rows of a file whose first line names the columns");
}

void add_rest_of_job(Parse& parse) {
  {
    auto [verb, options] = add_verb<PushOptions>(
        parse, &parse.app, "push", "Inside a job: keep a file as an artifact of the attempt",
        "  muster push trace.bin\n"
        "  muster push out/trace.bin traces/boot.bin");
    add_word(verb, "FILE", &options->file, "A file of the job")->required();
    add_word(verb, "AS", &options->as, "Its name among the artifacts (default: the file's)");
  }
  {
    auto [verb, options] = add_verb<ProgressOptions>(
        parse, &parse.app, "progress", "Inside a job: say how far it has come (elsewhere: nothing)",
        "  muster progress 40 'flashing system.img'");
    add_value<uint64_t>(
        verb, "PCT", [](const std::string& text) { return parse_whole_number(text, 0, 100); },
        [target = options](uint64_t n) { target->percent = static_cast<uint32_t>(n); }, "",
        "0 to 100")
        ->required();
    add_word(verb, "TEXT", &options->text, "What is being done");
  }
  add_verb<CallOptions>(parse, &parse.app, "call",
                        "Inside a job: run a verb of muster; one that fails becomes an event",
                        "  muster call device show phone-7\n"
                        "  muster call submit follow-up.yaml");
}

}  // namespace

void add_job_api_verbs(Parse& parse) {
  add_shout(parse);
  add_report(parse);
  add_measure(parse);
  add_rest_of_job(parse);
}

}  // namespace muster
