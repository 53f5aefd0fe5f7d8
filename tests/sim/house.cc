#include "tests/sim/house.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "io/codec.h"
#include "tests/sim/checkers.h"
#include "tests/sim/sim_broker.h"
#include "tests/sim/sim_lab.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_people.h"
#include "tests/sim/sim_worker.h"

namespace muster::sim {
namespace {

constexpr Duration kFaultsMin = 30s;
constexpr Duration kFaultsMax = 120s;
// From the end of the faults to the last verdict: some dozen tasks of up to 30 s with a few retries
// each may want the same device.
constexpr Duration kPatience = 2h;
constexpr Duration kLook = 1s;
// Where not everything comes back, people give up what has not ended by then.
constexpr Duration kGivenUpAfter = 1h;
constexpr uint32_t kRacers = 20;

// Why the work cannot be used: what the broker's shell asks the codec.
std::optional<std::string> invalid_work(const TaskSpec& spec) {
  const Result<Work> work = decode_work(spec.work);
  if (work.ok()) return std::nullopt;
  return work.error();
}

BrokerOptions draw_broker_options(Random& random) {
  BrokerOptions options;
  options.beat = random.between(500ms, 2s);
  options.lease = random.between(8 * options.beat, 20s);
  options.version = "sim";
  options.log_id = "log-of-the-simulation";
  options.invalid_work = invalid_work;
  options.make_work = encode_work;
  options.verify_level = [](std::string_view bytes) {
    const Result<Work> work = decode_work(bytes);
    const auto* verify = work.ok() ? std::get_if<VerifyWork>(&*work) : nullptr;
    return verify ? verify->level : "";
  };
  options.strategy_selector = [](const std::string&) { return "type=handset"; };
  return options;
}

WorkerOptions draw_worker_options(Random& random, uint32_t index) {
  WorkerOptions options;
  options.lab = "lab1";
  options.pools = {index == 1 ? "pool1" : "pool2"};
  options.slots = 1 + static_cast<uint32_t>(random.below(4));
  options.version = "sim";
  options.draw = index;
  return options;
}

class House {
 public:
  House(uint64_t seed, const RunOptions& options);

  RunResult run();

 private:
  void start();
  void strike_again(const Repeating& fault, const std::function<void(Duration length)>& strike);
  void strike_all();
  void partition(Duration length);
  void end_faults();
  void restore_inventory();
  std::vector<std::string> worker_names() const;
  void tell_listers();
  void give_up();
  void look();
  std::string describe_unrest();
  Random& random() { return sim_.random(); }
  SimWorker& some_worker() { return workers_[random().below(workers_.size())]; }

