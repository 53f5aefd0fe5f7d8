#include "tests/chaos/run.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/audit.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// After a fault: generous, for a machine that has other things to do.
constexpr Duration kPatience = minutes(3);
constexpr Duration kBatchEvery = milliseconds(1500);
constexpr size_t kOpenTasksMax = 60;
constexpr int kTurnMs = 20;
constexpr size_t kSinks = 3;  // status_log, ledger, couchdb

// The log grows with the time, and the disks have to hold what becomes of it.
uint64_t disk_bytes(const ChaosOptions& options) { return (160 + options.minutes * 8) << 20; }

std::string in_seconds(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(duration).count());
  return text;
}

}  // namespace

ChaosRun::ChaosRun(const ChaosOptions& options)
    : options_(options),
      lab_(options.disks, disk_bytes(options), static_cast<uint32_t>(options.seed)),
      submitters_(lab_, static_cast<uint32_t>(options.seed)),
      table_(lab_, submitters_, static_cast<uint32_t>(options.seed)),
      deck_(table_.faults(), static_cast<uint32_t>(options.seed)),
      watcher_(lab_.house()),
      begin_(lab_.now()) {}

void ChaosRun::make_chaos() {
  recover("its start");
  begin_ = lab_.now();
  const Instant end = begin_ + minutes(options_.minutes);
  while (lab_.now() < end && !testing::Test::HasFailure()) make_round();
}

void ChaosRun::make_round() {
  const std::vector<Dealt> dealt = deck_.deal();
  const Instant begin = lab_.now();
  std::string words;
  for (const Dealt& each : dealt) {
    const Fault& fault = table_.faults()[each.fault];
    words += (words.empty() ? "" : "; ") + fault.kind + " (" + fault.of + ", " +
             in_seconds(each.length) + ")";
  }
  std::printf("%8s  round %zu: %s\n", in_seconds(begin - begin_).c_str(), ++rounds_, words.c_str());
  std::fflush(stdout);
  enum class Phase : uint8_t { waits, lasts, over };
  std::vector<Phase> phases(dealt.size(), Phase::waits);
  const auto all_over = [&] {
    const Instant now = lab_.now();
    for (size_t i = 0; i < dealt.size(); ++i) {
      const Fault& fault = table_.faults()[dealt[i].fault];
      if (phases[i] == Phase::waits && now >= begin + dealt[i].at) {
        Count& count = counts_[fault.kind];
        ++(fault.begin(dealt[i].length) ? count.times : count.in_vain);
        count.longest = std::max(count.longest, dealt[i].length);
        phases[i] = Phase::lasts;
      } else if (phases[i] == Phase::lasts && now >= begin + dealt[i].at + dealt[i].length) {
        if (fault.end) fault.end();
        phases[i] = Phase::over;
      }
    }
    return std::all_of(phases.begin(), phases.end(),
                       [](Phase phase) { return phase == Phase::over; });
  };
  live_until(all_over, minutes(10));
  recover(words);
}

// The house works when each worker does what is asked of it, and the ledger tells of it.
void ChaosRun::recover(const std::string& faults) {
  const Instant begin = lab_.now();
  const std::set<std::string> probes = submitters_.hand_in_probes();
  uint64_t last = 0;
  const bool works = live_until(
      [&] {
        if (!submitters_.refused().empty()) return true;
        if (!watcher_.unended(probes).empty()) return false;
        for (const std::string& guid : probes) last = std::max(last, watcher_.end_of(guid));
        return ledger_position(lab_.house()) >= last;
      },
      kPatience);
  const Duration took = lab_.now() - begin;
  recoveries_ += took;
  if (took > longest_recovery_) {
    longest_recovery_ = took;
    longest_after_ = faults;
  }
  EXPECT_EQ(submitters_.refused(), "");
  EXPECT_EQ(watcher_.blamed(), "");
  if (!works) {
    ADD_FAILURE() << "the house does not work again " << in_seconds(took) << " after " << faults
                  << "\n"
                  << state();
  }
  if (const std::string crashes = lab_.crashes(); !crashes.empty()) {
    ADD_FAILURE() << crashes << state();
  }
}

void ChaosRun::turn() {
  lab_.tend();
  const Instant now = lab_.now();
  if (handing_in_ && now >= next_batch_ && watcher_.open_tasks() < kOpenTasksMax) {
    submitters_.hand_in();
    next_batch_ = now + kBatchEvery;
  }
  submitters_.tend(now);
}

