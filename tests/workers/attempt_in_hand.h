// A StrategyAttempt with real children in the hands of a test, and FIFOs at which the children and
// the test meet.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"
#include "tests/io/scratch.h"
#include "workers/strategy_attempt.h"

namespace muster {

inline CommandCheck shell(const std::string& script) { return {{"/bin/sh", "-c", script}}; }

inline Verifier verifier(const std::string& tag, CheckSpec check,
                         std::vector<std::string> deps = {}) {
  Verifier verifier;
  verifier.tag = tag;
  verifier.check = std::move(check);
  verifier.deps = std::move(deps);
  verifier.timeout = 60s;
  return verifier;
}

inline RepairActionSpec action(const std::string& tag, ActionRun run,
                               std::vector<std::string> triggers) {
  RepairActionSpec action;
  action.tag = tag;
  action.run = std::move(run);
  action.triggers = std::move(triggers);
  action.timeout = 60s;
  return action;
}

class StrategyAttemptTest : public ScratchFiles {
 protected:
  StrategyAttemptTest() {
    strategy.name = "s";
    spec.guid = "guid-000001";
    spec.timeouts.grace = 100ms;
    context.worker = "w";
    context.self_exe = "/proc/self/exe";
    context.attempts_dir = path("attempts");
    context.note_group = [this](const AttemptToken&, pid_t) { ++children; };
    context.end_strays = [](const AttemptToken&) { return std::vector<Stray>(); };
    devices.push_back({"dut1", {{"type", "handset"}}, "w", {}, "s", "", ""});
  }

  // Makes a FIFO that the test and its children share. The result is the test's end.
  UniqueFd make_fifo(const std::string& name) const {
    EXPECT_EQ(::mkfifo(path(name).c_str(), 0600), 0);
    return UniqueFd(::open(path(name).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }

  // A script that says on the FIFO "arrived" that it runs, and ends when the test closes "gate".
  std::string meet() const {
    return "exec 3< " + path("gate") + "; echo x > " + path("arrived") + "; cat <&3";
  }

  void begin(RunKind kind, const std::string& level = "") {
    Assignment assignment;
    assignment.spec = std::make_shared<const TaskSpec>(spec);
    assignment.attempt = 1;
    assignment.devices = devices;
    assignment.strategy = encode_strategy(strategy);
    attempt = std::make_unique<StrategyAttempt>(
        context, std::move(assignment), kind, level,
        [this](ReportBody body) { reports.push_back(std::move(body)); });
    attempt->begin(clock.now());
  }

  // Until the attempt is over, or something arrives at `fifo`.
  void run_until(int fifo) {
    while (!attempt->over()) {
      std::vector<int> fds;
      attempt->descriptors(fds);
      std::vector<pollfd> items;
      for (const int fd : fds) items.push_back({fd, POLLIN, 0});
      items.push_back({fifo, POLLIN, 0});
      const std::optional<Instant> deadline = attempt->next_deadline();
      ASSERT_TRUE(deadline || !fds.empty()) << "nothing will ever happen";
      const Duration timeout =
          deadline ? std::max(*deadline - clock.now(), Duration{0}) : Duration(60s);
      const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
      ::poll(items.data(), items.size(), static_cast<int>(ms));
      attempt->wake(clock.now());
      if ((items.back().revents & POLLIN) != 0) return;
    }
  }
  void run_to_end() { run_until(-1); }
  // Until so many children have arrived.
  void await_arrivals(const UniqueFd& arrived, size_t count) {
    std::string seen;
    char bytes[64];
    while (seen.size() < 2 * count && !attempt->over()) {
      run_until(arrived.get());
      const ssize_t size = ::read(arrived.get(), bytes, sizeof bytes);
      if (size > 0) seen.append(bytes, static_cast<size_t>(size));
    }
    ASSERT_EQ(seen.size(), 2 * count);
  }
  void run(RunKind kind, const std::string& level = "") {
    begin(kind, level);
    run_to_end();
  }

  // One line for each record: "STATUS OPERATION: MESSAGE".
  std::string records() const {
    std::string text;
    for (const ReportBody& body : reports) {
      const auto* record = std::get_if<Record>(&body);
      if (record == nullptr) continue;
      text += record->status + " " + (record->operation.empty() ? "-" : record->operation) +
              (record->message.empty() ? "" : ": " + record->message) + "\n";
    }
    return text;
  }
  Ending ending() const {
    const auto* last = reports.empty() ? nullptr : std::get_if<Ending>(&reports.back());
    if (last != nullptr) return *last;
    ADD_FAILURE() << "it has not ended";
    return {};
  }
  std::string log() const {
    return read_file(context.attempts_dir + "/guid-000001/1/log", 1 << 20).value();
  }
  bool exists(const std::string& name) const { return ::access(path(name).c_str(), F_OK) == 0; }

  Strategy strategy;
  TaskSpec spec;
  std::vector<DeviceSpec> devices;
  RunContext context;
  SystemClock clock;
  std::unique_ptr<StrategyAttempt> attempt;
  std::vector<ReportBody> reports;
  int children = 0;
};

}  // namespace muster
