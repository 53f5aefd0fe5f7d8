// The collector as a process: what it takes of memory while a long log goes through all its sinks.
#pragma once

#include <string>

namespace muster::bench {

// The most memory, in MB, that a collector at home under `dir` ever had until all its sinks have
// come to the end of a log of 100,000 events, which it has from a broker. Its home has `password`
// in the file `password`, and `config` as its muster.yaml.
double collector_peak_mb(const std::string& bin_dir, const std::string& dir,
                         const std::string& password, const std::string& config);

}  // namespace muster::bench
