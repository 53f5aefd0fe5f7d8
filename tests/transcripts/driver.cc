#include "tests/transcripts/driver.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "core/duration_text.h"
#include "tests/transcripts/describe.h"

namespace muster {
namespace {

constexpr Instant kZero{std::chrono::hours(24 * 365 * 57)};

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, by)) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

uint64_t parse_number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

// "2.7": report 7 of incarnation 2.
uint64_t parse_seq(const std::string& text) {
  const size_t dot = text.find('.');
  return (parse_number(text.substr(0, dot)) << 32) + parse_number(text.substr(dot + 1));
}

AttemptToken parse_token(const std::string& text) {
  const size_t slash = text.rfind('/');
  return {text.substr(0, slash), static_cast<uint32_t>(parse_number(text.substr(slash + 1)))};
}

// "ROLE~NAME" or "ROLE~SELECTOR", and "~WITH".
DeviceRequest make_request(const std::string& text) {
  const std::vector<std::string> parts = split(text, '~');
  DeviceRequest request;
  request.role = parts.at(0);
  const bool named = parts.at(1).find('=') == std::string::npos;
  (named ? request.name : request.selector) = parts[1];
  if (parts.size() > 2) request.with = parts[2];
  return request;
}

template <typename Enum>
Enum parse_enum(const std::string& text, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return last;
}

StatusCode status_of(Outcome outcome) {
  if (outcome == Outcome::pass || outcome == Outcome::skip) return StatusCode::ok;
  return outcome == Outcome::fail ? StatusCode::failures : StatusCode::error;
}

}  // namespace

Driver::Arguments::Arguments(const std::string& line) {
  for (const std::string& part : split(line, ' ')) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos) {
      words.push_back(part);
    } else {
      pairs.emplace(part.substr(0, equals), part.substr(equals + 1));
    }
  }
}

bool Driver::Arguments::flag(const std::string& name) const {
  return std::find(words.begin(), words.end(), name) != words.end();
}

std::string Driver::Arguments::text(const std::string& key, const std::string& otherwise) const {
  const auto found = pairs.find(key);
  return found == pairs.end() ? otherwise : found->second;
}

uint64_t Driver::Arguments::number(const std::string& key, uint64_t otherwise) const {
  const auto found = pairs.find(key);
  return found == pairs.end() ? otherwise : parse_number(found->second);
}

Duration Driver::Arguments::duration(const std::string& key) const {
  const Result<Duration> parsed = parse_duration(text(key, "0"));
  return parsed.ok() ? *parsed : Duration(0);
}

Driver::Driver() : now_(kZero) {
  options_.version = "1.0";
  options_.log_id = "log";
  options_.invalid_work = [](const TaskSpec& spec) -> std::optional<std::string> {
    if (spec.work == "broken") return "the work description cannot be read";
    return std::nullopt;
  };
  options_.make_work = [](const Work& work) -> std::string {
    if (const auto* repair = std::get_if<RepairWork>(&work)) return "repair: " + repair->reason;
    return "verify " + std::get<VerifyWork>(work).level;
  };
  options_.strategy_selector = [](const std::string& bytes) {
    return bytes == "<phone>" ? "type=handset" : "disk";
  };
  core_ = std::make_unique<BrokerCore>(options_);
  take(Start{epoch_});
  output_.clear();
}

std::vector<std::string> Driver::run(const Chunk& chunk) {
  const Arguments arguments(chunk.command);
  if (!run_message(arguments, chunk.arguments) && !run_other(arguments)) {
    say("what is \"" + chunk.command + "\"?");
  }
  speak();
  if (output_.empty()) say("(nothing)");
  return std::exchange(output_, {});
}

bool Driver::run_message(const Arguments& arguments, const std::vector<std::string>& lines) {
  const std::string verb = arguments.word(0);
  std::optional<Message> message;
  if (verb == "hello") message = make_hello(arguments);
  if (verb == "inventory") message = make_inventory(lines);
  if (verb == "submit") message = make_submit(arguments, lines);
  if (verb == "sync" || verb == "partial") message = make_sync(arguments, lines);
  if (verb == "ask") message = make_question(arguments);
  if (verb == "beat") message = Beat{};
  if (verb == "stray") message = Welcome{};
  const size_t skipped = std::min<size_t>(2, arguments.words.size());
  const std::vector<std::string> guids(
      arguments.words.begin() + static_cast<std::ptrdiff_t>(skipped), arguments.words.end());
  if (verb == "cancel") message = Cancel{guids, arguments.text("reason", "enough"), "ann"};
  if (verb == "watch") message = Watch{guids};
  if (verb == "change") message = make_change(arguments);
  if (!message) return false;
  const bool pushed = verb == "sync" || verb == "partial" || verb == "beat";
  take(FromPeer{arguments.word(1), Envelope{pushed ? 0 : next_request_++, std::move(*message)}});
  return true;
}

