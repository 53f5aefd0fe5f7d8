#include "tests/sim/sim_worker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/transcripts/describe.h"

namespace muster::sim {
namespace {

constexpr Duration kWakeLatencyMax = 5ms;
constexpr Duration kSpoolSyncMin = 50us;
constexpr int64_t kZeroUs = 1'800'000'000'000'000;  // some day in 2027
constexpr int kSyncsPerWakeupMax = 16;

}  // namespace

SimWorker::SimWorker(Sim& sim, SimNetwork& network, Checkers& checkers, const Faults& faults,
                     SimDevices& devices, const SimLab& lab, Plant plant, std::string name,
                     WorkerOptions options)
    : sim_(sim),
      network_(network),
      checkers_(checkers),
      faults_(faults),
      plant_(plant),
      name_(std::move(name)),
      lab_(lab),
      options_(std::move(options)),
      executor_(sim, checkers, faults, devices, name_, options_.slots,
                [this](const AttemptToken& token, ReportBody body, bool durable) {
                  hear(token, std::move(body), durable);
                }) {}

// A supervisor's last word is what it was stopped for.
void SimWorker::hear(const AttemptToken& token, ReportBody body, bool durable) {
  const auto journal = spool_.journals.find(token);
  if (journal == spool_.journals.end()) {
    said_.push_back({token, std::move(body), durable});
  } else {
    const std::optional<StopAction>& stop = journal->second.stop;
    if (auto* ending = std::get_if<Ending>(&body); ending != nullptr && stop) {
      const bool cancelled = stop->why == StopWhy::cancelled;
      ending->outcome = Outcome::error;
      ending->cause = cancelled ? Cause::user : Cause::worker;
      ending->status = cancelled ? StatusCode::killed : StatusCode::error;
      ending->message = cancelled ? stop->text : "stopped by its supervisor: the lease ran out";
    }
    journal->second.said.push_back(std::move(body));
  }
  if (core_) wake_later(0us);
}

void SimWorker::take_up() {
  if (!spool_.journals.empty()) checkers_.marks().hit(Mark::resumed);
  for (auto& [token, journal] : spool_.journals) {
    if (plant_ == Plant::jobs_not_taken_up) continue;
    journal.read = plant_ == Plant::journal_read_again ? 0 : journal.noted;
    const Duration left = journal.lease_until - sim_.now();
    core_->resume({journal.assignment, journal.started, now() + left});
    const bool ended = !journal.said.empty() && std::holds_alternative<Ending>(journal.said.back());
    if (ended) checkers_.marks().hit(Mark::resumed_ended);
  }
  read_journals(now());
}

void SimWorker::read_journals(Instant now) {
  for (auto& [token, journal] : spool_.journals) {
    while (journal.read < journal.said.size()) {
      core_->report(token, journal.said[journal.read++], true, now);
    }
  }
}

void SimWorker::renew_leases() {
  for (auto& [token, journal] : spool_.journals) {
    const Instant until = core_->lease_until(token);
    if (until != kNever) journal.lease_until = clock_.when(until);
  }
}

void SimWorker::stop_attempt(const StopAction& stop, bool at_once) {
  const auto journal = spool_.journals.find(stop.token);
  if (journal != spool_.journals.end()) journal->second.stop = stop;
  executor_.stop(stop, at_once);
}

void SimWorker::look_at_leases() {
  if (core_ || suspended_until_ > sim_.now()) return;
  for (auto& [token, journal] : spool_.journals) {
    const bool ended = !journal.said.empty() && std::holds_alternative<Ending>(journal.said.back());
    if (ended || journal.lease_until > sim_.now()) continue;
    checkers_.marks().hit(Mark::supervisor_stop);
    stop_attempt({token, StopWhy::lease_lost, ""}, true);
  }
}

void SimWorker::after(Duration delay, std::function<void()> action) {
  sim_.after(delay, [this, life = life_, action = std::move(action)]() mutable {
    if (life != life_) return;
    if (suspended_until_ > sim_.now()) {
      after(suspended_until_ - sim_.now() + 1us, std::move(action));
    } else {
      action();
    }
  });
}

void SimWorker::start() {
  if (gone_) return;
  Random& random = sim_.random();
  const Duration offset = random.between(-faults_.offset_max, faults_.offset_max);
  const auto drift =
      random.between(Duration(-faults_.drift_ppm_max), Duration(faults_.drift_ppm_max));
  clock_ = SimClock(from_us(kZeroUs) + offset, drift.count());
  options_.incarnation = ++spool_.incarnation;
  if (!spool_.reports.empty()) checkers_.marks().hit(Mark::spool_resent);
  if (!spool_.interrupted.empty()) checkers_.marks().hit(Mark::interrupted);
  core_ = std::make_unique<WorkerCore>(
      options_, std::vector<Report>(spool_.reports.begin(), spool_.reports.end()),
      std::vector<AttemptToken>(spool_.interrupted.begin(), spool_.interrupted.end()), now());
  stale_seen_ = 0;
  take_up();
  if (random.chance(500)) {
    core_->set_listed(lab_.listed(name_), now());
  } else {  // its listers have only just begun
    core_->set_listed_all(false, now());
    look_at_devices();
  }
  if (sim_.tracing()) {
    sim_.trace(name_, "starts, incarnation " + std::to_string(spool_.incarnation) + ", spool of " +
                          std::to_string(spool_.reports.size()));
  }
  socket_ = network_.open_socket(name_, [this](Envelope envelope) {
    inbox_.push_back(std::move(envelope));
    wake_later(sim_.random().between(0us, kWakeLatencyMax));
  });
  say_hello();
  wake_later(0us);
}

void SimWorker::say_hello() {
  Hello hello;
  hello.role = Role::worker;
  hello.name = name_;
  network_.send(socket_, Envelope{0, hello});
  core_->connected(now());
}

void SimWorker::wake_later(Duration delay) {
  after(delay, [this] { wake(); });
}

void SimWorker::wake() {
  if (busy_) {
    wake_due_ = true;
    return;
  }
  busy_ = true;
  const Instant woken = now();
  for (const Envelope& envelope : std::exchange(inbox_, {})) take_message(envelope, woken);
  for (Said& said : std::exchange(said_, {})) {
    core_->report(said.token, std::move(said.body), said.durable, woken);
  }
  read_journals(woken);
  let_time_pass(woken, false);
  checkers_.on_worker_rests(*core_);
  write_spool();
}

void SimWorker::take_message(const Envelope& envelope, Instant now) {
  if (const auto* welcome = std::get_if<Welcome>(&envelope.message)) {
    core_->set_beat(welcome->beat);
  } else if (const auto* desired = std::get_if<Desired>(&envelope.message)) {
    core_->take(*desired, now);
    renew_leases();
    if (core_->stale_count() > stale_seen_) checkers_.marks().hit(Mark::desired_stale);
    stale_seen_ = core_->stale_count();
  } else if (const auto* refused = std::get_if<Refused>(&envelope.message)) {
    if (refused->code != RefusalCode::hello_first) return;
    checkers_.marks().hit(Mark::hello_first);
    say_hello();
  }
}

// Stops happen at once; starts wait until the spool knows of them.
void SimWorker::let_time_pass(Instant now, bool at_once) {
  if (plant_ != Plant::no_self_stop) core_->tick(now);
  WorkerActions actions = core_->drain_actions(now);
  for (const StopAction& stop : actions.stop) stop_attempt(stop, at_once);
  std::move(actions.start.begin(), actions.start.end(), std::back_inserter(starts_));
}

void SimWorker::write_spool() {
  std::vector<Report> reports = core_->drain_unspooled();
  std::vector<Assignment> starts = std::exchange(starts_, {});
  const bool durable =
      !reports.empty() || std::any_of(starts.begin(), starts.end(), [](const Assignment& start) {
        return !SimExecutor::is_quick(start);
      });
  if (crash_point_ == CrashPoint::before_spool) {
    if (!reports.empty()) checkers_.marks().hit(Mark::crash_before_spool);
    crash();
    return;
  }
  Duration takes{0};
  if (durable)
    takes = sim_.random().heavy_tail(kSpoolSyncMin,
                                     std::max(faults_.spool_sync_max, 2 * kSpoolSyncMin));
  Taken taken;
  for (const auto& [token, journal] : spool_.journals) taken[token] = journal.read;
  after(takes,
        [this, reports = std::move(reports), starts = std::move(starts), taken = std::move(taken)] {
          commit_spool(reports, starts, taken);
          if (crash_point_ == CrashPoint::after_spool) {
            crash();
            return;
          }
          speak();
        });
}

void SimWorker::commit_spool(const std::vector<Report>& reports,
                             const std::vector<Assignment>& starts, const Taken& taken) {
  for (const Report& report : reports) {
    spool_.reports.push_back(report);
    if (std::holds_alternative<Ending>(report.body)) spool_.interrupted.erase(report.token);
  }
  checkers_.on_spooled(name_, reports);
  while (!spool_.reports.empty() && spool_.reports.front().seq <= core_->acked()) {
    spool_.reports.pop_front();
  }
  for (const auto& [token, count] : taken) {
    SimJournal& journal = spool_.journals.at(token);
    journal.noted = count;
    const bool over = count > 0 && std::holds_alternative<Ending>(journal.said[count - 1]);
    if (over) spool_.journals.erase(token);
  }
  for (const Assignment& start : starts) {
    const AttemptToken token{start.spec->guid, start.attempt};
    if (SimExecutor::is_supervised(start)) {
      SimJournal& journal = spool_.journals[token];
      journal.assignment = start;
      journal.started = now();
      const Instant until = core_->lease_until(token);
      journal.lease_until = until == kNever ? sim_.now() : clock_.when(until);
    } else if (!SimExecutor::is_quick(start)) {
      spool_.interrupted.insert(token);
    }
    if (sim_.tracing()) sim_.trace(name_, "runs " + describe(token));
    executor_.start(start);
  }
}

void SimWorker::speak() {
  const Instant woken = now();
  for (int i = 0; i < kSyncsPerWakeupMax; ++i) {
    const std::optional<Sync> sync = core_->make_sync(woken);
    if (!sync) break;
    checkers_.on_worker_says(*sync);
    network_.send(socket_, Envelope{0, *sync});
  }
  if (crash_point_ == CrashPoint::after_sync) {
    crash();
    return;
  }
  set_timer();
  busy_ = false;
  if (std::exchange(wake_due_, false) || !inbox_.empty() || !said_.empty()) wake_later(0us);
}

void SimWorker::set_timer() {
  Duration delay = clock_.when(core_->next_deadline()) - sim_.now();
  if (plant_ == Plant::no_self_stop) delay = std::max<Duration>(delay, 100ms);
  after(delay, [this, timer = ++timer_] {
    if (timer == timer_) wake();
  });
}

void SimWorker::look_at_devices() {
  after(sim_.random().heavy_tail(1ms, 1s), [this] {
    if (!core_) return;
    core_->set_listed(lab_.listed(name_), now());
    core_->set_listed_all(true, now());
    wake();
  });
}

void SimWorker::suspend(Duration length) {
  if (!core_ || suspended_until_ > sim_.now()) return;
  suspended_until_ = sim_.now() + length;
  executor_.suspend(suspended_until_);
  checkers_.on_machine_suspended(name_, true);
  if (sim_.tracing()) sim_.trace(name_, "is suspended for " + describe(length));
  sim_.after(length, [this] { resume(); });
}

// The first thing that a machine that slept must do is to look at its leases.
void SimWorker::resume() {
  if (core_) {
    let_time_pass(now(), true);
    wake_later(0us);
  }
  look_at_leases();
  checkers_.on_machine_suspended(name_, false);
}

void SimWorker::crash_soon(Duration away) {
  if (!core_ || crash_point_ != CrashPoint::none) return;
  away_ = away;
  constexpr std::array kPoints = {CrashPoint::before_spool, CrashPoint::after_spool,
                                  CrashPoint::after_sync};
  crash_point_ = sim_.random().one_of(kPoints);
}

void SimWorker::crash() {
  if (sim_.tracing()) sim_.trace(name_, "CRASH, away for " + describe(away_));
  ++life_;
  // The machine, or only the process.
  if (sim_.random().chance(300)) {
    executor_.kill_all();
    for (const auto& [token, journal] : spool_.journals) spool_.interrupted.insert(token);
    spool_.journals.clear();
  } else {
    executor_.kill_unsupervised();
    for (const auto& [token, journal] : spool_.journals) {
      sim_.after(std::max<Duration>(journal.lease_until - sim_.now(), 0us),
                 [this] { look_at_leases(); });
    }
  }
  network_.close_socket(socket_);
  core_.reset();
  inbox_.clear();
  said_.clear();
  starts_.clear();
  busy_ = wake_due_ = false;
  crash_point_ = CrashPoint::none;
  if (plant_ == Plant::spool_forgets) spool_.reports.clear();
  if (!gone_) after(away_, [this] { start(); });
}

void SimWorker::leave() {
  gone_ = true;
  checkers_.marks().hit(Mark::worker_left);
  if (core_) crash();
  checkers_.on_worker_left(name_);
}

bool SimWorker::at_rest() const {
  if (suspended_until_ > sim_.now()) return false;  // with what its supervisors keep
  if (gone_) return true;
  return core_ && core_->held_count() == 0 && core_->unacked_count() == 0 && said_.empty();
}

std::string SimWorker::describe_rest() const {
  if (suspended_until_ > sim_.now()) return name_ + " is suspended";
  if (!core_) return name_ + " is down";
  return name_ + " holds " + std::to_string(core_->held_count()) + " attempts and owes " +
         std::to_string(core_->unacked_count()) + " reports";
}

}  // namespace muster::sim
