#include "collectors/cursor_file.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "io/file.h"
#include "io/json_writer.h"

namespace muster {
namespace {

constexpr size_t kBytesMax = 64 << 10;

// Those of an older build are not noted.
std::vector<uint64_t> newest_of(const nlohmann::json& json) {
  std::vector<uint64_t> newest;
  const auto found = json.find("newest");
  if (found == json.end() || !found->is_array()) return newest;
  for (const nlohmann::json& seq : *found) {
    if (seq.is_number_unsigned()) newest.push_back(seq.get<uint64_t>());
  }
  return newest;
}

}  // namespace

Result<CursorNote> CursorFile::read() const {
  if (Result<Done> made = make_dirs(file_.substr(0, file_.rfind('/'))); !made.ok()) {
    return Error{made.error()};
  }
  if (::access(file_.c_str(), F_OK) != 0 && errno == ENOENT) return CursorNote{};
  const Result<std::string> text = read_file(file_, kBytesMax);
  if (!text.ok()) return Error{text.error()};
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  const bool is_ours = json.is_object() && json.contains("place") && json["place"].is_string() &&
                       json.contains("log") && json["log"].is_string() && json.contains("cursor") &&
                       json["cursor"].is_number_unsigned();
  if (!is_ours) {
    return Error{file_ + ": is damaged; remove it to deliver everything again, which is harmless"};
  }
  if (json["place"] != place_) return CursorNote{};
  return CursorNote{{json["log"].get<std::string>(), json["cursor"].get<uint64_t>()},
                    newest_of(json)};
}

Result<Done> CursorFile::write(const SinkPosition& position,
                               std::span<const uint64_t> newest) const {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.cursor/1");
  json.text("place", place_);
  json.text("log", position.log_id);
  json.number("cursor", position.cursor);
  json.begin_array("newest");
  for (const uint64_t seq : newest) json.number("", seq);
  json.end_array();
  json.end_object();
  return write_file_atomically(file_, json.take() + "\n");
}

}  // namespace muster
