// What a job is to do: its steps and its `finally` steps, in order, and where they run. Made once,
// when the job's source is there.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/messages.h"
#include "core/work.h"

namespace muster {

struct PlannedStep {
  std::string name;  // as records and results call it
  std::vector<std::string> argv;
  std::string broken;  // why it cannot run; empty: it can
  Duration timeout{0};
  bool uninterruptible = false;
  bool is_tree_job = false;  // its exit code is one of AVE's status codes
  std::string profiles;      // of a tree's job: JSON text of the list; empty: none
  JobStep declared;          // what it was made of; of a tree's job its name and results
};

struct JobPlan {
  std::vector<PlannedStep> steps;
  std::vector<PlannedStep> finally;
  // Declared steps end with the first that fails; jobs of a tree all run.
  bool until_one_fails = false;
  std::string cwd;
  // Why there is none; empty: there is one.
  std::string problem;
  StatusCode status = StatusCode::ok;  // of the problem

  // Steps as the log's header tells them.
  std::vector<std::pair<std::string, std::vector<std::string>>> described() const;
};

// `base`: the tree of a TreeSource or a GitSource, the workspace of a CommandSource.
JobPlan make_job_plan(const TaskSpec& spec, const JobWork& work, const std::string& base);

}  // namespace muster
