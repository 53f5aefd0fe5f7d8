// Task files: what `muster run FILE` and `muster submit FILE` read. Several documents (separated by
// ---) are several tasks.
//
//   version: 1
//   kind: job                            # or verify
//   guid: lab-7/nightly/0042             # optional; a UUIDv7 otherwise
//   name: wifi-smoke                     # optional; the file's name otherwise
//   device: phone-7                      # or selector: type=handset
//   devices: { dut: { name: phone-7 }, relay: { selector: type=relay } }     # or several, by role;
//                                        # with: ROLE asks for a device in a stack with that one
//                                        # devices: [] needs none. Without a word about devices, a
//                                        # job that takes its jobs from a source needs what their
//                                        # profiles in .vcsjob say
//   before: { verify: fresh, level: quick, repair: auto, repair_budget: 30m }   # of its devices:
//                                        # verify none, fresh or always; repair auto or never
//   pool: wifi
//   priority: 50                         # 0 to 100, or low (10), medium (50), high (90)
//   timeouts: { queue: 6h, run: 40m, silence: 10m, grace: 10s, finally: 5m }
//   retry: { infra: 2, test: 0 }
//   wait_for_capacity: false
//   depends_on: [boot, { job: flash, result: any }, { guid: lab-7/nightly/0041 }]
//                                        # other tasks of this file by name, or any by its guid
//   tags: [SMOKE]                        # told as metadata, and so is coverage
//   metadata: { build_url: "https://ci/42" }
//   matrix, array, each_line             # many tasks from one document (io/task_matrix.h)
//   run, shell, source, steps, ...       # what a job does (io/job_file.h)
//
// Relative paths (source.dir, cwd, and a program with a slash when there is no cwd) are meant
// relative to the file's folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/task.h"
#include "io/object_reader.h"
#include "io/task_matrix.h"

namespace muster {

// A dependency between tasks of one file, by their places in TaskFile::tasks. It becomes one of
// TaskSpec::depends_on once both have their GUIDs.
struct FileDependency {
  size_t task = 0;
  size_t on = 0;
  bool must_pass = true;
  bool operator==(const FileDependency&) const = default;
};

struct TaskFile {
  // One to a document, or to each cell of its matrix or array. The GUID is empty where the file has
  // none; the submitter always is.
  std::vector<TaskSpec> tasks;
  std::vector<Mark> at;  // where the document of each begins
  // Of each: whether it takes its jobs from the .vcsjob of a source and says nothing of devices, so
  // that their profiles say it. Its `before` is what is to be done with those, if there are any.
  std::vector<bool> leaves_devices;
  std::vector<FileDependency> dependencies;
  // Tasks that are one array or matrix and have no group yet: the first and the one after the last.
  std::vector<std::pair<size_t, size_t>> groups;
  FileProblems problems;  // with errors in it, no task may be submitted
};

// `flags`: an array that the command line asks for, in place of the file's own.
TaskFile load_task_file(const std::string& path, const ArrayFlags& flags = {});
TaskFile parse_task_file(const std::string& text, const std::string& path,
                         const ArrayFlags& flags = {});

// Why a task may not be called `name`, or nothing.
std::optional<std::string> invalid_task_name(const std::string& name);

// Why a job may not set or pass on the variable `name`, or nothing.
std::optional<std::string> invalid_env_name(const std::string& name);

std::vector<NamedKeyTable> task_file_keys();

// The JSON Schema of task files (schemas/json/task.schema.json), for editors.
std::string_view task_file_schema();

}  // namespace muster
