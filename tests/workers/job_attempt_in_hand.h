// A JobAttempt with real children in the hands of a test.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/file.h"
#include "tests/io/scratch.h"
#include "workers/job_attempt.h"

namespace muster {

inline JobStep step(const std::string& id, const std::string& script,
                    Duration timeout = Duration{0}) {
  JobStep step;
  step.id = id;
  step.argv = {"/bin/sh", "-c", script};
  step.timeout = timeout;
  return step;
}

class JobAttemptTest : public ScratchFiles {
 protected:
  JobAttemptTest() {
    spec.guid = "guid-000001";
    spec.name = "suite";
    spec.timeouts.grace = 100ms;
    context.worker = "w";
    context.attempts_dir = path("attempts");
    context.end_strays = [](const AttemptToken&) { return std::vector<Stray>(); };
    work.source = CommandSource{};
  }

  void begin() {
    Assignment assignment;
    assignment.spec = std::make_shared<const TaskSpec>(spec);
    assignment.attempt = 1;
    attempt = std::make_unique<JobAttempt>(context, std::move(assignment), work,
                                           [this](ReportBody body) { reports.push_back(body); });
    attempt->begin(clock.now());
  }
  // Until it is over, or the file is there.
  void run_until(const std::string& file) {
    const Instant until = clock.now() + 60s;
    while (!attempt->over() && !(!file.empty() && exists(file))) {
      ASSERT_LT(clock.now(), until);
      std::vector<int> fds;
      attempt->descriptors(fds);
      std::vector<pollfd> items;
      for (const int fd : fds) items.push_back({fd, POLLIN, 0});
      const std::optional<Instant> deadline = attempt->next_deadline();
      Duration timeout = file.empty() ? Duration(60s) : Duration(10ms);
      if (deadline) timeout = std::clamp<Duration>(*deadline - clock.now(), 0ms, timeout);
      const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
      ::poll(items.data(), items.size(), static_cast<int>(ms));
      attempt->wake(clock.now());
    }
  }
  Ending run() {
    begin();
    run_until("");
    return ending();
  }
  Ending ending() const {
    const auto* last = reports.empty() ? nullptr : std::get_if<Ending>(&reports.back());
    if (last != nullptr) return *last;
    ADD_FAILURE() << "it has not ended";
    return {};
  }

  // "START one", "GOOD one", ...
  std::vector<std::string> records() const {
    std::vector<std::string> lines;
    for (const ReportBody& body : reports) {
      if (const auto* record = std::get_if<Record>(&body)) {
        lines.push_back(record->status + " " + record->operation);
      }
    }
    return lines;
  }
  std::vector<std::string> artifacts() const {
    std::vector<std::string> names;
    for (const ReportBody& body : reports) {
      if (const auto* artifact = std::get_if<Artifact>(&body)) names.push_back(artifact->name);
    }
    return names;
  }
  size_t count_cases() const {
    return static_cast<size_t>(std::count_if(
        reports.begin(), reports.end(),
        [](const ReportBody& body) { return std::holds_alternative<CaseResult>(body); }));
  }
  std::string attempt_path(const std::string& name) const {
    return context.attempts_dir + "/guid-000001/1/" + name;
  }
  std::string log() const { return read_file(attempt_path("log"), 1 << 20).value(); }
  bool exists(const std::string& name) const { return ::access(path(name).c_str(), F_OK) == 0; }

  TaskSpec spec;
  JobWork work;
  RunContext context;
  SystemClock clock;
  std::unique_ptr<JobAttempt> attempt;
  std::vector<ReportBody> reports;
};

}  // namespace muster
