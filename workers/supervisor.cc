#include "workers/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/archive_name.h"
#include "io/clock.h"
#include "io/codec.h"
#include "workers/attempt_cgroup.h"
#include "workers/attempt_files.h"
#include "workers/attempt_run.h"
#include "workers/disk_watch.h"
#include "workers/journal.h"
#include "workers/reportable.h"
#include "workers/strays.h"
#include "workers/supervise_protocol.h"
#include "workers/supervisor_link.h"

namespace muster {

namespace {

constexpr Duration kDiskLook = std::chrono::seconds(1);
constexpr Duration kFlushAgain = std::chrono::seconds(1);
constexpr char kLeaseOver[] =
    "stopped by the worker: the broker was not heard before the lease ran out";
constexpr char kTerminated[] = "the attempt's supervisor was told to end (SIGTERM)";

class Supervisor {
 public:
  Supervisor(const LaunchOrder& order, AttemptLock lock, Assignment assignment)
      : lock_(std::move(lock)),
        token_{assignment.spec->guid, assignment.attempt},
        link_(order.worker_dir, token_),
        disk_(order.worker_dir, order.disk_reserve) {
    context_.worker = order.worker;
    context_.self_exe = "/proc/self/exe";
    context_.attempts_dir = order.worker_dir + "/attempts";
    // HOME/worker/NAME
    context_.home = std::filesystem::path(order.worker_dir).parent_path().parent_path();
    context_.log_limits = {order.log_max, &disk_};
    context_.trace_calls = order.trace_calls;
    if (!order.archive.empty()) {
      context_.archive_url = [archive = order.archive](const AttemptToken& token,
                                                       const std::string& name) {
        return public_archive_url(archive, {token.guid, token.attempt, name});
      };
    }
    context_.git.mirrors_dir = order.worker_dir + "/mirrors";
    context_.git.allow = order.git_allow;
    context_.end_strays = [this](const AttemptToken&) { return end_strays(); };
    context_.term_strays = [this](const AttemptToken& token, pid_t group) {
      return term_strays(token, cgroup_ ? &*cgroup_ : nullptr, group);
    };
    // Without one the job is held by its groups and its descent.
    if (const std::string& dir = lock_.vitals().cgroup; !dir.empty()) {
      if (Result<Cgroup> cgroup = make_attempt_cgroup(dir); cgroup.ok()) {
        cgroup_ = std::move(*cgroup);
      }
    }
    if (cgroup_) context_.cgroup_fd = context_.git.cgroup_fd = cgroup_->fd();
    assignment_ = std::move(assignment);
  }

  Result<Done> prepare(const std::string& attempt_dir);
  void run();

 private:
  void begin();
  void turn();
  void wait();
  int timeout_ms();
  void say(ReportBody body);
  void take(const SuperviseMessage& message, Instant now);
  void end_attempt(SuperviseWhy why, const std::string& text, bool at_once, Instant now);
  void set_lease(int64_t until_boot_us);
  std::vector<Stray> end_strays();

