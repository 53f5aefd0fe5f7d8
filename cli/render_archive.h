// What the archive has of a task, as text and as JSON (muster.artifact/1, cli/render_json.h).
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "io/archive_store.h"

namespace muster {

struct ArtifactLine {
  std::string guid;
  ArchivedFile file;
  std::string url;
  std::string path;  // on this machine, once it was fetched
};

std::string render_artifact_table(const std::vector<ArtifactLine>& lines, bool pinned,
                                  const Look& look);
std::string artifact_json(const ArtifactLine& line);
std::string pin_json(const std::string& guid, bool pinned);

}  // namespace muster
