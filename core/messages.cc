#include "core/messages.h"

#include <algorithm>

#include "core/glob.h"

namespace muster {
namespace {

// Equal values, or both absent.
template <typename T>
bool same_value(const std::shared_ptr<const T>& left, const std::shared_ptr<const T>& right) {
  if (left == right) return true;
  return left && right && *left == *right;
}

// Where nothing is named, everything is meant.
template <typename T>
bool is_named(const std::vector<T>& named, const T& value) {
  return named.empty() || std::find(named.begin(), named.end(), value) != named.end();
}

}  // namespace

bool is_meant(const ListTasks& question, std::string_view guid, const TaskTerms& spec,
              TaskState state, Verdict verdict, bool buried) {
  return (buried || !question.buried) && guid.starts_with(question.guid_prefix) &&
         spec.group.starts_with(question.group_prefix) && is_named(question.states, state) &&
         is_named(question.verdicts, verdict) && is_named(question.kinds, spec.kind) &&
         (question.name.empty() || Glob(question.name).matches(spec.name)) &&
         std::includes(spec.metadata.begin(), spec.metadata.end(), question.metadata.begin(),
                       question.metadata.end());
}

bool Submit::operator==(const Submit& other) const {
  return watch == other.watch && std::equal(tasks.begin(), tasks.end(), other.tasks.begin(),
                                            other.tasks.end(), same_value<TaskSpec>);
}

bool ApplyInventory::operator==(const ApplyInventory& other) const {
  return who == other.who && same_value(inventory, other.inventory);
}

bool Assignment::operator==(const Assignment& other) const {
  return attempt == other.attempt && strategy == other.strategy && devices == other.devices &&
         used == other.used && same_value(spec, other.spec);
}

bool CurrentInventory::operator==(const CurrentInventory& other) const {
  return same_value(inventory, other.inventory);
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::submitter:
      return "submitter";
    case Role::worker:
      return "worker";
    case Role::collector:
      return "collector";
    case Role::admin:
      return "admin";
  }
  return "unknown";
}

std::string_view to_string(RefusalCode code) {
  switch (code) {
    case RefusalCode::hello_first:
      return "hello_first";
    case RefusalCode::protocol:
      return "protocol";
    case RefusalCode::malformed:
      return "malformed";
    case RefusalCode::invalid:
      return "invalid";
    case RefusalCode::limit:
      return "limit";
    case RefusalCode::not_permitted:
      return "not_permitted";
    case RefusalCode::unavailable:
      return "unavailable";
    case RefusalCode::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(DeviceChange change) {
  switch (change) {
    case DeviceChange::lock:
      return "lock";
    case DeviceChange::unlock:
      return "unlock";
    case DeviceChange::quarantine:
      return "quarantine";
    case DeviceChange::release:
      return "release";
  }
  return "unknown";
}

}  // namespace muster