  AttemptLock lock_;
  AttemptToken token_;
  SupervisorLink link_;
  DiskWatch disk_;
  std::optional<Cgroup> cgroup_;
  RunContext context_;
  Assignment assignment_;
  SystemClock clock_;
  JournalWriter journal_;
  UniqueFd signals_;
  UniqueFd lease_timer_;  // of CLOCK_BOOTTIME: it also runs out while the machine sleeps
  std::unique_ptr<AttemptRun> attempt_;
  bool faulted_ = false;  // a fault of the worker ends it: no later stop says otherwise
  bool lease_over_ = false;
  bool terminated_ = false;
  Instant next_disk_look_;
  Instant next_flush_;
};

Result<Done> Supervisor::prepare(const std::string& attempt_dir) {
  if (std::optional<std::string> why = read_lost(attempt_dir)) {
    context_.lost = LostRun{std::move(*why), lock_.vitals().started};
  }
  const std::string journal = attempt_dir + "/journal";
  Result<Done> opened = context_.lost ? journal_.reopen(journal) : journal_.open(journal);
  if (!opened.ok()) return opened;
  if (Result<Done> adopts = adopt_orphans(); !adopts.ok()) return adopts;
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  signals_ = UniqueFd(::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  lease_timer_ = UniqueFd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!signals_.valid() || !lease_timer_.valid()) return Error{errno_text(errno)};
  set_lease(lock_.vitals().lease_boot_us);
  return Done{};
}

void Supervisor::set_lease(int64_t until_boot_us) {
  lock_.set_lease(until_boot_us);
  itimerspec when{};
  const int64_t at_us = std::max<int64_t>(until_boot_us, 1);
  when.it_value.tv_sec = at_us / 1'000'000;
  when.it_value.tv_nsec = at_us % 1'000'000 * 1'000;
  ::timerfd_settime(lease_timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Supervisor::run() {
  // The worker knows it before the job can harm it.
  const std::vector<SuperviseMessage> heard = link_.wake(boot_us(), journal_.size());
  begin();
  for (const SuperviseMessage& message : heard) take(message, clock_.now());
  for (;;) {
    turn();
    if (attempt_->over() && journal_.flushed()) return;
    wait();
  }
}

void Supervisor::begin() {
  const Result<Work> work = decode_work(assignment_.spec->work);
  // The worker has read it before.
  const Work readable = work.ok() ? *work : Work{};
  attempt_ = make_attempt_run(context_, std::move(assignment_), readable,
                              [this](ReportBody body) { say(std::move(body)); });
  attempt_->begin(clock_.now());
}

void Supervisor::turn() {
  const Instant now = clock_.now();
  if (now >= next_disk_look_) {
    disk_.look();
    next_disk_look_ = now + kDiskLook;
  }
  for (const SuperviseMessage& message : link_.wake(boot_us(), journal_.size())) take(message, now);
  signalfd_siginfo signal{};
  if (!terminated_ && ::read(signals_.get(), &signal, sizeof signal) > 0) {
    terminated_ = true;
    end_attempt(SuperviseWhy::worker, kTerminated, false, now);
  }
  if (!lease_over_ && boot_us() >= lock_.vitals().lease_boot_us) {
    lease_over_ = true;
    end_attempt(SuperviseWhy::worker, kLeaseOver, true, now);
  }
  reap_adopted();
  attempt_->wake(now);
  if (!journal_.flushed() && now >= next_flush_ && !journal_.flush().ok()) {
    next_flush_ = now + kFlushAgain;
  }
  for (const SuperviseMessage& message : link_.wake(boot_us(), journal_.size())) take(message, now);
}

void Supervisor::take(const SuperviseMessage& message, Instant now) {
  if (const auto* lease = std::get_if<SuperviseLease>(&message)) {
    // What has run out stays so: the devices may have been given away.
    if (!lease_over_) set_lease(lease->until_boot_us);
  } else if (const auto* stop = std::get_if<SuperviseStop>(&message)) {
    end_attempt(stop->why, stop->text, stop->at_once, now);
  }
}

void Supervisor::end_attempt(SuperviseWhy why, const std::string& text, bool at_once, Instant now) {
  const bool is_fault = why != SuperviseWhy::cancelled;
  if (!faulted_) attempt_->set_stop_reason(text, is_fault ? Cause::worker : Cause::user);
  faulted_ = faulted_ || is_fault;
  attempt_->stop(now, at_once);
}

// The cgroup goes when nothing is left in it: no process of the attempt is started any more.
std::vector<Stray> Supervisor::end_strays() {
  std::vector<Stray> strays;
  if (cgroup_) {
    strays = kill_members(*cgroup_);
    // Where the kernel does not let it go the next worker tries.
    [[maybe_unused]] const Result<Done> removed = cgroup_->remove();
  }
  std::vector<Stray> others = kill_strays(token_, {});
  strays.insert(strays.end(), std::make_move_iterator(others.begin()),
                std::make_move_iterator(others.end()));
  return strays;
}

void Supervisor::say(ReportBody body) {
  journal_.append(token_, clock_.now(), make_reportable(std::move(body)));
}

int Supervisor::timeout_ms() {
  const Instant now = clock_.now();
  std::optional<Duration> least;
  const auto consider = [&](Duration left) {
    if (!least || left < *least) least = left;
  };
  if (const std::optional<Instant> deadline = attempt_->next_deadline()) consider(*deadline - now);
  if (!journal_.flushed()) consider(next_flush_ - now);
  consider(Duration(link_.next_wake_us() - boot_us()));
  if (!least) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*least).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000));
}

void Supervisor::wait() {
  std::vector<int> fds;
  attempt_->descriptors(fds);
  std::vector<pollfd> items;
  for (const int fd : fds) items.push_back({fd, POLLIN, 0});
  if (!terminated_) items.push_back({signals_.get(), POLLIN, 0});
  if (!lease_over_) items.push_back({lease_timer_.get(), POLLIN, 0});
  if (link_.fd() >= 0) {
    const bool writes = link_.wants_to_write();
    items.push_back({link_.fd(), static_cast<int16_t>(writes ? POLLIN | POLLOUT : POLLIN), 0});
  }
  ::poll(items.data(), items.size(), timeout_ms());
}

}  // namespace

int run_supervisor(const LaunchOrder& order, UniqueFd lock) {
  ::setsid();
  ::prctl(PR_SET_NAME, kSupervisorName);
  const auto fail = [&](const std::string& why) {
    std::fprintf(stderr, "cannot supervise %s: %s\n", order.attempt_dir.c_str(), why.c_str());
    return 1;
  };
  Result<Assignment> assignment = read_assignment(order.attempt_dir);
  if (!assignment.ok()) return fail(assignment.error());
  std::optional<AttemptVitals> vitals = read_vitals(order.attempt_dir);
  if (!vitals) return fail("its lock file cannot be read");
  Supervisor supervisor(order, AttemptLock(std::move(lock), std::move(*vitals)),
                        std::move(*assignment));
  if (const Result<Done> ready = supervisor.prepare(order.attempt_dir); !ready.ok()) {
    return fail(ready.error());
  }
  supervisor.run();
  return 0;
}

}  // namespace muster
