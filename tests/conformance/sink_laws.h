// The laws of collectors/sink.h, run over every sink. A sink takes part by a SinkUnderTest and
//
//   INSTANTIATE_TEST_SUITE_P(Mine, SinkLaws, ::testing::Values(my_sink()), sink_name);
//   INSTANTIATE_TEST_SUITE_P(Mine, SinkRunnerLaws, ::testing::Values(my_sink()), sink_name);
//
// and likewise SinkFileLaws when the place has files in which it keeps its cursor.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "collectors/sink.h"
#include "io/file.h"
#include "tests/collectors/runner_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/file_size_limit.h"

namespace muster {

struct SinkUnderTest {
  std::string name;
  // A sink whose place is `dir`, not opened yet.
  std::function<std::unique_ptr<Sink>(const std::string& dir)> make;
  // Everything that people see of it there, in a canonical form; not its cursor.
  std::function<std::string(const std::string& dir)> effect;
  // True for a file (relative to the place) in which the cursor is kept: after a crash before the
  // commit it still has its old bytes, while other files may have any part of their new ones.
  std::function<bool(const std::string& file)> is_state;
  // Sizes that no file may exceed, each of which makes a delivery fail.
  std::vector<rlim_t> full_disks = {0, 1, 100, 3'000};
};

inline std::string sink_name(const ::testing::TestParamInfo<SinkUnderTest>& info) {
  return info.param.name;
}
inline void PrintTo(const SinkUnderTest& sink, std::ostream* out) { *out << sink.name; }

class SinkLaws : public ::testing::TestWithParam<SinkUnderTest> {
 protected:
  using Files = std::map<std::string, std::string>;  // by path relative to the place
  static constexpr const char* kLog = "the-log";

  SinkLaws() {
    // In memory where there is such a place: thousands of syncs are not what is tested here.
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern =
        (in_memory ? std::string("/dev/shm/") : ::testing::TempDir()) + "sink-laws-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~SinkLaws() override { std::filesystem::remove_all(root_); }

  // A new, empty place.
  std::string new_place() {
    const std::string place = root_ + "/" + std::to_string(++places_);
    std::filesystem::create_directories(place);
    return place;
  }

  std::unique_ptr<Sink> open_sink(const std::string& place, uint64_t cursor) {
    std::unique_ptr<Sink> sink = GetParam().make(place);
    const Result<SinkPosition> position = sink->open();
    EXPECT_TRUE(position.ok()) << position.error();
    if (position.ok()) {
      EXPECT_EQ(position->cursor, cursor);
      EXPECT_EQ(position->log_id, cursor == 0 ? "" : kLog);
    }
    return sink;
  }

  // Delivers script_[begin, end).
  void deliver(Sink& sink, size_t begin, size_t end) {
    const Delivery done = sink.deliver(std::span(script_).subspan(begin, end - begin), {kLog, end});
    ASSERT_TRUE(done.ok()) << done.reason;
  }

  // What an undisturbed sink shows after script_[0, end).
  std::string expected_effect(size_t end) {
    const std::string place = new_place();
    deliver(*open_sink(place, 0), 0, end);
    return GetParam().effect(place);
  }

  static Files read_files(const std::string& place) {
    Files files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
      if (!entry.is_regular_file()) continue;
      files[entry.path().lexically_relative(place)] = *read_file(entry.path(), 64 << 20);
    }
    return files;
  }

  // Makes the place hold exactly `files`.
  static void write_files(const std::string& place, const Files& files) {
    std::filesystem::remove_all(place);
    std::filesystem::create_directories(place);
    for (const auto& [name, bytes] : files) {
      const std::filesystem::path path = std::filesystem::path(place) / name;
      std::filesystem::create_directories(path.parent_path());
      UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
      ASSERT_TRUE(write_all(fd.get(), bytes).ok());
    }
  }

