#include "io/archive_json.h"

#include <nlohmann/json.hpp>

#include "io/clock.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

ArchivedFile parse_file(const Json& json) {
  ArchivedFile file;
  file.attempt = json.at("attempt").get<uint32_t>();
  file.name = json.at("name").get<std::string>();
  file.bytes = json.at("bytes").get<uint64_t>();
  file.complete = json.at("complete").get<bool>();
  file.sha256 = json.value("sha256", std::string());
  file.stored = parse_rfc3339(json.value("stored", std::string()));
  return file;
}

}  // namespace

std::string archive_folder_json(const ArchiveFolder& folder) {
  Json files = Json::array();
  for (const ArchivedFile& file : folder.files) {
    Json json = {{"attempt", file.attempt},
                 {"name", file.name},
                 {"bytes", file.bytes},
                 {"complete", file.complete}};
    if (!file.sha256.empty()) json["sha256"] = file.sha256;
    json["stored"] = format_rfc3339(file.stored);
    files.push_back(std::move(json));
  }
  const Json json = {{"schema", "muster.archive_folder/1"},
                     {"guid", folder.guid},
                     {"pinned", folder.pinned},
                     {"files", std::move(files)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ArchiveFolder> parse_archive_folder(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Error{"the archive's answer is not JSON"};
  try {
    ArchiveFolder folder;
    folder.guid = json.at("guid").get<std::string>();
    folder.pinned = json.at("pinned").get<bool>();
    for (const Json& file : json.at("files")) {
      folder.files.push_back(parse_file(file));
      const ArchivedFile& added = folder.files.back();
      if (const auto why = invalid_archive_name({folder.guid, added.attempt, added.name})) {
        return Error{"the archive lists what cannot be: " + *why};
      }
    }
    return folder;
  } catch (const Json::exception& error) {
    return Error{std::string("the archive's answer does not fit: ") + error.what()};
  }
}

}  // namespace muster