bool ChaosRun::live_until(const std::function<bool()>& condition, Duration timeout) {
  const Instant deadline = lab_.now() + timeout;
  for (;;) {
    turn();
    if (condition()) return true;
    if (lab_.now() >= deadline) return false;
    ::poll(nullptr, 0, kTurnMs);
  }
}

void ChaosRun::drain() {
  handing_in_ = false;
  const Instant begin = lab_.now();
  const bool ended =
      live_until([&] { return submitters_.idle() && watcher_.open_tasks() == 0; }, kPatience);
  ASSERT_TRUE(ended) << testing::PrintToString(watcher_.unended(submitters_.accepted())) << state();
  EXPECT_EQ(submitters_.refused(), "");
  log_ = watcher_.finish();
  const uint64_t head = log_.size();
  ASSERT_TRUE(live_until([&] { return sinks_have_come_to(head); }, kPatience)) << state();
  ASSERT_TRUE(live_until([&] { return lab_.subscriber().last() >= head; }, kPatience))
      << "the feed came to " << lab_.subscriber().last() << " of " << head << state();
  std::vector<std::string> left;
  const bool clean = live_until(
      [&] {
        left = leftovers();
        return left.empty();
      },
      minutes(1));
  EXPECT_TRUE(clean) << "left behind: " << testing::PrintToString(left);
  drained_in_ = lab_.now() - begin;
}

bool ChaosRun::sinks_have_come_to(uint64_t head) {
  const Ran ran = lab_.house().muster({"sink", "status", "-o", "jsonl"});
  std::istringstream lines(ran.out);
  size_t sinks = 0;
  for (std::string line; std::getline(lines, line); ++sinks) {
    const nlohmann::json status = nlohmann::json::parse(line, nullptr, false);
    if (!status.is_object() || status.value("cursor", uint64_t{0}) < head) return false;
  }
  return sinks == kSinks;
}

std::string ChaosRun::state() {
  std::string text = "\n";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"doctor"},
                                                {"worker", "ls"},
                                                {"device", "ls"},
                                                {"sink", "status"},
                                                {"task", "ls"}}) {
    const Ran ran = lab_.house().muster(words, seconds(20));
    text += "$ muster " + words.front() + "\n" + ran.out.substr(0, 6'000) + ran.err;
  }
  return text;
}

std::string ChaosRun::summary() {
  std::ostringstream text;
  text << "| what was done | times | longest |\n| --- | --- | --- |\n";
  for (const auto& [kind, count] : counts_) {
    text << "| " << kind << " | " << count.times;
    if (count.in_vain > 0) text << " (and " << count.in_vain << " with nothing there to do it to)";
    text << " | " << in_seconds(count.longest) << " |\n";
  }
  size_t by_itself = 0;
  for (KeptDaemon* daemon : lab_.daemons()) by_itself += daemon->ends_by_itself();
  const std::map<std::string, TaskLife> lives = fold_lives(log_);
  std::map<std::string, size_t> attempts;
  std::map<std::string, size_t> verdicts;
  for (const Event& event : log_) {
    const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body);
    if (ended == nullptr) continue;
    const Ending& ending = ended->ending;
    std::string word(to_string(ending.outcome));
    if (ending.outcome != Outcome::pass) word += "/" + std::string(to_string(ending.cause));
    ++attempts[word];
  }
  for (const auto& [guid, life] : lives) ++verdicts[std::string(to_string(life.verdict))];
  const auto list = [&](const std::map<std::string, size_t>& counts) {
    std::string words;
    for (const auto& [word, count] : counts) {
      words += (words.empty() ? "" : ", ") + std::to_string(count) + " " + word;
    }
    return words;
  };
  text << "\nSeed " << options_.seed << ", " << options_.minutes << " min, " << rounds_
       << " rounds; disks: " << describe(options_.disks) << ".\n"
       << lives.size() << " tasks, " << submitters_.accepted().size() << " of them handed in by "
       << submitters_.tries() << " submitters (" << list(verdicts)
       << "); attempts: " << list(attempts) << "; " << log_.size() << " events.\n"
       << "Daemons that ended by themselves, on a disk that failed, and were started again: "
       << by_itself << ".\nLongest recovery: " << in_seconds(longest_recovery_) << ", after "
       << longest_after_ << "; mean " << in_seconds(recoveries_ / (rounds_ + 1)) << ". Drained in "
       << in_seconds(drained_in_) << ".\n";
  return text.str();
}

}  // namespace muster
