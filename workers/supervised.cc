#include "workers/supervised.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "io/clock.h"
#include "io/codec.h"
#include "io/local_socket.h"
#include "workers/attempt_cgroup.h"
#include "workers/attempt_files.h"
#include "workers/process_look.h"
#include "workers/strays.h"
#include "workers/supervisor_link.h"

namespace muster {

namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(100);
// What is told to end at once and does not is stuck: a stopped process, a hung disk.
constexpr Duration kKillAfter = std::chrono::seconds(2);
constexpr Duration kLauncherAgain = std::chrono::seconds(1);
constexpr size_t kStrangersMax = 4096;
constexpr int kEventsPerWake = 256;
// Silence is counted in rounds of this process, so that only time counts in which it did listen:
// not that in which it was stopped itself, or the machine slept.
constexpr Duration kRound = std::chrono::seconds(1);
constexpr int64_t kStrangerRoundsMax = 5;
// What is killed has ended within that, unless the kernel holds it up.
constexpr Duration kDeathPatience = std::chrono::seconds(1);
constexpr uint64_t kReadsPerWake = 4;

SuperviseWhy to_supervise(StopWhy why) {
  switch (why) {
    case StopWhy::cancelled:
      return SuperviseWhy::cancelled;
    case StopWhy::fenced:
      return SuperviseWhy::fenced;
    case StopWhy::lease_lost:
      break;
  }
  return SuperviseWhy::worker;
}

bool lives(pid_t pid) {
  const std::optional<ProcStat> stat = read_stat(pid);
  return stat && stat->state != 'Z' && stat->state != 'X' && !stat->is_exiting;
}

int64_t to_boot_us(Instant instant, Instant now) { return boot_us() + (instant - now).count(); }

}  // namespace

SupervisedAttempts::SupervisedAttempts(SupervisedSetup setup, Sink sink, Room has_room)
    : setup_(std::move(setup)),
      sink_(std::move(sink)),
      has_room_(std::move(has_room)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

void SupervisedAttempts::watch(int fd, uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    spdlog::error("cannot watch a supervisor: {}", errno_text(errno));
  }
}

std::vector<ResumedAttempt> SupervisedAttempts::recover(const std::vector<JournalMark>& marks,
                                                        Instant now) {
  std::map<AttemptToken, JournalMark> by_token;
  for (const JournalMark& mark : marks) by_token[mark.token] = mark;
  std::vector<ResumedAttempt> resumed;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(setup_.dir + "/running", failed)) {
    const std::string name = entry.path().filename().string();
    auto loaded = load(name, by_token, now);
    if (!loaded || attempts_.contains(loaded->first)) {
      remove_link(name);
      continue;
    }
    Result<Assignment> assignment = read_assignment(loaded->second.dir);
    if (!assignment.ok()) continue;
    const Duration left(loaded->second.lease_boot_us - boot_us());
    resumed.push_back({std::move(*assignment), loaded->second.started, now + left});
    if (setup_.follow) setup_.follow(loaded->first, loaded->second.dir);
    attempts_.insert(std::move(*loaded));
  }
  // What the spool marked and nothing stands for any more.
  for (const auto& [token, mark] : by_token) {
    if (attempts_.contains(token)) continue;
    Attempt attempt{"", "", JournalReader("", mark.bytes), mark.bytes, {}};
    attempt.ended = attempt.gone = true;
    attempts_.emplace(token, std::move(attempt));
  }
  return resumed;
}

// Nothing: it is over, or never began as far as anybody knows.
std::optional<std::pair<AttemptToken, SupervisedAttempts::Attempt>> SupervisedAttempts::load(
    const std::string& link_name, const std::map<AttemptToken, JournalMark>& marks, Instant now) {
  std::error_code failed;
  const std::string dir = std::filesystem::canonical(setup_.dir + "/running/" + link_name, failed);
  const Result<Assignment> assignment = read_assignment(dir);
  const std::optional<AttemptVitals> vitals = read_vitals(dir);
  if (failed || !assignment.ok() || !vitals) return std::nullopt;
  const AttemptToken token{assignment->spec->guid, assignment->attempt};
  const auto mark = marks.find(token);
  if (mark != marks.end() && mark->second.ended) return std::nullopt;
  const bool same_boot = vitals->boot_id == read_boot_id();
  if (!same_boot && mark == marks.end()) return std::nullopt;
  const uint64_t taken = mark == marks.end() ? 0 : mark->second.bytes;
  Attempt attempt{dir, link_name, JournalReader(dir + "/journal", taken), taken, vitals->started};
  attempt.lease_boot_us = same_boot ? vitals->lease_boot_us : 0;
  attempt.supervisor = 0;  // it had one, of an earlier worker
  attempt.look_at = now;
  return std::pair(token, std::move(attempt));
}

