#include "cli/job_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/work.h"
#include "io/codec.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

JobWork job_of(const TaskSpec& task) {
  const Result<Work> work = decode_work(task.work);
  if (!work.ok() || !std::holds_alternative<JobWork>(*work)) {
    ADD_FAILURE() << "not a job";
    return {};
  }
  return std::get<JobWork>(*work);
}

RunOptions command(std::vector<std::string> argv, const std::string& cwd = "") {
  RunOptions options;
  options.command = std::move(argv);
  options.cwd = cwd;
  return options;
}

TEST(CommandTask, ProgramsWithASlashAreFoundFromWhereTheUserIs) {
  const struct {
    std::string program;
    std::string cwd_flag;
    std::string expected;
  } rows[] = {
      {"ls", "", "ls"},           {"./t.sh", "", "/lab/kim/t.sh"}, {"../t.sh", "", "/lab/t.sh"},
      {"/bin/ls", "", "/bin/ls"}, {"./t.sh", "/srv", "./t.sh"},    {"a/b", "", "/lab/kim/a/b"},
  };
  for (const auto& row : rows) {
    const TaskSpec task =
        make_command_task(command({row.program, "./arg"}, row.cwd_flag), "/lab/kim");
    EXPECT_THAT(std::get<CommandSource>(job_of(task).source).argv,
                ElementsAre(row.expected, "./arg"));
  }
}

TEST(CommandTask, IsNamedAfterItsProgram) {
  EXPECT_EQ(make_command_task(command({"/usr/bin/uname", "-a"}), "/").name, "uname");
  EXPECT_EQ(make_command_task(command({"uname"}), "/").name, "uname");
}

TEST(TreeTask, DirectoryIsMadeAbsolute) {
  RunOptions options;
  options.source = "../jobs/";
  TaskSpec task = make_tree_task(options, "/lab/kim");
  EXPECT_EQ(std::get<TreeSource>(job_of(task).source).dir, "/lab/jobs");
  EXPECT_EQ(task.name, "jobs");
  options.path = "wifi/smoke.sh";
  task = make_tree_task(options, "/lab/kim");
  EXPECT_EQ(std::get<TreeSource>(job_of(task).source).path, "wifi/smoke.sh");
  EXPECT_EQ(task.name, "smoke.sh");
  options.path.clear();
  options.tags = {"A", "B"};
  EXPECT_EQ(make_tree_task(options, "/lab/kim").name, "A,B");
}

TEST(Flags, WinOverTheFile) {
  TaskSpec task = make_command_task(command({"true"}), "/");
  task.guid = "file-guid-1";
  task.devices = {{"", "file-device", ""}};
  task.pool = "file-pool";
  task.retry = {1, 1};
  RunOptions options;
  options.guid = "flag-guid-1";
  options.devices = {"dut=phone-7"};
  options.selectors = {"type = relay , !broken"};
  options.pool = "wifi";
  options.priority = 90;
  options.timeout = 10s;
  options.silence = 2s;
  options.queue_timeout = 3s;
  options.grace = Duration(0);
  options.retry_test = 3;
  options.crash_limit = 7;
  options.deadline = 8h;
  options.wait_for_capacity = true;
  options.env = {{"K", "v"}};
  options.env_pass = {"TERM"};
  options.cwd = "work";
  options.name = "n";
  ASSERT_TRUE(apply_flags(options, "/lab/kim", task).ok());
  EXPECT_EQ(task.guid, "flag-guid-1");
  EXPECT_EQ(task.name, "n");
  EXPECT_THAT(task.devices, ElementsAre(DeviceRequest{"dut", "phone-7", ""},
                                        DeviceRequest{"", "", "!broken,type=relay"}));
  EXPECT_EQ(task.pool, "wifi");
  EXPECT_EQ(task.priority, 90u);
  EXPECT_EQ(task.timeouts, (Timeouts{3s, 10s, 2s, Duration(0), 5min, 8h}));
  EXPECT_EQ(task.retry, (Retry{1, 3, 7}));
  EXPECT_TRUE(task.wait_for_capacity);
  EXPECT_THAT(job_of(task).env, ElementsAre(Pair("K", "v")));
  EXPECT_THAT(job_of(task).env_pass, ElementsAre("TERM"));
  EXPECT_EQ(job_of(task).cwd, "/lab/kim/work");
}

