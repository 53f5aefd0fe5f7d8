#include "workers/step_results.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/glob.h"
#include "core/guid.h"
#include "core/limits.h"
#include "workers/reportable.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFilesMax = 10'000;       // of one pattern
constexpr size_t kEntriesMax = 1'000'000;  // looked at for it
// The clock of files is behind ours by a tick, and that of another machine by more.
constexpr Duration kClockSlack = 1s;

class Finder {
 public:
  Finder(const std::string& pattern, size_t files_max) : glob_(pattern), files_max_(files_max) {}

  std::vector<std::string> find(const fs::path& dir) {
    walk(dir, "", glob_.begin());
    std::sort(files_.begin(), files_.end());
    return std::move(files_);
  }

 private:
  void walk(const fs::path& dir, const std::string& above, const Glob::Places& places) {
    if (!glob_.goes_on(places)) return;
    std::error_code fault;
    for (fs::directory_iterator entry(dir, fault), last; !fault && entry != last;
         entry.increment(fault)) {
      if (files_.size() >= files_max_ || ++entries_ > kEntriesMax) return;
      const std::string own = entry->path().filename().string();
      const Glob::Places here = glob_.enter(places, own);
      if (!here.empty()) take(*entry, above.empty() ? own : above + "/" + own, here);
    }
  }

  void take(const fs::directory_entry& entry, const std::string& name, const Glob::Places& places) {
    std::error_code fault;
    if (!entry.is_directory(fault)) {
      if (glob_.accepts(places)) files_.push_back(name);
    } else if (!entry.is_symlink(fault)) {
      walk(entry.path(), name, places);
    }
  }

  const Glob glob_;
  const size_t files_max_;
  size_t entries_ = 0;
  std::vector<std::string> files_;
};

Instant changed(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return kNever;
  return from_us(status.st_mtim.tv_sec * 1'000'000 + status.st_mtim.tv_nsec / 1'000);
}

int severity(Outcome outcome) {
  return outcome == Outcome::error ? 2 : outcome == Outcome::fail ? 1 : 0;
}

}  // namespace

std::vector<std::string> find_job_files(const std::string& dir, const std::string& pattern,
                                        size_t files_max) {
  return Finder(pattern, files_max).find(dir);
}

StepResults::StepResults(JobStep step, std::string dir, Instant started, Sink report,
                         FaultSink fault)
    : step_(std::move(step)),
      dir_(std::move(dir)),
      started_(started),
      report_(std::move(report)),
      fault_(std::move(fault)) {
  for (const ResultFiles& results : step_.results) {
    gtest_ = gtest_ || results.format == ResultFileFormat::gtest;
  }
}

void StepResults::output(std::string_view bytes, Instant now) {
  if (gtest_) output_.feed(bytes, now);
}

void StepResults::end(const ChildEnd& end, Instant now) {
  if (gtest_) output_.finish(now);
  end_ = end;
  ended_ = true;
  gtest_whole_ = true;
  for (const ResultFiles& results : step_.results) {
    find(results.pattern, {"", results.format, ""});
  }
  for (const MeasureFiles& measures : step_.measures) {
    find(measures.pattern, {"", std::nullopt, measures.table});
  }
  const bool any_gtest = std::any_of(files_.begin(), files_.end(), [](const File& file) {
    return file.format == ResultFileFormat::gtest;
  });
  gtest_whole_ = gtest_whole_ && any_gtest;
}

// A file of googletest's need not be there: the output tells the rest.
void StepResults::find(const std::string& pattern, const File& file) {
  if (pattern.empty()) return;
  const std::vector<std::string> found = find_job_files(dir_, pattern, kFilesMax);
  for (const std::string& path : found) {
    files_.push_back(file);
    files_.back().path = path;
  }
  if (found.empty() && file.format != ResultFileFormat::gtest) {
    say_fault("no file matches " + quote_text(pattern));
  }
}

void StepResults::wake() {
  if (!ended_ || over()) return;
  if (!chore_ && next_ < files_.size()) open_next();
  if (chore_ && chore_->work()) close_file();
  if (!chore_ && next_ == files_.size() && !concluded_) conclude();
}

void StepResults::open_next() {
  const File& file = files_[next_++];
  const bool is_gtest = file.format == ResultFileFormat::gtest;
  Result<UniqueFd> fd = open_job_file({dir_}, file.path);
  std::string reason = fd.ok() ? "" : fd.error();
  if (fd.ok() && changed(fd->get()) < started_ - kClockSlack) {
    reason = quote_text(file.path) + " is older than the step: an earlier run left it";
  }
  if (!reason.empty()) {
    if (is_gtest) gtest_whole_ = false;
    return say_fault(reason);
  }
  std::unique_ptr<ReportReader> reader;
  if (!file.format) {
    reader = make_csv_reader(file.table,
                             [this](Measurement row) { report_(make_reportable(std::move(row))); });
  } else if (is_gtest) {
    reader = make_gtest_reader([this](CaseResult result) { keep(std::move(result)); });
  } else {
    reader = make_junit_reader([this](CaseResult result) { say(std::move(result)); });
  }
  chore_ = std::make_unique<ReadChore>(std::move(*fd), file.path, std::move(reader));
}

void StepResults::close_file() {
  const bool is_gtest = files_[next_ - 1].format == ResultFileFormat::gtest;
  const std::string reason = chore_->reason();
  chore_.reset();
  if (reason.empty()) return;
  // Of a program that crashed, half a file is what one expects; its output tells the rest.
  if (is_gtest) gtest_whole_ = false;
  if (!is_gtest || !output_.is_gtest()) say_fault(reason);
}

void StepResults::conclude() {
  concluded_ = true;
  if (!gtest_) return;
  for (CaseResult& result :
       results_of_gtest_step(output_, std::move(gtest_cases_), gtest_whole_, end_, step_.id)) {
    say(std::move(result));
  }
  const uint64_t dropped = dropped_ + output_.dropped();
  if (dropped > 0) say_fault(std::to_string(dropped) + " test cases are too many to be kept");
}

// They wait for the end of the output, which may have more.
void StepResults::keep(CaseResult result) {
  gtest_bytes_ += sizeof result + result.suite.size() + result.name.size() + result.message.size();
  if (gtest_cases_.size() < kResultsPerStepMax && gtest_bytes_ <= kResultBytesPerStepMax) {
    gtest_cases_.push_back(std::move(result));
  } else {
    ++dropped_;
  }
}

void StepResults::say(CaseResult result) {
  ++count_;
  if (severity(result.outcome) > severity(worst_)) worst_ = result.outcome;
  report_(make_reportable(std::move(result)));
}

void StepResults::say_fault(const std::string& reason) {
  worst_ = Outcome::error;
  CaseResult fault{"muster", step_.id, Outcome::error, Duration{0}, reason};
  fault_(std::get<CaseResult>(make_reportable(std::move(fault))));
}

}  // namespace muster
