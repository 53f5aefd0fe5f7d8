// Artifacts: the files that a job is to leave for the archive, found by patterns where it worked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/limits.h"
#include "workers/disk_watch.h"

namespace muster {

struct CollectedFile {
  std::string name;  // relative to `from`, and to `into`
  uint64_t bytes = 0;
  std::string sha256;  // hexadecimal; empty: it was too much to read here, the archive will say it
};
struct Collected {
  std::vector<CollectedFile> files;   // by name
  std::vector<std::string> problems;  // for people: what could not be collected, and why
};

struct ArtifactSearch {
  std::string from;                      // where the job worked
  std::vector<std::string> patterns;     // core/glob.h
  std::string into;                      // made when there is something to put there
  std::string own;                       // what nobody but this attempt ever writes in
  uint64_t bytes_max = kPushedBytesMax;  // of all files together, holes included
  DiskWatch* disk = nullptr;             // whose reserve copies leave alone; null: there is none
};

// That not all is kept, and why of the first that is not, in a line; empty: all is.
std::string describe_problems(const Collected& collected);

// Puts every regular file below `from` that matches one of the patterns below `into`, under its
// relative name: by a hard link where it lies below `own` and has no other name, else as a copy,
// since whoever works there next may write over it. Symbolic links are not followed, so that
// nothing from outside of `from` gets there; one that matches is a problem, and so is a name that
// the archive does not take or that `into` has, a file that exceeds `bytes_max`, and a copy for
// which there is no room. At most kArtifactsMax files, after a look at kArtifactWalkMax. Digests
// are of files up to kArtifactHashedBytesMax, as long as all of them are no more than
// kArtifactsHashedBytesMax.
Collected collect_artifacts(const ArtifactSearch& search);

}  // namespace muster
