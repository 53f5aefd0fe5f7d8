#include "tests/chaos/lab.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "io/archive_name.h"
#include "io/file.h"
#include "tests/support/processes.h"

namespace muster {
namespace {

// The devices that the job was given, or the one that a check names.
constexpr char kUse[] = R"(#!/bin/sh
# use.sh RECORDS SECONDS [DEVICE]
records=$1 seconds=$2
names=${3:-$(printf %s "$MUSTER_DEVICES" | grep -o '"name":"[^"]*"' | cut -d'"' -f4)}
note() {
  time=$(date +%s.%N)
  echo "$1 $MUSTER_GUID $MUSTER_ATTEMPT $time" >> "$records/$name"
}
fd=3
for name in $names; do
  eval "exec $fd>>'$records/$name'"
  flock -n $fd || { note overlap; echo "$name is taken"; exit 5; }
  note begin
  fd=$((fd + 1))
done
sleep "$seconds"
for name in $names; do note end; done
)";

std::string strategy(const std::string& use, const std::string& records) {
  return "version: 1\nkind: strategy\nname: bench\nverify:\n"
         "  - { tag: held, description: Nobody else has it,"
         " check: { command: [" +
         use + ", " + records + ", \"0.2\", \"{device.name}\"] } }\n";
}

std::string inventory() {
  std::string text =
      "version: 1\nkind: inventory\nlab: chaos\nstrategies: [bench.yaml]\nworkers:\n";
  std::string devices;
  std::string stacks;
  for (size_t i = 0; i < kWorkers; ++i) {
    const std::string worker = worker_name(i);
    const auto add = [&](const std::string& name, const std::string& rest) {
      devices += "  " + name + "-" + worker + ": { worker: " + worker + ", " + rest + " }\n";
    };
    text += "  " + worker + ": {}\n";
    add("bench-a", "type: bench, strategy: bench");
    add("bench-b", "type: bench, strategy: bench");
    add("phone", "type: handset, strategy: bench");
    add("relay", "type: relay");
    add("probe", "type: probe");
    stacks += "  seat-" + worker + ": [phone-" + worker + ", relay-" + worker + "]\n";
  }
  return text + "devices:\n" + devices + "stacks:\n" + stacks;
}

void must(const Ran& ran) {
  if (ran.status == 0) return;
  std::fprintf(stderr, "%s%s", ran.out.c_str(), ran.err.c_str());
  std::abort();
}

}  // namespace

std::string worker_name(size_t number) { return "w" + std::to_string(number); }
std::string probe_name(size_t worker) { return "probe-" + worker_name(worker); }

Lab::Lab(DiskMeans means, uint64_t disk_bytes, uint32_t seed)
    : couchdb_(std::make_unique<CouchDbServer>(couchdb_dir_.path())), house_(MUSTER_BIN_DIR) {
  write_files();
  const Home& home = house_.home();
  const auto add_disk = [&](const std::string& name, const std::string& dir, uint64_t bytes) {
    disks_[name] = std::make_unique<Disk>(means, dir, bytes, home.run_dir() + "/" + name + ".disk");
  };
  add_disk("broker", home.broker_dir(), disk_bytes);
  add_disk("collector", home.collector_dir(), disk_bytes);
  add_disk("results", home.results_dir(), disk_bytes / 2);
  for (size_t i = 0; i < kWorkers; ++i) {
    add_disk(worker_name(i), home.worker_dir(worker_name(i)), disk_bytes / 2);
  }
  std::vector<std::string> names = {"broker", "collector"};
  for (size_t i = 0; i < kWorkers; ++i) names.push_back(worker_name(i));
  for (const std::string& name : names) {
    clock_files_[name] = home.run_dir() + "/" + name + ".clock";
    set_clock(name, {});
  }
  names.emplace_back("people");
  for (const std::string& name : names) {
    if (name == "broker") continue;
    links_[name] = std::make_unique<Link>(home.run_dir() + "/" + name + ".link",
                                          home.run_dir() + "/broker.sock", seed++);
  }
  names.pop_back();
  for (const std::string& name : names) {
    daemons_[name] = std::make_unique<KeptDaemon>(name, [this, name] { return start(name); });
  }
  house_.connect();  // waits for the broker
  must(house_.muster({"inventory", "apply", dir_ + "/inventory.yaml"}));
  subscriber_ = std::make_unique<FeedSubscriber>(unix_url(home.http_socket()));
}