  Sim sim_;
  Faults faults_;
  SimLog log_;
  Checkers checkers_;
  SimNetwork network_;
  SimBroker broker_;
  SimDevices devices_;
  bool race_;
  uint32_t worker_count_;
  SimLab lab_;
  std::deque<SimWorker> workers_;
  std::deque<SimSubmitter> submitters_;
  SimAdmin admin_;
  SimCollector collector_;
  Duration faults_end_;
  // At the end a worker is gone, and what people took away stays away.
  bool comes_back_ = true;
  bool calm_ = false;
  bool at_rest_ = false;
};

House::House(uint64_t seed, const RunOptions& options)
    : sim_(seed, options.trace),
      faults_(draw_faults(sim_.random())),
      checkers_(sim_, log_),
      network_(sim_, faults_, checkers_),
      broker_(sim_, network_, log_, checkers_, faults_, options.plant,
              draw_broker_options(sim_.random())),
      race_(options.race),
      worker_count_(race_ ? 1 : 2 + static_cast<uint32_t>(random().below(2))),
      lab_(random(), worker_count_, random().chance(500)),
      admin_(sim_, network_, checkers_, lab_),
      collector_(sim_, network_, checkers_),
      faults_end_(random().between(kFaultsMin, kFaultsMax)) {
  for (uint32_t i = 1; i <= worker_count_; ++i) {
    workers_.emplace_back(sim_, network_, checkers_, faults_, devices_, lab_, options.plant,
                          "w" + std::to_string(i), draw_worker_options(random(), i));
  }
  for (uint32_t i = 1; i <= (race_ ? kRacers : 1); ++i) {
    submitters_.emplace_back(sim_, network_, checkers_, faults_, lab_, race_,
                             race_ ? "racer" + std::to_string(i) : "person");
  }
}

void House::start() {
  broker_.start();
  for (SimWorker& worker : workers_) {
    sim_.after(random().heavy_tail(1ms, 10s), [&worker] { worker.start(); });
  }
  admin_.start();
  admin_.apply_whole();
  for (SimSubmitter& submitter : submitters_) {
    submitter.start();
    submitter.submit_over(race_ ? 2 : 5 + static_cast<uint32_t>(random().below(30)), faults_end_);
  }
  collector_.start();
  collector_.fetch();
  strike_all();
  sim_.after(faults_end_, [this] { end_faults(); });
}

void House::strike_again(const Repeating& fault,
                         const std::function<void(Duration length)>& strike) {
  if (fault.mean == Duration(0)) return;
  sim_.after(random().between(0us, 2 * fault.mean), [this, &fault, strike] {
    if (calm_) return;
    const Duration most = std::max<Duration>(fault.length_max, 2ms);
    strike(random().chance(500) ? random().heavy_tail(1ms, most) : random().between(1ms, most));
    strike_again(fault, strike);
  });
}

void House::strike_all() {
  strike_again(faults_.partition, [this](Duration length) { partition(length); });
  strike_again(faults_.reconnect, [this](Duration) { network_.reconnect(some_worker().name()); });
  strike_again(faults_.broker_crash, [this](Duration away) { broker_.crash_soon(away); });
  strike_again(faults_.broker_stall, [this](Duration length) { broker_.stall(length); });
  strike_again(faults_.worker_crash, [this](Duration away) { some_worker().crash_soon(away); });
  strike_again(faults_.worker_freeze, [this](Duration length) { some_worker().suspend(length); });
  strike_again(faults_.change, [this](Duration length) {
    const std::string device = admin_.take_away();
    sim_.after(length, [this, device] { admin_.give_back({device}); });
  });
  strike_again(faults_.unplug, [this](Duration length) {
    const std::string device = random().one_of(lab_.device_names());
    lab_.unplug(device);
    tell_listers();
    sim_.after(length, [this, device] {
      lab_.plug(device);
      tell_listers();
    });
  });
  strike_again(faults_.drain, [this](Duration length) {
    const std::string drained = admin_.drain(worker_names());
    sim_.after(length, [this, drained] { admin_.resume({drained}); });
  });
  strike_again(faults_.inventory, [this](Duration length) {
    admin_.apply_changed();
    sim_.after(length, [this] { admin_.apply_whole(); });
  });
}

void House::partition(Duration length) {
  const bool from_host = random().chance(700);
  const bool to_host = !from_host || random().chance(500);
  const std::string& host =
      random().chance(800) ? some_worker().name() : random().one_of(submitters_).name();
  network_.cut(host, from_host, to_host, sim_.now() + length);
}

// From here on everything works, and must come to an end.
void House::end_faults() {
  calm_ = true;
  if (sim_.tracing()) sim_.trace("house", "faults end");
  faults_.device_breaks = faults_.peripheral_fails = 0;
  devices_.mend_all();
  lab_.plug_all();
  tell_listers();
  faults_.loss = faults_.doubling = faults_.reorder = faults_.late = faults_.old_mail = 0;
  network_.heal_all();
  comes_back_ = race_ || random().chance(500);
  if (!comes_back_) {
    some_worker().leave();
    sim_.after(kGivenUpAfter, [this] { give_up(); });
  }
  restore_inventory();
  look();
}

std::vector<std::string> House::worker_names() const {
  std::vector<std::string> names;
  for (const SimWorker& worker : workers_) names.push_back(worker.name());
  return names;
}

void House::tell_listers() {
  for (SimWorker& worker : workers_) worker.look_at_devices();
}

// Again and again: an older inventory may be on its way yet, and the newest to arrive counts.
void House::restore_inventory() {
  if (admin_.idle()) {
    admin_.apply_whole();
    if (comes_back_) admin_.give_back(admin_.device_names());
    std::vector<std::string> all = worker_names();
    all.emplace_back();
    admin_.resume(all);
  }
  sim_.after(20s, [this] { restore_inventory(); });
}

// What any worker could do must have ended by now.
void House::give_up() {
  for (SimSubmitter& submitter : submitters_) {
    for (const std::string& guid : submitter.unended()) {
      const auto task = broker_.up() ? broker_.core()->task_info(guid) : std::nullopt;
      // What it depends on may wait for the one that is gone.
      const bool anybodys = task && task->spec.devices.empty() && task->spec.pool.empty() &&
                            task->spec.depends_on.empty();
      if (anybodys && task->state != TaskState::ended) {
        checkers_.fail("L1: nothing keeps " + guid + ", and it has not ended");
      }
    }
    submitter.cancel_rest();
  }
  sim_.after(1min, [this] { give_up(); });
}

void House::look() {
  at_rest_ = describe_unrest().empty();
  if (!at_rest_) sim_.after(kLook, [this] { look(); });
}

std::string House::describe_unrest() {
  if (!broker_.up()) return "the broker is down";
  for (const SimSubmitter& submitter : submitters_) {
    if (!submitter.at_rest()) return submitter.describe_rest();
  }
  for (SimWorker& worker : workers_) {
    if (!worker.at_rest()) return worker.describe_rest();
  }
  const BrokerCore& core = *broker_.core();
  // Of a worker that is gone, the broker waits to verify devices again.
  const size_t queued = comes_back_ ? core.queued_count() : 0;
  if (core.held_count() + queued > 0) return "the broker has open tasks";
  if (core.head() != log_.head()) return "the broker waits for its disk";
  if (collector_.cursor() != log_.head()) return "the collector is behind";
  return "";
}

RunResult House::run() {
  start();
  const Duration end = faults_end_ + kPatience;
  while (checkers_.ok() && !at_rest_ && sim_.step(end)) {
  }
  if (checkers_.ok() && !at_rest_)
    checkers_.fail("L1: the house does not come to rest: " + describe_unrest());
  if (checkers_.ok()) {
    checkers_.at_end();
    broker_.check_state();
  }
  return {checkers_.failure(), sim_.hash(), checkers_.marks(), sim_.now(), log_.head()};
}

}  // namespace

RunResult run_seed(uint64_t seed, const RunOptions& options) { return House(seed, options).run(); }

}  // namespace muster::sim