void SupervisedAttempts::remove_link(const std::string& name) {
  if (name.empty()) return;
  const std::string path = setup_.dir + "/running/" + name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    spdlog::warn("cannot remove {}: {}", path, errno_text(errno));
  }
}

Result<Done> SupervisedAttempts::begin(Instant now) {
  if (Result<Done> made = make_dirs(setup_.dir + "/running"); !made.ok()) return made;
  Result<UniqueFd> listener = listen_local(setup_.dir, kSuperviseSocket);
  if (!listener.ok()) return Error{listener.error()};
  listener_ = std::move(*listener);
  watch(listener_.get(), static_cast<uint64_t>(listener_.get()));
  end_what_was_left();
  if (Result<Done> ran = run_launcher(); !ran.ok()) return ran;
  for (auto next = attempts_.begin(); next != attempts_.end();) {
    const auto found = next++;
    if (!found->second.gone) look(found, now);
  }
  return Done{};
}

// By supervisors of attempts that are over.
void SupervisedAttempts::end_what_was_left() {
  if (setup_.cgroup_dir.empty()) return;
  const std::vector<AttemptToken> running = tokens();
  const std::vector<Stray> killed =
      end_left_cgroups(setup_.cgroup_dir, setup_.dir, {running.begin(), running.end()});
  if (!killed.empty()) spdlog::warn("attempts of an earlier run: killed {}", describe(killed));
}

Result<Done> SupervisedAttempts::run_launcher() {
  Result<std::unique_ptr<Launcher>> started = Launcher::start(
      setup_.self_exe, setup_.errors.empty() ? setup_.dir + "/supervisor" : setup_.errors);
  if (!started.ok()) return Error{started.error()};
  launcher_ = std::move(*started);
  watch(launcher_->fd(), static_cast<uint64_t>(launcher_->fd()));
  return Done{};
}

void SupervisedAttempts::start(const Assignment& assignment, Instant lease_until, Instant now) {
  const AttemptToken token{assignment.spec->guid, assignment.attempt};
  const std::string dir = attempt_dir(setup_.dir + "/attempts", token);
  attempts_.erase(token);  // one that is gone, and that the spool is still to forget
  Attempt attempt{dir, "", JournalReader(dir + "/journal"), 0, now};
  attempt.lease_boot_us = to_boot_us(lease_until, now);
  attempt.look_at = now + kLookAgain;
  const auto found = attempts_.emplace(token, std::move(attempt)).first;
  if (const Result<Done> launched = launch(assignment, found->second); !launched.ok()) {
    end(found,
        make_ending(Outcome::error, Cause::worker, StatusCode::error, launched.error(), kNever,
                    now),
        now);
  }
}

Result<Done> SupervisedAttempts::launch(const Assignment& assignment, Attempt& attempt) {
  const AttemptToken token{assignment.spec->guid, assignment.attempt};
  if (Result<Done> ran = ready_launcher(); !ran.ok()) return ran;
  if (Result<Done> made = make_attempt_dir(attempt.dir, assignment); !made.ok()) return made;
  if (setup_.follow) setup_.follow(token, attempt.dir);
  Result<AttemptLock> lock = AttemptLock::take(attempt.dir, vitals_of(token, attempt));
  if (!lock.ok()) return Error{lock.error()};
  attempt.link_name = std::to_string(setup_.incarnation) + "-" + std::to_string(next_link_++);
  const std::string target = ".." + attempt.dir.substr(setup_.dir.size());
  const std::string path = setup_.dir + "/running/" + attempt.link_name;
  if (::symlink(target.c_str(), path.c_str()) != 0) {
    return Error{"cannot create " + path + ": " + errno_text(errno)};
  }
  return hand_over(attempt, lock->fd());
}

