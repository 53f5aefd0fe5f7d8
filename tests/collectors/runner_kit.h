// What a SinkRunner needs, in memory and by script: a sink that fails and refuses when it is told
// to, a source, dead letters in a scratch directory, a clock that is moved by hand.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "collectors/sink_runner.h"
#include "io/codec.h"
#include "io/log_events.h"
#include "tests/collectors/letters.h"
#include "tests/collectors/script.h"
#include "tests/support/scratch.h"

namespace muster {

inline constexpr const char* kLog = "log-a";

class MemorySink : public Sink {
 public:
  std::string_view name() const override { return "memory"; }
  std::string place() const override { return "memory"; }
  BatchLimits limits() const override { return limits_; }
  Result<SinkPosition> open() override {
    ++opened;
    if (open_failures > 0) {
      --open_failures;
      return Error{"cannot open"};
    }
    is_open = true;
    return position;
  }
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& next) override {
    EXPECT_TRUE(is_open);
    if (deliver_failures > 0) {
      --deliver_failures;
      is_open = false;
      return pause_ends_by_order ? Delivery::away_until_order("disk full", *retry_after)
                                 : Delivery::away("disk full", retry_after);
    }
    if (during) during();
    std::vector<Refusal> refusals = poisoned(events);
    if (!refusals.empty()) {
      if (!names_poison) refusals.clear();
      return Delivery::refused("poison", std::move(refusals));
    }
    for (const SequencedEvent& at : undelivered(events, position.cursor)) {
      numbers.push_back(at.seq);
    }
    batches.push_back(events.size());
    position = next;
    return {};
  }
  Delivery deliver_again(std::span<const SequencedEvent> events, const std::string&) override {
    again_batches.push_back(events.size());
    std::vector<Refusal> refusals = poisoned(events);
    if (!refusals.empty() && names_poison) return refuse_named(std::move(refusals));
    if (!refusals.empty()) return Delivery::refused("poison");
    if (again_failures > 0) {
      --again_failures;
      return Delivery::away("disk full", retry_after);
    }
    for (const SequencedEvent& at : events) again.push_back(at.seq);
    return {};
  }
  Result<Done> pass_over(std::span<const SequencedEvent> events, const std::string&) override {
    for (const SequencedEvent& at : events) passed_over.push_back(at.seq);
    return Done{};
  }
  Result<Done> drop(std::span<const SequencedEvent> events, const std::string& log_id) override {
    if (drop_fails) return Error{"cannot forget"};
    for (const SequencedEvent& at : events) dropped.emplace_back(log_id, at.seq);
    return Done{};
  }
  Result<Done> rewind(const SinkPosition& to) override {
    if (to.cursor > position.cursor) return Error{"memory has not come so far"};
    if (Result<Done> done = check_history(*this, position, to); !done.ok()) return done;
    rewound.push_back(to.cursor);
    position.cursor = to.cursor;
    is_open = false;
    return Done{};
  }

  std::vector<Refusal> poisoned(std::span<const SequencedEvent> events) const {
    std::vector<Refusal> refusals;
    for (const SequencedEvent& at : events) {
      if (poison.contains(at.seq)) refusals.push_back({at.seq, "poison"});
    }
    return refusals;
  }

  BatchLimits limits_;
  SinkPosition position;
  std::vector<uint64_t> numbers;
  std::vector<size_t> batches;
  std::vector<uint64_t> again;
  std::vector<size_t> again_batches;
  std::vector<uint64_t> passed_over;
  std::vector<std::pair<std::string, uint64_t>> dropped;
  bool drop_fails = false;
  std::vector<uint64_t> rewound;
  std::set<uint64_t> poison;
  bool names_poison = false;
  int opened = 0;
  int open_failures = 0;
  int deliver_failures = 0;
  int again_failures = 0;
  std::optional<Duration> retry_after;  // the wish beside a failure
  bool pause_ends_by_order = false;     // of a delivery's failure
  std::function<void()> during;         // called in each delivery that does not fail
  bool is_open = false;
};

