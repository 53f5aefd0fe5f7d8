// Measurements of muster and its peers side by side. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/bench.h"

namespace muster::bench {

// One run of one broker.
struct PeerRun {
  double tasks_per_s = 0;
  double p50_us = 0;  // with one task in flight
  double p99_us = 0;
  double bytes = 0;  // resident memory of the server after the run
};

struct Compared {
  std::string key;  // of the peer; empty: muster itself
  std::string title;
  std::vector<PeerRun> runs;
};

// The medians of `runs`, of each column for itself.
PeerRun median_of(const std::vector<PeerRun>& runs);

enum class TableStyle : uint8_t { aligned, markdown };

// A line for each, the first being muster; `x` columns say muster : it, so that more is better for
// tasks a second and less is better for p50. What has no runs has dashes.
std::string render_comparison(const std::vector<Compared>& compared, TableStyle style);

// peer_KEY_durable_tasks_per_s, peer_KEY_p50_us, peer_KEY_p99_us and peer_KEY_rss_bytes of each;
// muster's own are called as in ./dev bench: durable_tasks_per_s and so on.
Figures make_peer_figures(const std::vector<Compared>& compared);

}  // namespace muster::bench
