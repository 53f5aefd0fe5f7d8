// One run of one broker on the work that all are compared by: 200-byte tasks from one producer, 4
// workers, every step durable before it is acknowledged; at first with one task in flight, then
// with as many as the producer can send. The broker is started for it, in a directory under `dir`.
#pragma once

#include <string>

#include "core/result.h"
#include "tests/bench/peers/comparison.h"
#include "tests/bench/peers/peer.h"

namespace muster::bench {

// Ends the program when something fails, as muster_bench does.
PeerRun measure_muster(const std::string& bin_dir, const std::string& dir, double seconds);

Result<PeerRun> measure_peer(const Peer& peer, const std::string& bin_dir, const std::string& dir,
                             double seconds);

}  // namespace muster::bench
