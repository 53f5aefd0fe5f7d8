// A look into a repository: one file of one commit, for whoever needs no tree. How git is called:
// io/git_command.h.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"

namespace muster {

struct GitPeek {
  std::string sha;                  // the commit, in full
  std::optional<std::string> text;  // of the file; nothing: the commit has none at that path
};

struct GitPeekLimits {
  Duration timeout;  // of the whole
  size_t bytes_max;  // of the file
  // Asked now and then; when it says true the look is over, with an error.
  std::function<bool()> stopped;
};

// The file at `path` of the commit that `ref` names in the repository: branch, tag or sha; empty:
// HEAD. Brought is that commit without its history and, where the server can leave them out,
// without other files, into a directory for temporary files that is gone afterwards. An abbreviated
// sha costs the names of all commits. The error is a sentence, with what git said, and names the
// repository without its password.
Result<GitPeek> peek_git(const std::string& url, const std::string& ref, const std::string& path,
                         const GitPeekLimits& limits);

}  // namespace muster
