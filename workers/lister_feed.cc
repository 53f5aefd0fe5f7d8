#include "workers/lister_feed.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/result.h"
#include "core/selector.h"

namespace muster {

namespace {

using Json = nlohmann::json;

constexpr size_t kComplaintsMax = 20;  // of one run
constexpr size_t kExcerptMax = 120;    // bytes of a bad line that are shown

// A number or true and false as they are written in JSON.
std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::nullopt;
}

Result<Profile> read_profile(const Json& json) {
  if (!json.is_object()) return Error{"\"profile\" must be an object"};
  Profile profile;
  size_t bytes = 0;
  for (const auto& [key, value] : json.items()) {
    if (const std::optional<std::string> reason = invalid_profile_key(key)) return Error{*reason};
    std::optional<std::string> text = scalar_text(value);
    if (!text) return Error{"profile value \"" + key + "\" must be a text, a number or a boolean"};
    bytes += key.size() + text->size();
    profile.emplace(key, std::move(*text));
  }
  if (bytes > kListedProfileBytesMax) {
    return Error{"the profile is larger than " + std::to_string(kListedProfileBytesMax) + " bytes"};
  }
  return profile;
}

// The name that `json` gives, or its profile's serial.
Result<std::string> read_device_name(const Json& json, const Profile& profile) {
  const auto given = json.find("name");
  std::string name;
  if (given != json.end()) {
    if (!given->is_string()) return Error{"\"name\" must be a text"};
    name = given->get<std::string>();
  } else {
    const auto serial = profile.find("serial");
    if (serial == profile.end()) return Error{"it has neither a name nor a serial"};
    name = serial->second;
  }
  if (const std::optional<std::string> reason = invalid_name(name, "device")) return Error{*reason};
  return name;
}

}  // namespace

void ListerFeed::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (!skipping_ && partial_.size() + part.size() > kListerLineBytesMax) {
      skipping_ = true;
      partial_ += part.substr(0, kExcerptMax);
      complain(partial_, "it is longer than " + std::to_string(kListerLineBytesMax) + " bytes");
      partial_.clear();
    }
    if (!skipping_) partial_ += part;
    if (end == std::string_view::npos) return;
    if (!skipping_) take_line(partial_);
    partial_.clear();
    skipping_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void ListerFeed::take_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return complain(line, "it is not a JSON object");
  const std::string op = json.contains("op") && json["op"].is_string() ? json["op"] : Json("");
  if (op == "sync") {
    synced_ = true;
    for (const auto& [name, until] : stale_) devices_.erase(name);
    stale_.clear();
    return;
  }
  if (op != "add" && op != "remove") {
    return complain(line, "its \"op\" must be add, remove or sync");
  }
  Result<Profile> profile = read_profile(json.value("profile", Json::object()));
  if (!profile.ok()) return complain(line, profile.error());
  const Result<std::string> name = read_device_name(json, *profile);
  if (!name.ok()) return complain(line, name.error());
  if (op == "remove") {
    devices_.erase(*name);
    stale_.erase(*name);
    return;
  }
  if (!devices_.contains(*name) && devices_.size() >= kListedDevicesMax) {
    return complain(line, "it lists more than " + std::to_string(kListedDevicesMax) + " devices");
  }
  devices_[*name] = ListedDevice{lister_, *name, std::move(*profile)};
  stale_.erase(*name);
}

void ListerFeed::restart(Instant now) {
  partial_.clear();
  skipping_ = false;
  synced_ = false;
  complained_.clear();
  for (const auto& [name, device] : devices_) stale_.try_emplace(name, now + kListedStaleMax);
}

bool ListerFeed::drop_stale(Instant now) {
  return std::erase_if(stale_, [&](const auto& stale) {
           if (stale.second > now) return false;
           devices_.erase(stale.first);
           return true;
         }) > 0;
}

Instant ListerFeed::next_stale() const {
  Instant next = kNever;
  for (const auto& [name, until] : stale_) {
    if (next == kNever || until < next) next = until;
  }
  return next;
}

void ListerFeed::complain(std::string_view line, const std::string& reason) {
  if (complained_.size() >= kComplaintsMax || !complained_.insert(reason).second) return;
  std::string text = "a line of it is skipped: " + reason + ": " +
                     cut_text(sanitize_utf8(line.substr(0, kExcerptMax)), kExcerptMax);
  if (complained_.size() == kComplaintsMax) text += " (no more of this run is reported)";
  complaints_.push_back(std::move(text));
}

std::vector<std::string> ListerFeed::take_complaints() { return std::exchange(complaints_, {}); }

}  // namespace muster
