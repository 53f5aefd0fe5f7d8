#include "tests/bench/peers/measure.h"

#include <cmath>
#include <sstream>

#include "tests/bench/durable_tasks.h"
#include "tests/bench/peers/server.h"
#include "tests/support/child.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr double kWarmUpSeconds = 1;
constexpr double kLatencySeconds = 2;
constexpr double kClientPatienceSeconds = 30;  // beyond what it is meant to take

struct ClientFigures {
  double tasks_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Result<ClientFigures> run_client(const Peer& peer, const PeerServer& server,
                                 const std::string& bin_dir, const std::string& phase,
                                 double seconds) {
  const ScratchDir scratch(server.dir());
  ChildSpec spec;
  spec.argv = {bin_dir + "/muster_peer_client", std::string(peer.key),
               std::to_string(server.port()),   phase,
               std::to_string(kWarmUpSeconds),  std::to_string(seconds)};
  spec.stdout_file = scratch.path() + "/out";
  spec.stderr_file = scratch.path() + "/err";
  Child client(spec);
  const double patience = kWarmUpSeconds + seconds + kClientPatienceSeconds;
  const std::optional<int> status =
      client.wait(std::chrono::seconds(static_cast<int>(std::ceil(patience))));
  ClientFigures figures;
  std::istringstream out(read_text(spec.stdout_file));
  if (status == 0 && out >> figures.tasks_per_s >> figures.p50_us >> figures.p99_us) return figures;
  const std::string ended = status ? "ended with " + std::to_string(*status) : "did not end";
  return Error{std::string(peer.key) + ", " + phase + ": its client " + ended + ": " +
               read_text(spec.stderr_file) + "the server says:\n" + server.words()};
}

}  // namespace

PeerRun measure_muster(const std::string& bin_dir, const std::string& dir, double seconds) {
  DurableTasks tasks(bin_dir, dir);
  tasks.run_one_in_flight(kWarmUpSeconds);
  const std::vector<double> times = tasks.run_one_in_flight(kLatencySeconds);
  tasks.run_pipelined(kWarmUpSeconds);
  PeerRun run;
  run.tasks_per_s = tasks.run_pipelined(seconds);
  run.p50_us = quantile(times, 0.50);
  run.p99_us = quantile(times, 0.99);
  run.bytes = static_cast<double>(tasks.broker_bytes());
  return run;
}

Result<PeerRun> measure_peer(const Peer& peer, const std::string& bin_dir, const std::string& dir,
                             double seconds) {
  const Result<std::unique_ptr<PeerServer>> server = PeerServer::start(peer, dir);
  if (!server.ok()) return Error{server.error()};
  const Result<ClientFigures> one = run_client(peer, **server, bin_dir, "one", kLatencySeconds);
  if (!one.ok()) return Error{one.error()};
  const Result<ClientFigures> many = run_client(peer, **server, bin_dir, "pipelined", seconds);
  if (!many.ok()) return Error{many.error()};
  return PeerRun{many->tasks_per_s, one->p50_us, one->p99_us,
                 static_cast<double>((*server)->bytes())};
}

}  // namespace muster::bench
