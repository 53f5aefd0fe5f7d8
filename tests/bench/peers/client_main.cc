// muster_peer_client: one measurement of one of muster's peers, whose server listens on 127.0.0.1.
//
//   muster_peer_client KEY PORT pipelined|one WARM_UP_SECONDS SECONDS
//
// Prints "TASKS_PER_S P50_US P99_US". Started by muster_bench_peers.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/bench/peers/client.h"

namespace muster::bench {
namespace {

void run(const ClientOptions& options) {
  Work work(options);
  switch (options.peer->kind) {
    case PeerKind::redis:
      run_redis(options, work);
    case PeerKind::rabbitmq:
      run_rabbitmq(options, work);
    case PeerKind::nats:
      run_nats(options, work);
    case PeerKind::beanstalkd:
      run_beanstalkd(options, work);
  }
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  muster::bench::ClientOptions options;
  for (const muster::bench::Peer& peer : muster::bench::all_peers()) {
    if (!arguments.empty() && arguments[0] == peer.key) options.peer = &peer;
  }
  if (arguments.size() != 5 || options.peer == nullptr) {
    std::fprintf(stderr,
                 "usage: muster_peer_client KEY PORT pipelined|one WARM_UP_SECONDS SECONDS\n");
    return 64;
  }
  options.port = static_cast<uint16_t>(std::atoi(arguments[1].c_str()));
  options.one_in_flight = arguments[2] == "one";
  options.warm_up_seconds = std::atof(arguments[3].c_str());
  options.seconds = std::atof(arguments[4].c_str());
  muster::bench::run(options);
}
