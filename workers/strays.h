// Strays: processes that an attempt started and that left its process groups (setsid, daemons), so
// that they do not end with them. They are known by their environment, which carries MUSTER_GUID
// and MUSTER_ATTEMPT, and by their ancestry: this process adopts those whose parents have died.
//
// What is to outlive an attempt must not be its child at all (systemd-run), or say so: with
// MUSTER_GUID empty in its environment it is left alone. Below a child of this process that says
// so, nothing is looked at: launcher and supervisors look after their own.
//
// Where an attempt has a cgroup (workers/attempt_cgroup.h) its members need no marks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "io/cgroup.h"
#include "io/file.h"

namespace muster {

// From now on orphans below this process become its children (PR_SET_CHILD_SUBREAPER).
Result<Done> adopt_orphans();

// Adopted children that have died are waited for, so that they do not stay as zombies.
void reap_adopted();

enum class Fate : uint8_t {
  dead,
  dying,      // killed, and held up by the kernel (a hung disk)
  untouched,  // it may not be killed: it has become another user's
};

struct Stray {
  pid_t pid = -1;
  std::string command;  // for people, cut
  Fate fate = Fate::dead;
};

// Kills what is left below this process of the attempt `ended`, whose own children are over, and
// returns when it is dead, or half a second later: Stray::fate says what became of each.
// `running`: the attempts that go on. What carries no mark of any of them can be told to be of
// `ended` only when there are none; it is left for the last of them otherwise.
std::vector<Stray> kill_strays(const AttemptToken& ended, const std::set<AttemptToken>& running);

// Sends TERM to what is in the cgroup (null: there is none), or left below this process, of the
// attempt `of`, which is the only one of this process, but for the process group `group`, which was
// told already. What is to outlive the attempt is left alone, likewise. Pidfds of those that were
// told: readable when they have ended.
std::vector<UniqueFd> term_strays(const AttemptToken& of, const Cgroup* cgroup, pid_t group);

// After a crash of an earlier process: kills what carries the mark of one of `attempts`, wherever
// it is. A process that names a MUSTER_LOG_PATH outside of `dir` belongs to another worker.
std::vector<Stray> kill_marked(const std::set<AttemptToken>& attempts, const std::string& dir);

// Kills what is in the cgroup of an attempt that is over, likewise. What is to outlive it, and what
// that begot, is moved to the cgroup above instead.
std::vector<Stray> kill_members(const Cgroup& cgroup);

// "2 processes that left their process group: 123 (sleep 777), 124 (...)"
std::string describe(const std::vector<Stray>& strays);

}  // namespace muster
