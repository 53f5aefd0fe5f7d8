// The part of a task file that says what a job does (io/task_file.h has the whole):
//
//   run: [./test.sh, --band, 5g]         # one of run, shell, source and steps; source also goes
//   shell: make check                    # with one of the others, which then run in its tree
//   source: { dir: ../jobs, path: smoke.sh }         # or tags: [SMOKE, "not:SLOW"]; neither: all
//   source: { git: "https://host/tests.git", ref: v1.2, tags: [SMOKE] }
//   steps:
//     - { id: flash, run: [flash, image], timeout: 3m, uninterruptible: true }
//     - { id: test, shell: ./run.sh, results: { gtest: "out/*.xml", junit: junit.xml },
//         measure: { wifi: out/wifi.csv } }
//   finally: [ { id: off, run: [svc, wifi, disable] } ]      # however the rest ended
//   results: { gtest: "" }       # of run, shell or each job of the source; a gtest pattern may be
//                                # empty: its output
//   artifacts: ["out/**", "*.log"]
//   measure: { wifi.mbit_s: { min: 80, unit: Mbit/s } }      # table.column: outside fails the job
//   expect: { tests: 42 }        # fewer results than that are an error
//   keep: on_failure 24h         # the workspace: never, on_failure or always
//   pty: false                   # stdout and stderr are a terminal
//   env: { set: { MODE: ci }, pass: [BUILD_ID] }
//   cwd: /srv/tests              # relative: to the file's folder; with git, to the tree
#pragma once

#include <vector>

#include "core/work.h"
#include "io/object_reader.h"

namespace muster {

// The keys of a task that belong here.
const std::vector<std::string>& job_keys();

// `task` reads the document with all of its keys.
JobWork read_job(const ObjectReader& task);

std::vector<NamedKeyTable> job_file_keys();

}  // namespace muster
