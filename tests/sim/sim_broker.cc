#include "tests/sim/sim_broker.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "tests/sim/sim_codec.h"
#include "tests/transcripts/describe.h"

namespace muster::sim {
namespace {

constexpr size_t kFramesPerWakeupMax = 64;
constexpr Duration kWakeLatencyMax = 5ms;
constexpr Duration kLogSyncMin = 100us;
constexpr int64_t kZeroUs = 1'800'000'000'000'000;  // some day in 2027
constexpr std::string_view kWho = "broker";

}  // namespace

SimBroker::SimBroker(Sim& sim, SimNetwork& network, SimLog& log, Checkers& checkers,
                     const Faults& faults, Plant plant, BrokerOptions options)
    : sim_(sim),
      network_(network),
      log_(log),
      checkers_(checkers),
      faults_(faults),
      plant_(plant),
      options_(std::move(options)) {}

void SimBroker::after(Duration delay, std::function<void()> action) {
  sim_.after(delay, [this, life = life_, action = std::move(action)] {
    if (life == life_) action();
  });
}

// Another wall clock at each start, but never behind the log: what io/clock.h promises.
void SimBroker::set_clock() {
  Random& random = sim_.random();
  const Duration offset = random.between(-faults_.offset_max, faults_.offset_max);
  const auto drift =
      random.between(Duration(-faults_.drift_ppm_max), Duration(faults_.drift_ppm_max));
  clock_ = SimClock(from_us(kZeroUs) + offset, drift.count());
  const Event* newest = log_.find(log_.head());
  if (newest && newest->time > now()) {
    clock_ = SimClock(from_us(kZeroUs) + offset + (newest->time - now()), drift.count());
  }
}

// Every second time from a snapshot that was taken half-way: S5 asks that nothing is missing then.
void SimBroker::recover() {
  core_ = std::make_unique<BrokerCore>(options_);
  const bool by_snapshot = log_.head() % 2 == 0;
  size_t done = 0;
  for (const SimLog::Block& block : log_.blocks()) {
    for (const Event& event : block.events) core_->apply(event);
    if (!by_snapshot || ++done != (log_.blocks().size() + 1) / 2) continue;
    Result<BrokerSnapshot> snapshot = store(core_->snapshot());
    if (!snapshot.ok()) return checkers_.fail("no recovery from a snapshot: " + snapshot.error());
    core_ = std::make_unique<BrokerCore>(options_);
    core_->restore(std::move(*snapshot));
  }
}

void SimBroker::start() {
  set_clock();
  recover();
  std::map<std::string, LogModel::Worker> known;
  for (const char* name : {"w1", "w2", "w3"}) {
    if (const LogModel::Worker* worker = checkers_.model().find_worker(name)) known[name] = *worker;
  }
  checkers_.on_broker_starts(known, now());
  if (sim_.tracing()) sim_.trace(kWho, "starts at event " + std::to_string(log_.head()));
  take(Start{log_.start_epoch()}, now());
  network_.broker_up([this](const std::string& peer, Envelope envelope) {
    inbox_.push_back(FromPeer{peer, std::move(envelope)});
    wake_later(sim_.random().between(0us, kWakeLatencyMax));
  });
  busy_ = true;
  commit();
}

void SimBroker::wake_later(Duration delay) {
  after(delay, [this] { wake(); });
}

void SimBroker::wake() {
  if (busy_) {
    wake_due_ = true;
    return;
  }
  const Instant woken = now();
  // The checkers tell wake-ups apart by their time.
  if (woken == last_woken_) return wake_later(1us);
  last_woken_ = woken;
  busy_ = true;
  for (size_t i = 0; i < kFramesPerWakeupMax && !inbox_.empty(); ++i) {
    FromPeer input = std::move(inbox_.front());
    inbox_.pop_front();
    take_message(std::move(input), woken);
  }
  take(Tick{}, woken);
  if (core_->dispatch_due()) take(Dispatch{}, woken);
  checkers_.on_broker_slept(*core_, woken);
  if (syncing_) {
    checkers_.marks().hit(Mark::decided_while_syncing);
    answer_fetches();
    busy_ = false;
    set_timer();
    if (std::exchange(wake_due_, false) || !inbox_.empty()) wake_later(0us);
    return;
  }
  commit();
}

void SimBroker::take_message(FromPeer input, Instant now) {
  const auto* fetch = std::get_if<Fetch>(&input.envelope.message);
  if (fetch && core_->knows_peer(input.peer)) {
    fetches_.push_back({input.peer, input.envelope.request, *fetch, now + fetch->wait});
    return;
  }
  checkers_.on_broker_hears(input, core_->knows_peer(input.peer), now);
  take(std::move(input), now);
}

// What the core is told of what it has decided: the same, unless a bug is planted.
Event SimBroker::plant_in(const Event& event) const {
  Event planted = event;
  if (auto* drain = std::get_if<DrainChanged>(&planted.body)) {
    drain->draining = drain->draining && plant_ != Plant::drains_forgotten;
  }
  auto* applied = std::get_if<InventoryApplied>(&planted.body);
  if (!applied || (plant_ != Plant::caps_raised && plant_ != Plant::shares_forgotten)) {
    return planted;
  }
  Inventory inventory = *applied->inventory;
  if (plant_ == Plant::shares_forgotten) inventory.shares = {{"eve", 50}};
  if (plant_ == Plant::caps_raised) {
    for (Cap& cap : inventory.caps) {
      cap.max_running *= 2;
      cap.max_running_per_device *= 2;
    }
  }
  applied->inventory = std::make_shared<const Inventory>(std::move(inventory));
  return planted;
}

void SimBroker::take(const Input& input, Instant now) {
  Decision decision = core_->decide(input, now);
  checkers_.on_broker_decides(decision.events, now, options_.lease);
  for (Event& event : decision.events) {
    if (sim_.tracing()) {
      sim_.trace(kWho, std::to_string(core_->head() + 1) + " " + describe(event, kNever));
    }
    core_->apply(plant_in(event));
    events_.push_back(std::move(event));
  }
  core_->note(input, now);
  std::move(decision.sends.begin(), decision.sends.end(), std::back_inserter(sends_));
}

// One durable append, then send. Dying may fall between. As the shell does, it decides what comes
// next meanwhile or waits.
void SimBroker::commit() {
  waiting_sends_ = std::exchange(sends_, {});
  std::vector<Send> level = core_->drain_sends(now());
  std::move(level.begin(), level.end(), std::back_inserter(waiting_sends_));
  if (plant_ == Plant::send_before_durable) deliver();
  if (events_.empty()) {
    made_durable();
    return;
  }
  const uint64_t first = log_.head() + 1;
  Result<Stored> stored = store(first, events_);
  if (!stored.ok() || !(stored->events == events_)) {
    checkers_.fail("the codec does not store a block: " +
                   (stored.ok() ? "changed" : stored.error()));
    return;
  }
  events_.clear();
  sim_.note(kWho, stored->bytes);
  log_.append({first, std::move(stored->bytes), std::move(stored->events)});
  if (crash_point_ == CrashPoint::before_sync) {
    crash();
    return;
  }
  syncing_ = true;
  const Duration slowest = std::max(faults_.log_sync_max, 2 * kLogSyncMin);
  after(sim_.random().heavy_tail(kLogSyncMin, slowest), [this] {
    syncing_ = false;
    checkers_.on_durable(log_.sync());
    made_durable();
  });
  if (sim_.random().chance(500)) return;
  busy_ = false;
  if (std::exchange(wake_due_, false) || !inbox_.empty()) wake_later(0us);
}

void SimBroker::made_durable() {
  if (crash_point_ == CrashPoint::after_sync) {
    if (!waiting_sends_.empty()) checkers_.marks().hit(Mark::crash_before_sends);
    crash();
    return;
  }
  deliver();
  if (crash_point_ != CrashPoint::none) {
    crash();
    return;
  }
  answer_fetches();
  if (!events_.empty() || !sends_.empty()) {
    commit();
    return;
  }
  set_timer();
  busy_ = false;
  if (std::exchange(wake_due_, false) || !inbox_.empty()) wake_later(0us);
}

void SimBroker::deliver() {
  std::vector<Send> sends = std::exchange(waiting_sends_, {});
  if (crash_point_ == CrashPoint::between_sends)
    sends.resize(sim_.random().below(sends.size() + 1));
  for (const Send& send : sends) {
    checkers_.on_broker_says(send.envelope);
    if (!network_.send_to_peer(send.peer, send.envelope)) core_->note_peer_gone(send.peer);
  }
}

void SimBroker::answer_fetches() {
  std::vector<WaitingFetch> waiting;
  for (WaitingFetch& fetch : std::exchange(fetches_, {})) {
    if (log_.head() < fetch.fetch.from && now() < fetch.deadline) {
      waiting.push_back(std::move(fetch));
      continue;
    }
    Blocks blocks{log_.head(), log_.read(fetch.fetch.from, fetch.fetch.max_bytes)};
    network_.send_to_peer(fetch.peer, Envelope{fetch.request, std::move(blocks)});
  }
  fetches_ = std::move(waiting);
}

void SimBroker::set_timer() {
  std::optional<Instant> deadline = core_->next_deadline();
  for (const WaitingFetch& fetch : fetches_) {
    deadline = deadline ? std::min(*deadline, fetch.deadline) : fetch.deadline;
  }
  if (!deadline) return;
  after(clock_.when(*deadline) - sim_.now(), [this, timer = ++timer_] {
    if (timer == timer_) wake();
  });
}

void SimBroker::stall(Duration length) {
  if (!up() || busy_ || syncing_) return;
  busy_ = true;
  if (sim_.tracing()) sim_.trace(kWho, "stalls for " + describe(length));
  after(length, [this] {
    busy_ = false;
    wake();
  });
}

void SimBroker::crash_soon(Duration away) {
  if (!up() || crash_point_ != CrashPoint::none) return;
  away_ = away;
  constexpr std::array kPoints = {CrashPoint::before_sync, CrashPoint::after_sync,
                                  CrashPoint::between_sends};
  crash_point_ = sim_.random().one_of(kPoints);
}

void SimBroker::check_state() { checkers_.on_broker_gone(*core_, options_, events_); }

void SimBroker::crash() {
  check_state();
  const bool pending = log_.pending();
  const bool keep = sim_.random().chance(500);
  if (pending) checkers_.marks().hit(keep ? Mark::block_kept : Mark::block_lost);
  log_.crash(keep);
  if (pending && keep) checkers_.on_durable(log_.blocks().back());
  if (plant_ == Plant::log_loses_tail) log_.lose_tail();
  if (sim_.tracing()) sim_.trace(kWho, "CRASH, away for " + describe(away_));
  ++life_;
  core_.reset();
  inbox_.clear();
  events_.clear();
  sends_.clear();
  waiting_sends_.clear();
  fetches_.clear();
  syncing_ = busy_ = wake_due_ = false;
  crash_point_ = CrashPoint::none;
  network_.broker_down();
  after(away_, [this] { start(); });
}

}  // namespace muster::sim