// Gives the scripted answers; then, as long as `at_end` says so, `repeat`; then raises the stop
// flag.
class ScriptedSource final : public BlockSource {
 public:
  using Answer = std::variant<FetchedBlocks, SourceError>;
  ScriptedSource(Stop& stop, std::deque<Answer> answers)
      : stop_(stop), answers_(std::move(answers)) {}

  std::string name() const override { return "the script"; }
  void note_done(uint64_t cursor) override { done_ = cursor; }
  Answer fetch(uint64_t from, Duration wait) override {
    told = done_;
    asked.push_back(from);
    waits.push_back(wait);
    if (answers_.empty()) {
      if (at_end && at_end()) return repeat;
      stop_.raise();
      return SourceError{SourceFault::stopped, "stopped"};
    }
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  // Gives `answer` at the end, until somebody else raises the stop.
  void go_on_with(Answer answer) {
    at_end = [this] { return !stop_.raised(); };
    repeat = std::move(answer);
  }

  std::vector<uint64_t> asked;
  std::vector<Duration> waits;
  uint64_t told = 0;  // with the newest fetch: what is done with
  std::function<bool()> at_end;
  Answer repeat;

 private:
  Stop& stop_;
  std::deque<Answer> answers_;
  uint64_t done_ = 0;
};

class SteppingClock final : public Clock {
 public:
  Instant now() override { return at += step; }
  Instant at = script_time(1'000);
  Duration step{0};
};

struct RunnerKit {
  RunnerKit() : letters(scratch.path() + "/dead/memory.jsonl", "memory") {}

  Scratch scratch;
  Stop stop;
  DeadLetters letters;
  SinkDesk desk{stop};
  SteppingClock clock;
  std::string history_file;  // empty: none
};

inline Event script_event(uint64_t seq) {
  return {script_time(seq), CancelRequested{"0194-some-task", "", ""}};
}

// Events first .. last as one block.
inline std::string block(uint64_t first, uint64_t last) {
  std::vector<Event> events;
  for (uint64_t seq = first; seq <= last; ++seq) events.push_back(script_event(seq));
  return encode_block(first, events);
}

inline FetchedBlocks blocks(uint64_t head, std::vector<std::string> bytes,
                            std::string log_id = kLog) {
  return {std::move(log_id), head, std::move(bytes)};
}

struct Journey {
  std::vector<std::string> problems;
  std::vector<std::string> news;
  std::vector<bool> quiet;  // of each problem and each piece of news: no event is made of it
  std::vector<uint64_t> asked;
  std::vector<Duration> waits;
  SinkStatus status;
  std::map<uint64_t, std::string> letters;  // by number, what the place said
};

inline Journey run(Sink& sink, ScriptedSource& source, RunnerKit& kit) {
  Journey journey;
  SinkRunnerOptions options;
  options.backoff = {Duration(0), Duration(0)};
  options.random = [] { return 0; };
  options.log_problem = [&](const std::string& text) {
    journey.problems.push_back(text);
    journey.quiet.push_back(QuietLog::is_on());
  };
  options.log_news = [&](const std::string& text) {
    journey.news.push_back(text);
    journey.quiet.push_back(QuietLog::is_on());
  };
  options.history_file = kit.history_file;
  SinkRunner(sink, source, kit.letters, kit.desk, kit.stop, kit.clock, options).run();
  journey.asked = source.asked;
  journey.waits = source.waits;
  journey.status = kit.desk.status();
  journey.letters = read_letters(kit.letters.file());
  return journey;
}

inline Journey run(Sink& sink, std::deque<ScriptedSource::Answer> answers, RunnerKit& kit) {
  ScriptedSource source(kit.stop, std::move(answers));
  return run(sink, source, kit);
}

inline Journey run(Sink& sink, std::deque<ScriptedSource::Answer> answers) {
  RunnerKit kit;
  return run(sink, std::move(answers), kit);
}

}  // namespace muster