  // Ways a place may look when the process died in a delivery that took it from `before` to
  // `after`, without its commit: some files not written, one written in part.
  std::vector<Files> crash_points(const Files& before, const Files& after) {
    std::vector<Files> points = {before};
    Files written = before;
    for (const auto& [name, bytes] : after) {
      const auto old = before.find(name);
      if (GetParam().is_state(name) || (old != before.end() && old->second == bytes)) continue;
      const size_t kept = old == before.end() ? 0 : old->second.size();
      for (const size_t length : {kept, kept + 1, (kept + bytes.size()) / 2, bytes.size() - 1}) {
        written[name] = bytes.substr(0, length);
        points.push_back(written);
      }
      written[name] = bytes;
      points.push_back(written);
      written[name] = bytes + "what a torn write left behind";
      points.push_back(written);
    }
    return points;
  }

  std::string root_;
  int places_ = 0;
  std::vector<SequencedEvent> script_ = make_script();
};

TEST_P(SinkLaws, ANewPlaceHasNoPosition) {
  const std::string place = new_place();
  open_sink(place, 0);
  open_sink(place, 0);
}

TEST_P(SinkLaws, ThePositionSurvives) {
  const std::string place = new_place();
  for (size_t i = 0; i < script_.size(); ++i) {
    deliver(*open_sink(place, i), i, i + 1);
  }
  EXPECT_EQ(open_sink(place, script_.size())->open()->cursor, script_.size());
  EXPECT_EQ(GetParam().effect(place), expected_effect(script_.size()));
}

TEST_P(SinkLaws, TheCursorMovesWithoutEvents) {
  const std::string place = new_place();
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  ASSERT_TRUE(sink->deliver({}, {kLog, 17}).ok());
  open_sink(place, 17);
}

TEST_P(SinkLaws, BatchesMakeNoDifference) {
  const std::string expected = expected_effect(script_.size());
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const std::string place = new_place();
    const std::unique_ptr<Sink> sink = open_sink(place, 0);
    for (size_t begin = 0; begin < script_.size();) {
      const size_t end = std::min<size_t>(script_.size(), begin + 1 + random() % 12);
      deliver(*sink, begin, end);
      begin = end;
    }
    EXPECT_EQ(GetParam().effect(place), expected);
  }
}

TEST_P(SinkLaws, ARepeatIsHarmless) {
  const std::string expected = expected_effect(script_.size());
  const std::string place = new_place();
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  deliver(*sink, 0, 20);
  deliver(*sink, 0, 20);   // all of it again
  deliver(*sink, 10, 30);  // half of it again
  // Only what is long past.
  ASSERT_TRUE(sink->deliver(std::span(script_).first(10), {kLog, 30}).ok());
  EXPECT_EQ(GetParam().effect(place), expected_effect(30));
  ASSERT_TRUE(sink->open().ok());
  deliver(*sink, 5, script_.size());
  EXPECT_EQ(GetParam().effect(place), expected);
}

// Of sinks that keep what they need to go on in files.
class SinkFileLaws : public SinkLaws {};

// A crash in the delivery of script_[begin, end), at any point before its commit; then what was not
// committed comes again, in other batches.
TEST_P(SinkFileLaws, ACrashAnywhereLeavesNoTrace) {
  const std::string expected = expected_effect(script_.size());
  for (const size_t batch : {1, 7, 25}) {
    const std::string place = new_place();
    for (size_t begin = 0; begin < script_.size(); begin += batch) {
      const size_t end = std::min(script_.size(), begin + batch);
      const Files before = read_files(place);
      deliver(*open_sink(place, begin), begin, end);
      const Files after = read_files(place);
      for (const Files& files : crash_points(before, after)) {
        write_files(place, files);
        const std::unique_ptr<Sink> sink = open_sink(place, begin);
        deliver(*sink, begin, std::min(begin + 2, script_.size()));
        deliver(*sink, begin, script_.size());
        ASSERT_EQ(GetParam().effect(place), expected) << "batch of " << batch << " at " << begin;
      }
      write_files(place, after);
    }
  }
}

TEST_P(SinkFileLaws, AFullDiskIsAnErrorAndLosesNothing) {
  const std::string expected = expected_effect(script_.size());
  for (const size_t begin : {0u, 7u, 30u}) {
    const std::string place = new_place();
    const std::unique_ptr<Sink> sink = open_sink(place, 0);
    if (begin > 0) deliver(*sink, 0, begin);
    for (const rlim_t bytes : GetParam().full_disks) {
      const FileSizeLimit limit(bytes);
      const std::span<const SequencedEvent> rest = std::span(script_).subspan(begin);
      const Delivery done = sink->deliver(rest, {kLog, script_.size()});
      ASSERT_EQ(done.fault, DeliveryFault::away) << bytes;
      EXPECT_NE(done.reason.find(place), std::string::npos) << done.reason;
      // It may or may not open while the disk is full, but it never pretends.
      const Result<SinkPosition> position = sink->open();
      EXPECT_TRUE(!position.ok() || position->cursor == begin);
    }
    const Result<SinkPosition> position = sink->open();
    ASSERT_TRUE(position.ok()) << position.error();
    ASSERT_EQ(position->cursor, begin);
    deliver(*sink, begin, script_.size());
    EXPECT_EQ(GetParam().effect(place), expected);
  }
}

TEST_P(SinkLaws, ADeliveryToAClosedSinkIsAnError) {
  const std::unique_ptr<Sink> sink = GetParam().make(new_place());
  EXPECT_EQ(sink->deliver(script_, {kLog, script_.size()}).fault, DeliveryFault::away);
}

TEST_P(SinkLaws, AnImpossiblePlaceIsAnError) {
  const std::string place = new_place();
  write_files(place, {{"in-the-way", ""}});
  const std::unique_ptr<Sink> sink = GetParam().make(place + "/in-the-way");
  const Result<SinkPosition> position = sink->open();
  ASSERT_FALSE(position.ok());
  EXPECT_NE(position.error().find("in-the-way"), std::string::npos) << position.error();
}

TEST_P(SinkLaws, ARewindWritesThePlaceAnew) {
  const std::string expected = expected_effect(script_.size());
  const std::string place = new_place();
  ASSERT_TRUE(GetParam().make(place)->rewind({kLog, 0}).ok());  // of nothing
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  for (const size_t before : {script_.size(), size_t{13}}) {
    deliver(*sink, 0, before);
    const Result<Done> rewound = sink->rewind({kLog, 0});
    ASSERT_TRUE(rewound.ok()) << rewound.error();
    const Result<SinkPosition> position = sink->open();
    ASSERT_TRUE(position.ok()) << position.error();
    EXPECT_EQ(*position, (SinkPosition{kLog, 0}));
    deliver(*sink, 0, 7);
    deliver(*sink, 7, script_.size());
    EXPECT_EQ(GetParam().effect(place), expected);
    ASSERT_TRUE(sink->rewind({kLog, 0}).ok());
    ASSERT_TRUE(sink->open().ok());
  }
}

TEST_P(SinkLaws, ARewindToTheMiddleIsDoneOrRefused) {
  const std::string expected = expected_effect(script_.size());
  const std::string place = new_place();
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  deliver(*sink, 0, script_.size());
  const Result<Done> rewound = sink->rewind({kLog, 9});
  const Result<SinkPosition> position = sink->open();
  ASSERT_TRUE(position.ok()) << position.error();
  EXPECT_EQ(position->cursor, rewound.ok() ? 9 : script_.size());
  deliver(*sink, position->cursor, script_.size());
  EXPECT_EQ(GetParam().effect(place), expected);
}

TEST_P(SinkLaws, ARewindForwardIsAnErrorAndChangesNothing) {
  const std::string expected = expected_effect(script_.size());
  const std::string place = new_place();
  EXPECT_FALSE(GetParam().make(place)->rewind({kLog, 3}).ok());  // of nothing
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  deliver(*sink, 0, 13);
  for (const uint64_t cursor : {uint64_t{14}, uint64_t{1'000'000}, UINT64_MAX}) {
    EXPECT_FALSE(sink->rewind({kLog, cursor}).ok()) << cursor;
    const Result<SinkPosition> position = sink->open();
    ASSERT_TRUE(position.ok()) << position.error();
    EXPECT_EQ(*position, (SinkPosition{kLog, 13}));
  }
  EXPECT_FALSE(GetParam().make(place)->rewind({kLog, 14}).ok());  // nor of one that is closed
  deliver(*open_sink(place, 13), 13, script_.size());
  EXPECT_EQ(GetParam().effect(place), expected);
}

// A replay from another lab's broker emptied it, when it was closed or the broker was away.
TEST_P(SinkLaws, ARewindInAnotherLogIsAnErrorAndChangesNothing) {
  const std::string place = new_place();
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  deliver(*sink, 0, script_.size());
  const std::string before = GetParam().effect(place);
  const Result<Done> rewound = sink->rewind({"another-log", 0});
  ASSERT_FALSE(rewound.ok());
  EXPECT_NE(rewound.error().find("the broker has another event log (another-log)"),
            std::string::npos)
      << rewound.error();
  EXPECT_FALSE(GetParam().make(place)->rewind({"another-log", 0}).ok());  // closed
  const Result<SinkPosition> position = sink->open();
  ASSERT_TRUE(position.ok()) << position.error();
  EXPECT_EQ(*position, (SinkPosition{kLog, script_.size()}));
  EXPECT_EQ(GetParam().effect(place), before);
}

TEST_P(SinkLaws, AnEventOutOfItsTurnIsTakenOnceOrRefused) {
  const std::string expected = expected_effect(script_.size());
  const std::string place = new_place();
  const std::unique_ptr<Sink> sink = open_sink(place, 0);
  deliver(*sink, 0, script_.size());
  for (const size_t i : {0u, 11u, 11u, 20u}) {
    const Delivery done = sink->deliver_again({&script_[i], 1}, kLog);
    EXPECT_NE(done.fault, DeliveryFault::away) << done.reason;
  }
  EXPECT_EQ(GetParam().effect(place), expected);
  EXPECT_EQ(sink->open()->cursor, script_.size());
}

// --- under a SinkRunner, with poison and crashes --------------------------------------------

struct Crash {};

// A sink in front of a place that refuses some events for good; the process dies in one of its
// calls, before that has its effect or after.
class FragileSink final : public Sink {
 public:
  FragileSink(std::unique_ptr<Sink> inner, std::set<uint64_t> poison)
      : inner_(std::move(inner)), poison_(std::move(poison)) {}

