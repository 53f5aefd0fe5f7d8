// Durations and sizes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace muster {

//   duration = digits                     seconds
//            | { digits unit }            largest unit first, each at most once: 2h30m, 1d, 250ms
//   unit     = "d" | "h" | "m" | "s" | "ms" | "us"
// At most kDurationTextMax. The reason for a refusal quotes the text.
Result<Duration> parse_duration(std::string_view text);

//   size = digits [ suffix ]              bytes
//   suffix = "B" | "K" | "KiB" | "KB", and the same with M, G, T
// K and KiB are 1024 bytes, KB is 1000, as in coreutils.
Result<uint64_t> parse_size(std::string_view text);

// For people, rounded towards zero, at most two units: "850us", "12ms", "4.2s", "5m3s", "2h30m".
std::string format_duration(Duration duration);

// For people, rounded down to a tenth: "512B", "1.5GiB".
std::string format_size(uint64_t bytes);

}  // namespace muster
