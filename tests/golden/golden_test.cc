// The stored bytes of every message, event and part. tests/golden/README.md says what they hold us
// to.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "io/codec.h"
#include "tests/support/round_trip.h"
#include "tests/support/samples.h"
#include "tests/support/samples_snapshot.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

using Encoded = samples::Named<Bytes>;

// What is stored under tests/golden/NAME/VERSION.
struct Kind {
  std::string name;
  std::string version_now;  // what this build writes; older ones it still reads
  std::vector<Encoded> samples;
  RoundTrip (*round_trip)(std::string_view);
  std::string (*dump)(std::string_view);

  fs::path directory() const { return fs::path(MUSTER_SOURCE_DIR) / "tests/golden" / name; }
};

template <typename T, typename Encode>
std::vector<Encoded> encoded(const std::vector<samples::Named<T>>& values, Encode encode) {
  std::vector<Encoded> all;
  for (const auto& [name, value] : values) all.push_back({name, encode(value)});
  return all;
}

std::vector<Kind> kinds() {
  const auto block_of = [](const Event& event) { return encode_block(1234, {&event, 1}); };
  return {
      {"wire", "v7", encoded(samples::messages(), encode_message), round_trip_message,
       dump_message},
      {"events", "v5", encoded(samples::events(), block_of), round_trip_block, dump_block},
      {"report", "v4", encoded(samples::reports(), encode_report), round_trip_report, dump_report},
      {"work", "v4", encoded(samples::works(), encode_work), round_trip_work, dump_work},
      {"strategy",
       "v2",
       {{"linux_host", encode_strategy(samples::strategy())},
        {"android_phone", encode_strategy(samples::repair_strategy())}},
       round_trip_strategy,
       dump_strategy},
      {"snapshot", "v2", encoded(samples::snapshot_records(), encode_snapshot_record),
       round_trip_snapshot_record, dump_snapshot_record}};
}

std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// True when the file is there. A missing one is written if that is asked for; none is ever changed.
bool ensure(const fs::path& path, const std::string& bytes) {
  if (fs::exists(path)) return true;
  if (!std::getenv("MUSTER_REWRITE_GOLDEN")) return false;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return fs::exists(path);
}

// codec_test holds that a sample's encoding decodes to the sample; so equal bytes say it of these.
TEST(Golden, EverySampleIsStoredByteForByte) {
  for (const Kind& kind : kinds()) {
    for (const Encoded& sample : kind.samples) {
      const fs::path bin = kind.directory() / kind.version_now / (sample.name + ".bin");
      EXPECT_TRUE(ensure(bin, sample.value) &&
                  ensure(fs::path(bin).replace_extension(".txt"), kind.dump(sample.value)))
          << bin << " or its .txt is missing: run golden_tests with MUSTER_REWRITE_GOLDEN=1";
      EXPECT_EQ(contents(bin), sample.value)
          << bin << ": the encoding has changed, see tests/golden/README.md";
    }
  }
}

// The words of a text, without what depends on its layout.
std::vector<std::string> words(std::string text) {
  for (char& c : text) {
    if (std::string_view(",()[]").find(c) != std::string_view::npos) c = ' ';
  }
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// A field that was added since shows up in the text of an old file, with its default.
bool only_gained_words(const std::string& before, const std::string& now) {
  const auto old_words = words(before);
  size_t found = 0;
  for (const std::string& word : words(now)) {
    if (found < old_words.size() && word == old_words[found]) ++found;
  }
  return found == old_words.size();
}

// Also files of older versions, and those whose sample is gone.
TEST(Golden, EveryFileStillDecodesAndReadsAsItsText) {
  for (const Kind& kind : kinds()) {
    size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(kind.directory())) {
      const fs::path bin = entry.path();
      if (bin.extension() != ".bin") continue;
      SCOPED_TRACE(bin);
      ++files;
      const std::string bytes = contents(bin);
      const std::string text = contents(fs::path(bin).replace_extension(".txt"));
      EXPECT_EQ(kind.round_trip(bytes), RoundTrip::equal);
      if (bin.parent_path().filename() == kind.version_now) {
        EXPECT_EQ(kind.dump(bytes), text);
      } else {
        EXPECT_TRUE(only_gained_words(text, kind.dump(bytes))) << kind.dump(bytes);
      }
    }
    EXPECT_GE(files, kind.samples.size()) << kind.name;
  }
}

TEST(Golden, OnlyGainedWords) {
  EXPECT_TRUE(only_gained_words("(a = 1)", "( a = 1,\n  b = 0 )"));
  EXPECT_TRUE(only_gained_words("(a = 1, c = 2)", "(a = 1, b = 0, c = 2)"));
  EXPECT_FALSE(only_gained_words("(a = 1, c = 2)", "(a = 1, c = 3)"));
  EXPECT_FALSE(only_gained_words("(a = 1, c = 2)", "(a = 1)"));
}

TEST(Golden, NoTypeOfEventStoredIsUnknown) {
  const auto all = kinds();  // the samples must outlive the loop
  for (const Encoded& sample : all[1].samples) {
    const Result<Block> block = decode_block(sample.value);
    ASSERT_TRUE(block) << sample.name << ": " << block.error();
    EXPECT_TRUE(block->unknown.empty()) << sample.name;
  }
}

TEST(Golden, EveryKindOfMessageHasASample) {
  EXPECT_EQ(kinds()[0].samples.size(), std::variant_size_v<Message>);
}

}  // namespace
}  // namespace muster
