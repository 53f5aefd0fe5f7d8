#include "tests/sim/sim_people.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "io/codec.h"
#include "tests/sim/sim_codec.h"

namespace muster::sim {
namespace {

constexpr Duration kRepeatMin = 1s;
constexpr Duration kRepeatMax = 8s;
constexpr Duration kBeat = 5s;
constexpr Duration kHelloPause = 300ms;  // many refusals may be on their way
constexpr Duration kWatchAgain = 30s;
constexpr Duration kFetchWait = 10s;
constexpr uint32_t kTasksPerSubmitMax = 4;
constexpr std::array kPriorities = {10u, 50u, 50u, 90u};

std::string device_name(uint64_t index) { return "d" + std::to_string(index); }

}  // namespace

SimClient::SimClient(Sim& sim, SimNetwork& network, Checkers& checkers, Role role, std::string name)
    : sim_(sim), network_(network), checkers_(checkers), role_(role), name_(std::move(name)) {}

void SimClient::start() {
  socket_ = network_.open_socket(name_, [this](const Envelope& envelope) { receive(envelope); });
  say_hello();
  beat();
}

void SimClient::say_hello() {
  Hello hello;
  hello.role = role_;
  hello.name = name_;
  last_hello_ = sim_.now();
  network_.send(socket_, Envelope{0, hello});
  said_hello();
}

void SimClient::beat() {
  network_.send(socket_, Envelope{0, Beat{}});
  sim_.after(kBeat, [this] { beat(); });
}

void SimClient::ask(Message message) {
  const uint64_t request = next_request_++;
  open_[request] = std::move(message);
  repeat(request);
}

void SimClient::repeat(uint64_t request) {
  const auto found = open_.find(request);
  if (found == open_.end()) return;
  network_.send(socket_, Envelope{request, found->second});
  const auto* fetch = std::get_if<Fetch>(&found->second);
  const Duration patience = fetch ? fetch->wait : Duration(0);
  sim_.after(patience + sim_.random().between(kRepeatMin, kRepeatMax),
             [this, request] { repeat(request); });
}

void SimClient::receive(const Envelope& envelope) {
  const auto* refused = std::get_if<Refused>(&envelope.message);
  if (refused && refused->code == RefusalCode::hello_first) {
    checkers_.marks().hit(Mark::hello_first);
    if (sim_.now() >= last_hello_ + kHelloPause) say_hello();
    return;
  }
  if (refused) {
    checkers_.fail(name_ + " was refused: " + refused->reason);
    return;
  }
  const auto found = open_.find(envelope.request);
  if (found == open_.end()) {
    take_answer(nullptr, envelope.message);
    return;
  }
  const Message question = std::move(found->second);
  open_.erase(found);
  take_answer(&question, envelope.message);
}

void SimSubmitter::submit_over(uint32_t count, Duration period) {
  to_submit_ += count;
  for (uint32_t left = count; left > 0;) {
    const auto some =
        std::min(left, 1 + static_cast<uint32_t>(sim().random().below(kTasksPerSubmitMax)));
    left -= some;
    sim().after(sim().random().between(0us, period), [this, some] { submit_some(some); });
  }
  sim().after(kWatchAgain, [this] { watch_again(); });
}

void SimSubmitter::submit_some(uint32_t count) {
  Submit submit;
  submit.watch = sim().random().chance(500);
  for (uint32_t i = 0; i < count; ++i) submit.tasks.push_back(draw_task());
  ask(std::move(submit));
}

TaskSpecPtr SimSubmitter::draw_task() {
  Random& random = sim().random();
  TaskSpec spec;
  spec.guid = name() + "-task-" + std::to_string(100'000 + next_task_++);
  spec.name = "task";
  spec.submitter = name();
  spec.priority = random.one_of(kPriorities);
  spec.timeouts.run = 30s;
  spec.timeouts.grace = random.heavy_tail(1s, 60s);
  if (random.chance(faults_.queue_timeout)) spec.timeouts.queue = random.heavy_tail(1s, 60s);
  spec.retry.infra = static_cast<uint32_t>(random.below(4));
  spec.retry.test = static_cast<uint32_t>(random.below(3));
  spec.wait_for_capacity = random.chance(700);
  if (random.chance(300)) spec.pool = "pool1";
  if (!accepted_.empty() && random.chance(150)) draw_dependencies(spec);
  if (!races_) draw_rules(spec);
  const uint64_t kind = races_ ? 2 : random.below(4);
  if (kind == 0) {
    const bool repair = random.chance(300);
    spec.kind = repair ? TaskKind::repair : TaskKind::verify;
    spec.work = repair ? encode_work(RepairWork{})
                       : encode_work(VerifyWork{random.chance(300) ? "quick" : ""});
    draw_devices(spec);
    spec.devices.resize(1);
    spec.devices[0].with.clear();
  } else if (kind == 1) {
    spec.work = encode_work(NoopWork{"payload"});
  } else {
    spec.work = encode_work(JobWork{CommandSource{{"true"}}, "", {}, {}});
    if (kind == 2) {
      draw_devices(spec);
      draw_before(spec.before);
    }
  }
  return std::make_shared<const TaskSpec>(std::move(spec));
}

// On some of its own tasks that it knows to be recorded: others might be refused for ever.
void SimSubmitter::draw_dependencies(TaskSpec& spec) {
  Random& random = sim().random();
  std::set<std::string> on;
  for (uint64_t count = 1 + random.below(3); count > 0; --count) {
    on.insert(*std::next(accepted_.begin(), static_cast<int64_t>(random.below(accepted_.size()))));
  }
  for (const std::string& task : on) spec.depends_on.push_back({task, random.chance(700)});
}

// Whose it is, and what bounds it.
void SimSubmitter::draw_rules(TaskSpec& spec) {
  Random& random = sim().random();
  spec.submitter = random.one_of(std::vector<std::string>{"ann", "bob", "eve"});
  spec.retry.crash_limit = static_cast<uint32_t>(random.below(4));
  if (random.chance(faults_.deadline)) spec.timeouts.deadline = random.heavy_tail(1s, 120s);
  if (!random.chance(200)) return;
  spec.at_once = 1 + static_cast<uint32_t>(random.below(2));
  spec.group = "sim-group-" + std::to_string(spec.at_once);
}

void SimSubmitter::draw_before(Before& before) {
  Random& random = sim().random();
  if (random.chance(300)) return;
  before.verify = random.chance(500) ? VerifyFirst::fresh : VerifyFirst::always;
  before.repair = random.chance(500);
  if (random.chance(300)) before.level = "quick";
  before.repair_budget = random.heavy_tail(1s, 60s);
}

// The first worker, and its devices, serve pool1.
void SimSubmitter::draw_devices(TaskSpec& spec) {
  Random& random = sim().random();
  if (random.chance(races_ ? 200 : 500)) {
    spec.devices = {{"dut", device_name(1 + random.below(SimLab::kPerWorker)), ""}};
    return;
  }
  spec.devices = {{"dut", "", "type=handset"}};
  if (random.chance(300)) {
    spec.devices.push_back({"relay", "", "type=relay"});
    const bool stacked = lab_.stacking() != Stacking::none;
    if (stacked && random.chance(500)) spec.devices[random.below(2)].with = "dut";
    if (spec.devices[0].with == "dut") spec.devices[0].with = "relay";
  } else if (random.chance(200)) {
    spec.devices.push_back({"other", "", "type=handset"});
  }
}

void SimSubmitter::take_answer(const Message* question, const Message& answer) {
  if (const auto* news = std::get_if<TaskNews>(&answer)) {
    take_news(*news);
    return;
  }
  if (question == nullptr) return;
  const auto* submit = std::get_if<Submit>(question);
  const auto* reply = std::get_if<SubmitReply>(&answer);
  if (submit && reply) take_results(*submit, *reply);
  const auto* retried = std::get_if<RetryTasksReply>(&answer);
  if (!retried) return;
  --retries_;
  for (const RetryTasksResult& result : retried->results) {
    if (result.refused.empty()) unended_.insert(result.guid);
  }
}

void SimSubmitter::take_results(const Submit& submit, const SubmitReply& reply) {
  if (reply.results.size() != submit.tasks.size()) {
    checkers().fail("S4: a SubmitReply with another number of results");
    return;
  }
  Cancel cancel{{}, "changed my mind", name()};
  Submit again{{}, submit.watch};
  for (size_t i = 0; i < reply.results.size(); ++i) {
    const SubmitResult& result = reply.results[i];
    if (!result.refused.empty()) {
      checkers().marks().hit(Mark::submit_refused);
      if (gives_up_) {  // it may be for a worker that has left before anybody had heard of it
        --to_submit_;
        continue;
      }
      again.tasks.push_back(submit.tasks[i]);
      continue;
    }
    if (result.known) checkers().marks().hit(Mark::submit_repeated);
    checkers().on_acknowledged(result.guid);
    --to_submit_;
    accepted_.insert(result.guid);
    unended_.insert(result.guid);
    if (sim().random().chance(faults_.cancelled)) cancel.guids.push_back(result.guid);
  }
  if (!again.tasks.empty()) {
    sim().after(kRepeatMax, [this, again = std::move(again)] { ask(again); });
  }
  if (cancel.guids.empty()) return;
  sim().after(sim().random().heavy_tail(1ms, 20s),
              [this, cancel = std::move(cancel)] { ask(cancel); });
}

void SimSubmitter::take_news(const TaskNews& news) {
  if (!news.unknown.empty()) checkers().fail("S4: the broker does not know " + news.unknown[0]);
  for (const TaskChange& change : news.changes) {
    checkers().on_news(change);
    if (change.state != TaskState::ended || !checkers().has_ended(change.guid)) continue;
    const bool first = unended_.erase(change.guid) > 0;
    const bool passed = change.verdict == Verdict::pass || change.verdict == Verdict::flaky;
    if (first && !passed && !gives_up_) draw_retry(change.guid);
  }
}

// Some with another one that ended, which it may depend on.
void SimSubmitter::draw_retry(const std::string& guid) {
  Random& random = sim().random();
  if (!random.chance(faults_.retried)) return;
  RetryTasks retry{{guid}, "once more", name(), name() + "-retry-" + std::to_string(next_retry_++)};
  if (random.chance(300)) {
    retry.guids.push_back(
        *std::next(accepted_.begin(), static_cast<int64_t>(random.below(accepted_.size()))));
  }
  ++retries_;
  sim().after(random.heavy_tail(1ms, 20s), [this, retry = std::move(retry)] { ask(retry); });
}

void SimSubmitter::watch() {
  if (!unended_.empty() && !asking<Watch>()) ask(Watch{{unended_.begin(), unended_.end()}});
}

// News may be lost like any message.
void SimSubmitter::watch_again() {
  watch();
  sim().after(kWatchAgain, [this] { watch_again(); });
}

void SimSubmitter::cancel_rest() {
  gives_up_ = true;
  // Late news may have called one ended that was retried since.
  if (!accepted_.empty()) ask(Cancel{{accepted_.begin(), accepted_.end()}, "gives up", name()});
}

bool SimSubmitter::at_rest() const { return to_submit_ == 0 && unended_.empty() && retries_ == 0; }

std::string SimSubmitter::describe_rest() const {
  return name() + " has " + std::to_string(to_submit_) + " tasks that were not accepted and " +
         std::to_string(unended_.size()) + " whose verdict it does not know, and waits for " +
         std::to_string(retries_) + " retries" + (unended_.empty() ? "" : ", " + *unended_.begin());
}

// Back-offs that a run lives to see.
SimAdmin::SimAdmin(Sim& sim, SimNetwork& network, Checkers& checkers, const SimLab& lab)
    : SimClient(sim, network, checkers, Role::admin, "admin"), lab_(lab) {
  Random& random = sim.random();
  health_.quarantine_after = 1 + static_cast<uint32_t>(random.below(4));
  health_.reverify.clear();
  for (uint64_t steps = random.below(4); steps > 0; --steps) {
    health_.reverify.push_back(random.heavy_tail(100ms, 30s));
  }
  health_.fresh = random.heavy_tail(1ms, 60s);
  if (random.chance(300)) caps_.push_back({"pool1", 1 + static_cast<uint32_t>(random.below(3)), 0});
  if (random.chance(300)) {
    const bool by_device = !lab_.allows_undeclared() && random.chance(500);
    caps_.push_back(
        {"", by_device ? 0 : 2 + static_cast<uint32_t>(random.below(4)), by_device ? 1u : 0u});
  }
  if (random.chance(500)) shares_.push_back({"ann", 3});
}

Inventory SimAdmin::whole() const {
  Inventory inventory = lab_.inventory();
  inventory.health = health_;
  inventory.caps = caps_;
  inventory.shares = shares_;
  return inventory;
}

void SimAdmin::apply_whole() {
  ask(ApplyInventory{std::make_shared<const Inventory>(whole()), name()});
}

std::string SimAdmin::take_away() {
  Random& random = sim().random();
  const std::string device = random.one_of(device_names());
  const DeviceChange change = random.chance(500) ? DeviceChange::lock : DeviceChange::quarantine;
  ask(ChangeDevices{{device}, change, "wanted elsewhere", name()});
  return device;
}

std::string SimAdmin::drain(const std::vector<std::string>& workers) {
  Random& random = sim().random();
  const std::string worker = random.chance(300) ? "" : random.one_of(workers);
  ask(Drain{worker.empty() ? std::vector<std::string>() : std::vector<std::string>{worker}, false,
            "a new disk", name()});
  return worker;
}

// Each by itself: where one is not known yet, the others are.
void SimAdmin::resume(const std::vector<std::string>& workers) {
  for (const std::string& worker : workers) {
    ask(Drain{worker.empty() ? std::vector<std::string>() : std::vector<std::string>{worker}, true,
              "", name()});
  }
}

void SimAdmin::give_back(const std::vector<std::string>& names) {
  ask(ChangeDevices{names, DeviceChange::unlock, "", name()});
  ask(ChangeDevices{names, DeviceChange::release, "", name()});
}

void SimAdmin::apply_changed() {
  Random& random = sim().random();
  Inventory changed = whole();
  DeviceSpec& device = changed.devices[random.below(changed.devices.size())];
  switch (random.below(5)) {
    case 4:
      changed.caps = {{"", 1 + static_cast<uint32_t>(random.below(3)), 0}};
      changed.shares = {{"bob", 2}};
      break;
    case 0:
      device.worker = random.one_of(changed.devices).worker;
      break;
    case 1:
      changed.stacks.clear();
      break;
    case 2:
      device.profile["pretty"] = "yuga";
      break;
    default:
      device = changed.devices.back();
      changed.devices.pop_back();
      std::sort(
          changed.devices.begin(), changed.devices.end(),
          [](const DeviceSpec& left, const DeviceSpec& right) { return left.name < right.name; });
      break;
  }
  SimLab::drop_broken_stacks(changed);
  ask(ApplyInventory{std::make_shared<const Inventory>(std::move(changed)), name()});
}

void SimCollector::fetch() { ask(Fetch{cursor_ + 1, 4096, kFetchWait}); }

void SimCollector::take_answer(const Message* question, const Message& answer) {
  const auto* blocks = std::get_if<Blocks>(&answer);
  if (!blocks || !question) return;
  for (const std::string& bytes : blocks->blocks) {
    const Result<std::vector<Event>> events = read_stored(bytes, cursor_ + 1);
    if (!events.ok()) {
      checkers().fail("S8: the collector cannot go on from its cursor: " + events.error());
      return;
    }
    for (const Event& event : *events) checkers().on_collected(++cursor_, event);
  }
  sim().after(sim().random().heavy_tail(1ms, 1s), [this] { fetch(); });
}

}  // namespace muster::sim