TEST(Flags, WithoutAnyTheTaskStaysAsItIs) {
  TaskSpec task = make_command_task(command({"true"}), "/");
  task.guid = "file-guid-1";
  task.devices = {{"", "file-device", ""}};
  task.wait_for_capacity = true;
  const TaskSpec before = task;
  ASSERT_TRUE(apply_flags(RunOptions{}, "/", task).ok());
  EXPECT_EQ(task, before);
}

TEST(Flags, SayWhatIsDoneToDevicesBefore) {
  struct Row {
    const char* name;
    bool file_has_devices;
    Before file;
    std::vector<std::string> devices;
    std::optional<VerifyFirst> verify;
    bool no_repair;
    Before before;
  };
  const Before quick{VerifyFirst::always, "quick", true, 5min};
  const Before unrepaired{VerifyFirst::fresh, "", false, 30min};
  const std::vector<Row> rows = {
      {"no devices", false, {}, {}, {}, false, {}},
      {"a device", false, {}, {"d"}, {}, false, usual_before()},
      {"not verified", false, {}, {"d"}, VerifyFirst::none, false, {}},
      {"not repaired", false, {}, {"d"}, {}, true, unrepaired},
      {"neither", false, {}, {"d"}, VerifyFirst::none, true, {}},
      {"always",
       false,
       {},
       {"d"},
       VerifyFirst::always,
       false,
       {VerifyFirst::always, "", true, 30min}},
      {"the file's word", true, quick, {}, {}, false, quick},
      {"the file's word for another device", true, quick, {"d"}, {}, false, quick},
      {"over the file's word",
       true,
       quick,
       {},
       VerifyFirst::fresh,
       true,
       {VerifyFirst::fresh, "quick", false, 5min}},
      {"the file says none", true, {}, {"d"}, {}, false, {}},
      {"over the file's none", true, {}, {}, VerifyFirst::fresh, false, usual_before()},
  };
  for (const Row& row : rows) {
    TaskSpec task = make_command_task(command({"true"}), "/");
    if (row.file_has_devices) task.devices = {{"", "file-device", ""}};
    task.before = row.file;
    RunOptions options;
    options.devices = row.devices;
    options.verify = row.verify;
    options.no_repair = row.no_repair;
    ASSERT_TRUE(apply_flags(options, "/", task).ok()) << row.name;
    EXPECT_EQ(task.before, row.before) << row.name;
  }
}

struct WrongFlag {
  void (*set)(RunOptions&);
  std::string message;
};

class WrongFlags : public testing::TestWithParam<WrongFlag> {};

