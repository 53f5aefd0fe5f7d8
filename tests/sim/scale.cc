#include "tests/sim/scale.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/broker_core.h"
#include "core/guid.h"
#include "tests/sim/sim.h"

namespace muster::sim {
namespace {

constexpr uint32_t kDevicesPerWorker = 100;
constexpr uint32_t kModels = 10;
constexpr uint32_t kSubmitters = 20;
constexpr uint64_t kTasksPerSubmit = 1'000;
constexpr Duration kLatency = 1ms;
constexpr Duration kWakeUp = 10ms;  // what came meanwhile is dispatched at once
constexpr Duration kTick = 500ms;
constexpr Duration kRunMin = 10s;
constexpr Duration kRunMax = 60s;
constexpr Duration kDropOutEvery = 10s;
constexpr Duration kAwayMax = 60s;
constexpr uint32_t kFailing = 20;  // of a thousand attempts, by the worker's fault
constexpr Instant kStart{std::chrono::hours(500'000)};

std::string make_number_name(const char* prefix, uint64_t number) {
  return prefix + std::to_string(1'000'000'000 + number);
}
// Of such a name.
uint64_t number_in(const std::string& name) {
  uint64_t number = 0;
  const char* end = name.data() + name.size();
  std::from_chars(end - 10, end, number);
  return number - 1'000'000'000;
}
std::string model_of(uint64_t device) { return "m" + std::to_string(device % kModels); }

class BigLab {
 public:
  explicit BigLab(const ScaleOptions& options)
      : options_(options),
        sim_(options.seed, false),
        core_(make_options()),
        workers_(std::max<uint32_t>(options.devices / kDevicesPerWorker, 2)),
        holder_(workers_.size() * kDevicesPerWorker, kNobody),
        ended_(options.tasks, false) {}

  ScaleResult run() {
    take(Start{1});
    hello("admin", Role::admin);
    say("admin", ApplyInventory{make_inventory(), "admin"});
    for (size_t worker = 0; worker < workers_.size(); ++worker) {
      workers_[worker].name = make_number_name("w-", worker);
      come(worker);
    }
    for (uint32_t i = 0; i < kSubmitters; ++i) hello("s-" + std::to_string(i), Role::submitter);
    for (uint64_t task = 0; task < options_.tasks; task += kTasksPerSubmit) submit(task);
    tick();
    drop_out();
    const Duration bound = longest_allowed();
    while (result_.failure.empty() && ended_count_ < options_.tasks && sim_.step(bound)) {
    }
    if (ended_count_ < options_.tasks) {
      fail(std::to_string(options_.tasks - ended_count_) + " tasks did not end within " +
           std::to_string(bound / 1s) + " s");
    }
    result_.hash = sim_.hash();
    result_.length = sim_.now();
    return result_;
  }

 private:
  struct Running {
    AttemptToken token;
    std::vector<uint64_t> devices;
  };
  struct SimulatedWorker {
    std::string name;
    bool is_up = false;
    uint64_t incarnation = 0;
    uint64_t syncs = 0;
    uint64_t reports = 0;
    std::map<AttemptToken, Running> running;
  };
  static constexpr uint32_t kNobody = UINT32_MAX;

  static BrokerOptions make_options() {
    BrokerOptions options;
    options.log_id = "scale";
    options.version = "scale";
    options.invalid_work = [](const TaskSpec&) { return std::nullopt; };
    return options;
  }

  // Ideal is that all devices of each model are busy until the last of its tasks has begun.
  Duration longest_allowed() const {
    const auto rounds = static_cast<int64_t>(options_.tasks / holder_.size() + 2);
    return kRunMax * rounds * 2 + kAwayMax * 4;
  }

  std::shared_ptr<const Inventory> make_inventory() const {
    auto inventory = std::make_shared<Inventory>();
    for (uint64_t device = 0; device < holder_.size(); ++device) {
      DeviceSpec spec;
      spec.name = make_number_name("d-", device);
      spec.profile["type"] = "handset";
      spec.profile["model"] = model_of(device);
      spec.worker = make_number_name("w-", device / kDevicesPerWorker);
      inventory->devices.push_back(std::move(spec));
    }
    return inventory;
  }

  Instant now() const { return kStart + sim_.now(); }
  void fail(std::string what) {
    if (result_.failure.empty()) result_.failure = std::move(what);
  }

  void take(const Input& input) {
    const Decision decision = core_.decide(input, now());
    for (const Event& event : decision.events) {
      core_.apply(event);
      look(event);
    }
    result_.events += decision.events.size();
    core_.note(input, now());
    if (std::exchange(wakes_up_, true)) return;
    sim_.after(kWakeUp, [this] { wake_up(); });
  }
  void say(const std::string& peer, Message message) {
    take(FromPeer{peer, Envelope{1, std::move(message)}});
  }
  void hello(const std::string& peer, Role role) {
    Hello hello;
    hello.role = role;
    hello.name = peer;
    say(peer, hello);
  }

  void wake_up() {
    while (core_.dispatch_due()) take(Dispatch{});
    for (Send& send : core_.drain_sends(now())) {
      if (auto* desired = std::get_if<Desired>(&send.envelope.message)) {
        if (desired->run.empty() && desired->stop.empty()) continue;
        sim_.after(kLatency, [this, worker = number_in(send.peer), desired = std::move(*desired)] {
          obey(worker, desired);
        });
      } else if (const auto* refused = std::get_if<Refused>(&send.envelope.message)) {
        fail(send.peer + " was refused: " + refused->reason);
      } else if (const auto* reply = std::get_if<SubmitReply>(&send.envelope.message)) {
        for (const SubmitResult& result : reply->results) {
          if (!result.refused.empty()) fail(result.guid + " was refused: " + result.refused);
        }
      }
    }
    wakes_up_ = false;
  }
  void tick() {
    take(Tick{});
    sim_.after(kTick, [this] { tick(); });
  }

  // What the log says.
  void look(const Event& event) {
    if (std::holds_alternative<WorkerLost>(event.body)) ++result_.workers_lost;
    if (const auto* leased = std::get_if<AttemptLeased>(&event.body)) {
      ++result_.attempts;
      sim_.note(leased->worker, leased->token.guid);
    }
    const auto* ended = std::get_if<AttemptEnded>(&event.body);
    if (std::holds_alternative<TaskEnded>(event.body)) {
      fail(std::string(event_guid(event)) + " ended in the queue");
    }
    if (!ended || ended->verdict == Verdict::none) return;
    sim_.note("ended", ended->token.guid);
    const uint64_t task = number_in(ended->token.guid);
    if (ended_[task]) fail(ended->token.guid + " ended twice");
    if (ended->ending.outcome != Outcome::pass) {
      fail(ended->token.guid + " did not pass: " + ended->ending.message);
    }
    ended_[task] = true;
    ++ended_count_;
  }

  // One in ten needs no device, one in ten two of one worker, the others one.
  void submit(uint64_t first) {
    Random& random = sim_.random();
    const std::string submitter = "s-" + std::to_string(random.below(kSubmitters));
    Submit message;
    for (uint64_t i = first; i < std::min(first + kTasksPerSubmit, options_.tasks); ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = make_number_name("scale-task-", i);
      spec->kind = TaskKind::job;
      spec->submitter = submitter;
      spec->priority = 40 + 10 * static_cast<uint32_t>(random.below(3));
      spec->retry.infra = kRetryMax;
      spec->retry.crash_limit = 0;
      const uint64_t shape = random.below(10);
      const std::string wanted = "model=" + model_of(random.below(kModels));
      if (shape > 0) spec->devices.push_back({"dut", "", wanted, ""});
      if (shape == 1) spec->devices.push_back({"peer", "", "type=handset", ""});
      wanted_.push_back(spec->devices.empty() ? "" : wanted.substr(6));
      message.tasks.push_back(std::move(spec));
    }
    say(submitter, message);
  }

  void come(size_t ix) {
    SimulatedWorker& worker = workers_[ix];
    worker.is_up = true;
    ++worker.incarnation;
    worker.syncs = worker.reports = 0;
    hello(worker.name, Role::worker);
    beat(ix, worker.incarnation);
  }
  void beat(size_t ix, uint64_t incarnation) {
    SimulatedWorker& worker = workers_[ix];
    if (!worker.is_up || worker.incarnation != incarnation) return;
    Sync sync = make_sync(worker);
    sync.full = true;
    sync.slots = sync.credit = 2 * kDevicesPerWorker;
    for (const auto& [token, running] : worker.running) sync.held.push_back({token, true});
    say(worker.name, std::move(sync));
    sim_.after(kBeatDefault, [this, ix, incarnation] { beat(ix, incarnation); });
  }
  static Sync make_sync(SimulatedWorker& worker) {
    Sync sync;
    sync.number = ++worker.syncs;
    sync.incarnation = worker.incarnation;
    return sync;
  }
  void report(SimulatedWorker& worker, const AttemptToken& token, ReportBody body) {
    Sync sync = make_sync(worker);
    const uint64_t seq = (worker.incarnation << 32) + ++worker.reports;
    sync.reports.push_back({seq, token, now(), std::move(body)});
    sync.unacked_first = sync.unacked_last = seq;
    say(worker.name, std::move(sync));
  }

  // Some worker's machine loses its power, and comes back before or after its lease is over.
  void drop_out() {
    const size_t ix = sim_.random().below(workers_.size());
    if (workers_[ix].is_up) {
      workers_[ix].is_up = false;
      for (const auto& [token, running] : workers_[ix].running) release(running);
      workers_[ix].running.clear();
      sim_.after(sim_.random().between(1s, kAwayMax), [this, ix] { come(ix); });
    }
    sim_.after(kDropOutEvery, [this] { drop_out(); });
  }

  void obey(size_t ix, const Desired& desired) {
    SimulatedWorker& worker = workers_[ix];
    if (!worker.is_up) return;
    for (const StopOrder& stop : desired.stop) {
      const auto found = worker.running.find(stop.token);
      if (found == worker.running.end()) continue;
      release(found->second);
      worker.running.erase(found);
    }
    for (const Assignment& assignment : desired.run) begin(ix, assignment);
  }
  void begin(size_t ix, const Assignment& assignment) {
    SimulatedWorker& worker = workers_[ix];
    const AttemptToken token{assignment.spec->guid, assignment.attempt};
    if (worker.running.contains(token)) return;
    Running running{token, {}};
    for (const DeviceSpec& device : assignment.devices) {
      running.devices.push_back(number_in(device.name));
    }
    occupy(ix, running);
    worker.running.emplace(token, std::move(running));
    report(worker, token, AttemptStarted{});
    sim_.after(sim_.random().between(kRunMin, kRunMax), [this, ix, incarnation = worker.incarnation,
                                                         token] { end(ix, incarnation, token); });
  }
  void end(size_t ix, uint64_t incarnation, const AttemptToken& token) {
    SimulatedWorker& worker = workers_[ix];
    const auto found = worker.running.find(token);
    const bool lives = worker.is_up && worker.incarnation == incarnation;
    if (!lives || found == worker.running.end()) return;
    release(found->second);
    worker.running.erase(found);
    const bool fails = sim_.random().chance(kFailing);
    report(worker, token,
           fails ? make_ending(Outcome::error, Cause::worker, StatusCode::error, "broken", now(),
                               now())
                 : make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now(), now()));
  }

  void occupy(size_t ix, const Running& running) {
    const uint64_t task = number_in(running.token.guid);
    const std::string& model = wanted_[task];
    if (running.devices.empty() != model.empty()) fail(running.token.guid + " has other devices");
    for (size_t i = 0; i < running.devices.size(); ++i) {
      const uint64_t device = running.devices[i];
      const bool fits = i > 0 || model_of(device) == model;
      if (!fits || device / kDevicesPerWorker != ix) {
        fail(running.token.guid + " has a device that it did not want");
      }
      if (holder_[device] != kNobody) fail(make_number_name("d-", device) + " is had by two");
      holder_[device] = static_cast<uint32_t>(task);
    }
  }
  void release(const Running& running) {
    for (const uint64_t device : running.devices) holder_[device] = kNobody;
  }

  ScaleOptions options_;
  Sim sim_;
  BrokerCore core_;
  bool wakes_up_ = false;
  std::vector<SimulatedWorker> workers_;
  std::vector<uint32_t> holder_;     // by device: the number of its task
  std::vector<std::string> wanted_;  // by task: the model; empty: it needs none
  std::vector<bool> ended_;          // by task
  uint64_t ended_count_ = 0;
  ScaleResult result_;
};

}  // namespace

ScaleResult run_scale(const ScaleOptions& options) {
  return std::make_unique<BigLab>(options)->run();
}

}  // namespace muster::sim
