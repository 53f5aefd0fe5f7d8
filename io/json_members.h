// Reading documents of ours that came as JSON: what is missing or of the wrong type is the default.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/limits.h"
#include "core/task.h"
#include "core/time.h"
#include "io/clock.h"
#include "io/event_json.h"
#include "io/word.h"

namespace muster {

// Members of one object; what is missing or of the wrong type is the default.
class JsonMembers {
 public:
  explicit JsonMembers(const nlohmann::ordered_json& json) : json_(json) {}

  std::string text(const char* key) const {
    const nlohmann::ordered_json* value = find(key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  }
  Instant time(const char* key) const { return parse_rfc3339(text(key)); }
  std::vector<std::string> names(const char* key) const {
    const nlohmann::ordered_json* value = find(key);
    return value == nullptr ? std::vector<std::string>() : names_from_json(value->dump());
  }
  // A number, or a decimal string where it may exceed 2^53.
  uint64_t number(const char* key) const {
    const nlohmann::ordered_json* value = find(key);
    if (value == nullptr) return 0;
    if (value->is_string()) return std::strtoull(value->get<std::string>().c_str(), nullptr, 10);
    return value->is_number_unsigned() ? value->get<uint64_t>() : 0;
  }
  uint32_t small_number(const char* key) const { return static_cast<uint32_t>(number(key)); }
  std::optional<int32_t> some_number(const char* key) const {
    const nlohmann::ordered_json* value = find(key);
    if (value == nullptr || !value->is_number_integer()) return std::nullopt;
    return value->get<int32_t>();
  }
  Duration seconds(const char* key) const {
    const nlohmann::ordered_json* value = find(key);
    const double us = value != nullptr && value->is_number() ? value->get<double>() * 1e6 : 0;
    const bool in_range = us >= 0 && us <= static_cast<double>(kTimeUsMax);
    return Duration(in_range ? std::llround(us) : 0);
  }
  MetadataPtr metadata() const {
    const nlohmann::ordered_json* value = find("metadata");
    if (value == nullptr || !value->is_object()) return nullptr;
    const auto metadata = std::make_shared<Metadata>();
    for (const auto& [key, text] : value->items()) {
      if (text.is_string()) metadata->emplace(key, text.get<std::string>());
    }
    return metadata;
  }
  template <typename Enum>
  Enum word(const char* key, Enum last) const {
    return parse_word(text(key), last);
  }
  const nlohmann::ordered_json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

 private:
  const nlohmann::ordered_json& json_;
};

// The inverse of ending_to_json (io/event_json.h).
Ending ending_from_json(const nlohmann::ordered_json& json);

}  // namespace muster