TEST_P(WrongFlags, AreNamed) {
  TaskSpec task = make_command_task(command({"true"}), "/");
  RunOptions options;
  GetParam().set(options);
  const Result<Done> done = apply_flags(options, "/", task);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongFlags,
    testing::Values(WrongFlag{[](RunOptions& o) { o.guid = "short"; }, "--guid"},
                    WrongFlag{[](RunOptions& o) { o.guid = "tab\there-and-there"; }, "--guid"},
                    WrongFlag{[](RunOptions& o) { o.name = "\xff"; }, "--name"},
                    // A file could not have it.
                    WrongFlag{[](RunOptions& o) { o.name = "a\nb"; }, "--name: a task's name is"},
                    WrongFlag{[](RunOptions& o) { o.name = std::string(129, 'x'); }, "--name"},
                    WrongFlag{[](RunOptions& o) { o.devices = {""}; }, "--device"},
                    WrongFlag{[](RunOptions& o) { o.devices = {"a/b"}; }, "--device"},
                    WrongFlag{[](RunOptions& o) { o.devices = {"=a"}; }, "--device"},
                    WrongFlag{[](RunOptions& o) { o.devices = {"dut="}; }, "--device"},
                    WrongFlag{[](RunOptions& o) { o.selectors = {""}; }, "--selector"},
                    WrongFlag{[](RunOptions& o) { o.selectors = {"k in (a"}; }, "--selector"},
                    WrongFlag{[](RunOptions& o) { o.pool = ""; }, "--pool"},
                    WrongFlag{[](RunOptions& o) { o.pool = "-x"; }, "--pool"},
                    WrongFlag{[](RunOptions& o) {
                                o.env = {{"1X", ""}};
                              },
                              "--env"},
                    WrongFlag{[](RunOptions& o) {
                                o.env = {{"MUSTER_GUID", ""}};
                              },
                              "--env"},
                    WrongFlag{[](RunOptions& o) { o.env_pass = {"A B"}; }, "--pass-env"},
                    WrongFlag{[](RunOptions& o) { o.verify = VerifyFirst::always; },
                              "--verify and --no-repair are about devices"},
                    WrongFlag{[](RunOptions& o) { o.no_repair = true; }, "--device"}));

TEST(Flags, WhatAFileSaysOfBeforeHoldsForTheDevicesOfFlags) {
  RunOptions options;
  options.devices = {"a"};
  TaskSpec task = make_command_task(command({"true"}), "/");
  ASSERT_TRUE(apply_flags(options, "/", task, true).ok());
  EXPECT_EQ(task.before, Before{}) << "verify: none";
  task.devices.clear();
  ASSERT_TRUE(apply_flags(options, "/", task).ok());
  EXPECT_EQ(task.before, usual_before());
}

TEST(Flags, JobFlagsAreRefusedForVerifyTasks) {
  TaskSpec task = make_verify_task(VerifyOptions{}, "phone-7");
  RunOptions options;
  options.cwd = "/x";
  EXPECT_FALSE(apply_flags(options, "/", task).ok());
  options = RunOptions{};
  options.verify = VerifyFirst::always;
  EXPECT_FALSE(apply_flags(options, "/", task).ok());
  EXPECT_TRUE(apply_flags(RunOptions{}, "/", task).ok());
}

TEST(VerifyTask, IsForOneDevice) {
  VerifyOptions options;
  options.priority = 80;
  options.timeout = 5s;
  const TaskSpec task = make_verify_task(options, "phone-7");
  EXPECT_EQ(task.kind, TaskKind::verify);
  EXPECT_THAT(task.devices, ElementsAre(DeviceRequest{"", "phone-7", ""}));
  EXPECT_EQ(task.priority, 80u);
  EXPECT_EQ(task.timeouts.run, Duration(5s));
  EXPECT_TRUE(decode_work(task.work).ok());
}

// A device that was away was waited for without end, whatever --timeout said.
TEST(VerifyTask, IsNotWaitedForWithoutEnd) {
  struct Row {
    std::optional<Duration> timeout;
    std::optional<Duration> queue_timeout;
    Duration queue;
  };
  const std::vector<Row> rows = {{{}, {}, 1h}, {3s, {}, 3s}, {3s, 5min, 5min}, {{}, 0s, 0s}};
  for (const bool repair : {false, true}) {
    for (const Row& row : rows) {
      VerifyOptions options;
      options.repair = repair;
      options.timeout = row.timeout;
      options.queue_timeout = row.queue_timeout;
      const Timeouts timeouts = make_verify_task(options, "phone-7").timeouts;
      EXPECT_EQ(timeouts.queue, row.queue);
      EXPECT_EQ(timeouts.run, row.timeout.value_or(Duration(0)));
    }
  }
}

}  // namespace
}  // namespace muster
