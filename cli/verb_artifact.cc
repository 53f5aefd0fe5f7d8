// muster artifact: what the attempts of a task have left in the archive.
#include <fnmatch.h>

#include <algorithm>

#include "cli/archive_client.h"
#include "cli/download.h"
#include "cli/lookup.h"
#include "cli/render_archive.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "core/guid.h"

namespace muster {
namespace {

[[noreturn]] void fail(const std::string& error, const std::string& hint = "") {
  throw Failure{kExitLocal, error, hint};
}

// What the archive has of the task and was asked for; nothing of a task that has left nothing.
struct Found {
  TaskInfo task;
  std::unique_ptr<ArchiveClient> archive;
  ArchiveFolder folder;
};

Found find_files(Session& session, const std::string& guid) {
  Found found;
  found.task = find_task(session, guid);
  found.archive = archive_of(session, found.task);
  Result<std::optional<ArchiveFolder>> folder = found.archive->list(guid);
  if (!folder) fail(folder.error(), "muster doctor shows what runs here");
  found.folder.guid = guid;
  if (*folder) found.folder = std::move(**folder);
  return found;
}

// Throws Failure when there is no such attempt. 0: whichever.
void check_attempt(const Found& found, uint32_t attempt) {
  const auto& files = found.folder.files;
  const auto& attempts = found.task.attempts;
  const bool is_known =
      attempt == 0 ||
      std::any_of(files.begin(), files.end(),
                  [&](const ArchivedFile& file) { return file.attempt == attempt; }) ||
      std::any_of(attempts.begin(), attempts.end(),
                  [&](const AttemptInfo& info) { return info.attempt == attempt; });
  if (is_known) return;
  const std::string guid = printable(found.folder.guid);
  throw Failure{kExitUsageError,
                "task " + guid + " has no attempt " + std::to_string(attempt) + ": it has " +
                    counted(attempts.size(), "attempt"),
                "see: muster task show " + guid};
}

void keep_wanted(ArchiveFolder& folder, const std::string& pattern, uint32_t attempt) {
  std::erase_if(folder.files, [&](const ArchivedFile& file) {
    const bool matches = pattern.empty() || ::fnmatch(pattern.c_str(), file.name.c_str(), 0) == 0;
    return !matches || (attempt != 0 && file.attempt != attempt);
  });
}

ArtifactLine line_of(const Found& found, const ArchivedFile& file) {
  return {found.folder.guid, file, found.archive->url({found.folder.guid, file.attempt, file.name}),
          ""};
}

// `others`: files that the archive has and that were not asked for.
void show(Output& output, const std::vector<ArtifactLine>& lines, bool pinned, size_t others) {
  output.show_list(
      "artifact", lines,
      [&] {
        if (!lines.empty() || others == 0) {
          return render_artifact_table(lines, pinned, output.look());
        }
        return "no such file; the archive has " + counted(others, "other file") + " of the task\n";
      },
      [](const ArtifactLine& line) { return artifact_json(line); },
      [](const ArtifactLine& line) { return line.path.empty() ? line.file.name : line.path; },
      std::string("\"pinned\":") + (pinned ? "true" : "false"));
}

}  // namespace

int do_verb(Session& session, const ArtifactListOptions& options) {
  Found found = find_files(session, resolve_guid(session, options.guid));
  check_attempt(found, options.attempt);
  const size_t all = found.folder.files.size();
  keep_wanted(found.folder, options.pattern, options.attempt);
  std::vector<ArtifactLine> lines;
  for (const ArchivedFile& file : found.folder.files) lines.push_back(line_of(found, file));
  show(session.output(), lines, found.folder.pinned, all - lines.size());
  return kExitOk;
}

int do_verb(Session& session, const ArtifactGetOptions& options) {
  Output& output = session.output();
  Found found = find_files(session, resolve_guid(session, options.guid));
  check_attempt(found, options.attempt);
  uint32_t attempt = options.attempt;
  for (const ArchivedFile& file : found.folder.files) {
    if (options.attempt == 0) attempt = std::max(attempt, file.attempt);
  }
  keep_wanted(found.folder, options.pattern, attempt);
  if (found.folder.files.empty()) {
    throw Failure{kExitUsageError,
                  "the archive has no such file of " + printable(found.folder.guid) + ": " +
                      found.archive->place(),
                  "see: muster artifact ls " + printable(found.folder.guid)};
  }
  std::vector<ArtifactLine> lines;
  size_t growing = 0;
  for (const ArchivedFile& file : found.folder.files) {
    ArtifactLine line = line_of(found, file);
    line.path = options.dir + "/" + file.name;
    output.progress("fetching " + printable(file.name));
    download(*found.archive, found.folder.guid, file, line.path);
    if (!file.complete) {
      ++growing;
      output.talk(printable(file.name) +
                  " still grows in the archive: this is its beginning, and "
                  "no digest says whether it is right");
    }
    lines.push_back(std::move(line));
  }
  output.clear_progress();
  output.show_list(
      "artifact", lines,
      [&] {
        std::string text;
        for (const ArtifactLine& line : lines) text += printable(line.path) + "\n";
        return text;
      },
      [](const ArtifactLine& line) { return artifact_json(line); },
      [](const ArtifactLine& line) { return line.path; });
  if (growing == 0) return kExitOk;
  output.talk(counted(growing, "file") +
              " not complete yet; the rest comes when it is asked for "
              "again");
  return kExitNotEnded;
}

int do_verb(Session& session, const ArtifactPinOptions& options) {
  const std::string guid = resolve_guid(session, options.guid);
  const std::unique_ptr<ArchiveClient> archive = archive_of(session, find_task(session, guid));
  if (const Result<Done> pinned = archive->pin(guid, options.pinned); !pinned) fail(pinned.error());
  session.output().show_one(
      [&] {
        return printable(guid) + (options.pinned
                                      ? " is pinned: the archive keeps what it has left\n"
                                      : " is not pinned any more\n");
      },
      [&] { return pin_json(guid, options.pinned); }, [&] { return guid; });
  return kExitOk;
}

}  // namespace muster
