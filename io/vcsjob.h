// .vcsjob: the list of jobs that a source tree offers, in AVE's format.
//
//   { "executables": [
//       { "path": "jobs/smoke.sh", "tags": ["SMOKE", "x"], "banner": "One line about it",
//         "profiles": [{"type": "handset"}], "coverage": ["asset 1"],
//         "duration": 60, "dirty": false, "virgin": false } ] }
//
// `path` is the only key that must be there: a regular, executable file inside the tree.
// `duration` is in seconds and says how long the job usually takes. Read as YAML (every JSON file
// is one), so that each problem has its line and column; all are reported at once. An entry that is
// wrong condemns only itself: it stays in the list with the reason why it cannot run, because a
// job that was asked for and silently left out would look like one that passed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"
#include "core/time.h"
#include "core/work.h"
#include "io/object_reader.h"

namespace muster {

struct VcsJob {
  std::string path;  // as written; inside the tree unless `broken`
  std::vector<std::string> tags;
  std::string banner;
  std::string profiles;  // the JSON text of the list, for $VCSJOB_PROFILES; empty: none
  std::vector<std::string> coverage;
  Duration duration{0};  // 0: not said
  bool dirty = false;    // AVE: leaves its devices changed
  bool virgin = false;   // AVE: wants devices that nobody has changed
  Mark at;
  std::string broken;  // why it cannot run: the first problem of its entry; empty: it can

  bool operator==(const VcsJob&) const = default;
};

struct VcsJobFile {
  std::string path;          // where it was read, as problems name it
  std::vector<VcsJob> jobs;  // in the file's order
  FileProblems problems;
  bool missing = false;     // there is no such tree, or no .vcsjob in it
  bool unreadable = false;  // there is one, but it is not a list of jobs at all
};

// Reads DIR/.vcsjob and looks at each job's file.
VcsJobFile load_vcsjob(const std::string& dir);

// Why the file at a job's path cannot be run, or nothing.
using VcsJobCheck = std::function<std::optional<std::string>(const std::string& path)>;

// The same of the text of such a file whose tree is not here; `path` says where it comes from. What
// the jobs' own files are is not looked at, unless `check` can.
VcsJobFile parse_vcsjob(std::string text, const std::string& path,
                        const VcsJobCheck& check = nullptr);

// What `source` asks for: the job with its path, or all jobs that its tags choose
// (core/tag_choice.h; all of them without tags), broken ones included.
struct VcsJobChoice {
  std::vector<VcsJob> jobs;
  // ok; nolist: no readable list; norun: no job in it is meant by `source`.
  StatusCode status = StatusCode::ok;
  std::string message;  // why there are none
};
VcsJobChoice choose_vcsjobs(const VcsJobFile& file, const TreeSource& source);

std::vector<NamedKeyTable> vcsjob_keys();

// `text` (JSON) so that a YAML reader takes it for the same value at the same positions: tabs
// between values become blanks, and pairs of escaped surrogates one escape (later columns of that
// line move by two).
std::string json_to_yaml(std::string text);

// The JSON text of a value. A scalar without quotes stays as it is when JSON allows that (numbers,
// true, false) and becomes a string otherwise.
std::string to_json(const YamlNode& node);

}  // namespace muster
