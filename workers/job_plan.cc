#include "workers/job_plan.h"

#include "io/beneath.h"
#include "io/vcsjob.h"
#include "workers/attempt_run.h"

namespace muster {

namespace {

std::vector<PlannedStep> plan_declared(const std::vector<JobStep>& steps) {
  std::vector<PlannedStep> planned;
  for (const JobStep& step : steps) {
    planned.push_back({record_name(step.id), step.argv, "", step.timeout, step.uninterruptible});
    planned.back().declared = step;
  }
  return planned;
}

// What the tree offers of itself.
void plan_tree(const TreeSource& tree, const std::vector<ResultFiles>& results, JobPlan& plan) {
  VcsJobChoice choice = choose_vcsjobs(load_vcsjob(tree.dir), tree);
  if (choice.status != StatusCode::ok) {
    plan.problem = choice.message;
    plan.status = choice.status;
    return;
  }
  for (VcsJob& job : choice.jobs) {
    PlannedStep step{record_name(job.path), {tree.dir + "/" + job.path}, std::move(job.broken)};
    step.is_tree_job = true;
    step.profiles = std::move(job.profiles);
    step.declared.id = step.name;
    step.declared.results = results;
    plan.steps.push_back(std::move(step));
  }
}

void plan_cwd(const std::string& cwd, const std::string& base, JobPlan& plan) {
  plan.cwd = cwd.starts_with('/') ? cwd : base;
  if (cwd.empty() || cwd.starts_with('/')) return;
  if (const Result<UniqueFd> inside = open_beneath(base, cwd); !inside.ok()) {
    plan.problem = "cwd: " + inside.error();
    plan.status = StatusCode::norun;
    return;
  }
  plan.cwd = base + "/" + cwd;
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::string>>> JobPlan::described() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> described;
  if (!until_one_fails && finally.empty()) return described;
  for (const std::vector<PlannedStep>* each : {&steps, &finally}) {
    for (const PlannedStep& step : *each) described.emplace_back(step.name, step.argv);
  }
  return described;
}

JobPlan make_job_plan(const TaskSpec& spec, const JobWork& work, const std::string& base) {
  JobPlan plan;
  plan_cwd(work.cwd, base, plan);
  if (!plan.problem.empty()) return plan;
  plan.finally = plan_declared(work.finally);
  plan.until_one_fails = !work.steps.empty();
  if (plan.until_one_fails) {
    plan.steps = plan_declared(work.steps);
  } else if (const auto* command = std::get_if<CommandSource>(&work.source)) {
    if (command->argv.empty()) {
      plan.problem = "the job has neither a command nor steps";
      plan.status = StatusCode::norun;
      return plan;
    }
    const std::string& name = spec.name.empty() ? command->argv[0] : spec.name;
    plan.steps.push_back({record_name(name), command->argv, ""});
  } else if (const auto* tree = std::get_if<TreeSource>(&work.source)) {
    plan_tree(*tree, work.results, plan);
  } else {
    const auto& git = std::get<GitSource>(work.source);
    plan_tree(TreeSource{base, git.path, git.tags}, work.results, plan);
  }
  return plan;
}

}  // namespace muster
