// Reading documents of ours that came as JSON: what is missing or of the wrong type is the default.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/task.h"
#include "core/time.h"
#include "io/word.h"

namespace muster {

// Members of one object. Of what is none, nothing is there.
class JsonMembers {
 public:
  // It outlives this.
  explicit JsonMembers(const nlohmann::ordered_json& json) : json_(json) {}

  std::string text(const char* key) const;
  bool boolean(const char* key) const;  // false where it is not there
  Instant time(const char* key) const;
  std::vector<std::string> names(const char* key) const;
  // A number, or a decimal string where it may exceed 2^53.
  uint64_t number(const char* key) const;
  uint32_t small_number(const char* key) const { return static_cast<uint32_t>(number(key)); }
  std::optional<int32_t> some_number(const char* key) const;
  Duration seconds(const char* key) const;
  MetadataPtr metadata() const;
  template <typename Enum>
  Enum word(const char* key, Enum last) const {
    return parse_word(text(key), last);
  }
  // Null when it is not there.
  const nlohmann::ordered_json* find(const char* key) const;

 private:
  const nlohmann::ordered_json& json_;
};

// JsonMembers::text, where there is but one to read.
inline std::string text_of(const nlohmann::ordered_json& json, const char* key) {
  return JsonMembers(json).text(key);
}

// The inverse of ending_to_json (io/event_json.h).
Ending ending_from_json(const nlohmann::ordered_json& json);

}  // namespace muster
