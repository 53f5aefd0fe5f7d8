#include "tests/bench/bench.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace muster::bench {
namespace {

int64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The text after "KEY<blanks>:<blanks>" in a file of such lines.
std::string value_in(const std::string& file, const std::string& key) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(key)) continue;
    const size_t value = line.find_first_not_of(" \t", line.find(':') + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

double measure_fsync_p50(const std::string& dir) {
  std::string path = dir + "/fsync-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) return 0;
  const std::string page(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    const Stopwatch watch;
    if (write(fd, page.data(), page.size()) < 0 || fdatasync(fd) != 0) break;
    times.push_back(watch.us());
  }
  close(fd);
  unlink(path.c_str());
  return quantile(times, 0.5);
}

}  // namespace

double quantile(std::vector<double> values, double fraction) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double position = fraction * static_cast<double>(values.size());
  const size_t rank = static_cast<size_t>(std::max(1.0, std::ceil(position)));
  return values[std::min(rank, values.size()) - 1];
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

Stopwatch::Stopwatch() : start_ns_(monotonic_ns()) {}

double Stopwatch::us() const { return static_cast<double>(monotonic_ns() - start_ns_) / 1e3; }

MachineFacts measure_machine(const std::string& dir) {
  utsname system{};
  uname(&system);
  MachineFacts facts;
  facts.cores = std::thread::hardware_concurrency();
  facts.cpu = value_in("/proc/cpuinfo", "model name");
  facts.kernel = std::string(system.sysname) + " " + system.release;
  facts.disk = dir;
  facts.fsync_p50_us = measure_fsync_p50(dir);
  return facts;
}

std::string describe(const MachineFacts& facts) {
  char fsync[32];
  std::snprintf(fsync, sizeof fsync, "%.0f", facts.fsync_p50_us);
  return std::to_string(facts.cores) + " cores, " + facts.cpu + ", " + facts.kernel +
         "; fdatasync of 4 KiB on " + facts.disk + ": p50 " + fsync + " us";
}

std::string find_disk(const std::string& fallback) {
  constexpr long kTmpfs = 0x01021994;
  struct statfs info {};
  if (statfs("/var/tmp", &info) == 0 && info.f_type != kTmpfs) return "/var/tmp";
  return fallback;
}

void print_json(const Figures& figures) {
  for (const Figure& figure : figures) {
    std::printf("{\"bench\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"}\n", figure.bench.c_str(),
                figure.value, figure.unit.c_str());
  }
}

}  // namespace muster::bench
