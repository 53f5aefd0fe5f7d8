// Artifacts: the files that a job is to leave for the archive, found by patterns where it worked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// Puts every regular file below `from` that matches one of `patterns` (core/glob.h) below `into`,
// under its relative name: by a hard link where that can be, else as a copy. Symbolic links are not
// followed, so that nothing from outside of `from` gets there; one that matches is a problem, and
// so is a name that the archive does not take or that `into` has. At most kArtifactsMax files,
// after a look at kArtifactWalkMax. Digests are of files up to kArtifactHashedBytesMax, as long as
// all of them are no more than kArtifactsHashedBytesMax.
Collected collect_artifacts(const std::string& from, const std::vector<std::string>& patterns,
                            const std::string& into);

}  // namespace muster
