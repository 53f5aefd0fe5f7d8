#include "cli/source_roles.h"

#include <optional>
#include <variant>

#include "cli/exit_status.h"
#include "cli/failure.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "core/git_url.h"
#include "core/limits.h"
#include "io/codec.h"
#include "io/git_peek.h"
#include "io/vcsjob_roles.h"

namespace muster {
namespace {

// Somebody waits for it.
constexpr Duration kPeekTimeout = std::chrono::minutes(2);
constexpr char kFileName[] = ".vcsjob";
constexpr char kFetchHint[] =
    "it says what devices the jobs need: give devices in the job file, or devices: [] when they "
    "need none; then nothing is read from here";

// "https://host/tests.git@main"
std::string shown_source(const GitSource& source) {
  return shown_git_url(source.url) + "@" + (source.ref.empty() ? "HEAD" : source.ref);
}

// `checks`: the jobs' own files are looked at, too.
GitJobs read_vcsjob(const GitSource& source, const std::string& hint, bool checks) {
  const InterruptGuard guard;
  const std::string name = shown_source(source) + ":" + kFileName;
  GitJobs jobs;
  const auto read = [&](const std::string& text, const GitEntries& entries) {
    const auto check = [&](const std::string& path) { return check_git_executable(entries, path); };
    jobs.file = parse_vcsjob(text, name, checks ? VcsJobCheck(check) : nullptr);
  };
  const Result<GitPeek> peek =
      peek_git(source.url, source.ref, kFileName,
               {kPeekTimeout, kYamlBytesMax, [] { return InterruptGuard::pending() != 0; }}, read);
  if (InterruptGuard::pending() != 0) {
    throw Failure{InterruptGuard::exit_status(), "interrupted while a repository was asked", ""};
  }
  const std::string shown = printable(shown_source(source));
  if (!peek) {
    throw Failure{
        static_cast<int>(StatusCode::nofetch),
        "cannot read " + std::string(kFileName) + " of " + shown + ": " + printable(peek.error()),
        hint};
  }
  if (!peek->text) {
    throw Failure{kExitUsageError,
                  shown + " (" + peek->sha.substr(0, 12) + ") has no " + kFileName + " file",
                  "name a ref that has one, or say in the job file what is to be run"};
  }
  jobs.sha = peek->sha;
  return jobs;
}

}  // namespace

GitJobs peek_vcsjob(const GitSource& source, const std::string& hint) {
  return read_vcsjob(source, hint, false);
}

GitJobs check_vcsjob(const GitSource& source, const std::string& hint) {
  return read_vcsjob(source, hint, true);
}

std::vector<DeviceRequest> roles_or_throw(const VcsJobFile& file, const TreeSource& source,
                                          Output& output) {
  if (file.unreadable) {
    const std::string text = file.problems.to_text();
    output.talk(text.substr(0, text.find_last_not_of('\n') + 1));
    throw Failure{kExitUsageError,
                  counted(file.problems.errors(), "error") + "; nothing was submitted", ""};
  }
  const VcsJobChoice choice = choose_vcsjobs(file, source);
  if (choice.status != StatusCode::ok) throw Failure{kExitUsageError, choice.message, ""};
  Result<std::vector<DeviceRequest>> roles = roles_of(choice.jobs);
  if (roles) return std::move(*roles);
  throw Failure{kExitUsageError, file.path + ": " + roles.error(),
                "name the devices with -d or -l, or in the job file (devices)"};
}

void SourceRoles::learn(TaskSpec& task, const std::string& place) {
  Result<Work> work = decode_work(task.work);
  auto* job = work ? std::get_if<JobWork>(&*work) : nullptr;
  if (job == nullptr) return;
  try {
    if (auto* git = std::get_if<GitSource>(&job->source)) {
      task.devices = roles_of_git(*git);
      task.work = encode_work(*work);
    } else if (const auto* tree = std::get_if<TreeSource>(&job->source)) {
      const VcsJobFile file = load_vcsjob(tree->dir);
      if (!file.missing) task.devices = roles_or_throw(file, *tree, output_);
    }
  } catch (Failure& failure) {
    failure.error = printable(place) + ": " + failure.error;
    throw;
  }
  if (task.devices.empty()) task.before = Before{};
}

std::vector<DeviceRequest> SourceRoles::roles_of_git(GitSource& source) {
  const auto key = std::pair(source.url, source.ref);
  auto known = read_.find(key);
  if (known == read_.end()) {
    output_.progress("reading " + std::string(kFileName) + " of " +
                     printable(shown_source(source)));
    known = read_.emplace(key, peek_vcsjob(source, kFetchHint)).first;
    output_.clear_progress();
  }
  if (source.ref != known->second.sha) {
    source.asked_ref = source.ref.empty() ? "HEAD" : source.ref;
    source.ref = known->second.sha;
  }
  return roles_or_throw(known->second.file, TreeSource{"", source.path, source.tags}, output_);
}

}  // namespace muster
