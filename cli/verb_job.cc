// muster job: what a directory's .vcsjob offers.
#include "cli/render_job.h"
#include "cli/render_json.h"
#include "cli/source_roles.h"
#include "cli/verb_file.h"
#include "cli/verbs.h"
#include "io/task_file.h"
#include "io/vcsjob.h"

namespace muster {

namespace {

// `place`: a directory, or the URL of a git repository, of which `ref` is meant. `checks`: what
// jobs of the latter name is looked for, too.
VcsJobFile read_jobs(const std::string& place, const std::string& ref, bool checks) {
  if (ref.empty() && place.find("://") == std::string::npos) return load_vcsjob(place);
  const GitSource source{place, ref, "", {}, ""};
  constexpr char kHint[] = "check the URL and --ref";
  return checks ? check_vcsjob(source, kHint).file : peek_vcsjob(source, kHint).file;
}

}  // namespace

int do_verb(Output& output, const JobListOptions& options) {
  const std::string dir = options.dir.empty() ? "." : options.dir;
  const VcsJobFile file = read_jobs(dir, options.ref, false);
  print_problems(output, file.problems);
  const VcsJobChoice choice = choose_vcsjobs(file, TreeSource{dir, "", options.tags});
  if (choice.status == StatusCode::nolist) {
    throw Failure{static_cast<int>(StatusCode::nolist), dir + " offers no list of jobs",
                  "see: muster job check --help"};
  }
  output.show_list(
      "job", choice.jobs, [&] { return render_jobs(choice.jobs, output.look()); },
      [](const VcsJob& job) { return job_json(job); }, [](const VcsJob& job) { return job.path; });
  if (choice.status == StatusCode::ok) return kExitOk;
  output.talk(choice.message);
  return static_cast<int>(choice.status);
}

int do_verb(Output& output, const JobSchemaOptions&) {
  output.print(task_file_schema());
  return kExitOk;
}

int do_verb(Output& output, const JobCheckOptions& options) {
  const std::vector<std::string> here = {"."};
  std::vector<CheckedFile> files;
  for (const std::string& dir : options.dirs.empty() ? here : options.dirs) {
    VcsJobFile file = read_jobs(dir, options.ref, true);
    files.push_back({file.path, std::move(file.problems)});
  }
  return show_files(output, files);
}

}  // namespace muster
