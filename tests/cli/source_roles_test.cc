// Devices of tasks from the .vcsjob of their source: a real repository, asked as a file.
#include "cli/source_roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_status.h"
#include "cli/failure.h"
#include "io/codec.h"
#include "io/task_file.h"
#include "tests/io/scratch.h"
#include "tests/support/git_repository.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kJobs[] =
    R"({"executables": [)"
    R"({"path": "a.sh", "tags": ["A"], "profiles": [{"type": "handset"}, {"type": "relay"}]},)"
    R"({"path": "b.sh", "tags": ["B"]}]})";

class SourceRolesTest : public ScratchFiles {
 protected:
  SourceRolesTest() { first_ = commit(kJobs); }

  std::string commit(const std::string& text) const {
    repository_.write(".vcsjob", text);
    return repository_.commit();
  }

  // The tasks of a job file; those that leave their devices to the source learn them.
  std::vector<TaskSpec> learned(const std::string& text) {
    TaskFile file = parse_task_file("version: 1\nkind: job\n" + text, path("job.yaml"));
    EXPECT_EQ(file.problems.to_text(), "");
    for (size_t i = 0; i < file.tasks.size(); ++i) {
      if (file.leaves_devices[i]) roles_.learn(file.tasks[i], "job.yaml:1:1");
    }
    return std::move(file.tasks);
  }
  std::string git_source(const std::string& more) const {
    return "source: { git: \"file://" + repository_.path() + "\", " + more + " }\n";
  }
  Failure failure(const std::string& text) {
    try {
      learned(text);
    } catch (const Failure& failure) {
      return failure;
    }
    ADD_FAILURE() << "no failure";
    return {};
  }
  static std::vector<std::string> roles_of_task(const TaskSpec& task) {
    std::vector<std::string> roles;
    for (const DeviceRequest& request : task.devices) roles.push_back(request.role);
    return roles;
  }
  static GitSource source_of(const TaskSpec& task) {
    return std::get<GitSource>(std::get<JobWork>(*decode_work(task.work)).source);
  }

  const GitRepository repository_{path("repository")};
  Output output_{GlobalOptions{}};
  SourceRoles roles_{output_};
  std::string first_;
};

TEST_F(SourceRolesTest, ProfilesOfAGitSourceAreTheTasksDevices) {
  const TaskSpec task = learned(git_source("ref: main, tags: [A]")).front();
  EXPECT_THAT(roles_of_task(task), ElementsAre("handset", "relay"));
  EXPECT_EQ(task.devices[0].selector, "type=handset");
  EXPECT_EQ(task.before, usual_before());
  EXPECT_EQ(source_of(task).ref, first_) << "what runs is what was read";
  EXPECT_EQ(source_of(task).asked_ref, "main");
  EXPECT_THAT(source_of(task).tags, ElementsAre("A"));

  const TaskSpec head = learned(git_source("path: a.sh")).front();
  EXPECT_EQ(source_of(head).asked_ref, "HEAD");
  const TaskSpec sha = learned(git_source("ref: " + first_)).front();
  EXPECT_EQ(source_of(sha).asked_ref, "");
  EXPECT_EQ(source_of(sha).ref, first_);
}

TEST_F(SourceRolesTest, JobsWithoutProfilesNeedNoDevices) {
  const TaskSpec task =
      learned("before: { verify: always }\n" + git_source("ref: main, tags: [B]")).front();
  EXPECT_THAT(task.devices, IsEmpty());
  EXPECT_EQ(task.before, Before{});
  EXPECT_EQ(source_of(task).ref, first_);
}

TEST_F(SourceRolesTest, WhatTheFileSaysOfBeforeHoldsForThem) {
  const TaskSpec task =
      learned("before: { verify: always, repair: never }\n" + git_source("path: a.sh")).front();
  EXPECT_EQ(task.before.verify, VerifyFirst::always);
  EXPECT_FALSE(task.before.repair);
}

TEST_F(SourceRolesTest, TasksOfOneSubmissionGetOneCommit) {
  const std::vector<TaskSpec> tasks =
      learned("matrix: { band: [2g, 5g] }\n" + git_source("ref: main"));
  ASSERT_EQ(tasks.size(), 2u);
  commit(R"({"executables": []})");
  const TaskSpec later = learned(git_source("ref: main")).front();
  for (const TaskSpec& task : {tasks[0], tasks[1], later}) {
    EXPECT_EQ(source_of(task).ref, first_);
    EXPECT_THAT(roles_of_task(task), ElementsAre("handset", "relay"));
  }
}

TEST_F(SourceRolesTest, NothingIsReadWhereTheFileSaysIt) {
  for (const char* devices :
       {"devices: []\n", "devices: {}\n", "device: a\n", "devices: { dut: { name: a } }\n"}) {
    const TaskSpec task =
        learned(devices + std::string("source: { git: \"file:///nowhere\", ref: main }\n")).front();
    EXPECT_EQ(source_of(task).ref, "main");
  }
  const TaskSpec own = learned("run: [x]\nsource: { git: \"file:///nowhere\" }\n").front();
  EXPECT_THAT(own.devices, IsEmpty());
}

TEST_F(SourceRolesTest, ARepositoryThatDoesNotAnswerIsNoFetch) {
  const Failure gone = failure("source: { git: \"file:///nowhere\", ref: main }\n");
  EXPECT_EQ(gone.exit_status, static_cast<int>(StatusCode::nofetch));
  EXPECT_THAT(gone.error,
              HasSubstr("job.yaml:1:1: cannot read .vcsjob of file:///nowhere@main: git: "));
  EXPECT_THAT(gone.hint, HasSubstr("devices: []"));
  EXPECT_THAT(failure(git_source("ref: gone")).error, HasSubstr("remote ref gone"));
}

TEST_F(SourceRolesTest, WhatItOffersMustFit) {
  const Failure none = failure(git_source("path: c.sh"));
  EXPECT_EQ(none.exit_status, kExitUsageError);
  EXPECT_THAT(none.error, HasSubstr("@HEAD:.vcsjob has no job with the path \"c.sh\""));
  commit("[]");
  EXPECT_EQ(failure(git_source("ref: HEAD")).exit_status, kExitUsageError);
  repository_.git({"mv", ".vcsjob", "elsewhere"});
  repository_.commit();
  EXPECT_THAT(failure(git_source("ref: refs/heads/main")).error, HasSubstr("has no .vcsjob file"));
}

TEST_F(SourceRolesTest, ADirectoryHereSaysItsDevicesAndOneElsewhereNothing) {
  write_script("tree/a.sh");
  write("tree/.vcsjob", R"({"executables": [{"path": "a.sh", "profiles": [{"type": "cart"}]}]})");
  EXPECT_THAT(roles_of_task(learned("source: { dir: tree }\n").front()), ElementsAre("cart"));
  EXPECT_THAT(learned("source: { dir: /on/the/worker }\n").front().devices, IsEmpty());
}

}  // namespace
}  // namespace muster
