// Artifacts: the files that a job is to leave for the archive, found by patterns where it worked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// Whether `path` (relative, without "." and "..") matches `pattern`: as a shell does, name by name;
// "**" as a whole name stands for any number of names, none included.
bool matches_pattern(std::string_view pattern, std::string_view path);

struct CollectedFile {
  std::string name;  // relative to `from`, and to `into`
  uint64_t bytes = 0;
};
struct Collected {
  std::vector<CollectedFile> files;   // by name
  std::vector<std::string> problems;  // for people: what could not be collected, and why
};

// Puts every regular file below `from` that matches one of `patterns` below `into`, under its
// relative name: by a hard link where that can be, else as a copy. Symbolic links are not followed,
// so that nothing from outside of `from` gets there; one that matches is a problem. At most
// kArtifactsMax files, after a look at kArtifactWalkMax.
Collected collect_artifacts(const std::string& from, const std::vector<std::string>& patterns,
                            const std::string& into);

}  // namespace muster
