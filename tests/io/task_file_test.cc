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
      "timeouts: { queue: 6h, run: 40m, silence: 10m, grace: 5s, deadline: 8h }\n"
      "retry: { infra: 3, test: 1, crash_limit: 5 }\n"
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
  EXPECT_EQ(task.timeouts, (Timeouts{6h, 40min, 10min, 5s, 5min, 8h}));
  EXPECT_EQ(task.retry, (Retry{3, 1, 5}));
  EXPECT_EQ(task.at_once, 0u);
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
      {"source: {git: /g, ref: v1, tags: [\"any:A,B\"]}",
       {GitSource{"/g", "v1", "", {"any:A,B"}}, "", {}, {}}},
      {"source: {git: ../g}", {GitSource{"/g", "", "", {}}, "", {}, {}}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(job_of(task_of(kJob + std::string(row.text))), row.job) << row.text;
  }
}

TEST(TaskFile, ReadsStepsAndAllThatGoesWithThem) {
  const TaskSpec task = task_of(
      "version: 1\nkind: job\nname: wifi\n"
      "source: { git: \"https://host/tests.git\", ref: 3f9ab12 }\n"
      "cwd: sub\n"
      "timeouts: { finally: 3m }\n"
      "steps:\n"
      "  - { id: flash, run: [flash, image], timeout: 3m, uninterruptible: true }\n"
      "  - { id: test, shell: ./run.sh, results: { gtest: [out/*.xml], junit: j.xml },\n"
      "      measure: { wifi: out/m.csv } }\n"
      "finally: [ { id: off, run: [./svc, wifi], timeout: 10s } ]\n"
      "artifacts: [\"out/**\"]\n"
      "measure: { wifi.mbit_s: { min: 80, unit: Mbit/s }, wifi.lost: { max: 0.5 } }\n"
      "expect: { tests: 42 }\nkeep: on_failure 2h\npty: true\n"
      "tags: [SMOKE, WIFI]\nmetadata: { build: 42 }\n");
  EXPECT_EQ(task.timeouts.finally, Duration(3min));
  EXPECT_EQ(task.metadata,
            (std::map<std::string, std::string>{{"build", "42"}, {"tags", "SMOKE,WIFI"}}));
  JobWork job;
  job.source = GitSource{"https://host/tests.git", "3f9ab12", "", {}};
  job.cwd = "sub";
  job.steps = {{"flash", {"flash", "image"}, Duration(3min), true, {}, {}},
               {"test",
                {"/bin/sh", "-c", "./run.sh"},
                Duration(0),
                false,
                {{ResultFileFormat::junit, "j.xml"}, {ResultFileFormat::gtest, "out/*.xml"}},
                {{"wifi", "out/m.csv"}}}};
  job.finally = {{"off", {"./svc", "wifi"}, Duration(10s), false, {}, {}}};
  job.artifacts = {"out/**"};
  job.limits = {{"wifi", "mbit_s", 80.0, {}, "Mbit/s"}, {"wifi", "lost", {}, 0.5, ""}};
  job.expect_tests = 42;
  job.keep = Keep::on_failure;
  job.keep_for = 2h;
  job.pty = true;
  EXPECT_EQ(job_of(task), job);
}

// The text as it stands in the file was the group of all of them.
TEST(TaskFile, AGuidThatIsAnotherForEachNamesNoGroup) {
  const TaskFile own = parse_task_file(
      "version: 1\nkind: job\nguid: \"soak-night-{array.index}\"\narray: 1-2\nrun: [true]\n",
      "/d/t.yaml");
  ASSERT_EQ(own.tasks.size(), 2u) << own.problems.to_text();
  EXPECT_EQ(own.tasks[1].guid, "soak-night-2");
  EXPECT_EQ(own.tasks[1].group, "");
  EXPECT_EQ(own.groups, (std::vector<std::pair<size_t, size_t>>{{0, 2}}));
  const TaskFile shared = parse_task_file(
      "version: 1\nkind: job\nguid: soak-night\narray: 1-2\nrun: [true]\n", "/d/t.yaml");
  ASSERT_EQ(shared.tasks.size(), 2u) << shared.problems.to_text();
  EXPECT_EQ(shared.tasks[1].guid, "soak-night/2");
  EXPECT_EQ(shared.tasks[1].group, "soak-night");
  EXPECT_TRUE(shared.groups.empty());
}

