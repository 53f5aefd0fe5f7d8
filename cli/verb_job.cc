// muster job: what a directory's .vcsjob offers.
#include "cli/render_job.h"
#include "cli/render_json.h"
#include "cli/verb_file.h"
#include "cli/verbs.h"
#include "io/task_file.h"
#include "io/vcsjob.h"

namespace muster {

int do_verb(Output& output, const JobListOptions& options) {
  const std::string dir = options.dir.empty() ? "." : options.dir;
  const VcsJobFile file = load_vcsjob(dir);
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
    files.push_back({dir + "/.vcsjob", load_vcsjob(dir).problems});
  }
  return show_files(output, files);
}

}  // namespace muster
