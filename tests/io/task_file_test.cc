#include "io/task_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/limits.h"
#include "core/work.h"
#include "io/codec.h"

namespace muster {
namespace {

constexpr const char* kJob = "version: 1\nkind: job\n";

std::string problems_of(const std::string& text) {
  return parse_task_file(text, "/d/t.yaml").problems.to_text();
}

TaskSpec task_of(const std::string& text) {
  const TaskFile file = parse_task_file(text, "/d/t.yaml");
  EXPECT_EQ(file.problems.to_text(), "") << text;
  return file.tasks.size() == 1 ? file.tasks[0] : TaskSpec{};
}

JobWork job_of(const TaskSpec& task) {
  const Result<Work> work = decode_work(task.work);
  EXPECT_TRUE(work.ok());
  return work.ok() && std::holds_alternative<JobWork>(*work) ? std::get<JobWork>(*work) : JobWork{};
}

TEST(TaskFile, ReadsAWholeJob) {
  const TaskSpec task = task_of(
      "version: 1\nkind: job\nguid: lab-7/nightly/0042\nname: wifi smoke\npool: wifi\n"
      "devices: { dut: { name: phone-7 }, relay: { selector: { type: relay } } }\n"
      "priority: high\n"
      "timeouts: { queue: 6h, run: 40m, silence: 10m, grace: 5s }\n"
      "retry: { infra: 3, test: 1 }\n"
      "run: [make, check]\n"
      "env: { set: { MODE: ci, N: 1 }, pass: [BUILD_ID] }\n"
      "cwd: work\n"
      "wait_for_capacity: true\n");
  EXPECT_EQ(task.guid, "lab-7/nightly/0042");
  EXPECT_EQ(task.name, "wifi smoke");
  EXPECT_EQ(task.kind, TaskKind::job);
  EXPECT_EQ(task.pool, "wifi");
  const std::vector<DeviceRequest> devices = {{"dut", "phone-7", ""}, {"relay", "", "type=relay"}};
  EXPECT_EQ(task.devices, devices);
  EXPECT_EQ(task.priority, 90u);
  EXPECT_EQ(task.timeouts, (Timeouts{6h, 40min, 10min, 5s}));
  EXPECT_EQ(task.retry, (Retry{3, 1}));
  EXPECT_TRUE(task.wait_for_capacity);
  const JobWork job{
      CommandSource{{"make", "check"}}, "/d/work", {{"MODE", "ci"}, {"N", "1"}}, {"BUILD_ID"}};
  EXPECT_EQ(job_of(task), job);
}

TEST(TaskFile, HasDefaults) {
  const TaskSpec task = task_of("version: 1\nkind: job\nrun: [true]\n");
  TaskSpec expected;
  expected.name = "t";
  expected.work = task.work;
  EXPECT_EQ(task, expected);
}

TEST(TaskFile, ReadsAVerifyTask) {
  const TaskSpec task = task_of("version: 1\nkind: verify\nselector: type=handset,!broken\n");
  EXPECT_EQ(task.kind, TaskKind::verify);
  EXPECT_EQ(task.devices, (std::vector<DeviceRequest>{{"", "", "!broken,type=handset"}}));
  EXPECT_EQ(*decode_work(task.work), Work(VerifyWork{}));
}

TEST(TaskFile, ReadsWhatToRun) {
  struct Row {
    const char* text;
    JobWork job;
  };
  const std::vector<Row> rows = {
      {"run: [./x.sh, ./y]", {CommandSource{{"/d/x.sh", "./y"}}, "", {}, {}}},
      {"run: [../x.sh]", {CommandSource{{"/x.sh"}}, "", {}, {}}},
      {"run: [./x.sh]\ncwd: /w", {CommandSource{{"./x.sh"}}, "/w", {}, {}}},
      {"run: {shell: a | b}", {CommandSource{{"/bin/sh", "-c", "a | b"}}, "", {}, {}}},
      {"shell: a | b", {CommandSource{{"/bin/sh", "-c", "a | b"}}, "", {}, {}}},
      {"source: {dir: jobs, path: a/b.sh}", {TreeSource{"/d/jobs", "a/b.sh", {}}, "", {}, {}}},
      {"source: {dir: /j, tags: [A, b]}", {TreeSource{"/j", "", {"A", "b"}}, "", {}, {}}},
      {"source: {dir: .}", {TreeSource{"/d", "", {}}, "", {}, {}}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(job_of(task_of(kJob + std::string(row.text))), row.job) << row.text;
  }
}

TEST(TaskFile, ReadsRolesThatMustBeTogether) {
  const TaskSpec task =
      task_of(kJob + std::string("run: [x]\ndevices:\n  relay: {selector: type=relay, with: dut}\n"
                                 "  dut: {name: phone-7}\n"));
  EXPECT_EQ(task.devices, (std::vector<DeviceRequest>{{"relay", "", "type=relay", "dut"},
                                                      {"dut", "phone-7", "", ""}}));
}

TEST(TaskFile, ReadsWhatIsDoneToDevicesBefore) {
  struct Row {
    const char* text;
    Before before;
  };
  const std::vector<Row> rows = {
      {"", Before{}},
      {"device: d", usual_before()},
      {"selector: a=b", usual_before()},
      {"devices: {d: {name: p}}", usual_before()},
      {"device: d\nbefore: {}", usual_before()},
      {"device: d\nbefore: {verify: fresh}", usual_before()},
      {"device: d\nbefore: {verify: always}", {VerifyFirst::always, "", true, 30min}},
      {"device: d\nbefore: {level: quick}", {VerifyFirst::fresh, "quick", true, 30min}},
      {"device: d\nbefore: {repair: auto}", usual_before()},
      {"device: d\nbefore: {repair: never}", {VerifyFirst::fresh, "", false, 30min}},
      {"device: d\nbefore: {repair_budget: 5m}", {VerifyFirst::fresh, "", true, 5min}},
      {"device: d\nbefore: {verify: none}", Before{}},
      {"device: d\nbefore: {verify: none, repair: never}", Before{}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(task_of(kJob + std::string("run: [x]\n") + row.text).before, row.before) << row.text;
  }
}

TEST(TaskFile, ReadsPriorities) {
  const std::vector<std::pair<std::string, uint32_t>> rows = {
      {"0", 0}, {"100", 100}, {"7", 7}, {"low", 10}, {"medium", 50}, {"high", 90}};
  for (const auto& [text, priority] : rows) {
    EXPECT_EQ(task_of(kJob + ("run: [x]\npriority: " + text)).priority, priority);
  }
}

TEST(TaskFile, ReadsSeveralTasks) {
  const TaskFile file = parse_task_file(
      "version: 1\nkind: job\nname: a\nrun: [x]\n---\nversion: 1\nkind: verify\nname: b\ndevice: "
      "d\n",
      "t.yaml");
  EXPECT_EQ(file.problems.to_text(), "");
  ASSERT_EQ(file.tasks.size(), 2u);
  EXPECT_EQ(file.tasks[0].name, "a");
  EXPECT_EQ(file.tasks[1].kind, TaskKind::verify);
}

// What follows the header of a job, from line 3 on, and its one problem.
TEST(TaskFile, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"", "1:1: a job needs exactly one of \"run\", \"shell\" and \"source\""},
      {"run: [x]\nshell: y", "1:1: a job needs exactly one of"},
      {"run: [x]\nsource: {dir: d}", "1:1: a job needs exactly one of"},
      {"run: x", "3:6: a command must be a list of arguments"},
      {"shell: [x]", "3:8: \"shell\" must be a text, not a list"},
      {"run: [x]\nguid: short", "4:7: "},
      {"run: [x]\nguid: \"\"", "4:7: "},
      {"run: [x]\nguid: \"line\\nbreak-0000\"", "4:7: "},
      {"run: [x]\nname: \"a\\tb\"", "4:7: a task's name is one line of at most 128 bytes"},
      {"run: [x]\ndevice: a b", "4:9: "},
      {"run: [x]\ndevice: a\nselector: b=c", "1:1: a task names its devices by one of"},
      {"run: [x]\ndevice: a\ndevices: {d: {name: b}}", "1:1: a task names its devices by one of"},
      {"run: [x]\nselector: \"a in (\"", "4:11: "},
      {"run: [x]\ndevices: {d: {}}", "4:11: role \"d\" needs \"name\" or \"selector\""},
      {"run: [x]\ndevices: {d: phone}", "4:14: a device of a task must be a map"},
      {"run: [x]\ndevices: {\"a b\": {name: p}}", "4:11: "},
      {"run: [x]\ndevices: [a]", "4:10: \"devices\" must be a map, not a list"},
      {"run: [x]\ndevices: {d: {name: p, with: d}}",
       "4:30: a device cannot be in a stack with itself"},
      {"run: [x]\ndevices: {dut: {name: p}, r: {name: q, with: dud}}",
       "no other device of the task has the role \"dud\"; did you mean dut?"},
      {"run: [x]\nbefore: {verify: always}",
       "4:9: is about the devices of a job, and this one has none"},
      {"run: [x]\ndevice: d\nbefore: {verify: sometimes}",
       "5:18: \"verify\" must be one of fresh, none, always, not \"sometimes\""},
      {"run: [x]\ndevice: d\nbefore: {repair: false}",
       "5:18: \"repair\" must be one of auto, never"},
      {"run: [x]\ndevice: d\nbefore: {level: a b}", "5:17: "},
      {"run: [x]\ndevice: d\nbefore: {repair_budget: 31d}", "\"repair_budget\" must be at most"},
      {"run: [x]\ndevice: d\nbefore: {verify: none, level: quick}",
       "5:31: means nothing when devices are not verified"},
      {"run: [x]\ndevice: d\nbefore: {verify: none, repair: auto}",
       "5:32: means nothing when devices are not verified"},
      {"run: [x]\ndevice: d\nbefore: fresh", "5:9: \"before\" must be a map"},
      {"run: [x]\ndevice: d\nbefore: {verfy: none}",
       "5:10: unknown key \"verfy\" in before; did you mean verify?"},
      {"run: [x]\npool: a b", "4:7: "},
      {"run: [x]\npriority: 101", "4:11: \"priority\" must be from 0 to 100, not 101"},
      {"run: [x]\npriority: urgent", "4:11: \"priority\" must be a whole number"},
      {"run: [x]\npriority: -1", "4:11: \"priority\" must be a whole number"},
      {"run: [x]\ntimeouts: {run: 5}\nretry: {infra: 11}",
       "5:16: \"infra\" must be from 0 to 10, not 11"},
      {"run: [x]\ntimeouts: {runn: 5s}",
       "4:12: unknown key \"runn\" in timeouts; did you mean run?"},
      {"run: [x]\ntimeouts: {run: 31d}", "4:17: \"run\" must be at most"},
      {"run: [x]\ntimeouts: 5s", "4:11: \"timeouts\" must be a map, not \"5s\""},
      {"run: [x]\nenv: {set: {\"A=B\": c}}", "4:12: \"A=B\" is not the name of an environment"},
      {"run: [x]\nenv: {pass: [1A]}", "4:13: \"1A\" is not the name of an environment"},
      {"run: [x]\nenv: {pass: [\"\"]}", "4:13: \"\" is not the name of an environment"},
      {"run: [x]\nenv: {set: {MUSTER_GUID: x}}", "4:12: MUSTER_GUID is set by muster itself"},
      {"run: [x]\nenv: {pass: [VCSJOB_GUID]}", "4:13: VCSJOB_GUID is set by muster itself"},
      {"run: [x]\nwait_for_capacity: yes", "must be true or false, not \"yes\""},
      {"source: {path: x}", "3:9: a source needs \"dir\""},
      {"source: {dir: d, path: x, tags: [y]}", "3:33: jobs are chosen by \"path\" or by \"tags\""},
      {"source: {dir: d, git: x}", "3:18: \"git\" in a source is not supported by this version"},
      {"run: [x]\nsteps: []", "4:1: \"steps\" in a task is not supported by this version"},
      {"run: [x]\nmatrix: {}", "4:1: \"matrix\" in a task is not supported by this version"},
      {"run: [x]\ntargets: {}", "4:1: \"targets\" in a task is not supported by this version"},
      {"run: [x]\npirority: 5", "4:1: unknown key \"pirority\" in a task; did you mean priority?"},
  };
  for (const Row& row : rows) {
    const FileProblems problems = parse_task_file(kJob + std::string(row.text), "t").problems;
    ASSERT_EQ(problems.list().size(), 1u) << row.text << "\n" << problems.to_text();
    EXPECT_NE(problems.to_text().find(row.problem), std::string::npos) << problems.to_text();
  }
}

TEST(TaskFile, RefusesWrongHeadersAndVerifyTasks) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"", "/d/t.yaml: is empty\n"},
      {"kind: job\nrun: [x]\n", "/d/t.yaml:1:1: a task needs \"version\"\n"},
      {"version: 1\nkind: repair\nrun: [x]\n",
       "/d/t.yaml:2:7: this must be a file of kind job or verify, not \"repair\"\n"},
      {"version: 1\nkind: verify\n",
       "/d/t.yaml:1:1: a verify task is for one device: give \"device\" or \"selector\"\n"},
      {"version: 1\nkind: verify\ndevices: {a: {name: x}, b: {name: y}}\n",
       "/d/t.yaml:1:1: a verify task is for one device: give \"device\" or \"selector\"\n"},
      {"version: 1\nkind: verify\ndevice: d\nrun: [x]\n",
       "/d/t.yaml:4:6: a verify task runs the device's strategy; \"run\" belongs to kind: job\n"},
      {"version: 1\nkind: job\nguid: 0123456789\nrun: [x]\n---\nversion: 1\nkind: job\n"
       "guid: 0123456789\nrun: [x]\n",
       "/d/t.yaml:8:7: this guid is that of the task in line 3; each task needs its own\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(problems_of(row.text), row.problem) << row.text;
}

TEST(TaskFile, Limits) {
  const auto with_devices = [](size_t count) {
    std::string text = kJob + std::string("run: [x]\ndevices:\n");
    for (size_t i = 0; i < count; ++i) text += "  d" + std::to_string(i) + ": {name: x}\n";
    return problems_of(text);
  };
  EXPECT_EQ(with_devices(kDevicesPerTaskMax), "");
  EXPECT_NE(with_devices(kDevicesPerTaskMax + 1).find("at most 16 devices"), std::string::npos);

  const auto with_tasks = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "---\nversion: 1\nkind: job\nrun: [x]\n";
    return problems_of(text);
  };
  EXPECT_EQ(with_tasks(kSubmitTasksMax), "");
  EXPECT_NE(with_tasks(kSubmitTasksMax + 1).find("at most 1024 tasks"), std::string::npos);

  const auto with_argument = [](size_t bytes) {
    return problems_of(kJob + ("run: [x, " + std::string(bytes, 'a') + "]\n"));
  };
  EXPECT_EQ(with_argument(kWorkBytesMax - 1024), "");
  EXPECT_NE(with_argument(kWorkBytesMax).find("larger than 256 KiB"), std::string::npos);
}

}  // namespace
}  // namespace muster