Result<Done> SupervisedAttempts::ready_launcher() {
  if (launcher_ && !launcher_->is_gone()) return Done{};
  launcher_.reset();
  return run_launcher();
}

AttemptVitals SupervisedAttempts::vitals_of(const AttemptToken& token,
                                            const Attempt& attempt) const {
  AttemptVitals vitals{read_boot_id(), attempt.lease_boot_us, attempt.started};
  if (!setup_.cgroup_dir.empty()) {
    vitals.cgroup = setup_.cgroup_dir + "/" + attempt_cgroup_name(setup_.dir, token);
  }
  return vitals;
}

Result<Done> SupervisedAttempts::hand_over(Attempt& attempt, int lock_fd) {
  attempt.told_lease_us = attempt.lease_boot_us;
  return launcher_->launch(
      {attempt.dir, setup_.dir, setup_.worker, setup_.log_max, setup_.disk_reserve, setup_.archive,
       setup_.git_allow, setup_.trace_calls},
      lock_fd);
}

void SupervisedAttempts::stop(const StopAction& action, Instant now) {
  const auto found = attempts_.find(action.token);
  if (found == attempts_.end() || found->second.ended) return;
  std::string text = action.text;
  if (text.empty() && action.why == StopWhy::lease_lost) {
    text = "stopped by the worker: the broker was not heard before the lease ran out";
  } else if (text.empty()) {
    text = "stopped";
  }
  const bool at_once = action.why != StopWhy::cancelled;
  tell_stop(found->second, {to_supervise(action.why), at_once, std::move(text)}, now);
}

void SupervisedAttempts::stop_all(const std::string& text, bool at_once, Instant now) {
  for (auto& [token, attempt] : attempts_) {
    if (!attempt.ended) tell_stop(attempt, {SuperviseWhy::worker, at_once, text}, now);
  }
}

void SupervisedAttempts::tell_stop(Attempt& attempt, SuperviseStop stop, Instant now) {
  if (stop.at_once && attempt.kill_at == kNever) attempt.kill_at = now + kKillAfter;
  attempt.stop = std::move(stop);
  attempt.stop_told = false;
  tell(attempt);
}

void SupervisedAttempts::renew(const std::function<Instant(const AttemptToken&)>& lease_until,
                               Instant now) {
  for (auto& [token, attempt] : attempts_) {
    if (attempt.ended) continue;
    const Instant until = lease_until(token);
    if (until == kNever) continue;
    // A clock's step less than this is no renewal.
    const int64_t until_us = to_boot_us(until, now);
    if (until_us < attempt.lease_boot_us + 1000) continue;
    attempt.lease_boot_us = until_us;
    tell(attempt);
  }
}

// What there is no room for now is told at the next wake-up.
void SupervisedAttempts::tell(Attempt& attempt) {
  if (!attempt.connection.valid()) return;
  const int fd = attempt.connection.get();
  if (attempt.told_lease_us != attempt.lease_boot_us &&
      send_local(fd, encode_supervise(SuperviseLease{attempt.lease_boot_us})) == Passed::done) {
    attempt.told_lease_us = attempt.lease_boot_us;
  }
  if (attempt.stop && !attempt.stop_told &&
      send_local(fd, encode_supervise(*attempt.stop)) == Passed::done) {
    attempt.stop_told = true;
  }
}

bool SupervisedAttempts::any_running() const {
  return std::any_of(attempts_.begin(), attempts_.end(),
                     [](const auto& entry) { return !entry.second.ended; });
}

std::vector<AttemptToken> SupervisedAttempts::tokens() const {
  std::vector<AttemptToken> tokens;
  for (const auto& [token, attempt] : attempts_) {
    if (!attempt.ended) tokens.push_back(token);
  }
  return tokens;
}

