// Whatever the bytes of a .vcsjob are: problems with their places, and jobs whose profiles are JSON
// and devices that a broker can look for. (Where their files lie is told by the tree, when it is
// there.)
#include <nlohmann/json.hpp>
#include <set>

#include "core/selector.h"
#include "io/vcsjob.h"
#include "io/vcsjob_roles.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

void check(std::string_view text) {
  const VcsJobFile file = parse_vcsjob(std::string(text), "/nowhere/.vcsjob");
  require_lines(file.problems);
  std::vector<VcsJob> sound;
  for (const VcsJob& job : file.jobs) {
    if (!job.broken.empty()) continue;
    require(!job.path.empty());
    require(job.profiles.empty() || nlohmann::json::accept(job.profiles));
    sound.push_back(job);
  }
  const Result<std::vector<DeviceRequest>> roles = roles_of(sound);
  if (!roles.ok()) return require(!roles.error().empty());
  std::set<std::string> names;
  for (const DeviceRequest& role : *roles) {
    require(names.insert(role.role).second);
    require(!invalid_name(role.role, "role"));
    require(Selector::parse(role.selector).ok());
  }
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::check(muster::fuzz_bytes(data, size));
  return 0;
}
