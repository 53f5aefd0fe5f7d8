#include "workers/worker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/archive_name.h"
#include "io/codec.h"
#include "workers/attempt_files.h"
#include "workers/git_mirrors.h"
#include "workers/reportable.h"
#include "workers/strays.h"

namespace muster {

namespace {

constexpr uint64_t kSocketKey = 1;
constexpr uint64_t kStopKey = 2;
constexpr uint64_t kRunKey = 3;
// Numbers of requests on a connection.
constexpr uint64_t kHelloRequest = 1;
constexpr uint64_t kTellLogRequest = 2;
constexpr Duration kHelloAgain = std::chrono::seconds(1);
// A connection that has been silent for this long is made anew: it may be half dead.
constexpr Duration kReconnectAfter = std::chrono::seconds(10);
constexpr int kSyncsPerWakeup = 8;
constexpr Duration kMirrorSweep = std::chrono::hours(24);
constexpr Duration kDiskLook = std::chrono::seconds(1);
// Between tries to write a spool that could not be written.
constexpr Duration kSpoolBackOffMin = std::chrono::seconds(1);
constexpr Duration kSpoolBackOffMax = std::chrono::seconds(30);
// What is killed at the end of that patience ends within this: a supervisor that is stuck is killed
// before (workers/supervised.cc).
constexpr Duration kLastPatience = std::chrono::seconds(4);
constexpr char kBrokerPeer[] = "broker";
constexpr char kShutDown[] = "the worker was shut down while the attempt ran";

WorkerOptions core_options(const WorkerSetup& config, const Spool& spool) {
  WorkerOptions options;
  options.incarnation = spool.incarnation();
  options.lab = config.lab;
  options.pools = config.pools;
  options.slots = config.slots;
  options.version = MUSTER_VERSION;
  options.draw = std::hash<std::string>{}(config.name);
  return options;
}

SupervisedSetup supervised_setup(
    const WorkerSetup& config, const Spool& spool,
    std::function<std::vector<Stray>(const AttemptToken&)> end_strays) {
  SupervisedSetup setup{
      config.dir,          config.name, config.self_exe,  spool.incarnation(), config.log_max,
      config.disk_reserve, "",          config.git_allow, config.cgroup_dir};
  setup.end_strays = std::move(end_strays);
  setup.trace_calls = config.trace_calls;
  setup.errors = config.supervisor_errors;
  Uploader* const uploader = config.uploader;
  if (uploader == nullptr) return setup;
  setup.archive = uploader->base();
  setup.follow = [uploader](const AttemptToken& token, const std::string& dir) {
    uploader->follow(token, dir);
  };
  setup.release = [uploader](const AttemptToken& token) { uploader->finish(token); };
  return setup;
}

// What really was interrupted: that nothing of it goes on is seen to at once.
std::vector<AttemptToken> end_interrupted(std::vector<AttemptToken> interrupted,
                                          const SupervisedAttempts& supervised,
                                          const std::string& dir) {
  std::erase_if(interrupted, [&](const AttemptToken& each) { return supervised.contains(each); });
  const auto killed = kill_marked({interrupted.begin(), interrupted.end()}, dir);
  if (!killed.empty()) spdlog::warn("attempts of an earlier run: killed {}", describe(killed));
  return interrupted;
}

}  // namespace

Worker::Worker(WorkerSetup config, std::unique_ptr<Spool> spool, SocketContext& context,
               Clock& clock)
    : config_(std::move(config)),
      spool_(std::move(spool)),
      sockets_(context),
      clock_(clock),
      disk_(config_.dir, config_.disk_reserve),
      supervised_(
          supervised_setup(config_, *spool_,
                           [this](const AttemptToken& token) { return end_strays(token); }),
          [this](const AttemptToken& token, ReportBody body, Instant time) {
            core_.report(token, make_reportable(std::move(body)), true, time);
          },
          [this] { return core_.has_room(); }),
      resumed_(supervised_.recover(spool_->take_journals(), clock.now())),
      core_(core_options(config_, *spool_), spool_->take_unacked(),
            end_interrupted(spool_->take_interrupted(), supervised_, config_.dir), clock.now()),
      listers_(config_.listers, config_.name) {
  if (config_.log_events != nullptr) log_teller_.emplace(*config_.log_events);
  for (ResumedAttempt& attempt : resumed_) core_.resume(std::move(attempt));
  if (!resumed_.empty()) spdlog::info("takes up {} jobs of an earlier run", resumed_.size());
  resumed_.clear();
  run_context_.worker = config_.name;
  run_context_.self_exe = config_.self_exe;
  run_context_.attempts_dir = config_.dir + "/attempts";
  run_context_.log_limits = {config_.log_max, &disk_};
  run_context_.end_strays = [this](const AttemptToken& token) { return end_strays(token); };
  run_context_.note_group = [this](const AttemptToken& token, pid_t group) {
    // Without it a crash of ours leaves the group to be found by its environment alone.
    if (Result<Done> noted = spool_->note_group(token, group); !noted.ok())
      spdlog::debug("{}", noted.error());
  };
  if (config_.uploader == nullptr) return;
  run_context_.archive_url = [this](const AttemptToken& token, const std::string& name) {
    return config_.uploader->url(token, name);
  };
  take_up_uploads(*config_.uploader);
}

// Of an earlier run nothing goes on but what is supervised. It may have been killed before all that
// was over was noted, so what lies there counts.
void Worker::take_up_uploads(Uploader& uploader) const {
  for (const AttemptToken& token : uploader.unfinished()) {
    if (!supervised_.goes_on(token)) uploader.finish(token);
  }
  for (const AttemptFolder& left : find_attempt_folders(run_context_.attempts_dir)) {
    uploader.follow(left.token, left.dir);
    if (!supervised_.goes_on(left.token)) uploader.finish(left.token);
  }
}

// What is not marked may be of any attempt that runs; see kill_strays.
std::vector<Stray> Worker::end_strays(const AttemptToken& token) {
  std::set<AttemptToken> running;
  for (const auto& [other, run] : runs_) {
    if (other != token) running.insert(other);
  }
  std::vector<Stray> killed = kill_strays(token, running);
  if (!killed.empty()) {
    spdlog::warn("{} attempt {}: killed {}", token.guid, token.attempt, describe(killed));
  }
  return killed;
}

Result<Done> Worker::connect(Instant now) {
  Result<std::unique_ptr<ClientSocket>> connected =
      ClientSocket::connect(sockets_, config_.endpoint);
  if (!connected.ok()) return Error{connected.error()};
  socket_ = std::move(*connected);
  welcomed_ = false;
  last_heard_ = now;
  unanswered_since_ = kNever;
  say_hello(now);
  return Done{};
}

void Worker::say_hello(Instant now) {
  Hello hello;
  hello.role = Role::worker;
  hello.name = config_.name;
  hello.version = MUSTER_VERSION;
  socket_->send(encode_message(Envelope{kHelloRequest, hello}));
  next_hello_ = now + kHelloAgain;
}

Result<Done> Worker::serve(int stop_fd) {
  if (Result<Done> begun = supervised_.begin(clock_.now()); !begun.ok()) return begun;
  if (Result<Done> connected = connect(clock_.now()); !connected.ok()) return connected;
  for (;;) {
    wait(stop_fd);
    const Instant now = clock_.now();
    if (stop_ && may_leave(now)) {
      take_leave(now);
      return Done{};
    }
    receive_all(now);
    watch_disk(now);
    core_.tick(now);
    reap_adopted();
    run_listers(now);
    run_attempts(now);
    keep_reports(now);
    speak(now);
    tell_log(now);
    check_silence(now);
  }
}

void Worker::wait(int stop_fd) {
  poller_.clear();
  poller_.add_socket(socket_->handle(), kSocketKey);
  poller_.add_socket(socket_->handshake_handle(), kSocketKey);
  if (!stop_) poller_.add_fd(stop_fd, POLLIN, kStopKey);
  fds_.clear();
  for (const auto& [token, run] : runs_) run->descriptors(fds_);
  listers_.descriptors(fds_);
  fds_.push_back(supervised_.fd());
  if (config_.log_events != nullptr) fds_.push_back(config_.log_events->fd());
  for (const int fd : fds_) poller_.add_fd(fd, POLLIN, kRunKey);
  const std::optional<Instant> deadline = next_deadline();
  const Duration timeout = deadline ? std::max(*deadline - clock_.now(), Duration{0}) : kHelloAgain;
  const std::vector<uint64_t>& ready = poller_.wait(timeout);
  stop_ = stop_ || std::find(ready.begin(), ready.end(), kStopKey) != ready.end();
}

std::optional<Instant> Worker::next_deadline() const {
  Instant next = welcomed_ ? core_.next_deadline() : next_hello_;
  if (const Instant patience = patience_ends(); patience != kNever) next = std::min(next, patience);
  for (const auto& [token, run] : runs_) {
    const std::optional<Instant> deadline = run->next_deadline();
    if (deadline) next = std::min(next, *deadline);
  }
  if (const auto deadline = supervised_.next_deadline()) next = std::min(next, *deadline);
  if (!spool_fault_.empty()) next = std::min(next, next_spool_try_);
  if (end_jobs_until_ != kNever) next = std::min(next, end_jobs_until_);
  if (leave_at_ != kNever) next = std::min(next, leave_at_);
  if (const std::optional<Instant> deadline = listers_.next_deadline()) {
    next = std::min(next, *deadline);
  }
  return next;
}

void Worker::receive_all(Instant now) {
  const std::string fault = socket_->handshake_fault();
  if (!fault.empty() && fault != last_refusal_) {
    spdlog::error("{}", fault);
    last_refusal_ = fault;
  }
  if (socket_->take_reconnected()) {
    welcomed_ = false;  // the broker may have restarted, and knows no connection but this one
    last_heard_ = now;
    unanswered_since_ = kNever;
    say_hello(now);
  }
  while (const std::optional<Frame> frame = socket_->receive()) {
    last_heard_ = now;
    unanswered_since_ = kNever;
    std::variant<Envelope, DecodeFailure> decoded = decode_message(frame->bytes());
    if (const auto* failure = std::get_if<DecodeFailure>(&decoded)) {
      spdlog::warn("the broker sent what cannot be read: {}", failure->reason);
      continue;
    }
    const Envelope& envelope = std::get<Envelope>(decoded);
    if (envelope.request == kTellLogRequest && log_teller_) {
      log_teller_->take(envelope.message, now);
      const auto* refused = std::get_if<Refused>(&envelope.message);
      if (refused == nullptr || refused->code != RefusalCode::hello_first) continue;
    }
    take(envelope.message, now);
  }
}

void Worker::take(const Message& message, Instant now) {
  if (const auto* desired = std::get_if<Desired>(&message)) {
    core_.take(*desired, now);
    supervised_.renew([this](const AttemptToken& token) { return core_.lease_until(token); }, now);
  } else if (const auto* welcome = std::get_if<Welcome>(&message)) {
    if (!welcomed_)
      spdlog::info("connected to broker {} at {}", welcome->version, config_.endpoint);
    welcomed_ = true;
    if (std::exchange(log_id_, welcome->log_id) != welcome->log_id) core_.forget_broker();
    last_refusal_.clear();
    core_.set_beat(std::max<Duration>(welcome->beat, std::chrono::milliseconds(10)));
    core_.connected(now);
    if (log_teller_) log_teller_->connected();
  } else if (const auto* refused = std::get_if<Refused>(&message)) {
    take_refusal(*refused, now);
  }
}

void Worker::take_refusal(const Refused& refused, Instant now) {
  if (refused.code == RefusalCode::hello_first) {
    welcomed_ = false;  // the broker restarted, or has forgotten us
    say_hello(now);
    return;
  }
  if (refused.code == RefusalCode::protocol || refused.code == RefusalCode::not_permitted) {
    welcomed_ = false;
    next_hello_ = now + kReconnectAfter;
  }
  if (refused.reason != last_refusal_) spdlog::error("the broker refused: {}", refused.reason);
  last_refusal_ = refused.reason;
}

void Worker::run_listers(Instant now) {
  listers_.wake(now);
  core_.set_listers(listers_.states());
  if (std::optional<std::vector<ListedDevice>> listed = listers_.take_changed(now)) {
    core_.set_listed(std::move(*listed), now);
  }
  core_.set_listed_all(listers_.all_listed(now), now);
}

void Worker::run_attempts(Instant now) {
  for (auto next = runs_.begin(); next != runs_.end();) {
    const auto current = next++;
    current->second->wake(now);
    if (current->second->over()) forget_run(current);
  }
  supervised_.wake(now);
  // An attempt that ends at once frees its slot for the next.
  for (;;) {
    WorkerActions actions = core_.drain_actions(now);
    if (actions.start.empty() && actions.stop.empty()) return;
    for (const StopAction& stop : actions.stop) {
      trace_call(stop.token, "stop", "", now);
      supervised_.stop(stop, now);
      const auto found = runs_.find(stop.token);
      if (found == runs_.end()) continue;
      found->second->set_stop_reason(stop.text);
      found->second->stop(now, stop.why != StopWhy::cancelled);
      if (found->second->over()) forget_run(found);
    }
    for (Assignment& assignment : actions.start) start(std::move(assignment), now);
  }
}

void Worker::start(Assignment assignment, Instant now) {
  const AttemptToken token{assignment.spec->guid, assignment.attempt};
  if (stop_) {
    core_.report(
        token,
        make_ending(Outcome::error, Cause::worker, StatusCode::error, kShutDown, kNever, now), true,
        now);
    return;
  }
  const Result<Work> work = decode_work(assignment.spec->work);
  if (!work.ok()) {
    trace_call(token, "run", work.error(), now);
    core_.report(token,
                 make_ending(Outcome::error, Cause::config, StatusCode::norun,
                             "the work description cannot be read: " + work.error(), kNever, now),
                 true, now);
    return;
  }
  if (const NoopWork* noop = std::get_if<NoopWork>(&*work)) {
    core_.report(token, run_noop(*noop, now), false, now);
    return;
  }
  trace_call(token, "run", "", now);
  if (std::holds_alternative<JobWork>(*work)) {
    supervised_.start(assignment, core_.lease_until(token), now);
    return;
  }
  auto run =
      make_attempt_run(run_context_, std::move(assignment), *work, [this, token](ReportBody body) {
        core_.report(token, make_reportable(std::move(body)), true, clock_.now());
      });
  const auto started = runs_.emplace(token, std::move(run)).first;
  started->second->begin(now);
  if (config_.uploader != nullptr) {
    config_.uploader->follow(token, attempt_dir(run_context_.attempts_dir, token));
  }
  if (started->second->over()) forget_run(started);
}

// What it has left is the uploader's from now on.
void Worker::forget_run(std::map<AttemptToken, std::unique_ptr<AttemptRun>>::iterator run) {
  const AttemptToken token = run->first;
  runs_.erase(run);
  if (config_.uploader != nullptr) config_.uploader->finish(token);
}

// What is removed there is a few large files, which is soon done.
void Worker::sweep_mirrors(Instant now) {
  if (now < next_mirror_sweep_) return;
  next_mirror_sweep_ = now + kMirrorSweep;
  const RemovedMirrors removed = remove_idle_mirrors(config_.dir + "/mirrors", kGitMirrorKeep, now);
  for (const std::string& path : removed.paths) {
    spdlog::info("removed the mirror {}: nothing was fetched from it for {}", path,
                 format_duration(kGitMirrorKeep));
  }
  for (const std::string& problem : removed.problems) spdlog::warn("mirrors: {}", problem);
}

void Worker::watch_disk(Instant now) {
  sweep_mirrors(now);
  if (now >= next_disk_look_) {
    next_disk_look_ = now + kDiskLook;
    const bool was_low = disk_low_;
    disk_.look();
    disk_low_ = disk_.low();
    if (disk_low_ && !was_low) {
      spdlog::error("{}: {}", config_.dir, disk_refusal());
    } else if (was_low && !disk_low_) {
      spdlog::info("{}: there is room again; new work is taken", config_.dir);
    }
  }
  tell_refusal(now);
}

// Why no new work is taken, if that is so.
void Worker::tell_refusal(Instant now) {
  std::string why;
  if (stop_) {
    why = "it is being stopped";
  } else if (disk_low_) {
    why = disk_refusal() + " (" + config_.dir + ")";
  } else if (!spool_fault_.empty()) {
    why = "the spool cannot be written: " + spool_fault_;
  }
  core_.set_refusing(std::move(why), now);
}

std::string Worker::disk_refusal() const {
  return "its disk has " + format_size(disk_.free()) + " free, less than its reserve of " +
         format_size(disk_.reserve()) + "; no new work is taken until there are " +
         format_size(disk_.wanted());
}

// What is said must be in the spool first (WorkerCore sees to that).
void Worker::keep_reports(Instant now) {
  if (!spool_fault_.empty() && now < next_spool_try_) return;
  std::vector<Report> reports = core_.drain_unspooled();
  const std::vector<JournalMark> marks = supervised_.unnoted();
  const Result<bool> kept = spool_->commit(reports, core_.acked(), marks);
  if (kept.ok()) {
    if (*kept) supervised_.noted(marks);
    if (!spool_fault_.empty()) spdlog::info("the spool is written again");
    spool_fault_.clear();
    spool_back_off_ = Duration{0};
    return;
  }
  core_.return_unspooled(std::move(reports));
  if (spool_fault_.empty()) {
    spdlog::error("the spool cannot be written; no new work is taken until it can: {}",
                  kept.error());
  }
  spool_fault_ = kept.error();
  spool_back_off_ = std::clamp(2 * spool_back_off_, kSpoolBackOffMin, kSpoolBackOffMax);
  next_spool_try_ = now + spool_back_off_;
  tell_refusal(now);
}

void Worker::speak(Instant now) {
  if (!welcomed_) {
    if (now >= next_hello_) say_hello(now);
    return;
  }
  for (int i = 0; i < kSyncsPerWakeup; ++i) {
    std::optional<Sync> sync = core_.make_sync(now);
    if (sync && unanswered_since_ == kNever) unanswered_since_ = now;
    if (!sync || !socket_->send(encode_message(Envelope{0, std::move(*sync)}))) break;
  }
}

void Worker::tell_log(Instant now) {
  if (!log_teller_) return;
  const QuietLog quiet;
  if (!welcomed_) {
    config_.log_events->heed();
  } else if (std::optional<TellLog> lines = log_teller_->next(now)) {
    socket_->send(encode_message(Envelope{kTellLogRequest, std::move(*lines)}));
  }
}

// What the broker asked for of an attempt: of what went well where that is wanted, else of what did
// not.
void Worker::trace_call(const AttemptToken& token, const char* method, std::string error,
                        Instant now) {
  const std::string arguments = "{\"attempt\":" + std::to_string(token.attempt) + "}";
  if (!error.empty()) {
    core_.report(token, CallFailed{method, arguments, kBrokerPeer, std::move(error)}, true, now);
  } else if (config_.trace_calls) {
    core_.report(token, CallMade{method, arguments, kBrokerPeer}, true, now);
  }
}

// When the broker must have been heard at the latest; kNever: a worker that rests waits for no word
// of it. That it was not heard in a rest is nothing to be impatient about either.
Instant Worker::patience_ends() const {
  if (welcomed_ && core_.rests()) return kNever;
  const Instant rest_ended =
      unanswered_since_ == kNever ? kNever : unanswered_since_ - core_.beat();
  return std::max(last_heard_, rest_ended) + kReconnectAfter;
}

void Worker::check_silence(Instant now) {
  const Instant patience = patience_ends();
  if (patience == kNever || now < patience) return;
  spdlog::warn("the broker at {} has been silent for {} s; connecting anew", config_.endpoint,
               std::chrono::duration_cast<std::chrono::seconds>(now - last_heard_).count());
  if (Result<Done> connected = connect(now); !connected.ok())
    spdlog::error("{}", connected.error());
}

// Of verifications and repairs nothing outlives the worker: what runs is killed and reported, so
// that the broker need not wait for the lease to run out.
void Worker::end_runs(Instant now) {
  std::vector<AttemptToken> killed;
  for (const auto& [token, run] : runs_) killed.push_back(token);
  while (!runs_.empty()) forget_run(runs_.begin());
  for (const AttemptToken& token : killed) {
    end_strays(token);
    core_.report(token,
                 make_ending(Outcome::error, Cause::worker, StatusCode::error, kShutDown,
                             core_.started_at(token), now),
                 true, now);
  }
}

// Whether the worker, which is being stopped, has nothing left to end. Until then it goes on as
// ever, so that the leases of what it ends are renewed.
bool Worker::may_leave(Instant now) {
  end_runs(now);
  if (!config_.end_jobs || !supervised_.any_running()) return true;
  if (leave_at_ == kNever && end_jobs_until_ == kNever) {
    spdlog::info("is being stopped: ends its jobs");
    end_jobs_until_ = now + kEndJobsPatience;
    supervised_.stop_all(kShutDown, false, now);
    tell_refusal(now);
  } else if (end_jobs_until_ != kNever && now >= end_jobs_until_) {
    spdlog::warn("jobs have not ended within {}; killing them", format_duration(kEndJobsPatience));
    end_jobs_until_ = kNever;
    leave_at_ = now + kLastPatience;
    supervised_.stop_all(kShutDown, true, now);
  }
  return leave_at_ != kNever && now >= leave_at_;
}

void Worker::take_leave(Instant now) {
  core_.connected(now);
  next_spool_try_ = now;
  keep_reports(now);
  speak(now);
}

}  // namespace muster