  std::string_view name() const override { return inner_->name(); }
  std::string place() const override { return inner_->place(); }
  BatchLimits limits() const override { return {8, 1 << 20}; }
  Result<SinkPosition> open() override { return inner_->open(); }
  Result<Done> rewind(const SinkPosition& to) override { return inner_->rewind(to); }

  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override {
    ++calls;
    if (calls == dies_before) throw Crash();
    const bool refused = std::any_of(events.begin(), events.end(), [&](const SequencedEvent& at) {
      return poison_.contains(at.seq);
    });
    Delivery done = refused ? Delivery::refused("poison") : inner_->deliver(events, position);
    if (done.ok()) {
      for (const SequencedEvent& at : events) taken.push_back(at.seq);
    }
    if (calls == dies_after) throw Crash();
    return done;
  }

  size_t calls = 0;
  size_t dies_before = 0;
  size_t dies_after = 0;
  std::vector<uint64_t> taken;

 private:
  std::unique_ptr<Sink> inner_;
  std::set<uint64_t> poison_;
};

class SinkRunnerLaws : public SinkLaws {
 protected:
  // Poison that stands alone, in a row, first and last.
  const std::set<uint64_t> poison_ = {1, 12, 20, 21, 22, script_.size()};

  // Runs what is left of the script into the sink at `place` as a new process would. False when it
  // died.
  bool run_process(const std::string& place, FragileSink& sink) {
    RunnerKit kit;
    DeadLetters letters(letters_of(place), std::string(sink.name()));
    std::vector<Event> events;
    for (const SequencedEvent& at : script_) events.push_back(at.event);
    const auto answer = blocks(script_.size(), {encode_block(1, events)}, SinkLaws::kLog);
    ScriptedSource source(kit.stop, {answer, answer});
    SinkRunnerOptions options;
    options.backoff = {Duration(0), Duration(0)};
    options.random = [] { return 0; };
    options.log_problem = [](const std::string& text) { ADD_FAILURE() << text; };
    options.log_news = [](const std::string&) {};
    SinkRunner runner(sink, source, letters, kit.desk, kit.stop, kit.clock, options);
    try {
      runner.run();
    } catch (const Crash&) {
      return false;
    }
    return true;
  }

