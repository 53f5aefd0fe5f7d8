// muster artifact: what the attempts of a task have left in the archive.
#include <fnmatch.h>

#include <algorithm>

#include "cli/archive_client.h"
#include "cli/download.h"
#include "cli/lookup.h"
#include "cli/render_archive.h"
#include "cli/verbs.h"
#include "core/guid.h"

namespace muster {
namespace {

[[noreturn]] void fail(const std::string& error, const std::string& hint = "") {
  throw Failure{kExitLocal, error, hint};
}

// What the archive has of the task and was asked for; nothing of a task that has left nothing.
struct Found {
  std::unique_ptr<ArchiveClient> archive;
  ArchiveFolder folder;
};

Found find_files(Session& session, const std::string& guid) {
  Found found;
  found.archive = archive_of(session, find_task(session, guid));
  Result<std::optional<ArchiveFolder>> folder = found.archive->list(guid);
  if (!folder) fail(folder.error(), "muster doctor shows what runs here");
  found.folder.guid = guid;
  if (*folder) found.folder = std::move(**folder);
  return found;
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

void show(Output& output, const std::vector<ArtifactLine>& lines, bool pinned) {
  output.show_list(
      "artifact", lines, [&] { return render_artifact_table(lines, pinned, output.look()); },
      [](const ArtifactLine& line) { return artifact_json(line); },
      [](const ArtifactLine& line) { return line.path.empty() ? line.file.name : line.path; },
      std::string("\"pinned\":") + (pinned ? "true" : "false"));
}

}  // namespace

int do_verb(Session& session, const ArtifactListOptions& options) {
  Found found = find_files(session, resolve_guid(session, options.guid));
  keep_wanted(found.folder, options.pattern, options.attempt);
  std::vector<ArtifactLine> lines;
  for (const ArchivedFile& file : found.folder.files) lines.push_back(line_of(found, file));
  show(session.output(), lines, found.folder.pinned);
  return kExitOk;
}

int do_verb(Session& session, const ArtifactGetOptions& options) {
  Output& output = session.output();
  Found found = find_files(session, resolve_guid(session, options.guid));
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
  for (const ArchivedFile& file : found.folder.files) {
    ArtifactLine line = line_of(found, file);
    line.path = options.dir + "/" + file.name;
    output.progress("fetching " + printable(file.name));
    download(*found.archive, found.folder.guid, file, line.path);
    if (!file.complete) {
      output.talk(printable(file.name) + " still grows: this is its beginning");
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
  return kExitOk;
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
