#include "io/vcsjob_roles.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/guid.h"
#include "core/limits.h"
#include "core/selector.h"

namespace muster {
namespace {

using Json = nlohmann::json;

// One profile, or several of one stack, each as the text of its selector; and what they are.
struct Wanted {
  std::vector<std::string> selectors;
  std::vector<std::string> types;
  bool operator<(const Wanted& other) const { return selectors < other.selectors; }
};

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Adds the terms of `profile`, whose keys begin with `prefix`.
void add_terms(const Json& profile, const std::string& prefix, std::vector<std::string>& terms) {
  for (const auto& [key, value] : profile.items()) {
    if (value.is_object()) {
      add_terms(value, prefix + key + ".", terms);
    } else if (value.is_array()) {
      std::string values;
      for (const Json& one : value) values += (values.empty() ? "" : ",") + text_of(one);
      if (!value.empty()) terms.push_back(prefix + key + " in (" + values + ")");
    } else if (!value.is_null()) {
      terms.push_back(prefix + key + "=" + text_of(value));
    }
  }
}

Result<std::string> selector_of(const Json& profile) {
  std::vector<std::string> terms;
  add_terms(profile, "", terms);
  std::string text;
  for (const std::string& term : terms) text += (text.empty() ? "" : ",") + term;
  const Result<Selector> selector = Selector::parse(text);
  if (!selector) return Error{selector.error()};
  if (selector->empty()) return Error{"a profile says nothing"};
  return selector->canonical();
}

Result<Wanted> wanted_of(const Json& profile) {
  Wanted wanted;
  for (const Json& part : profile.is_array() ? profile : Json::array({profile})) {
    const Result<std::string> selector = selector_of(part);
    if (!selector) return Error{selector.error()};
    wanted.selectors.push_back(*selector);
    const auto type = part.find("type");
    wanted.types.push_back(type != part.end() && type->is_string() ? type->get<std::string>()
                                                                   : "device");
  }
  return wanted;
}

// Roles by what devices are: "handset", "handset2". A type that is no name is a "device".
class Roles {
 public:
  std::string next(const std::string& type) {
    const bool is_name = !invalid_name(type, "role") && type.size() <= kNameLengthMax - kDigits;
    const std::string base = is_name ? type : "device";
    std::string role = base;
    while (!taken_.insert(role).second) role = base + std::to_string(++newest_[base] + 1);
    return role;
  }

 private:
  static constexpr size_t kDigits = 8;

  std::set<std::string> taken_;
  std::map<std::string, int> newest_;
};

// Adds the requests of one Wanted.
void add_requests(const Wanted& wanted, Roles& roles, std::vector<DeviceRequest>& requests) {
  std::string first;
  for (size_t i = 0; i < wanted.selectors.size(); ++i) {
    const std::string role = roles.next(wanted.types[i]);
    requests.push_back(DeviceRequest{role, "", wanted.selectors[i], first});
    if (first.empty()) first = role;
  }
}

}  // namespace

Result<std::vector<DeviceRequest>> roles_of(const std::vector<VcsJob>& jobs) {
  std::vector<std::pair<Wanted, int>> most;  // in the order in which they are first met
  for (const VcsJob& job : jobs) {
    const Json profiles = Json::parse(job.profiles.empty() ? "[]" : job.profiles, nullptr, false);
    if (!profiles.is_array()) continue;  // the entry is broken and says so itself
    std::map<Wanted, int> of_this;
    for (const Json& profile : profiles) {
      const Result<Wanted> wanted = wanted_of(profile);
      if (!wanted) return Error{"job " + job.path + ": its profiles: " + wanted.error()};
      const int count = ++of_this[*wanted];
      const auto known = std::find_if(most.begin(), most.end(), [&](const auto& entry) {
        return entry.first.selectors == wanted->selectors;
      });
      if (known == most.end()) {
        most.emplace_back(*wanted, count);
      } else {
        known->second = std::max(known->second, count);
      }
    }
  }
  Roles roles;
  std::vector<DeviceRequest> requests;
  for (const auto& [wanted, count] : most) {
    for (int i = 0; i < count; ++i) add_requests(wanted, roles, requests);
  }
  if (requests.size() > kDevicesPerTaskMax) {
    return Error{"the jobs ask for " + std::to_string(requests.size()) +
                 " devices; a task has at " + "most " + std::to_string(kDevicesPerTaskMax)};
  }
  return requests;
}

}  // namespace muster
