// The grammar of muster measure query and ls, which are asked outside of jobs.
#include "cli/parse_kit.h"
#include "io/measure_where.h"

namespace muster {
namespace {

constexpr uint64_t kRowsAtMost = 1'000'000;

void add_query(Parse& parse, CLI::App* measure) {
  auto [verb, options] = add_verb<MeasureQueryOptions>(
      parse, measure, "query", "Rows of a table of measurements, of all tasks",
      "  muster measure query boot\n"
      "  muster measure query boot --where 'seconds>12.5,cold=true' -o csv > slow.csv\n"
      "  muster measure query boot --where 'time>=2026-11-01T00:00:00Z' -n 100000 -o json");
  add_word(verb, "TABLE", &options->query.table, "Name of the table")->required();
  verb->add_option_function<std::vector<std::string>>(
          "--where",
          [target = options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              Result<std::vector<MeasureCondition>> more = parse_measure_where(text);
              if (!more.ok()) throw CLI::ValidationError("--where", more.error());
              std::vector<MeasureCondition>& all = target->query.conditions;
              all.insert(all.end(), more->begin(), more->end());
            }
          },
          "Only rows of which all of this is true; columns, and time, guid, attempt. A GUID's "
          "beginning will do, and last")
      ->type_name("K=V,K>V")
      ->expected(1)
      ->take_all();
  add_number(
      verb, "-n,--count", 1, kRowsAtMost,
      [target = options](uint64_t n) { target->query.max = static_cast<uint32_t>(n); },
      "So many of the newest rows (default: 1000)");
  verb->add_option_function<std::string>(
          "-o,--output",
          [target = options, &parse](const std::string& text) {
            target->csv = text == "csv";
            if (target->csv) return;
            const Result<Format> format = parse_format(text, {"csv"});
            if (!format.ok()) throw CLI::ValidationError("--output", format.error());
            parse.global.format = *format;
          },
          "Form of the answer: human, json, jsonl, quiet or csv")
      ->type_name("FORMAT");
}

}  // namespace

void add_measure_questions(Parse& parse, CLI::App* measure) {
  add_query(parse, measure);
  add_verb<MeasureListOptions>(parse, measure, "ls", "Tables of measurements and their columns",
                               "  muster measure ls\n"
                               "  muster measure ls -o json");
}

}  // namespace muster