TEST(TaskFile, AWordStandsForANumberOrATruthToo) {
  const TaskFile file = parse_task_file(
      "version: 1\nkind: job\nmatrix: { p: [10, 20] }\npriority: \"{matrix.p}\"\n"
      "pty: \"x{matrix.p}\"\nrun: [true]\n",
      "/d/t.yaml");
  EXPECT_EQ(file.problems.to_text(), "/d/t.yaml:5:6: \"pty\" must be true or false, not \"x10\"\n");
  ASSERT_FALSE(file.tasks.empty());
  EXPECT_EQ(file.tasks[0].priority, 10u);
}

// Its results are a step's; in a tree it runs there.
TEST(TaskFile, ACommandWithResultsOrInATreeIsAStep) {
  const JobWork results =
      job_of(task_of(kJob + std::string("run: [./t]\nresults: {gtest: \"\"}\n")));
  EXPECT_EQ(results.source, (std::variant<CommandSource, TreeSource, GitSource>(CommandSource{})));
  ASSERT_EQ(results.steps.size(), 1u);
  EXPECT_EQ(results.steps[0].argv, std::vector<std::string>{"/d/t"});
  const JobWork tree = job_of(task_of(kJob + std::string("run: [./t]\nsource: {dir: jobs}\n")));
  EXPECT_EQ(std::get<TreeSource>(tree.source).dir, "/d/jobs");
  ASSERT_EQ(tree.steps.size(), 1u);
  EXPECT_EQ(tree.steps[0].argv, std::vector<std::string>{"./t"});
}

// They could not be told where its googletest programs were: one that crashed half-way was one
// error, and what it had finished was lost.
TEST(TaskFile, JobsOfATreeHaveResultsToo) {
  const JobWork tree = job_of(
      task_of(kJob + std::string("source: {dir: jobs, tags: [A]}\nresults: {gtest: \"\"}\n")));
  EXPECT_TRUE(tree.steps.empty());
  EXPECT_EQ(tree.results, (std::vector<ResultFiles>{{ResultFileFormat::gtest, ""}}));
}

TEST(TaskFile, AMatrixIsATaskForEachCombination) {
  const TaskFile file = parse_task_file(
      kJob + std::string("name: wifi\nguid: nightly-wifi\nselector: \"band={matrix.band}\"\n"
                         "run: [test, \"{matrix.band}\", \"{other}\"]\n"
                         "env: { set: { MUSTER: x } }\n"
                         "matrix: { band: [2g, 5g], image: [a, b], "
                         "exclude: [{ band: 2g, image: b }] }\n"),
      "/d/t.yaml");
  EXPECT_EQ(file.problems.to_text(), "");
  ASSERT_EQ(file.tasks.size(), 3u);
  EXPECT_EQ(file.tasks[2].name, "wifi 5g-b");
  EXPECT_EQ(file.tasks[2].guid, "nightly-wifi/5g-b");
  EXPECT_EQ(file.tasks[2].group, "nightly-wifi");
  EXPECT_EQ(file.tasks[2].devices[0].selector, "band=5g");
  const JobWork job = job_of(file.tasks[2]);
  EXPECT_EQ(std::get<CommandSource>(job.source).argv,
            (std::vector<std::string>{"test", "5g", "{other}"}));
  EXPECT_EQ(job.env,
            (std::map<std::string, std::string>{
                {"MUSTER", "x"}, {"MUSTER_MATRIX_BAND", "5g"}, {"MUSTER_MATRIX_IMAGE", "b"}}));
  EXPECT_TRUE(file.groups.empty());
}