bool Driver::run_other(const Arguments& arguments) {
  const std::string verb = arguments.word(0);
  if (verb == "dispatch") {
    while (core_->dispatch_due()) take(Dispatch{});
  } else if (verb == "tick") {
    take(Tick{});
  } else if (verb == "advance") {
    const Result<Duration> duration = parse_duration(arguments.word(1));
    if (!duration.ok()) return false;
    advance(*duration);
  } else if (verb == "gone") {
    core_->note_peer_gone(arguments.word(1));
  } else if (verb == "disk") {
    core_->note_disk_low(arguments.word(1) == "low");
  } else if (verb == "restart") {
    restart();
  } else {
    return false;
  }
  return true;
}

Message Driver::make_hello(const Arguments& arguments) const {
  Hello hello;
  hello.role = parse_enum(arguments.word(2), Role::admin);
  hello.name = arguments.word(3);
  const std::string range = arguments.text("protocol", "1..1");
  hello.protocol_min = static_cast<uint16_t>(parse_number(range));
  hello.protocol_max = static_cast<uint16_t>(parse_number(range.substr(range.find("..") + 2)));
  return hello;
}

Message Driver::make_inventory(const std::vector<std::string>& lines) const {
  Inventory inventory;
  inventory.lab = "lab1";
  for (const std::string& line : lines) {
    const Arguments words(line);
    if (words.word(0) == "stack") {
      inventory.stacks.push_back({words.word(1), {words.words.begin() + 2, words.words.end()}});
      continue;
    }
    if (line.starts_with("allow ")) {
      inventory.allow.push_back(line.substr(6));
      continue;
    }
    DeviceSpec device;
    device.name = words.word(0);
    device.worker = words.word(1);
    for (const auto& [key, value] : words.pairs) {
      if (key == "strategy") {
        device.strategy = value;
      } else if (key == "lister") {
        device.lister = value;
      } else if (key == "pool") {
        device.pools.push_back(value);
      } else {
        device.profile[key] = value;
      }
    }
    inventory.devices.push_back(std::move(device));
  }
  inventory.strategies = {{"disk", "<disk>"}, {"phone", "<phone>"}};
  return ApplyInventory{std::make_shared<const Inventory>(std::move(inventory)), "ann"};
}

Message Driver::make_change(const Arguments& arguments) const {
  ChangeDevices change;
  change.change = parse_enum(arguments.word(2), DeviceChange::release);
  for (size_t i = 3; i < arguments.words.size(); ++i) change.names.push_back(arguments.word(i));
  change.reason = arguments.text("reason", "");
  change.who = arguments.text("who", "kim@desk");
  return change;
}

Message Driver::make_submit(const Arguments& arguments,
                            const std::vector<std::string>& lines) const {
  Submit submit;
  submit.watch = arguments.flag("watch");
  for (const std::string& line : lines) submit.tasks.push_back(make_task(line));
  return submit;
}

TaskSpecPtr Driver::make_task(const std::string& line) const {
  const Arguments arguments(line);
  TaskSpec spec;
  spec.guid = arguments.word(0);
  spec.kind = arguments.flag("verify")   ? TaskKind::verify
              : arguments.flag("repair") ? TaskKind::repair
                                         : TaskKind::job;
  spec.name = "a task";
  spec.submitter = "ann@host";
  for (const auto& [key, value] : arguments.pairs) {
    if (key == "device") spec.devices.push_back({"", value, ""});
    if (key == "select") spec.devices.push_back({"", "", value});
    if (key == "use") spec.devices.push_back(make_request(value));
  }
  spec.pool = arguments.text("pool", "");
  spec.priority = static_cast<uint32_t>(arguments.number("priority", spec.priority));
  spec.timeouts.queue = arguments.duration("queue");
  spec.retry.infra = static_cast<uint32_t>(arguments.number("infra", spec.retry.infra));
  spec.retry.test = static_cast<uint32_t>(arguments.number("test", spec.retry.test));
  spec.wait_for_capacity = arguments.flag("wait");
  spec.before.verify = parse_enum(arguments.text("before", "none"), VerifyFirst::always);
  spec.before.level = arguments.text("level", "");
  spec.before.repair = arguments.flag("repairs");
  if (arguments.pairs.contains("budget")) spec.before.repair_budget = arguments.duration("budget");
  spec.work = arguments.text("work", "work");
  return std::make_shared<const TaskSpec>(std::move(spec));
}

