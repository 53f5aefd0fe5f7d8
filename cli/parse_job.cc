// The verbs of muster job.
#include "cli/parse_kit.h"
#include "core/tag_choice.h"
#include "io/task_matrix.h"

namespace muster {

void add_tag_terms(CLI::App* app, std::vector<std::string>* target) {
  add_list(app, "--tags", target, "A,B",
           "Jobs that carry all these tags; any:A,B one of them, not:A,B none")
      ->check([](const std::string& term) { return invalid_tag_term(term).value_or(""); }, "");
}

void add_array_flags(CLI::App* app, const std::shared_ptr<RunOptions>& options) {
  add_value<std::vector<uint64_t>>(
      app, "--array", [](const std::string& text) { return parse_array(text); },
      [target = options.get()](std::vector<uint64_t> numbers) {
        target->array = std::move(numbers);
      },
      "1-100", "A task for each number, which is {array.index} in the command");
  add_text(app, "--each-line", &options->each_line, "FILE",
           "A task for each line of a file, which is {array.line} in the command");
  add_number(
      app, "--at-once", 1, kArrayTasksMax,
      [target = options.get()](uint64_t n) { target->at_once = static_cast<uint32_t>(n); },
      "So many tasks of an array hold a slot at once (default: all that find room)");
}

namespace {

// Of a repository only .vcsjob is fetched: what is wrong with the jobs' files themselves is seen
// in a directory only.
void add_ref(CLI::App* app, std::string* target) {
  add_given(app, "--ref", target, "REF", "Of a git URL: branch, tag or sha (default: its HEAD)");
}

}  // namespace

void add_job_verbs(Parse& parse) {
  CLI::App* job = add_group(parse, "job", "Jobs that a directory offers in its .vcsjob");
  {
    auto [verb, options] =
        add_verb<JobListOptions>(parse, job, "list", "Show the jobs of a directory",
                                 "  muster job list ./tests\n"
                                 "  muster job list ./tests --tags SMOKE --tags not:SLOW -o quiet\n"
                                 "  muster job list https://host/tests.git --ref main");
    add_word(verb, "DIR", &options->dir,
             "A directory with .vcsjob, or the URL of a git repository (default: this directory)");
    add_ref(verb, &options->ref);
    add_tag_terms(verb, &options->tags);
  }
  add_verb<JobSchemaOptions>(parse, job, "schema", "Print the JSON Schema of job files",
                             "  muster job schema > job.schema.json");
  auto [verb, options] =
      add_verb<JobCheckOptions>(parse, job, "check", "Say everything that is wrong with .vcsjob",
                                "  muster job check ./tests");
  add_words(verb, "DIR", &options->dirs,
            "Directories with .vcsjob, or URLs of git repositories (default: this directory)");
  add_ref(verb, &options->ref);
}

}  // namespace muster
