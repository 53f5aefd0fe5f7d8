// Measuring: figures with stable names, medians of several runs, and facts about the machine they
// were taken on. Every loop is bounded in count and in time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"
#include "tests/support/process_usage.h"

namespace muster::bench {

// One measured figure. `bench` is a stable name that scripts rely on.
struct Figure {
  std::string bench;
  double value = 0;
  std::string unit;
  std::string goal;  // for people; empty where there is none
};
using Figures = std::vector<Figure>;

inline constexpr int kRuns = 3;  // each figure is the median of so many runs

double median(std::vector<double> values);
// The value that `fraction` of `values` do not exceed.
double quantile(std::vector<double> values, double fraction);

// Microseconds since construction.
class Stopwatch {
 public:
  Stopwatch();
  double us() const;
  double seconds() const { return us() / 1e6; }

 private:
  int64_t start_ns_;
};

struct MachineFacts {
  uint32_t cores = 0;
  std::string cpu;
  std::string kernel;
  std::string disk;         // the directory that was measured
  double fsync_p50_us = 0;  // of a 4 KiB append to a file there
};
MachineFacts measure_machine(const std::string& dir);
// One line for people.
std::string describe(const MachineFacts& facts);

// A directory on a disk, or `fallback`: syncs to a memory file system cost nothing and say nothing.
std::string find_disk(const std::string& fallback);

// One object a line.
void print_json(const Figures& figures);

// bench_core.cc: BrokerCore alone.
void bench_decide_apply(Figures& figures);
// Whether a task costs the same however many wait and however many workers there are.
void bench_flat(Figures& figures);
// bench_engine.cc: the strategy engine and the language of its scenarios, without checks.
void bench_engine(Figures& figures);
// bench_log.cc: the SQLite event log under `dir`.
void bench_append(const std::string& dir, Figures& figures);
// bench_recovery.cc: a log of ten million events under `dir`, about 4 GB.
void bench_recovery(const std::string& dir, Figures& figures);
// bench_tasks.cc: real processes from `bin_dir`, at home under `dir`.
void bench_durable_tasks(const std::string& bin_dir, const std::string& dir, Figures& figures);
void bench_restart(const std::string& bin_dir, const std::string& dir, Figures& figures);
void bench_memory(const std::string& bin_dir, const std::string& dir, Figures& figures);
// bench_idle.cc: the same, with many workers that have nothing to do.
void bench_idle(const std::string& bin_dir, const std::string& dir, Figures& figures);
// bench_hostile.cc: the same, with a client without manners beside the honest ones.
void bench_hostile(const std::string& bin_dir, const std::string& dir, Figures& figures);
// bench_sweep.cc: the same.
void bench_verify_sweep(const std::string& bin_dir, const std::string& dir, Figures& figures);
// bench_archive.cc: the same.
void bench_archive(const std::string& bin_dir, const std::string& dir, Figures& figures);

// bench_sinks.cc: sinks against server processes whose data lies under `dir`, and a collector with
// them.
void bench_sinks(const std::string& bin_dir, const std::string& dir, Figures& figures);

// bench_sink_down.cc: a sink whose place is down, beside a log under `dir`.
void bench_sink_down(const std::string& dir, Figures& figures);

// bench_ledger.cc: the collector's ledger under `dir`, in SQLite and on a MariaDB server, beside a
// client that does nothing but insert; and a collector with the server.
void bench_ledger(const std::string& bin_dir, const std::string& dir, Figures& figures);

// bench_jobs.cc: the same.
void bench_jobs(const std::string& bin_dir, const std::string& dir, Figures& figures);

}  // namespace muster::bench