Message Driver::make_sync(const Arguments& arguments, const std::vector<std::string>& lines) {
  Sync sync;
  sync.full = arguments.word(0) == "sync";
  sync.incarnation = arguments.number("inc", 1);
  uint64_t& number = sync_numbers_[arguments.word(1)];
  sync.number = arguments.number("n", number + 1);
  number = std::max(number, sync.number);
  for (const std::string& line : lines) sync.reports.push_back(make_report(line));
  if (!sync.reports.empty()) {
    sync.unacked_first = sync.reports.front().seq;
    sync.unacked_last = sync.reports.back().seq;
  }
  const std::string unacked = arguments.text("unacked", "");
  if (!unacked.empty()) {
    sync.unacked_first = parse_seq(unacked);
    sync.unacked_last = parse_seq(unacked.substr(unacked.find("..") + 2));
  }
  if (!sync.full) return sync;
  sync.lab = "lab1";
  sync.pools = split(arguments.text("pools", ""), ',');
  sync.slots = static_cast<uint32_t>(arguments.number("slots", 2));
  sync.credit = static_cast<uint32_t>(arguments.number("credit", sync.slots));
  sync.version = "1.0";
  for (const std::string& listed : split(arguments.text("listed", ""), ',')) {
    const std::vector<std::string> parts = split(listed, ':');
    sync.listed.push_back({parts.at(1), parts.at(0), {{"type", "handset"}}});
    if (parts.size() > 2) sync.listed.back().profile["serial"] = parts[2];
  }
  for (const std::string& lister : split(arguments.text("listers", ""), ',')) {
    sync.listers.push_back({lister, ""});
  }
  for (const std::string& held : split(arguments.text("held", ""), ',')) {
    const size_t colon = held.rfind(':');
    sync.held.push_back({parse_token(held.substr(0, colon)), held.substr(colon + 1) == "running"});
  }
  return sync;
}

Report Driver::make_report(const std::string& line) const {
  const std::vector<std::string> words = split(line, ' ');
  const auto word = [&](size_t index) { return index < words.size() ? words[index] : ""; };
  Report report{parse_seq(word(0)), parse_token(word(1)), now_, {}};
  if (word(2) == "started") report.body = AttemptStarted{"file:///log", {"true"}};
  if (word(2) == "record") report.body = Record{"INFO", "", "", {}, word(3)};
  if (word(2) == "action") report.body = Record{"START", "", "repair." + word(3), {}, ""};
  if (word(2) == "progress") report.body = Progress{50, line.substr(line.find(" progress ") + 10)};
  if (word(2) == "case") {
    report.body = CaseResult{"suite", word(4), parse_enum(word(3), Outcome::skip), 1ms, ""};
  }
  if (word(2) == "ending" || word(2) == "unbegun") {
    const auto outcome = parse_enum(word(3), Outcome::skip);
    const auto cause = parse_enum(word(4), Cause::capacity);
    const Instant started = word(2) == "ending" ? now_ : kNever;
    Ending ending = make_ending(outcome, cause, status_of(outcome), word(5), started, now_);
    ending.blame = word(6);
    report.body = std::move(ending);
  }
  return report;
}

Message Driver::make_question(const Arguments& arguments) const {
  const std::string about = arguments.word(2);
  if (about == "task") return ShowTask{arguments.word(3)};
  if (about == "explain") return ExplainTask{arguments.word(3)};
  if (about == "tasks") return ListTasks{};
  if (about == "devices") return ListDevices{};
  if (about == "workers") return ListWorkers{};
  return AskStatus{};
}

void Driver::take(const Input& input) {
  Decision decision = core_->decide(input, now_);
  for (const Event& event : decision.events) {
    core_->apply(event);
    log_.push_back(event);
    say(std::to_string(core_->head()) + " " + describe(event, kZero));
  }
  core_->note(input, now_);
  std::move(decision.sends.begin(), decision.sends.end(), std::back_inserter(sends_));
}

void Driver::speak() {
  std::vector<Send> level = core_->drain_sends(now_);
  std::move(level.begin(), level.end(), std::back_inserter(sends_));
  for (const Send& send : std::exchange(sends_, {})) {
    say("> " + send.peer + " " + describe(send.envelope, kZero));
  }
}

void Driver::advance(Duration duration) {
  const Instant end = now_ + duration;
  for (;;) {
    const std::optional<Instant> deadline = core_->next_deadline();
    if (!deadline || *deadline > end) break;
    now_ = std::max(now_, *deadline);
    const size_t before = output_.size();
    take(Tick{});
    speak();
    if (output_.size() > before) {
      output_.insert(output_.begin() + static_cast<std::ptrdiff_t>(before),
                     "at " + describe(now_, kZero) + ":");
    }
  }
  now_ = end;
}

void Driver::restart() {
  const uint64_t digest = core_->hard_digest();
  core_ = std::make_unique<BrokerCore>(options_);
  for (const Event& event : log_) core_->apply(event);
  say(core_->hard_digest() == digest ? "the same digest" : "ANOTHER DIGEST");
  take(Start{++epoch_});
}

}  // namespace muster
