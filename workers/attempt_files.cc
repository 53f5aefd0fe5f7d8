#include "workers/attempt_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "core/guid.h"
#include "core/limits.h"
#include "io/codec.h"
#include "workers/process_look.h"

namespace muster {

namespace {

constexpr size_t kLockBytesMax = 8 << 10;  // it may hold a path

std::string to_line(const AttemptVitals& vitals) {
  char numbers[256];
  std::snprintf(numbers, sizeof numbers, "%.64s %020lld %020lld", vitals.boot_id.c_str(),
                static_cast<long long>(vitals.lease_boot_us),
                static_cast<long long>(to_us(vitals.started)));
  return numbers + (vitals.cgroup.empty() ? "" : " " + vitals.cgroup) + "\n";
}

// Of a folder whose name is cut only what lies in it tells the whole.
std::optional<std::string> guid_of(const std::filesystem::path& attempt) {
  const std::string name = attempt.parent_path().filename().string();
  if (std::optional<std::string> guid = percent_decode(name)) return guid;
  const Result<Assignment> assignment = read_assignment(attempt.string());
  if (!assignment.ok() || percent_encode(assignment->spec->guid) != name) return std::nullopt;
  return assignment->spec->guid;
}

std::optional<uint32_t> attempt_of(const std::filesystem::path& attempt) {
  const std::string name = attempt.filename().string();
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

}  // namespace

std::string attempt_dir(const std::string& attempts_dir, const AttemptToken& token) {
  return attempts_dir + "/" + percent_encode(token.guid) + "/" + std::to_string(token.attempt);
}

std::vector<AttemptFolder> find_attempt_folders(const std::string& attempts_dir) {
  namespace fs = std::filesystem;
  std::vector<AttemptFolder> folders;
  std::error_code failed;
  for (const auto& task : fs::directory_iterator(attempts_dir, failed)) {
    for (const auto& attempt : fs::directory_iterator(task.path(), failed)) {
      if (!fs::is_directory(attempt.symlink_status(failed))) continue;
      const std::optional<uint32_t> number = attempt_of(attempt.path());
      const std::optional<std::string> guid = number ? guid_of(attempt.path()) : std::nullopt;
      if (!guid || invalid_guid(*guid)) continue;
      folders.push_back({{*guid, *number}, attempt.path().string()});
    }
  }
  return folders;
}

namespace {

Result<Done> write_assignment(const std::string& path, const Assignment& assignment) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error{"cannot create " + path + ": " + errno_text(errno)};
  Desired desired;
  desired.run.push_back(assignment);
  const Result<Done> written = write_all(fd.get(), encode_message(Envelope{0, std::move(desired)}));
  if (written.ok()) return Done{};
  return Error{"cannot write " + path + ": " + written.error()};
}

}  // namespace

Result<Done> make_attempt_dir(const std::string& dir, const Assignment& assignment) {
  const std::string path = dir + "/assignment";
  Result<Done> made = make_dirs(dir);
  if (made.ok()) {
    std::error_code ignored;  // what cannot be removed shows when it is made anew
    std::filesystem::remove(dir + "/journal", ignored);
    std::filesystem::remove(dir + "/" + kLostFile, ignored);
    made = write_assignment(path, assignment);
  }
  if (!made.ok()) {
    ::unlink(path.c_str());
    ::rmdir(dir.c_str());  // where nothing else is in it
    ::rmdir(dir.substr(0, dir.rfind('/')).c_str());
  }
  return made;
}

Result<Assignment> read_assignment(const std::string& dir) {
  const std::string path = dir + "/assignment";
  const Result<std::string> bytes = read_file(path, kMessageBytesMax);
  if (!bytes.ok()) return Error{bytes.error()};
  std::variant<Envelope, DecodeFailure> decoded = decode_message(*bytes);
  if (const auto* failure = std::get_if<DecodeFailure>(&decoded)) {
    return Error{path + ": " + failure->reason};
  }
  auto* desired = std::get_if<Desired>(&std::get<Envelope>(decoded).message);
  if (desired == nullptr || desired->run.size() != 1) {
    return Error{path + " does not hold one assignment"};
  }
  return std::move(desired->run[0]);
}

std::optional<std::string> read_lost(const std::string& dir) {
  const Result<std::string> text = read_file(dir + "/" + kLostFile, kLockBytesMax);
  if (!text.ok()) return std::nullopt;
  return text->substr(0, text->find('\n'));
}

Result<Done> write_lost(const std::string& dir, const std::string& why) {
  return write_file_atomically(dir + "/" + kLostFile, why + "\n");
}

Result<AttemptLock> AttemptLock::take(const std::string& dir, const AttemptVitals& vitals) {
  const std::string path = dir + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error{"cannot create " + path + ": " + errno_text(errno)};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{"cannot lock " + path + ": " + errno_text(errno) +
                 "; an earlier run of the same attempt goes on"};
  }
  AttemptLock lock(std::move(fd), vitals);
  if (!lock.write()) return Error{"cannot write " + path + ": " + errno_text(errno)};
  return lock;
}

bool AttemptLock::write() {
  const std::string line = to_line(vitals_);
  const ssize_t written = ::pwrite(fd_.get(), line.data(), line.size(), 0);
  return written == static_cast<ssize_t>(line.size());
}

void AttemptLock::set_lease(int64_t lease_boot_us) {
  vitals_.lease_boot_us = lease_boot_us;
  write();
}

std::optional<AttemptVitals> read_vitals(const std::string& dir) {
  const Result<std::string> text = read_file(dir + "/lock", kLockBytesMax);
  if (!text.ok()) return std::nullopt;
  // Beyond the first line may be what is left of an earlier attempt's.
  std::istringstream line(text->substr(0, text->find('\n')));
  AttemptVitals vitals;
  int64_t started_us = 0;
  if (!(line >> vitals.boot_id >> vitals.lease_boot_us >> started_us)) return std::nullopt;
  vitals.started = from_us(started_us);
  if (line.get() == ' ') std::getline(line, vitals.cgroup);
  return vitals;
}

bool is_attempt_locked(const std::string& dir) {
  const UniqueFd fd(::open((dir + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  return fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
}

bool is_supervisor_of(pid_t pid, const std::string& dir) {
  return name_of(pid) == kSupervisorName && read_mark(pid).guid == "" &&
         has_open(pid, dir + "/lock");
}

std::optional<pid_t> find_supervisor(const std::string& dir) {
  for (const auto& [pid, stat] : all_processes()) {
    if (stat.state != 'Z' && stat.state != 'X' && is_supervisor_of(pid, dir)) return pid;
  }
  return std::nullopt;
}

}  // namespace muster
