// StepResults: the test cases and measurements of one step of a job, from its output and from the
// files that it left. It is fed while the step runs and reads the files afterwards, a piece with
// each wake().
//
// What cannot be read is a fault, and says so as a case of the suite "muster" with the step's id
// and outcome error: a file that is broken (what it had before counts), a pattern without a file, a
// file that an earlier run left.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exit_status.h"
#include "core/gtest_output.h"
#include "core/report.h"
#include "core/work.h"
#include "workers/job_files.h"

namespace muster {

// Files below `dir` that match `pattern` (core/glob.h). Sorted; links are not followed on the way;
// at most `files_max`.
std::vector<std::string> find_job_files(const std::string& dir, const std::string& pattern,
                                        size_t files_max);

class StepResults {
 public:
  using Sink = std::function<void(ReportBody)>;
  using FaultSink = std::function<void(CaseResult)>;

  // `dir` is the step's working directory; `started` is when it began.
  StepResults(JobStep step, std::string dir, Instant started, Sink report, FaultSink fault);

  // What the step prints.
  void output(std::string_view bytes, Instant now);
  // The step has ended so: from now on, wake() until over().
  void end(const ChildEnd& end, Instant now);
  void wake();
  bool over() const { return ended_ && !chore_ && next_ == files_.size() && concluded_; }

  // Once over: cases that were reported, and the worst of their outcomes. A step that exited with 0
  // and has a failed case has failed.
  uint64_t count() const { return count_; }
  Outcome worst() const { return worst_; }

 private:
  struct File {
    std::string path;
    std::optional<ResultFileFormat> format;  // nothing: measurements
    std::string table;
  };

  void find(const std::string& pattern, const File& file);
  void open_next();
  void close_file();
  void conclude();
  void keep(CaseResult result);
  void say(CaseResult result);
  void say_fault(const std::string& reason);

  const JobStep step_;
  const std::string dir_;
  const Instant started_;
  Sink report_;
  FaultSink fault_;
  bool gtest_ = false;  // some of its results are googletest's
  GtestOutput output_;
  ChildEnd end_;
  bool ended_ = false;
  bool concluded_ = false;
  std::vector<File> files_;
  size_t next_ = 0;
  std::unique_ptr<FileChore> chore_;  // of files_[next_ - 1]
  std::vector<CaseResult> gtest_cases_;
  size_t gtest_bytes_ = 0;
  uint64_t dropped_ = 0;
  bool gtest_whole_ = false;  // a file of googletest's was there, and each was whole
  uint64_t count_ = 0;
  Outcome worst_ = Outcome::pass;
};

}  // namespace muster
