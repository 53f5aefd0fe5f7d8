// What the runner is asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "tests/bench/peers/peer.h"

namespace muster::bench {

enum class PeersOutput : uint8_t { human, markdown, json };

struct PeersOptions {
  PeersOutput output = PeersOutput::human;
  int runs = 3;                    // each figure is the median of so many
  double seconds = 4;              // of one pipelined measurement
  std::vector<const Peer*> peers;  // in the order of all_peers()
};

inline constexpr int kPeerRunsMax = 99;
inline constexpr int kPeerSecondsMax = 600;
inline constexpr std::string_view kPeersUsage =
    "usage: muster_bench_peers [-o human|markdown|json] [--runs N] [--seconds N] "
    "[--only PEER,PEER...]\n";

// An error says which argument is wrong and what it may be.
Result<PeersOptions> parse_peers_options(const std::vector<std::string>& arguments);

}  // namespace muster::bench
