// What the CLI learns of a job's source before it hands the job in: the .vcsjob, and in it the
// devices that the chosen jobs ask for.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/output.h"
#include "core/task.h"
#include "core/work.h"
#include "io/vcsjob.h"

namespace muster {

// The .vcsjob of a git repository, as it is at one commit.
struct GitJobs {
  std::string sha;
  VcsJobFile file;
};

// Fetches no more of `source` than that. Throws Failure: NOFETCH when the repository does not give
// it, with `hint` as what to do next.
GitJobs peek_vcsjob(const GitSource& source, const std::string& hint);

// The same, and what the commit has at the paths of the jobs: who cannot run says so.
GitJobs check_vcsjob(const GitSource& source, const std::string& hint);

// The devices that those jobs of `file` ask for which `source` chooses. Problems go to stderr;
// throws Failure (64) when there is no such job, no list at all, or what they ask for cannot be
// had.
std::vector<DeviceRequest> roles_or_throw(const VcsJobFile& file, const TreeSource& source,
                                          Output& output);

// Devices of tasks that leave them to the .vcsjob of their source (TaskFile::leaves_devices). A
// repository that several tasks name is asked once.
class SourceRoles {
 public:
  explicit SourceRoles(Output& output) : output_(output) {}

  // Gives `task` its devices; and, of a git source, the commit at which its .vcsjob was read, so
  // that what runs is what was read. A directory that is not on this machine is the worker's own,
  // and says nothing. Throws Failure; `place` ("nightly.yaml:7:1") says in it whose source it was.
  void learn(TaskSpec& task, const std::string& place);

 private:
  std::vector<DeviceRequest> roles_of_git(GitSource& source);

  Output& output_;
  std::map<std::pair<std::string, std::string>, GitJobs> read_;  // by URL and ref
};

}  // namespace muster