void SupervisedAttempts::wake(Instant now) {
  epoll_event events[kEventsPerWake];
  const int count = ::epoll_wait(epoll_.get(), events, kEventsPerWake, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = static_cast<int>(events[i].data.u64);
    if (fd == listener_.get()) {
      accept_all();
    } else if (launcher_ && fd == launcher_->fd()) {
      if (!launcher_->is_gone()) continue;
      spdlog::error("the launcher of jobs (pid {}) has died; starting another", launcher_->pid());
      launcher_.reset();
      next_launcher_ = now;
    } else if (strangers_.contains(fd)) {
      greet(fd, now);
    } else if (const auto known = by_connection_.find(fd); known != by_connection_.end()) {
      hear(attempts_.find(known->second), now);
    }
  }
  if (launcher_) launcher_->look();
  if (!launcher_ && now >= next_launcher_) {
    if (const Result<Done> ran = run_launcher(); !ran.ok()) spdlog::error("{}", ran.error());
    next_launcher_ = now + kLauncherAgain;
  }
  read_on();
  for (auto next = attempts_.begin(); next != attempts_.end();) {
    const auto found = next++;
    Attempt& attempt = found->second;
    if (attempt.ended) continue;
    tell(attempt);
    if (attempt.look_at != kNever && now >= attempt.look_at) look(found, now);
    if (attempt.ended || attempt.kill_at == kNever || now < attempt.kill_at) continue;
    attempt.kill_at = kNever;
    if (!attempt.connection.valid()) continue;
    const pid_t pid = peer_of(attempt.connection.get());
    spdlog::error("{} attempt {}: its supervisor (pid {}) does not end it; killing both",
                  found->first.guid, found->first.attempt, pid);
    if (pid > 1) ::kill(pid, SIGKILL);
  }
  if (now >= next_round_) pass_round(now);
}

void SupervisedAttempts::pass_round(Instant now) {
  next_round_ = now + kRound;
  for (auto& [fd, stranger] : strangers_) ++stranger.rounds;
  std::erase_if(strangers_,
                [](const auto& entry) { return entry.second.rounds > kStrangerRoundsMax; });
  for (auto next = attempts_.begin(); next != attempts_.end();) {
    const auto found = next++;
    Attempt& attempt = found->second;
    if (attempt.ended) continue;
    ++attempt.silent_rounds;
    if (attempt.silent_rounds * kRound > kSupervisorSilence) judge(found, now);
  }
}

// Its supervisor says nothing, and dials no more if it is not connected. Whoever holds the lock
// beside it is no proof of life: the job can.
void SupervisedAttempts::judge(Attempts::iterator found, Instant now) {
  Attempt& attempt = found->second;
  const bool is_connected = attempt.connection.valid();
  if (is_connected && !attempt.is_beating) return;
  if (attempt.more) return;  // its Ending may be there to be read
  std::optional<pid_t> pid =
      is_connected ? std::optional(attempt.supervisor) : find_supervisor(attempt.dir);
  const bool is_lost = attempt.silent_rounds * kRound > kSupervisorSilenceMax;
  if (!pid && attempt.supervisor < 0 && !is_lost) {
    // The launcher has not come to it yet; the order goes with the launcher.
    if (launcher_ && is_stopped(launcher_->pid())) ::kill(launcher_->pid(), SIGKILL);
    return;
  }
  if (pid && !is_lost && !is_stopped(*pid)) return;  // it is busy
  if (attempt.verdict.empty()) {
    attempt.verdict =
        pid ? "the attempt's supervisor (pid " + std::to_string(*pid) + ") " +
                  (is_lost ? "hung" : "was stopped (SIGSTOP)") + " and was killed"
            : "the attempt's supervisor died while it ran, and something of the job held its lock";
    spdlog::error("{} attempt {}: {}", found->first.guid, found->first.attempt, attempt.verdict);
  }
  if (pid && *pid > 1) {
    ::kill(*pid, SIGKILL);
    await_death(*pid, kDeathPatience);
  }
  if (!is_connected) bury(found, now);  // of the others the end is seen as ever
}

void SupervisedAttempts::accept_all() {
  while (std::optional<UniqueFd> fd = accept_local(listener_.get())) {
    if (strangers_.size() >= kStrangersMax) continue;
    const int number = fd->get();
    watch(number, static_cast<uint64_t>(number));
    strangers_[number] = {std::move(*fd)};
  }
}

