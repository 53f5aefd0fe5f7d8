// The folder of a supervised attempt, attempts/<guid>/<n>/, as far as worker and supervisor share
// it:
//
//   assignment   what the attempt was asked: an encoded Desired with one Assignment (io/codec.h)
//   lock         locked (flock) from before its supervisor is started until that has died, or for
//                longer: the job could lock it too (find_supervisor). One line of constant length:
//                BOOT_ID LEASE_BOOT_US STARTED_US [CGROUP]
//   journal      what it has said (workers/journal.h)
//   log          its console
//   workspace/   where it works
//   lost         only where a supervisor died before the job was over: why, one line. The one that
//                runs since does what `finally` says, and no third one is started
//   keep_until   only where the workspace is kept once it is over: until when (RFC 3339), one line
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/messages.h"
#include "core/result.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

inline constexpr const char* kKeepUntilFile = "keep_until";
inline constexpr const char* kLostFile = "lost";

std::string attempt_dir(const std::string& attempts_dir, const AttemptToken& token);

// What the lock file says.
struct AttemptVitals {
  std::string boot_id;        // of the machine's boot in which it was started
  int64_t lease_boot_us = 0;  // CLOCK_BOOTTIME at which its lease runs out
  Instant started;
  std::string cgroup;  // where its own is (workers/attempt_cgroup.h); empty: it gets none
};

// An attempt that has left a folder.
struct AttemptFolder {
  AttemptToken token;
  std::string dir;
};
// All of them. What no attempt's folder can be called is passed over.
std::vector<AttemptFolder> find_attempt_folders(const std::string& attempts_dir);

// Makes `dir` ready for a new attempt: what an earlier one of the same token left there goes, but
// for its log, which the new one replaces. What could only be made in part goes again: nobody will
// look after it.
Result<Done> make_attempt_dir(const std::string& dir, const Assignment& assignment);
Result<Assignment> read_assignment(const std::string& dir);

// That a supervisor of the attempt is gone, and why. Nothing: none is.
std::optional<std::string> read_lost(const std::string& dir);
Result<Done> write_lost(const std::string& dir, const std::string& why);

// The lock of an attempt. It is held for as long as any process has it open.
class AttemptLock {
 public:
  // Takes the lock and says the vitals. An error when somebody holds it.
  static Result<AttemptLock> take(const std::string& dir, const AttemptVitals& vitals);
  // One that another process took and passed on.
  AttemptLock(UniqueFd fd, AttemptVitals vitals) : fd_(std::move(fd)), vitals_(std::move(vitals)) {}

  int fd() const { return fd_.get(); }
  const AttemptVitals& vitals() const { return vitals_; }
  // That it cannot be written is no harm: whoever reads it believes in less time than there is.
  void set_lease(int64_t lease_boot_us);

 private:
  bool write();
  UniqueFd fd_;
  AttemptVitals vitals_;
};

std::optional<AttemptVitals> read_vitals(const std::string& dir);
bool is_attempt_locked(const std::string& dir);

// What a supervisor calls itself to the kernel.
inline constexpr char kSupervisorName[] = "muster-job";

// Whether that process supervises the attempt: it has that name, holds the attempt's lock, and is
// no process of a job (workers/strays.h).
bool is_supervisor_of(pid_t pid, const std::string& dir);
// Such a process. Nothing: there is none, whoever has locked the attempt.
std::optional<pid_t> find_supervisor(const std::string& dir);

}  // namespace muster
