#include "collectors/cursor_file.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "io/file.h"
#include "io/json_writer.h"

namespace muster {
namespace {

constexpr size_t kBytesMax = 64 << 10;

}  // namespace

Result<SinkPosition> CursorFile::read() const {
  if (Result<Done> made = make_dirs(file_.substr(0, file_.rfind('/'))); !made.ok()) {
    return Error{made.error()};
  }
  if (::access(file_.c_str(), F_OK) != 0 && errno == ENOENT) return SinkPosition{};
  const Result<std::string> text = read_file(file_, kBytesMax);
  if (!text.ok()) return Error{text.error()};
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  const bool is_ours = json.is_object() && json.contains("place") && json["place"].is_string() &&
                       json.contains("log") && json["log"].is_string() && json.contains("cursor") &&
                       json["cursor"].is_number_unsigned();
  if (!is_ours) {
    return Error{file_ + ": is damaged; remove it to deliver everything again, which is harmless"};
  }
  if (json["place"] != place_) return SinkPosition{};
  return SinkPosition{json["log"].get<std::string>(), json["cursor"].get<uint64_t>()};
}

Result<Done> CursorFile::write(const SinkPosition& position) const {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.cursor/1");
  json.text("place", place_);
  json.text("log", position.log_id);
  json.number("cursor", position.cursor);
  json.end_object();
  return write_file_atomically(file_, json.take() + "\n");
}

}  // namespace muster
