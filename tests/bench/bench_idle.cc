// What connected workers that have nothing to do cost a broker: its memory, and its share of a
// core. Each has a connection and a key of its own.
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/access.h"
#include "io/curve.h"
#include "tests/bench/bench.h"
#include "tests/bench/durable_tasks.h"
#include "tests/support/free_port.h"

namespace muster::bench {
namespace {

constexpr uint32_t kIdleWorkers = 10'000;
// Processes that they are in: one alone would run out of file descriptors, of which libzmq takes
// two for a connection.
constexpr uint32_t kCrowds = 2;
constexpr double kRestSeconds = 45;  // three times the longest rest
constexpr Duration kJoinPatience = std::chrono::minutes(5);

// As many descriptors as we may have, for the programs that are started from now on too.
void raise_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The broker's key pair, grants for all workers, and the files that tell these who they are.
// Returns the broker's public key.
std::string make_keys(House& house) {
  const KeyPair broker = make_key_pair("broker");
  const std::string dir = house.home().keys_dir();
  if (const auto saved = save_key_pair(dir, broker); !saved.ok()) fail(house, saved.error());
  std::string allowed;
  for (uint32_t crowd = 0; crowd < kCrowds; ++crowd) {
    std::string members;
    for (uint32_t i = 0; i < kIdleWorkers / kCrowds; ++i) {
      const std::string name = "idle-" + std::to_string(crowd) + "-" + std::to_string(i);
      const KeyPair pair = make_key_pair(name);
      allowed += access_line(pair.public_key, {name, Role::worker, {}, {}});
      members += name + " " + pair.public_key + " " + to_hex(pair.secret.bytes()) + "\n";
    }
    house.write("crowd-" + std::to_string(crowd), members);
  }
  const std::string file = house.write("home/keys/allowed", allowed);
  if (::chmod(file.c_str(), 0600) != 0) fail(house, "cannot write " + file);
  return broker.public_key;
}

}  // namespace

void bench_idle(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  raise_descriptors();
  House house(bin_dir, dir);
  const std::string server_key = make_keys(house);
  const std::string endpoint = "tcp://127.0.0.1:" + std::to_string(find_free_port());
  const std::unique_ptr<Child> broker =
      house.start_broker({"--endpoint", endpoint, "--endpoint", house.endpoint()});
  const std::unique_ptr<Client> client = house.connect();
  const double alone = static_cast<double>(resident_bytes(broker->pid()));

  std::vector<std::unique_ptr<Child>> crowds;
  std::vector<std::string> outputs;
  for (uint32_t crowd = 0; crowd < kCrowds; ++crowd) {
    const std::string members = house.home().dir + "/../crowd-" + std::to_string(crowd);
    outputs.push_back(members + ".out");
    ChildSpec spec;
    spec.argv = {bin_dir + "/muster_crowd", endpoint, server_key, members};
    spec.stdout_file = spec.stderr_file = outputs.back();
    crowds.push_back(std::make_unique<Child>(spec));
  }
  for (const std::string& output : outputs) {
    const auto rests = [&] { return read_text(output).ends_with("ready\n"); };
    if (!eventually(rests, kJoinPatience))
      fail(house, "workers did not join: " + read_text(output));
  }

  const auto present = [&] {
    const auto status = client->ask(AskStatus{}, std::chrono::seconds(20));
    const auto* message = std::get_if<Message>(&status);
    const auto* answer = message == nullptr ? nullptr : std::get_if<BrokerStatus>(message);
    return answer == nullptr ? 0 : answer->workers_present;
  };
  const double cpu = cpu_seconds(broker->pid());
  const Stopwatch watch;
  while (watch.seconds() < kRestSeconds) client->next_push(std::chrono::seconds(1));
  const double share = (cpu_seconds(broker->pid()) - cpu) / watch.seconds();
  if (present() != kIdleWorkers) fail(house, "a worker was given up");
  figures.push_back({"idle_10k_rss_bytes", static_cast<double>(resident_bytes(broker->pid())),
                     "bytes", "< 400000000"});
  figures.push_back({"idle_10k_cpu_percent", 100 * share, "%", "< 2"});
  figures.push_back({"idle_worker_bytes",
                     (static_cast<double>(resident_bytes(broker->pid())) - alone) / kIdleWorkers,
                     "bytes", ""});
}

}  // namespace muster::bench
