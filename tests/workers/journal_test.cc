// The journal of a supervised attempt, cut and damaged at every byte.
#include "workers/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/io/scratch.h"

namespace muster {
namespace {

const AttemptToken kToken{"journal-test-1", 3};
constexpr Instant kTime{std::chrono::hours(500'000)};

class JournalTest : public ScratchFiles {
 protected:
  // A journal of three reports, and the sizes that it had after each.
  std::vector<uint64_t> write_three() {
    JournalWriter writer;
    EXPECT_TRUE(writer.open(path("journal")).ok());
    std::vector<uint64_t> sizes = {0};
    for (const char* line : {"one", "two", "three"}) {
      writer.append(kToken, kTime, Record{"INFO", "", "", {}, line});
      sizes.push_back(writer.size());
    }
    EXPECT_TRUE(writer.flushed());
    return sizes;
  }
  static std::vector<std::string> lines(const std::vector<Report>& reports) {
    std::vector<std::string> lines;
    for (const Report& report : reports) lines.push_back(std::get<Record>(report.body).message);
    return lines;
  }
  std::string bytes() const {
    std::ifstream stream(path("journal"), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
};

TEST_F(JournalTest, GivesBackWhatWasWrittenWithItsTimeAndNumber) {
  const std::vector<uint64_t> sizes = write_three();
  JournalReader reader(path("journal"));
  const std::vector<Report> reports = reader.read_some();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[2].seq, 3u);
  EXPECT_EQ(reports[2].token, kToken);
  EXPECT_EQ(reports[2].time, kTime);
  EXPECT_EQ(reader.offset(), sizes[3]);
  EXPECT_TRUE(reader.read_some().empty());
}

TEST_F(JournalTest, AReaderGoesOnWhereAnEarlierOneWas) {
  const std::vector<uint64_t> sizes = write_three();
  EXPECT_EQ(lines(JournalReader(path("journal"), sizes[1]).read_some()),
            (std::vector<std::string>{"two", "three"}));
}

TEST_F(JournalTest, CutAnywhereAnotherWriterGoesOnWithIt) {
  const std::vector<uint64_t> sizes = write_three();
  const std::string whole = bytes();
  for (uint64_t cut = 0; cut <= whole.size(); ++cut) {
    write("journal", whole.substr(0, cut));
    JournalWriter writer;
    ASSERT_TRUE(writer.reopen(path("journal")).ok());
    writer.append(kToken, kTime, Record{"INFO", "", "", {}, "more"});
    const std::vector<Report> reports = JournalReader(path("journal")).read_some();
    const auto kept = std::upper_bound(sizes.begin(), sizes.end(), cut) - sizes.begin();
    ASSERT_EQ(reports.size(), static_cast<size_t>(kept)) << cut;
    EXPECT_EQ(lines(reports).back(), "more");
    EXPECT_EQ(reports.back().seq, reports.size());
  }
}

TEST_F(JournalTest, AReaderSeesWhatIsAddedLater) {
  JournalReader reader(path("journal"));
  EXPECT_TRUE(reader.read_some().empty()) << "there is no file yet";
  write_three();
  EXPECT_EQ(reader.read_some().size(), 3u);
}

TEST_F(JournalTest, CutAnywhereItHoldsWhatWasBeforeTheCut) {
  const std::vector<uint64_t> sizes = write_three();
  for (uint64_t cut = 0; cut <= sizes[3]; ++cut) {
    std::filesystem::resize_file(path("journal"), cut);
    const size_t whole =
        static_cast<size_t>(std::upper_bound(sizes.begin(), sizes.end(), cut) - sizes.begin() - 1);
    JournalReader reader(path("journal"));
    EXPECT_EQ(reader.read_some().size(), whole) << cut;
    EXPECT_EQ(reader.offset(), sizes[whole]) << cut;
    std::filesystem::remove(path("journal"));
    write_three();
  }
}

TEST_F(JournalTest, AByteThatIsWrongIsNeverTakenForAReport) {
  const std::vector<uint64_t> sizes = write_three();
  const std::string whole = bytes();
  for (uint64_t at = sizes[1]; at < sizes[2]; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    write("journal", damaged);
    JournalReader reader(path("journal"));
    EXPECT_EQ(lines(reader.read_some()), (std::vector<std::string>{"one"})) << at;
    EXPECT_EQ(reader.offset(), sizes[1]) << at;
  }
}

// Written by the first version: supervisors and workers of different versions meet.
TEST_F(JournalTest, TheBytesOfARecordNeverChange) {
  JournalWriter writer;
  ASSERT_TRUE(writer.open(path("journal")).ok());
  writer.append({"g-00000001", 1}, from_us(1), Progress{50, "half"});
  const std::string golden = [] {
    std::ifstream stream(MUSTER_SOURCE_DIR "/tests/golden/journal/v1/progress.bin",
                         std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }();
  EXPECT_EQ(bytes(), golden);
}

TEST_F(JournalTest, NeverWritesOverAnother) {
  write("journal", "");
  JournalWriter writer;
  EXPECT_FALSE(writer.open(path("journal")).ok());
}

}  // namespace
}  // namespace muster
