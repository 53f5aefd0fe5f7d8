#include "collectors/dead_letters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"
#include "tests/collectors/letters.h"
#include "tests/collectors/script.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class DeadLettersTest : public ::testing::Test {
 protected:
  void bury(DeadLetters& letters, uint64_t seq) const {
    const Result<Done> done =
        letters.bury("log-a", script_[seq - 1], "no " + std::to_string(seq), script_time(99));
    ASSERT_TRUE(done.ok()) << done.error();
  }
  std::string text() const { return *read_file(file_, 1 << 20); }

  Scratch scratch_;
  std::string file_ = scratch_ / "dead/couchdb.jsonl";
  std::vector<SequencedEvent> script_ = make_script();
};

TEST_F(DeadLettersTest, SurviveAndAreReadBack) {
  {
    DeadLetters letters(file_, "couchdb");
    ASSERT_TRUE(letters.open().ok());
    EXPECT_FALSE(letters.snapshot().first.valid());
    for (const uint64_t seq : {4, 9, 17}) bury(letters, seq);
    bury(letters, 9);  // again: it stays one
  }
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  EXPECT_EQ(letters.count(), 3u);
  EXPECT_TRUE(letters.contains("log-a", 9));
  EXPECT_FALSE(letters.contains("log-b", 9));
  EXPECT_FALSE(letters.contains("log-a", 10));
  EXPECT_THAT(read_letters(file_),
              ElementsAre(Pair(4, "no 4"), Pair(9, "no 9"), Pair(17, "no 17")));
  for (const uint64_t seq : {4, 9, 17}) {
    const auto letter = letters.read(seq);
    ASSERT_TRUE(letter.ok()) << letter.error();
    EXPECT_EQ(letter->first, "log-a");
    EXPECT_EQ(letter->second.seq, seq);
    EXPECT_EQ(letter->second.event, script_[seq - 1].event);
  }
  EXPECT_THAT(text(), HasSubstr(R"("buried":"2026-09-21T14:14:59.000000Z")"));
}

TEST_F(DeadLettersTest, AreTakenAway) {
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  for (const uint64_t seq : {4, 9, 17, 18}) bury(letters, seq);
  ASSERT_TRUE(letters.remove({9, 18, 1'000}).ok());
  EXPECT_THAT(*letters.choose({}), ElementsAre(4, 17));
  bury(letters, 20);
  EXPECT_EQ(letters.read(20)->second.event, script_[19].event);
  EXPECT_EQ(letters.read(17)->second.event, script_[16].event);
  EXPECT_THAT(letters.read(9).error(), HasSubstr("couchdb has no dead letter 9"));
  EXPECT_THAT(letters.choose({4, 9}).error(), HasSubstr("no dead letter 9"));
  EXPECT_THAT(*letters.choose({20, 4, 4}), ElementsAre(4, 20));
  ASSERT_TRUE(letters.remove(*letters.choose({})).ok());
  EXPECT_EQ(text(), "");
  DeadLetters again(file_, "couchdb");
  ASSERT_TRUE(again.open().ok());
  EXPECT_EQ(again.count(), 0u);
}

// Cut at every byte: what is whole is kept, and what was torn can be buried again.
TEST_F(DeadLettersTest, ATornLetterIsNone) {
  {
    DeadLetters letters(file_, "couchdb");
    ASSERT_TRUE(letters.open().ok());
    bury(letters, 4);
    bury(letters, 9);
  }
  const std::string whole = text();
  const size_t first = whole.find('\n') + 1;
  for (size_t length = 0; length < whole.size(); ++length) {
    ASSERT_TRUE(write_file_atomically(file_, whole.substr(0, length)).ok());
    DeadLetters letters(file_, "couchdb");
    ASSERT_TRUE(letters.open().ok()) << length;
    EXPECT_EQ(letters.count(), length >= first ? 1u : 0u);
    bury(letters, 4);
    bury(letters, 9);
    EXPECT_EQ(read_letters(file_).size(), 2u);
    EXPECT_EQ(text().size(), whole.size());
  }
}

TEST_F(DeadLettersTest, ADamagedLineIsSaid) {
  ASSERT_TRUE(make_dirs(scratch_ / "dead").ok());
  for (const char* line : {"nonsense", "{}", "[]", R"({"schema":"muster.dead_letter/1"})",
                           R"({"schema":"muster.dead_letter/2","seq":1})",
                           R"({"schema":"muster.dead_letter/1","seq":-1})"}) {
    ASSERT_TRUE(write_file_atomically(file_, std::string(line) + "\n").ok());
    DeadLetters letters(file_, "couchdb");
    const Result<Done> done = letters.open();
    ASSERT_FALSE(done.ok()) << line;
    EXPECT_THAT(done.error(), HasSubstr(file_ + ":1: is no dead letter"));
    EXPECT_FALSE(letters.bury("log-a", script_[0], "no", script_time(1)).ok());
  }
}

TEST_F(DeadLettersTest, ADamagedBlockIsSaid) {
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  bury(letters, 4);
  std::string damaged = text();
  const size_t block = damaged.find("\"block\":\"") + 9;
  damaged.replace(block, 4, "????");
  ASSERT_TRUE(write_file_atomically(file_, damaged).ok());
  EXPECT_THAT(letters.read(4).error(), HasSubstr("dead letter 4 is damaged"));
  ASSERT_TRUE(write_file_atomically(file_, damaged.substr(0, 50)).ok());
  EXPECT_THAT(letters.read(4).error(), HasSubstr("did somebody change it?"));
  EXPECT_FALSE(letters.remove({5, 4}).ok() && letters.read(4).ok());
}

TEST_F(DeadLettersTest, LettersOfAnotherLogStandInTheWay) {
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  bury(letters, 4);
  const Result<Done> done = letters.bury("log-b", script_[3], "no", script_time(1));
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error(), HasSubstr("holds letters of another log"));
}

TEST_F(DeadLettersTest, AreBounded) {
  std::string line = R"({"schema":"muster.dead_letter/1","sink":"couchdb","log":"log-a","seq":)";
  std::string full;
  for (size_t i = 1; i < kDeadLettersMax; ++i) full += line + std::to_string(1'000 + i) + "}\n";
  ASSERT_TRUE(make_dirs(scratch_ / "dead").ok());
  ASSERT_TRUE(write_file_atomically(file_, full).ok());
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  bury(letters, 1);  // the last that fits
  const Result<Done> done = letters.bury("log-a", script_[1], "no more", script_time(1));
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error(), HasSubstr("is full, with 10000 letters; the newest refusal: no more"));
}

}  // namespace
}  // namespace muster