// Only this user can dial in at all: what says no hello of ours is of another version, and goes. So
// does a job that says it, but for a supervisor that has died since.
void SupervisedAttempts::greet(int fd, Instant now) {
  std::string bytes;
  const Passed passed = receive_local(fd, bytes, kSuperviseBytesMax);
  if (passed == Passed::later) return;
  UniqueFd connection = std::move(strangers_[fd].connection);
  strangers_.erase(fd);
  if (passed == Passed::gone) return;
  const std::optional<SuperviseMessage> message = decode_supervise(bytes);
  const auto* hello = message ? std::get_if<SuperviseHello>(&*message) : nullptr;
  const auto found = hello == nullptr ? attempts_.end() : attempts_.find(hello->token);
  if (found == attempts_.end() || found->second.ended) return;
  Attempt& attempt = found->second;
  const pid_t peer = peer_of(connection.get());
  if (peer <= 1) return;  // not known
  // In this order: one that is found without its lock may have ended meanwhile.
  if (!is_supervisor_of(peer, attempt.dir) && lives(peer)) {
    spdlog::warn("{} attempt {}: process {} ({}) says that it supervises it; it does not",
                 found->first.guid, found->first.attempt, peer, command_of(peer));
    return;
  }
  if (attempt.connection.valid()) by_connection_.erase(attempt.connection.get());
  attempt.connection = std::move(connection);
  attempt.supervisor = peer;
  attempt.is_beating = false;
  attempt.look_at = kNever;
  attempt.stop_told = false;
  by_connection_[fd] = found->first;
  tell(attempt);
  hear(found, now);
}

void SupervisedAttempts::hear(Attempts::iterator found, Instant now) {
  Attempt& attempt = found->second;
  std::string bytes;
  Passed passed = Passed::done;
  attempt.silent_rounds = 0;
  while (passed == Passed::done) {
    passed = receive_local(attempt.connection.get(), bytes, kSuperviseBytesMax);
    if (passed != Passed::done) break;
    const std::optional<SuperviseMessage> message = decode_supervise(bytes);
    attempt.is_beating |= message && std::holds_alternative<SuperviseAlive>(*message);
  }
  if (passed == Passed::gone) {
    by_connection_.erase(attempt.connection.get());
    attempt.connection.reset();
    return look(found, now);
  }
  read_journal(found);
}

void SupervisedAttempts::read_journal(Attempts::iterator found) {
  Attempt& attempt = found->second;
  attempt.more = false;
  for (uint64_t reads = 0; !attempt.ended; ++reads) {
    if (reads == kReadsPerWake || !has_room_()) {
      attempt.more = true;
      return;
    }
    std::vector<Report> reports = attempt.journal.read_some();
    if (reports.empty()) return;
    for (Report& report : reports) {
      attempt.ended = attempt.ended || std::holds_alternative<Ending>(report.body);
      sink_(found->first, std::move(report.body), report.time);
    }
  }
  by_connection_.erase(attempt.connection.get());
  attempt.connection.reset();
}

// In turn: where there is room for one only, it is another's at the next wake-up.
void SupervisedAttempts::read_on() {
  auto next = attempts_.upper_bound(read_last_);
  for (size_t left = attempts_.size(); left > 0 && has_room_(); --left) {
    if (next == attempts_.end()) next = attempts_.begin();
    const auto found = next++;
    if (!found->second.more || found->second.ended) continue;
    read_last_ = found->first;
    read_journal(found);
  }
}

// Whether the attempt goes on without being connected. What has died is buried when all that it
// said was read: the last word may be in it.
void SupervisedAttempts::look(Attempts::iterator found, Instant now) {
  Attempt& attempt = found->second;
  const bool lives = is_attempt_locked(attempt.dir);
  if (!attempt.more) read_journal(found);
  if (attempt.ended) return;
  if (!lives && !attempt.more) return bury(found, now);
  if (!attempt.connection.valid()) attempt.look_at = now + kLookAgain;
}

// Its supervisor died without a last word.
void SupervisedAttempts::bury(Attempts::iterator found, Instant now) {
  const AttemptToken& token = found->first;
  // Before it has ended what it left is nobody's to kill.
  if (found->second.supervisor > 1) await_death(found->second.supervisor, kDeathPatience);
  std::vector<Stray> killed = end_attempt_cgroup(setup_.dir, found->second.dir, token);
  for (Stray& marked : kill_marked({token}, setup_.dir)) killed.push_back(std::move(marked));
  if (setup_.end_strays) {
    for (Stray& adopted : setup_.end_strays(token)) killed.push_back(std::move(adopted));
  }
  spdlog::warn("{} attempt {}: its supervisor has died{}", token.guid, token.attempt,
               killed.empty() ? "" : "; killed " + describe(killed));
  std::string text = "the attempt's supervisor died while it ran";
  if (!found->second.verdict.empty()) text = found->second.verdict;
  const bool is_clear = std::all_of(killed.begin(), killed.end(),
                                    [](const Stray& stray) { return stray.fate == Fate::dead; });
  if (is_clear && begin_finally(found, text, now)) return;
  if (read_lost(found->second.dir))
    text += ", as did the one before it; finally is not wholly done";
  if (found->second.stop) text = found->second.stop->text;
  end(found,
      make_ending(Outcome::error, Cause::worker, StatusCode::error, std::move(text),
                  found->second.started, now),
      now);
}

