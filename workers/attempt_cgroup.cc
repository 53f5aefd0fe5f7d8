#include "workers/attempt_cgroup.h"

#include <filesystem>
#include <iterator>
#include <optional>

#include "core/guid.h"
#include "workers/attempt_files.h"

namespace muster {

namespace {

std::string name_prefix(const std::string& worker_dir) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::weakly_canonical(worker_dir, failed);
  return "muster-" + hex16(hash64(failed ? worker_dir : path.string())) + "-";
}

std::vector<Stray> end_cgroup(const std::string& dir) {
  const Result<Cgroup> cgroup = Cgroup::open(dir);
  if (!cgroup.ok()) return {};
  std::vector<Stray> killed = kill_members(*cgroup);
  // What the kernel still holds up keeps it; the next worker removes it.
  [[maybe_unused]] const Result<Done> removed = cgroup->remove();
  return killed;
}

}  // namespace

std::string attempt_cgroup_name(const std::string& worker_dir, const AttemptToken& token) {
  return name_prefix(worker_dir) + percent_encode(token.guid) + "-" + std::to_string(token.attempt);
}

Result<Cgroup> make_attempt_cgroup(const std::string& dir) {
  Result<Cgroup> cgroup = Cgroup::make(dir);
  if (cgroup.ok()) kill_members(*cgroup);
  return cgroup;
}

std::vector<Stray> end_attempt_cgroup(const std::string& worker_dir, const std::string& attempt_dir,
                                      const AttemptToken& token) {
  const std::optional<AttemptVitals> vitals = read_vitals(attempt_dir);
  if (!vitals) return {};
  // The job could write there as well as its worker.
  const bool is_its_own = vitals->cgroup.ends_with("/" + attempt_cgroup_name(worker_dir, token));
  return is_its_own ? end_cgroup(vitals->cgroup) : std::vector<Stray>();
}

std::vector<Stray> end_left_cgroups(const std::string& parent, const std::string& worker_dir,
                                    const std::set<AttemptToken>& running) {
  std::set<std::string> kept;
  for (const AttemptToken& token : running) kept.insert(attempt_cgroup_name(worker_dir, token));
  const std::string prefix = name_prefix(worker_dir);
  std::vector<Stray> killed;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(parent, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || kept.contains(name)) continue;
    std::vector<Stray> more = end_cgroup(entry.path().string());
    killed.insert(killed.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
  }
  return killed;
}

}  // namespace muster
