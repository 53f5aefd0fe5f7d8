#include "collectors/dead_letters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/limits.h"
#include "tests/collectors/letters.h"
#include "tests/collectors/script.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
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
    EXPECT_FALSE(letters.snapshot()->first.valid());
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
    EXPECT_EQ(letter->log_id, "log-a");
    EXPECT_EQ(letter->event.seq, seq);
    EXPECT_EQ(letter->event.event, script_[seq - 1].event);
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
  EXPECT_EQ(letters.read(20)->event.event, script_[19].event);
  EXPECT_EQ(letters.read(17)->event.event, script_[16].event);
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

// A drop of one deleted all the others of a file of which only the beginning was read.
TEST_F(DeadLettersTest, ADamagedFileIsLeftAsItIs) {
  {
    DeadLetters letters(file_, "couchdb");
    ASSERT_TRUE(letters.open().ok());
    for (const uint64_t seq : {4, 9, 17}) bury(letters, seq);
  }
  std::string damaged = text();
  damaged[damaged.find('\n') + 1] = '#';  // the second of three
  ASSERT_TRUE(write_file_atomically(file_, damaged).ok());
  DeadLetters letters(file_, "couchdb");
  ASSERT_FALSE(letters.open().ok());
  const std::string where = file_ + ":2: is no dead letter";
  EXPECT_EQ(letters.count(), std::nullopt);
  EXPECT_FALSE(letters.contains("log-a", 4));
  EXPECT_THAT(letters.remove({4}).error(), HasSubstr(where));
  EXPECT_THAT(letters.choose({}).error(), HasSubstr(where));
  EXPECT_THAT(letters.read(4).error(), HasSubstr(where));
  EXPECT_THAT(letters.snapshot().error(), HasSubstr(where));
  EXPECT_EQ(text(), damaged);
  // Mended by hand.
  damaged.erase(damaged.find('#'), damaged.find('\n', damaged.find('#')) - damaged.find('#') + 1);
  ASSERT_TRUE(write_file_atomically(file_, damaged).ok());
  ASSERT_TRUE(letters.open().ok());
  EXPECT_THAT(*letters.choose({}), ElementsAre(4, 17));
}

TEST_F(DeadLettersTest, ALetterOfAnotherPlaceKeepsNoEventFromThisOne) {
  {
    DeadLetters old(file_, "couchdb", "http://old/events");
    ASSERT_TRUE(old.open().ok());
    for (const uint64_t seq : {4, 9}) bury(old, seq);
    EXPECT_TRUE(old.contains("log-a", 4));
  }
  {
    DeadLetters letters(file_, "couchdb", "http://new/events");
    ASSERT_TRUE(letters.open().ok());
    EXPECT_FALSE(letters.contains("log-a", 4));
    ASSERT_TRUE(letters.bury("log-a", script_[3], "nor here", script_time(99)).ok());
    EXPECT_TRUE(letters.contains("log-a", 4));
    EXPECT_EQ(letters.count(), 2u);
  }
  DeadLetters letters(file_, "couchdb", "http://new/events");
  ASSERT_TRUE(letters.open().ok());
  EXPECT_TRUE(letters.contains("log-a", 4));
  EXPECT_FALSE(letters.contains("log-a", 9));
  EXPECT_EQ(letters.read(9)->event.event, script_[8].event);  // it can be tried here
  ASSERT_TRUE(letters.remove({9}).ok());
  EXPECT_THAT(read_letters(file_), ElementsAre(Pair(4, "nor here")));
}

// As they were written before letters had a place.
TEST_F(DeadLettersTest, ALetterWithoutAPlaceIsOfAnyPlace) {
  {
    DeadLetters old(file_, "couchdb");
    ASSERT_TRUE(old.open().ok());
    bury(old, 4);
  }
  EXPECT_THAT(text(), Not(HasSubstr("\"place\"")));
  DeadLetters letters(file_, "couchdb", "http://new/events");
  ASSERT_TRUE(letters.open().ok());
  EXPECT_TRUE(letters.contains("log-a", 4));
}

// The file is read and copied in pieces; a letter may be larger than those.
TEST_F(DeadLettersTest, OfAnySizeAreReadAndTakenAway) {
  for (const size_t i : {3u, 8u, 9u}) {
    script_[i].event.body = CancelRequested{kPassing, std::string(200'000 + 70'000 * i, 'x'), ""};
  }
  {
    DeadLetters letters(file_, "couchdb");
    ASSERT_TRUE(letters.open().ok());
    for (const uint64_t seq : {4, 5, 9, 10, 17}) bury(letters, seq);
  }
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  ASSERT_TRUE(letters.remove({9}).ok());
  bury(letters, 18);
  for (const uint64_t seq : {4, 5, 10, 17, 18}) {
    EXPECT_EQ(letters.read(seq)->event.event, script_[seq - 1].event) << seq;
  }
  EXPECT_EQ(read_letters(file_).size(), 5u);
  EXPECT_EQ(letters.snapshot()->second, std::filesystem::file_size(file_));
}

TEST_F(DeadLettersTest, WhatACrashLeftOfARemovalGoes) {
  ASSERT_TRUE(make_dirs(scratch_ / "dead").ok());
  const std::string left = file_ + ".tmp4711";
  const std::string other = scratch_ / "dead/ledger.jsonl.tmp4711";
  for (const std::string& file : {left, other}) {
    ASSERT_TRUE(write_file_atomically(file, "half a letter").ok());
  }
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST_F(DeadLettersTest, ARemovalThatFindsTheDiskFullChangesNothing) {
  DeadLetters letters(file_, "couchdb");
  ASSERT_TRUE(letters.open().ok());
  for (const uint64_t seq : {4, 9}) bury(letters, seq);
  const std::string before = text();
  {
    const FileSizeLimit full(10);
    EXPECT_THAT(letters.remove({4}).error(), HasSubstr("File too large"));
  }
  EXPECT_EQ(text(), before);
  EXPECT_THAT(*letters.choose({}), ElementsAre(4, 9));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "dead")) {
    files += entry.exists();
  }
  EXPECT_EQ(files, 1u);
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
  EXPECT_THAT(done.error(), HasSubstr("holds letters of another log: stop the collector, move"));
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
