#include "cli/render_archive.h"

#include "core/duration_text.h"
#include "io/clock.h"
#include "io/json_writer.h"

namespace muster {

std::string render_artifact_table(const std::vector<ArtifactLine>& lines, bool pinned,
                                  const Look& look) {
  if (lines.empty()) return "nothing is archived yet\n";
  Table table({"ATTEMPT", "NAME", "SIZE", "STATE", "STORED"});
  for (const ArtifactLine& line : lines) {
    table.add({std::to_string(line.file.attempt), line.file.name, format_size(line.file.bytes),
               Cell(line.file.complete ? "complete" : "growing",
                    line.file.complete ? Color::none : Color::doubt),
               relative_time(line.file.stored, look)});
  }
  return table.render(look) + (pinned ? "pinned: it is never removed\n" : "");
}

std::string artifact_json(const ArtifactLine& line) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.artifact/1");
  json.text("guid", line.guid);
  json.number("attempt", uint64_t{line.file.attempt});
  json.text("name", line.file.name);
  json.number("bytes", line.file.bytes);
  json.boolean("complete", line.file.complete);
  if (!line.file.sha256.empty()) json.text("sha256", line.file.sha256);
  if (line.file.stored != kNever) json.text("stored", format_rfc3339(line.file.stored));
  json.text("url", line.url);
  if (!line.path.empty()) json.text("path", line.path);
  json.end_object();
  return json.take();
}

std::string pin_json(const std::string& guid, bool pinned) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.artifact_pin/1");
  json.text("guid", guid);
  json.boolean("pinned", pinned);
  json.end_object();
  return json.take();
}

}  // namespace muster