  static std::string letters_of(const std::string& place) { return place + ".dead/letters.jsonl"; }

  FragileSink fragile(const std::string& place) const {
    return FragileSink(GetParam().make(place), poison_);
  }

  // What a sink shows that was never given the poison.
  std::string effect_without_poison() {
    const std::string place = new_place();
    const std::unique_ptr<Sink> sink = open_sink(place, 0);
    std::vector<SequencedEvent> rest = script_;
    std::erase_if(rest, [&](const SequencedEvent& at) { return poison_.contains(at.seq); });
    EXPECT_TRUE(sink->deliver(rest, {SinkLaws::kLog, script_.size()}).ok());
    return GetParam().effect(place);
  }

  void expect_all_well(const std::string& place, const std::string& expected) {
    EXPECT_EQ(GetParam().effect(place), expected);
    EXPECT_EQ(open_sink(place, script_.size())->open()->cursor, script_.size());
    std::set<uint64_t> buried;
    for (const auto& [seq, answer] : read_letters(letters_of(place))) buried.insert(seq);
    EXPECT_EQ(buried, poison_);
  }

  // As if the process had died while it wrote its newest letter: the place has not moved past that
  // letter's event.
  void tear_newest_letter(const std::string& place) {
    const std::map<uint64_t, std::string> letters = read_letters(letters_of(place));
    const Result<SinkPosition> position = GetParam().make(place)->open();
    ASSERT_TRUE(position.ok());
    if (letters.empty() || letters.rbegin()->first <= position->cursor) return;
    const std::string text = *read_file(letters_of(place), 1 << 20);
    const size_t begin = text.substr(0, text.size() - 1).rfind('\n') + 1;  // 0: the only line
    const auto length = static_cast<std::uintmax_t>(begin + (text.size() - begin) / 2);
    std::filesystem::resize_file(letters_of(place), length);
    ++torn_;
  }

