// Every transcript beside this file must come out as it stands. MUSTER_REWRITE=1 writes what came
// out instead, to be read with git diff.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/transcripts/driver.h"
#include "tests/transcripts/script.h"

namespace muster {
namespace {

std::vector<std::filesystem::path> find_transcripts() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(TRANSCRIPTS_DIR)) {
    if (entry.path().extension() == ".txt" && entry.path().filename() != "CMakeLists.txt") {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class TranscriptTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(TranscriptTest, ComesOutAsItStands) {
  const std::string expected = read_text(GetParam());
  Transcript transcript = parse_transcript(expected);
  ASSERT_FALSE(transcript.chunks.empty());
  Driver driver;
  for (Chunk& chunk : transcript.chunks) chunk.output = driver.run(chunk);
  const std::string actual = format_transcript(transcript);
  if (std::getenv("MUSTER_REWRITE") != nullptr) {
    std::ofstream(GetParam(), std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(actual, expected) << "if this is meant: MUSTER_REWRITE=1 ./dev test -R Transcript";
}

INSTANTIATE_TEST_SUITE_P(All, TranscriptTest, ::testing::ValuesIn(find_transcripts()),
                         [](const auto& tested) {
                           std::string name = tested.param.stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Script, SurvivesItsOwnFormat) {
  const std::string text =
      "# a comment\n\nhello p1 worker w1\nan argument\n----\nout 1\nout 2\n\n# the end\n";
  EXPECT_EQ(format_transcript(parse_transcript(text)), text);
}

}  // namespace
}  // namespace muster
