// The laws of collectors/sink.h, run over every sink. A sink takes part by a SinkUnderTest and
//
//   INSTANTIATE_TEST_SUITE_P(Mine, SinkLaws, ::testing::Values(my_sink()), sink_name);
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "collectors/sink.h"
#include "io/file.h"
#include "tests/collectors/script.h"

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
    const Result<Done> done =
        sink.deliver(std::span(script_).subspan(begin, end - begin), {kLog, end});
    ASSERT_TRUE(done.ok()) << done.error();
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

// A crash in the delivery of script_[begin, end), at any point before its commit; then what was not
// committed comes again, in other batches.
TEST_P(SinkLaws, ACrashAnywhereLeavesNoTrace) {
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

// Files may grow to `bytes` only, while it lives: a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_P(SinkLaws, AFullDiskIsAnErrorAndLosesNothing) {
  const std::string expected = expected_effect(script_.size());
  for (const size_t begin : {0u, 7u, 30u}) {
    const std::string place = new_place();
    const std::unique_ptr<Sink> sink = open_sink(place, 0);
    if (begin > 0) deliver(*sink, 0, begin);
    for (const rlim_t bytes : {0u, 1u, 100u, 3'000u}) {
      const FileSizeLimit limit(bytes);
      const std::span<const SequencedEvent> rest = std::span(script_).subspan(begin);
      const Result<Done> done = sink->deliver(rest, {kLog, script_.size()});
      ASSERT_FALSE(done.ok()) << bytes;
      EXPECT_NE(done.error().find(place), std::string::npos) << done.error();
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
  EXPECT_FALSE(sink->deliver(script_, {kLog, script_.size()}).ok());
}

TEST_P(SinkLaws, AnImpossiblePlaceIsAnError) {
  const std::string place = new_place();
  write_files(place, {{"in-the-way", ""}});
  const std::unique_ptr<Sink> sink = GetParam().make(place + "/in-the-way");
  const Result<SinkPosition> position = sink->open();
  ASSERT_FALSE(position.ok());
  EXPECT_NE(position.error().find("in-the-way"), std::string::npos) << position.error();
}

}  // namespace muster
