// A look into a repository: one file of one commit, for whoever needs no tree. How git is called:
// io/git_command.h.
#pragma once

#include <cstddef>
#include <cstdint>
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

// What a commit has at a path.
struct GitEntry {
  enum class Kind : uint8_t { nothing, file, executable, link, folder, other };
  Kind kind = Kind::nothing;
  std::string target;  // of a link
};

// What the commit has at `path`, which has no "." and "..". The error is a sentence.
using GitEntries = std::function<Result<GitEntry>(const std::string& path)>;

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
// repository without its password. `look`, if given, gets the text of the file while the rest of
// the commit can be asked for; that takes the time that is left.
Result<GitPeek> peek_git(
    const std::string& url, const std::string& ref, const std::string& path,
    const GitPeekLimits& limits,
    const std::function<void(const std::string& text, const GitEntries& entries)>& look = nullptr);

// Why the file at `path` of such a commit cannot be run, or nothing; links are followed as long as
// they stay in the tree. In the words of open_beneath (io/beneath.h) and of load_vcsjob.
std::optional<std::string> check_git_executable(const GitEntries& entries, const std::string& path);

}  // namespace muster
