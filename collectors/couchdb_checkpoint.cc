#include "collectors/couchdb_checkpoint.h"

#include <nlohmann/json.hpp>
#include <set>

#include "io/archive_name.h"
#include "io/clock.h"
#include "io/json_members.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string couch_checkpoint_path(const std::string& log_id) {
  return "/_local/muster-" + url_encode(log_id);
}

std::optional<CouchCheckpoint> read_couch_checkpoint(const HttpReply& reply,
                                                     const std::string& log_id) {
  if (!reply.fault.empty() || (!reply.ok() && reply.status != 404)) return std::nullopt;
  const Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  CouchCheckpoint checkpoint;
  if (!reply.ok()) {
    if (text_of(json, "error") != "not_found") return std::nullopt;
    return checkpoint;
  }
  checkpoint.rev = text_of(json, "_rev");
  if (checkpoint.rev.empty()) return std::nullopt;
  const auto cursor = json.find("cursor");
  const bool is_ours = text_of(json, "log") == log_id && cursor != json.end();
  if (is_ours && cursor->is_number_unsigned()) checkpoint.cursor = cursor->get<uint64_t>();
  return checkpoint;
}

std::vector<size_t> missing_documents(const HttpReply& reply, const std::vector<std::string>& ids) {
  if (!reply.ok()) return {};
  const Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object()) return {};
  const auto rows = json.find("rows");
  if (rows == json.end() || !rows->is_array() || rows->size() != ids.size()) return {};
  std::set<std::string> not_found;
  for (const Json& row : *rows) {
    if (row.is_object() && text_of(row, "error") == "not_found")
      not_found.insert(text_of(row, "key"));
  }
  std::vector<size_t> missing;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (not_found.contains(ids[i])) missing.push_back(i);
  }
  return missing;
}

std::string couch_checkpoint_body(const std::string& log_id, uint64_t cursor,
                                  const std::string& rev, Instant now) {
  JsonWriter json;
  json.begin_object();
  if (!rev.empty()) json.text("_rev", rev);
  json.text("schema", "muster.couchdb_checkpoint/1");
  json.text("log", log_id);
  json.number("cursor", cursor);
  json.text("written", format_rfc3339(now));
  json.end_object();
  return json.take();
}

}  // namespace muster
