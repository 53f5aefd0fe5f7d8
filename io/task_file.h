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
//   before: { verify: fresh, level: quick, repair: auto, repair_budget: 30m }   # of its devices:
//                                        # verify none, fresh or always; repair auto or never
//   pool: wifi
//   priority: 50                         # 0 to 100, or low (10), medium (50), high (90)
//   timeouts: { queue: 6h, run: 40m, silence: 10m, grace: 10s }
//   retry: { infra: 2, test: 0 }
//   run: [./test.sh, --band, 5g]         # one of run, shell and source, for kind: job
//   shell: make check
//   source: { dir: ../jobs, path: smoke.sh }         # or tags: [SMOKE, WIFI]; neither: all jobs
//   env: { set: { MODE: ci }, pass: [BUILD_ID] }
//   cwd: /srv/tests
//   wait_for_capacity: false
//
// Relative paths (source.dir, cwd, and a program with a slash when there is no cwd) are meant
// relative to the file's folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/object_reader.h"

namespace muster {

struct TaskFile {
  // One to a document. The GUID is empty where the file has none; the submitter always is.
  std::vector<TaskSpec> tasks;
  std::vector<Mark> at;   // where each begins
  FileProblems problems;  // with errors in it, no task may be submitted
};

TaskFile load_task_file(const std::string& path);
TaskFile parse_task_file(const std::string& text, const std::string& path);

// Why a task may not be called `name`, or nothing.
std::optional<std::string> invalid_task_name(const std::string& name);

// Why a job may not set or pass on the variable `name`, or nothing.
std::optional<std::string> invalid_env_name(const std::string& name);

std::vector<NamedKeyTable> task_file_keys();

}  // namespace muster
