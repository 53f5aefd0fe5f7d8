#include "io/upload_note.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "core/guid.h"
#include "io/file.h"
#include "io/json_members.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kNoteBytesMax = 16 << 10;
constexpr const char* kUnfinished = ".new";  // after the name of a note that is being written

bool is_said(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

std::optional<UploadNote> parse_note(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  UploadNote note;
  note.token.guid = text_of(json, "guid");
  note.dir = text_of(json, "dir");
  const auto attempt = json.find("attempt");
  if (attempt != json.end() && attempt->is_number_unsigned()) {
    note.token.attempt = attempt->get<uint32_t>();
  }
  note.finished = is_said(json, "finished");
  note.delivered = is_said(json, "delivered");
  const bool whole =
      !invalid_guid(note.token.guid) && note.token.attempt > 0 && note.dir.starts_with('/');
  if (!whole) return std::nullopt;
  return note;
}

Instant time_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return kNever;
  return from_us(int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1'000);
}

}  // namespace

std::string upload_note_file(const std::string& state_dir, const AttemptToken& token) {
  return state_dir + "/" + percent_encode(token.guid) + "." + std::to_string(token.attempt) +
         ".json";
}

Result<Done> write_upload_note(const std::string& state_dir, const UploadNote& note) {
  Json json = {{"guid", note.token.guid},
               {"attempt", note.token.attempt},
               {"dir", note.dir},
               {"finished", note.finished}};
  if (note.delivered) json["delivered"] = true;
  const std::string path = upload_note_file(state_dir, note.token);
  const std::string temporary = path + kUnfinished;
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const auto fail = [&] {
    const std::string why = errno_text(errno);
    ::unlink(temporary.c_str());
    return Error{"cannot write " + path + ": " + why};
  };
  std::FILE* const file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return fail();
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) return fail();
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return fail();
  return Done{};
}

void remove_unfinished_notes(const std::string& state_dir) {
  std::error_code error;
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator entry(state_dir, error); entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == kUnfinished) unfinished.push_back(entry->path());
  }
  for (const fs::path& path : unfinished) ::unlink(path.c_str());
}

std::vector<UploadNote> read_upload_notes(const std::string& state_dir,
                                          std::vector<std::string>& problems) {
  std::vector<UploadNote> notes;
  std::error_code error;
  for (fs::directory_iterator entry(state_dir, error); entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!path.ends_with(".json")) continue;
    const Result<std::string> text = read_file(path, kNoteBytesMax);
    std::optional<UploadNote> note = text ? parse_note(*text) : std::nullopt;
    if (note) {
      note->written = time_of(path);
      notes.push_back(std::move(*note));
    } else {
      problems.push_back(text ? path + " is damaged" : text.error());
    }
  }
  if (error) problems.push_back("cannot read " + state_dir + ": " + error.message());
  return notes;
}

}  // namespace muster
