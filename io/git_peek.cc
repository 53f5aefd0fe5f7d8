#include "io/git_peek.h"

#include <poll.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/duration_text.h"
#include "core/git_url.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/git_command.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kSaidBytesMax = 4096;
constexpr size_t kAnswerBytesMax = 4096;  // names of commits and files
// How often `stopped` is asked.
constexpr Duration kAskEvery = std::chrono::milliseconds(100);
constexpr size_t kLinksMax = 40;  // on the way to one file, as Linux has it
constexpr char kWanted[] = "refs/muster/wanted";

// A directory that is gone with its owner.
class TemporaryDir {
 public:
  TemporaryDir() {
    std::error_code error;
    const fs::path parent = fs::temp_directory_path(error);
    path_ = (error ? fs::path("/tmp") : parent) / "muster-git-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) {
      fault_ = "cannot make a directory " + path_ + ": " + errno_text(errno);
    }
  }
  ~TemporaryDir() {
    std::error_code ignored;
    if (fault_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;

  const std::string& path() const { return path_; }
  const std::string& fault() const { return fault_; }

 private:
  std::string path_;
  std::string fault_;
};

class Peek {
 public:
  Peek(const std::string& url, const std::string& ref, const GitPeekLimits& limits)
      : url_(url),
        wanted_(ref.empty() ? "HEAD" : ref),
        limits_(limits),
        until_us_(boot_us() + limits.timeout.count()),
        remote_(git_remote(url)) {}

  Result<GitPeek> peek(const std::string& path) {
    GitPeek peek;
    if (!dir_.fault().empty()) return Error{dir_.fault()};
    if (!run({"init", "--quiet", "--bare", dir_.path()})) return fail();
    if (!bring(peek.sha)) return fail();
    if (!run({"ls-tree", "-z", peek.sha, "--", path})) return fail();
    if (out_.empty()) return peek;
    // "100644 blob SHA\tPATH"
    if (!out_.starts_with("100")) {
      return Error{shown_git_url(url_) + ": " + path + " is not a regular file there"};
    }
    out_max_ = limits_.bytes_max;
    if (!run({"cat-file", "blob", peek.sha + ":" + path})) return fail();
    peek.text = std::move(out_);
    out_max_ = kAnswerBytesMax;
    return peek;
  }

  Result<GitEntry> entry(const std::string& sha, const std::string& path) {
    if (!run({"ls-tree", "-z", sha, "--", path})) return fail();
    GitEntry entry;
    if (out_.starts_with("100")) {
      entry.kind = out_.starts_with("100755") ? GitEntry::Kind::executable : GitEntry::Kind::file;
    } else if (out_.starts_with("040")) {
      entry.kind = GitEntry::Kind::folder;
    } else if (out_.starts_with("120")) {
      entry.kind = GitEntry::Kind::link;
      if (!run({"cat-file", "blob", sha + ":" + path})) return fail();
      entry.target = std::move(out_);
    } else if (!out_.empty()) {
      entry.kind = GitEntry::Kind::other;
    }
    return entry;
  }

 private:
  // Brings the commit that is wanted and says which it is.
  bool bring(std::string& sha) {
    if (run({"fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags",
             "--no-write-fetch-head", "--", "origin", "+" + wanted_ + ":" + kWanted})) {
      return resolve(kWanted, sha);
    }
    // An abbreviated sha has no name there, and not every server gives what only a sha names.
    if (!may_be_sha(wanted_) || !fault_.empty()) return false;
    return run({"fetch", "--quiet", "--filter=tree:0", "--no-tags", "--no-write-fetch-head", "--",
                "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}) &&
           resolve(wanted_, sha);
  }

  bool resolve(const std::string& name, std::string& sha) {
    const bool found = run({"rev-parse", "--verify", "--quiet", name + "^{commit}"});
    sha = out_.substr(0, out_.find('\n'));
    if (found && is_full_sha(sha)) return true;
    if (fault_.empty()) fault_ = "git: " + shown_git_url(url_) + " has no commit " + wanted_;
    return false;
  }

  // Runs git to its end; what it printed is in out_, what it said in said_.
  bool run(std::vector<std::string> arguments) {
    // "origin" by options, so that no file has to name it. Git fetches from it what is missing.
    std::vector<std::string> all = {"-c", "remote.origin.url=" + remote_.url,
                                    "-c", "remote.origin.promisor=true",
                                    "-c", "remote.origin.partialclonefilter=blob:none"};
    if (arguments.front() != "init") all.insert(all.end(), {"--git-dir", dir_.path()});
    all.insert(all.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
    ProcessSpec spec = git_process(remote_, std::move(all));
    spec.cwd = dir_.path();
    spec.stderr_to = StderrTo::own;
    out_.clear();
    said_.clear();
    const Result<std::unique_ptr<Process>> started = Process::start(spec);
    if (!started) {
      fault_ = git_not_started(started.error());
      return false;
    }
    return await(**started);
  }

  bool await(Process& process) {
    while (!is_over()) {
      const std::optional<ProcessExit> exit = process.try_reap();
      take_output(process);
      if (exit) return fault_.empty() && exit->exit_code == 0;
      pollfd items[] = {{process.output_fd(), POLLIN, 0},
                        {process.error_fd(), POLLIN, 0},
                        {process.exit_fd(), POLLIN, 0}};
      const Duration left{std::max<int64_t>(until_us_ - boot_us(), 0)};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kAskEvery));
      ::poll(items, std::size(items), static_cast<int>(wait.count()));
    }
    return false;  // what still runs is ended with `process`
  }

  void take_output(Process& process) {
    for (size_t before = out_.size(); process.output_fd() >= 0; before = out_.size()) {
      const bool open = process.read_output(out_, kReadBytes);
      if (out_.size() > out_max_) {
        fault_ = shown_git_url(url_) + ": the file is larger than " + std::to_string(out_max_) +
                 " bytes";
        return;
      }
      if (!open || out_.size() == before) break;
    }
    for (size_t before = said_.size(); process.error_fd() >= 0; before = said_.size()) {
      const bool open = process.read_error(said_, kReadBytes);
      if (!open || said_.size() == before) break;
      if (said_.size() > kSaidBytesMax) said_.erase(0, said_.size() - kSaidBytesMax);
    }
  }

  bool is_over() {
    if (!fault_.empty()) return true;
    if (limits_.stopped && limits_.stopped()) fault_ = "interrupted";
    if (boot_us() >= until_us_) {
      fault_ = "timed out after " + format_duration(limits_.timeout) + " while asking " +
               shown_git_url(url_);
    }
    return !fault_.empty();
  }

  Error fail() const {
    if (!fault_.empty()) return Error{fault_};
    const std::string reason = git_reason(said_, url_);
    return Error{"git: " + (reason.empty() ? "failed and said nothing" : reason)};
  }

  const std::string url_;
  const std::string wanted_;
  const GitPeekLimits& limits_;
  const int64_t until_us_;
  const GitRemote remote_;
  const TemporaryDir dir_;
  size_t out_max_ = kAnswerBytesMax;
  std::string out_;
  std::string said_;
  std::string fault_;  // ours, where git said none
};

}  // namespace

Result<GitPeek> peek_git(const std::string& url, const std::string& ref, const std::string& path,
                         const GitPeekLimits& limits,
                         const std::function<void(const std::string&, const GitEntries&)>& look) {
  if (const auto reason = invalid_git_url(url)) return Error{*reason};
  if (const auto reason = invalid_git_ref(ref)) return Error{*reason};
  Peek peek(url, ref, limits);
  Result<GitPeek> found = peek.peek(path);
  if (!found || !found->text || !look) return found;
  look(*found->text, [&](const std::string& one) { return peek.entry(found->sha, one); });
  return found;
}

std::optional<std::string> check_git_executable(const GitEntries& entries,
                                                const std::string& path) {
  const std::string shown = "\"" + path + "\"";
  std::vector<std::string> way = {};  // names from the root to where we are
  std::string left = path;
  GitEntry entry{GitEntry::Kind::folder, ""};
  for (size_t links = 0; !left.empty();) {
    if (left.front() == '/' && way.empty()) return shown + " leads out of the tree";
    const size_t slash = std::min(left.find('/'), left.size());
    const std::string name = left.substr(0, slash);
    left.erase(0, left.find_first_not_of('/', slash));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (way.empty()) return shown + " leads out of the tree";
      way.pop_back();
      entry = {GitEntry::Kind::folder, ""};
      continue;
    }
    if (entry.kind != GitEntry::Kind::folder) {
      return "cannot open " + shown + ": " + errno_text(ENOTDIR);
    }
    way.push_back(name);
    std::string here;
    for (const std::string& one : way) here += (here.empty() ? "" : "/") + one;
    Result<GitEntry> found = entries(here);
    if (!found) return found.error();
    entry = std::move(*found);
    if (entry.kind == GitEntry::Kind::nothing) {
      return "cannot open " + shown + ": " + errno_text(ENOENT);
    }
    if (entry.kind != GitEntry::Kind::link) continue;
    if (++links > kLinksMax) return "cannot open " + shown + ": " + errno_text(ELOOP);
    if (entry.target.starts_with('/')) return shown + " leads out of the tree";
    left = entry.target + (left.empty() ? "" : "/" + left);
    way.pop_back();
    entry = {GitEntry::Kind::folder, ""};
  }
  if (entry.kind == GitEntry::Kind::executable) return std::nullopt;
  if (entry.kind == GitEntry::Kind::file) return shown + " is not executable; try chmod +x";
  return shown + " is not a regular file";
}

}  // namespace muster