Lab::~Lab() {
  subscriber_.reset();
  daemons_.clear();
  for (const ProcessLook& look : processes_using(dir_)) ::kill(look.pid, SIGKILL);
}

void Lab::write_files() {
  use_ = house_.write("use.sh", kUse, true);
  dir_ = use_.substr(0, use_.rfind('/'));
  house_.write("records/.keep", "");
  records_ = dir_ + "/records";
  house_.write("bench.yaml", strategy(use_, records_));
  house_.write("inventory.yaml", inventory());
  const std::string password = house_.write("couchdb.password", "secret\n");
  house_.write("home/muster.yaml", "couchdb: { url: '" + couchdb_->url() +
                                       "', db: events, user: admin, password_file: " + password +
                                       " }\nworker: { disk_reserve: 8MiB }\n");
}

std::unique_ptr<Child> Lab::start(const std::string& name) {
  house_.set_daemon_env("LD_PRELOAD", MUSTER_FULL_DISK_LIB ":" MUSTER_STEP_CLOCK_LIB);
  house_.set_daemon_env("ASAN_OPTIONS", "verify_asan_link_order=0");
  house_.set_daemon_env("MUSTER_TEST_DISK", disks_.at(name)->flag());
  house_.set_daemon_env("MUSTER_TEST_CLOCK", clock_files_.at(name));
  if (name == "broker") {
    const std::string lease = std::to_string(kChaosLease.count()) + "s";
    return house_.start_broker({"--lease", lease, "--beat", "500ms"});
  }
  const std::vector<std::string> flags = {"--endpoint", links_.at(name)->endpoint()};
  if (name == "collector") return house_.start_collector(flags);
  return house_.start_worker(name, 6, flags);
}

void Lab::tend() {
  const Instant time = now();
  for (const auto& [name, daemon] : daemons_) daemon->tend(time);
  for (const std::string& name : full_) disks_.at(name)->fill();
}

std::vector<KeptDaemon*> Lab::daemons() {
  std::vector<KeptDaemon*> all;
  for (const auto& [name, daemon] : daemons_) all.push_back(daemon.get());
  return all;
}

void Lab::heal_disk(const std::string& disk) {
  std::erase(full_, disk);
  disks_.at(disk)->heal();
}

void Lab::set_clock(const std::string& name, std::chrono::seconds ahead) {
  const int64_t seconds = ahead.count();
  std::fstream file(clock_files_.at(name),
                    std::ios::in | std::ios::out | std::ios::binary);  // its place stays
  if (!file) file.open(clock_files_.at(name), std::ios::out | std::ios::binary);
  file.write(reinterpret_cast<const char*>(&seconds), sizeof seconds);
}

std::vector<pid_t> Lab::processes_of(const std::string& worker, const std::string& name) {
  std::vector<pid_t> pids;
  for (const ProcessLook& look : processes_using(house_.home().worker_dir(worker))) {
    if (look.state != 'Z' && (name.empty() || look.name == name)) pids.push_back(look.pid);
  }
  return pids;
}

// The worker goes first, lest it tells that its jobs have died.
void Lab::power_off(const std::string& worker, Duration away) {
  daemon(worker).kill_now(now(), away);
  eventually([&] {
    const std::vector<pid_t> pids = processes_of(worker);
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    return pids.empty();
  });
}

std::vector<std::string> Lab::users() const {
  std::vector<std::string> users;
  for (const ProcessLook& look : processes_using(dir_)) {
    if (look.state != 'Z') users.push_back(std::to_string(look.pid) + " (" + look.name + ")");
  }
  return users;
}

std::string Lab::crashes() const {
  std::string text;
  for (const auto& [name, daemon] : daemons_) {
    for (const int status : daemon->crashes()) {
      text += name + " crashed: status " + std::to_string(status) + "\n";
    }
  }
  return text;
}

std::string Lab::stop() {
  std::string wrong;
  subscriber_->leave();
  std::vector<KeptDaemon*> order = daemons();
  std::reverse(order.begin(), order.end());  // workers, collector, broker
  for (KeptDaemon* each : order) {
    const std::optional<int> status = each->stop();
    if (status == 0) continue;
    wrong += each->name() +
             " did not stop well: " + (status ? "status " + std::to_string(*status) : "it hung") +
             "\n";
  }
  return wrong;
}

}  // namespace muster
