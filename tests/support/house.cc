#include "tests/support/house.h"

#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "io/clock.h"
#include "io/codec.h"

namespace muster {
namespace {

constexpr Duration kPatience = std::chrono::seconds(120);

}  // namespace

House::House(std::string bin_dir, const std::string& parent)
    : bin_dir_(std::move(bin_dir)), scratch_(parent), home_{scratch_.path() + "/home"} {
  const Result<Done> made = make_home(home_);
  if (!made.ok()) {
    std::fprintf(stderr, "%s\n", made.error().c_str());
    std::abort();
  }
}

std::unique_ptr<Child> House::start(const std::string& program, std::vector<std::string> flags) {
  ChildSpec spec;
  spec.argv = {bin_dir_ + "/" + program};
  spec.argv.insert(spec.argv.end(), flags.begin(), flags.end());
  spec.argv.insert(spec.argv.end(), {"--home", home_.dir});
  spec.env = daemon_env_;
  spec.stdout_file = spec.stderr_file = scratch_.path() + "/" + program + ".out";
  return std::make_unique<Child>(spec);
}

std::unique_ptr<Child> House::start_broker(std::vector<std::string> flags) {
  return start("muster-broker", std::move(flags));
}

std::unique_ptr<Child> House::start_worker(const std::string& name, uint32_t slots,
                                           std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"--name", name, "--slots", std::to_string(slots)});
  return start("muster-worker", std::move(flags));
}

std::unique_ptr<Child> House::start_collector(std::vector<std::string> flags) {
  return start("muster-collector", std::move(flags));
}

std::unique_ptr<Child> House::start_up(std::vector<std::string> flags) {
  flags.insert(flags.begin(), "up");
  return start("muster", std::move(flags));
}

std::string House::write(const std::string& name, const std::string& text, bool executable) {
  namespace fs = std::filesystem;
  const fs::path path = scratch_.path() + "/" + name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  if (executable) fs::permissions(path, fs::perms::owner_all);
  return path.string();
}

ChildSpec House::command_spec(std::vector<std::string> arguments) {
  const std::string stem = scratch_.path() + "/muster." + std::to_string(++commands_);
  ChildSpec spec;
  spec.argv = {bin_dir_ + "/muster"};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.env = {{"MUSTER_HOME", home_.dir}};
  spec.stdout_file = stem + ".out";
  spec.stderr_file = stem + ".err";
  return spec;
}

std::unique_ptr<Child> House::start_muster(std::vector<std::string> arguments,
                                           const std::string& stderr_file) {
  ChildSpec spec = command_spec(std::move(arguments));
  if (!stderr_file.empty()) spec.stderr_file = stderr_file;
  return std::make_unique<Child>(spec);
}

Ran House::muster(std::vector<std::string> arguments, Duration timeout) {
  const ChildSpec spec = command_spec(std::move(arguments));
  Child child(spec);
  const std::optional<int> status = child.wait(timeout);
  return {status.value_or(-1), read_text(spec.stdout_file), read_text(spec.stderr_file)};
}

std::unique_ptr<Client> House::connect(Role role) {
  ClientOptions options;
  options.endpoint = endpoint();
  options.role = role;
  options.name = "test@house";
  options.connect_timeout = kPatience;
  auto connected = Client::connect(context_, options);
  if (const ClientError* error = std::get_if<ClientError>(&connected)) {
    std::fprintf(stderr, "%s\n%s", error->message.c_str(), daemon_output().c_str());
    std::abort();
  }
  return std::move(std::get<0>(connected));
}

std::string House::daemon_output() const {
  std::string all;
  for (const char* program : {"muster", "muster-broker", "muster-worker", "muster-collector"}) {
    all +=
        std::string("--- ") + program + "\n" + read_text(scratch_.path() + "/" + program + ".out");
  }
  // What they printed after their logs began.
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(home_.logs_dir(), fault)) {
    if (entry.path().extension() != ".err") continue;
    all += "--- " + entry.path().filename().string() + "\n" + read_text(entry.path());
  }
  return all;
}

std::optional<uint64_t> EventTail::fetch(Duration wait) {
  Fetch request;
  request.from = next_;
  request.max_bytes = 1 << 20;
  request.wait = wait;
  const auto answer = client_.ask(request, kPatience);
  const Message* message = std::get_if<Message>(&answer);
  const Blocks* blocks = message == nullptr ? nullptr : std::get_if<Blocks>(message);
  if (blocks == nullptr) return std::nullopt;
  for (const std::string& bytes : blocks->blocks) {
    Result<Block> block = decode_block(bytes);
    if (!block.ok()) {
      std::fprintf(stderr, "%s\n", block.error().c_str());
      std::abort();
    }
    for (size_t i = 0; i < block->events.size(); ++i) {
      if (block->first + i < next_) continue;
      events_.push_back(std::move(block->events[i]));
      ++next_;
    }
  }
  return blocks->head;
}

bool EventTail::wait_for(const std::function<bool(const Event&)>& enough, Duration timeout) {
  SystemClock clock;
  const Instant deadline = clock.now() + timeout;
  for (;;) {
    while (seen_ < events_.size()) {
      if (enough(events_[seen_++])) return true;
    }
    const Instant now = clock.now();
    if (now >= deadline) return false;
    fetch(std::min<Duration>(deadline - now, std::chrono::seconds(1)));
  }
}

void EventTail::catch_up() {
  for (;;) {
    const std::optional<uint64_t> head = fetch(Duration{0});
    if (!head || next_ > *head) return;
  }
}

bool eventually(const std::function<bool()>& condition, Duration timeout) {
  SystemClock clock;
  const Instant deadline = clock.now() + timeout;
  while (!condition()) {
    if (clock.now() >= deadline) return false;
    poll(nullptr, 0, 10);
  }
  return true;
}

std::string read_text(const std::string& path) {
  const std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();  // takes it well when a process goes while its files in /proc are read
  return text.str();
}

}  // namespace muster
