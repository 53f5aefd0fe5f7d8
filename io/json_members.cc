#include "io/json_members.h"

#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "io/clock.h"
#include "io/event_json.h"

namespace muster {

using Json = nlohmann::ordered_json;

std::string JsonMembers::text(const char* key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool JsonMembers::boolean(const char* key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

Instant JsonMembers::time(const char* key) const { return parse_rfc3339(text(key)); }

std::vector<std::string> JsonMembers::names(const char* key) const {
  const Json* value = find(key);
  return value == nullptr ? std::vector<std::string>() : names_from_json(value->dump());
}

uint64_t JsonMembers::number(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return 0;
  if (value->is_string()) return std::strtoull(value->get<std::string>().c_str(), nullptr, 10);
  return value->is_number_unsigned() ? value->get<uint64_t>() : 0;
}

std::optional<int32_t> JsonMembers::some_number(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<int32_t>();
}

Duration JsonMembers::seconds(const char* key) const {
  const Json* value = find(key);
  const double us = value != nullptr && value->is_number() ? value->get<double>() * 1e6 : 0;
  const bool in_range = us >= 0 && us <= static_cast<double>(kTimeUsMax);
  return Duration(in_range ? std::llround(us) : 0);
}

MetadataPtr JsonMembers::metadata() const {
  const Json* value = find("metadata");
  if (value == nullptr || !value->is_object()) return nullptr;
  const auto metadata = std::make_shared<Metadata>();
  for (const auto& [key, text] : value->items()) {
    if (text.is_string()) metadata->emplace(key, text.get<std::string>());
  }
  return metadata;
}

const Json* JsonMembers::find(const char* key) const {
  const auto found = json_.find(key);
  return found == json_.end() ? nullptr : &*found;
}

}  // namespace muster