// A misspelled word, and one without a matrix or an array, ran as it was written, and passed.
TEST(TaskFile, AWordThatStandsForNothingIsRefused) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"run: [x, \"{matrix.bnad}\"]\nmatrix: { band: [2g, 5g] }\n",
       "/d/t.yaml:3:10: \"{matrix.bnad}\" stands for nothing here; did you mean matrix.band?"},
      {"run: [x, \"{array.index}\"]\n",
       "/d/t.yaml:3:10: \"{array.index}\" stands for nothing here: there is no matrix, array or"},
      {"shell: \"echo {array.line}\"\narray: 1-3\n", "\"{array.line}\" stands for nothing here"},
      {"env: { set: { A: \"{matrix.a}\" } }\nrun: [x]\n", "\"{matrix.a}\" stands for nothing"},
  };
  for (const Row& row : rows) {
    const TaskFile file = parse_task_file(kJob + std::string(row.text), "/d/t.yaml");
    EXPECT_NE(file.problems.to_text().find(row.problem), std::string::npos)
        << file.problems.to_text();
    EXPECT_EQ(file.problems.errors(), 1u) << row.text;
  }
  for (const char* text :
       {"shell: \"echo ${array.length} {other} {matrix.} {matrix} { matrix.a} {matrix.a b}\"\n",
        "shell: \"echo ${matrix.a} {matrix.b}\"\nmatrix: { b: [1] }\n"}) {
    EXPECT_EQ(parse_task_file(kJob + std::string(text), "/d/t.yaml").problems.to_text(), "");
  }
}

TEST(TaskFile, AnArrayIsATaskForEachNumberAndFlagsGoBeforeIt) {
  const std::string text = kJob + std::string("run: [x, \"{array.index}\"]\narray: 3-5\n");
  const TaskFile file = parse_task_file(text, "/d/soak.yaml");
  ASSERT_EQ(file.tasks.size(), 3u);
  EXPECT_EQ(job_of(file.tasks[0]).env.at("MUSTER_ARRAY_INDEX"), "3");
  EXPECT_EQ(file.groups, (std::vector<std::pair<size_t, size_t>>{{0, 3}}));
  const TaskFile flags = parse_task_file(text, "/d/soak.yaml", {{}, {"one", "two"}});
  ASSERT_EQ(flags.tasks.size(), 2u);
  EXPECT_EQ(job_of(flags.tasks[1]).env.at("MUSTER_ARRAY_LINE"), "two");
  EXPECT_EQ(job_of(flags.tasks[1]).env.at("MUSTER_ARRAY_INDEX"), "2");
}

// They were all called "soak".
TEST(TaskFile, TasksOfAFileWithoutANameAreToldApart) {
  const TaskFile file = parse_task_file(
      kJob + std::string("run: [x]\nmatrix: {a: [u, v]}\narray: 3-4\n"), "/d/soak.yaml");
  ASSERT_EQ(file.tasks.size(), 4u);
  EXPECT_EQ(file.tasks[0].name, "soak 3-u");
  EXPECT_EQ(file.tasks[3].name, "soak 4-v");
}

TEST(TaskFile, DependsOnTasksOfTheFileAndOnOthers) {
  const std::string end = "\n---\n" + std::string(kJob);
  const TaskFile file = parse_task_file(
      kJob + std::string("name: boot\nrun: [x]\nmatrix: {a: [1, 2]}") + end +
          "name: test\nrun: [x]\ndepends_on: [boot, lab-7/nightly/41, {job: last, result: any}]" +
          end + "name: last\nrun: [x]\ndepends_on: [{guid: lab-7/nightly/42}]\n",
      "/d/t.yaml");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.dependencies,
            (std::vector<FileDependency>{{2, 0, true}, {2, 1, true}, {2, 3, false}}));
  EXPECT_EQ(file.tasks[2].depends_on, (std::vector<Dependency>{{"lab-7/nightly/41", true}}));
  EXPECT_EQ(file.tasks[3].depends_on, (std::vector<Dependency>{{"lab-7/nightly/42", true}}));
}

// The broker refused it, when it had taken the other tasks of the file.
TEST(TaskFile, ATaskThatIsNamedTwiceIsOneDependency) {
  const std::string end = "\n---\n" + std::string(kJob);
  const TaskFile file =
      parse_task_file(kJob + std::string("name: boot\nrun: [x]\nmatrix: {a: [1, 2]}") + end +
                          "name: test\nrun: [x]\ndepends_on: [\"boot 1\", {job: boot, result: any},"
                          " {guid: lab-7/nightly/42, result: any}, {guid: lab-7/nightly/42}]\n",
                      "/d/t.yaml");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.dependencies, (std::vector<FileDependency>{{2, 0, true}, {2, 1, false}}));
  EXPECT_EQ(file.tasks[2].depends_on, (std::vector<Dependency>{{"lab-7/nightly/42", true}}));
}