// Whether there is something that the job is to do finally, and it may still be done: nobody else
// has its devices, and it was not tried before.
bool SupervisedAttempts::has_finally(const Attempt& attempt) const {
  const bool may_go_on =
      !(attempt.stop && attempt.stop->at_once) && attempt.lease_boot_us > boot_us();
  if (!may_go_on || read_lost(attempt.dir)) return false;
  const Result<Assignment> assignment = read_assignment(attempt.dir);
  if (!assignment.ok()) return false;
  const Result<Work> work = decode_work(assignment->spec->work);
  const auto* job = work.ok() ? std::get_if<JobWork>(&*work) : nullptr;
  return job != nullptr && !job->finally.empty();
}

// By another supervisor. False: it is not to be, or cannot.
bool SupervisedAttempts::begin_finally(Attempts::iterator found, const std::string& why,
                                       Instant now) {
  const AttemptToken& token = found->first;
  Attempt& attempt = found->second;
  if (!has_finally(attempt)) return false;
  const auto launched = [&]() -> Result<Done> {
    if (Result<Done> ran = ready_launcher(); !ran.ok()) return ran;
    Result<AttemptLock> lock = AttemptLock::take(attempt.dir, vitals_of(token, attempt));
    if (!lock.ok()) return Error{lock.error()};
    if (Result<Done> written = write_lost(attempt.dir, why); !written.ok()) return written;
    return hand_over(attempt, lock->fd());
  }();
  if (!launched.ok()) {
    spdlog::error("{} attempt {}: its finally steps cannot be run: {}", token.guid, token.attempt,
                  launched.error());
    return false;
  }
  attempt.supervisor = -1;
  attempt.is_beating = false;
  attempt.silent_rounds = 0;
  attempt.verdict.clear();
  attempt.kill_at = kNever;
  attempt.look_at = now + kLookAgain;
  return true;
}

void SupervisedAttempts::end(Attempts::iterator found, Ending ending, Instant now) {
  Attempt& attempt = found->second;
  attempt.ended = true;
  if (attempt.connection.valid()) by_connection_.erase(attempt.connection.get());
  attempt.connection.reset();
  sink_(found->first, std::move(ending), now);
}

std::optional<Instant> SupervisedAttempts::next_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant instant) {
    if (instant != kNever && (!next || instant < *next)) next = instant;
  };
  if (!launcher_) consider(next_launcher_);
  if (any_running() || !strangers_.empty()) consider(next_round_);
  for (const auto& [token, attempt] : attempts_) {
    if (attempt.ended) continue;
    consider(attempt.look_at);
    consider(attempt.kill_at);
    if (attempt.more && has_room_()) consider(attempt.started);  // long ago
  }
  return next;
}

std::vector<JournalMark> SupervisedAttempts::unnoted() const {
  std::vector<JournalMark> marks;
  for (const auto& [token, attempt] : attempts_) {
    if (attempt.gone) {
      marks.push_back({token, 0, true, true});
    } else if (attempt.ended || attempt.noted_bytes != attempt.journal.offset()) {
      marks.push_back({token, attempt.journal.offset(), attempt.ended, false});
    }
  }
  return marks;
}

void SupervisedAttempts::noted(const std::vector<JournalMark>& marks) {
  for (const JournalMark& mark : marks) {
    const auto found = attempts_.find(mark.token);
    if (found == attempts_.end()) continue;
    if (mark.forget) {
      attempts_.erase(found);
      continue;
    }
    found->second.noted_bytes = mark.bytes;
    if (!mark.ended) continue;
    remove_link(found->second.link_name);
    found->second.gone = true;
    if (setup_.release && !found->second.dir.empty()) setup_.release(mark.token);
  }
}

}  // namespace muster