  int torn_ = 0;
};

TEST_P(SinkRunnerLaws, PoisonEndsInTheDeadLettersAndNowhereElse) {
  const std::string place = new_place();
  FragileSink sink = fragile(place);
  ASSERT_TRUE(run_process(place, sink));
  expect_all_well(place, effect_without_poison());
  EXPECT_TRUE(std::is_sorted(sink.taken.begin(), sink.taken.end()));
}

TEST_P(SinkRunnerLaws, ACrashAtAnyStepLosesAndDoublesNothing) {
  const std::string expected = effect_without_poison();
  bool died = true;
  for (size_t step = 1; died; ++step) {
    for (const bool before : {true, false}) {
      for (const bool tear : {false, true}) {
        SCOPED_TRACE("dies " + std::string(before ? "before" : "after") + " step " +
                     std::to_string(step) + (tear ? ", in the midst of a letter" : ""));
        const std::string place = new_place();
        FragileSink first = fragile(place);
        (before ? first.dies_before : first.dies_after) = step;
        died = !run_process(place, first);
        if (tear) tear_newest_letter(place);
        FragileSink second = fragile(place);
        ASSERT_TRUE(run_process(place, second));
        expect_all_well(place, expected);
        EXPECT_TRUE(std::is_sorted(second.taken.begin(), second.taken.end()));
      }
    }
  }
  EXPECT_GE(torn_, 6);  // every letter once, at least
}

}  // namespace muster