TEST(TaskFile, TasksThatWaitForEachOtherAreRefused) {
  const std::string a = kJob + std::string("name: a\nrun: [x]\ndepends_on: [b]\n---\n");
  const std::string b = kJob + std::string("name: b\nrun: [x]\ndepends_on: [a]\n");
  EXPECT_EQ(problems_of(a + b),
            "/d/t.yaml: the tasks of this file wait for each other, \"a\" among them\n");
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

TEST(TaskFile, WhoSaysNothingOfDevicesLeavesThemToTheSource) {
  struct Row {
    const char* text;
    bool leaves;
  };
  for (const Row& row : {Row{"source: {git: /g}", true},
                         {"source: {dir: j, tags: [A]}\nbefore: {verify: always}", true},
                         {"source: {git: /g}\ndevices: []", false},
                         {"source: {git: /g}\ndevices: {}", false},
                         {"source: {git: /g}\ndevice: a", false},
                         {"source: {git: /g}\nselector: a=b", false},
                         {"source: {git: /g}\nrun: [x]", false},
                         {"source: {git: /g}\nsteps: [{id: a, run: [x]}]", false},
                         {"run: [x]", false}}) {
    const TaskFile file = parse_task_file(kJob + std::string(row.text), "/d/t.yaml");
    EXPECT_EQ(file.problems.to_text(), "") << row.text;
    EXPECT_EQ(file.leaves_devices, std::vector<bool>{row.leaves}) << row.text;
    EXPECT_EQ(file.tasks.at(0).before.verify != VerifyFirst::none,
              row.leaves || !file.tasks.at(0).devices.empty())
        << row.text;
  }
}

TEST(TaskFile, ReadsPriorities) {
  const std::vector<std::pair<std::string, uint32_t>> rows = {
      {"0", 0}, {"100", 100}, {"7", 7}, {"low", 10}, {"medium", 50}, {"high", 90}};
  for (const auto& [text, priority] : rows) {
    EXPECT_EQ(task_of(kJob + ("run: [x]\npriority: " + text)).priority, priority);
  }
}

TEST(TaskFile, AKeyOfMetadataIsNotEmpty) {
  const std::string problems = problems_of(kJob + std::string("run: [x]\nmetadata: {\"\": y}\n"));
  EXPECT_NE(problems.find("a key is empty"), std::string::npos) << problems;
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
      {"", "1:1: a job needs one of \"run\", \"shell\", \"steps\" and \"source\""},
      {"run: [x]\nshell: y",
       "1:1: a job has one of \"run\", \"shell\" and \"steps\", and this has 2 of them"},
      {"run: [x]\nsteps: [{id: a, run: [y]}]", "and this has 2 of them"},
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
      {"source: {dir: j}\ndevices: []\nbefore: {verify: fresh}",
       "5:9: is about the devices of a job, and this one has none"},
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
      {"run: [x]\nretry: {crash_limit: 21}", "4:22: \"crash_limit\" must be from 0 to 20, not 21"},
      {"run: [x]\narray: 1-3\nat_once: 0", "5:10: \"at_once\" must be from 1 to 100000, not 0"},
      {"run: [x]\nat_once: 2", "4:10: \"at_once\" is for the tasks of array, matrix or each_line"},
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
      {"source: {path: x}", "3:9: a source is \"dir\" or \"git\""},
      {"source: {dir: d, git: /g}", "3:9: a source is \"dir\" or \"git\""},
      {"source: {dir: d, ref: main}", "3:23: is of a git repository"},
      {"source: {git: \"ext::reboot\"}", "3:15: \"ext::reboot\" is no URL of a git repository"},
      {"source: {git: /g, ref: -x}", "3:24: \"-x\" begins with \"-\""},
      {"source: {dir: d, tags: [\"not:\"]}", "3:24: \"not:\" has an empty tag"},
      {"run: [x]\nsource: {dir: d, path: p}", "4:9: \"path\" and \"tags\" choose jobs of .vcsjob"},
      {"steps: []", "3:8: a job needs at least one step"},
      {"steps: [{run: [x]}]", "3:9: a step needs \"id\""},
      {"steps: [{id: a}]", "3:9: a step needs one of \"run\" and \"shell\""},
      {"steps: [{id: a, run: [x]}, {id: a, run: [y]}]", "3:8: two steps are called \"a\""},
      {"run: [x]\nfinally: [{id: a, run: [x], results: {junit: j}}]",
       "unknown key \"results\" in a step of finally"},
      {"steps: [{id: a, run: [x]}]\nresults: {junit: a}", "4:10: belongs to a step here"},
      {"run: [x]\nresults: {junit: \"\"}", "4:18: a pattern of files is missing"},
      {"run: [x]\nresults: {}", "4:10: name files: junit or gtest"},
      {"run: [x]\nartifacts: [../x]", "4:12: \"../x\" leads out of the job's directory"},
      {"run: [x]\nartifacts: [/etc/passwd]", "4:12: \"/etc/passwd\" leads out"},
      {"steps: [{id: a, run: [x], measure: {\"a b\": x.csv}}]", "\"a b\" is no name of a table"},
      {"run: [x]\nmeasure: {wifi: {min: 1}}", "4:11: a limit is of a column"},
      {"run: [x]\nmeasure: {wifi.a: {unit: s}}", "4:11: a limit needs \"min\" or \"max\""},
      {"run: [x]\nmeasure: {wifi.a: {min: fast}}", "min must be a number, not \"fast\""},
      {"run: [x]\nmeasure: {wifi.a: {min: 2, max: 1}}", "4:11: \"min\" is above \"max\""},
      {"run: [x]\nexpect: {tests: 0}", "\"tests\" must be from 1"},
      {"run: [x]\nkeep: always 999999d", "4:7: duration \"999999d\" is longer than"},
      {"run: [x]\nkeep: always 31d", "4:7: a workspace is kept for 30d at most"},
      {"run: [x]\nkeep: sometimes", "4:7: \"sometimes\" is none of never, on_failure and always"},
      {"run: [x]\nkeep: always soon", "4:7: duration \"soon\" does not begin with a digit"},
      {"run: [x]\npty: maybe", "must be true or false"},
      {"run: [x]\ndepends_on: [boot]", "4:14: no task of this file is called \"boot\""},
      {"run: [x]\ndepends_on: [t]", "4:14: a task cannot depend on itself"},
      {"run: [x]\ndepends_on: [{result: ok}]", "4:14: a dependency names a \"job\""},
      {"run: [x]\nmatrix: {a: 1}", "4:13: matrix: a must be a list of values"},
      {"run: [x]\nmatrix: {a: [1], exclude: [{a: 1}]}", "4:9: exclude leaves no task"},
      {"run: [x]\nmatrix: {a: [1], exclude: [{b: 1}]}", "4:29: matrix has no \"b\""},
      {"run: [x]\nmatrix: {a: [1], exclude: [{a: 2}]}", "4:32: matrix: a has no value \"2\""},
      {"run: [x]\nmatrix: {a: [1, 2, 1]}", "4:13: matrix: a has the value \"1\" twice"},
      {"run: [x]\nmatrix: {\"a-b\": [1]}", "4:10: a name in matrix has letters"},
      {"run: [x]\narray: 9-1", "4:8: array: \"9-1\" ends before it begins"},
      {"run: [x]\narray: 1-3,2", "4:8: array: 2 is in the array twice"},
      {"run: [x]\narray: 1-100001", "4:8: array: an array has at most 100000 tasks"},
      {"run: [x]\neach_line: nowhere.txt", "4:12: each_line: "},
      {"run: [x]\narray: 1-2\neach_line: x", "5:12: a task has \"array\" or \"each_line\""},
      {"source: {dir: d, path: x, tags: [y]}", "3:33: jobs are chosen by \"path\" or by \"tags\""},
      {"run: [x]\ntargets: {}", "4:1: \"targets\" in a task is not supported by this version"},
      {"run: [x]\npirority: 5", "4:1: unknown key \"pirority\" in a task; did you mean priority?"},
  };
  for (const Row& row : rows) {
    const FileProblems problems = parse_task_file(kJob + std::string(row.text), "t").problems;
    EXPECT_EQ(problems.list().size(), 1u) << row.text << "\n" << problems.to_text();
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
  EXPECT_NE(with_tasks(kSubmitTasksMax + 1).find("at most 1024 documents"), std::string::npos);

  const auto with_argument = [](size_t bytes) {
    return problems_of(kJob + ("run: [x, " + std::string(bytes, 'a') + "]\n"));
  };
  EXPECT_EQ(with_argument(kWorkBytesMax - 1024), "");
  EXPECT_NE(with_argument(kWorkBytesMax).find("larger than 256 KiB"), std::string::npos);
}

}  // namespace
}  // namespace muster
