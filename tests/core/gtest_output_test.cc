#include "core/gtest_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Instant kStart = from_us(1'000'000);

// What googletest 1.12 prints.
const std::string kWhole =
    "Running main() from ./googletest/src/gtest_main.cc\n"
    "[==========] Running 5 tests from 2 test suites.\n"
    "[----------] Global test environment set-up.\n"
    "[----------] 3 tests from Crash\n"
    "[ RUN      ] Crash.One\n"
    "[       OK ] Crash.One (12 ms)\n"
    "[ RUN      ] Crash.Fails\n"
    "chatter\n"
    "a.cc:4: Failure\n"
    "Expected equality of these values:\n"
    "  1\n"
    "  2\n"
    "[  FAILED  ] Crash.Fails (3 ms)\n"
    "[ RUN      ] Crash.Skips\n"
    "a.cc:5: Skipped\n"
    "no device\n"
    "[  SKIPPED ] Crash.Skips (0 ms)\n"
    "[ DISABLED ] Crash.DISABLED_x\n"
    "[----------] 3 tests from Crash (0 ms total)\n"
    "\n"
    "[ RUN      ] Many/P.V/0\n"
    "no newline[       OK ] Many/P.V/0 (0 ms)\n"
    "[ RUN      ] Many/P.V/1\n"
    "a.cc:8: Failure\n"
    "Expected: (GetParam()) < (2), actual: 2 vs 2\n"
    "no newline[  FAILED  ] Many/P.V/1, where GetParam() = 2 (1 ms)\n"
    "[==========] 5 tests from 2 test suites ran. (16 ms total)\n"
    "[  PASSED  ] 2 tests.\n"
    "[  SKIPPED ] 1 test, listed below:\n"
    "[  SKIPPED ] Crash.Skips\n"
    "[  FAILED  ] 2 tests, listed below:\n"
    "[  FAILED  ] Crash.Fails\n"
    "[  FAILED  ] Many/P.V/1, where GetParam() = 2\n";

const std::vector<CaseResult> kWholeResults = {
    {"Crash", "One", Outcome::pass, 12ms, ""},
    {"Crash", "Fails", Outcome::fail, 3ms,
     "a.cc:4: Failure\nExpected equality of these values:\n  1\n  2"},
    {"Crash", "Skips", Outcome::skip, 0ms, "a.cc:5: Skipped\nno device"},
    {"Many/P", "V/0", Outcome::pass, 0ms, ""},
    {"Many/P", "V/1", Outcome::fail, 1ms,
     "a.cc:8: Failure\nExpected: (GetParam()) < (2), actual: 2 vs 2\nno newline"},
};

GtestOutput fed(std::string_view text, size_t piece = SIZE_MAX) {
  GtestOutput output;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    output.feed(text.substr(0, piece), kStart);
  }
  return output;
}

TEST(GtestOutput, ReadsAWholeRunHoweverItIsCut) {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{64}, SIZE_MAX}) {
    const GtestOutput output = fed(kWhole, piece);
    EXPECT_EQ(output.finished(), kWholeResults) << piece;
    EXPECT_EQ(output.running(), std::nullopt);
    EXPECT_EQ(output.announced(), 5u);
    EXPECT_EQ(output.not_begun(), 0u);
  }
}

TEST(GtestOutput, SeesThroughATerminalsColoursAndLineEnds) {
  const GtestOutput output =
      fed("\x1b[0;32m[ RUN      ] \x1b[mA.b\r\n"
          "a.cc:1: Failure\r\n"
          "\x1b[0;31m[  FAILED  ] \x1b[mA.b (7 ms)\r\n");
  EXPECT_THAT(output.finished(),
              ElementsAre(CaseResult{"A", "b", Outcome::fail, 7ms, "a.cc:1: Failure"}));
}

TEST(GtestOutput, ACaseIsOnlyEndedByItsOwnLine) {
  const std::string lines[] = {
      "[       OK ] A.other (1 ms)\n", "[       OK ] A.bb (1 ms)\n", "[       OK ] A.b\n",
      "[       OK ] A.b (x ms)\n",     "[       OK ] A.b ( ms)\n",   "[  PASSED  ] A.b (1 ms)\n",
      "[       OK ] A.b (1 ms) and\n", "[  FAILED  ] A.b (-1 ms)\n",
  };
  for (const std::string& line : lines) {
    const GtestOutput output = fed("[ RUN      ] A.b\n" + line);
    EXPECT_THAT(output.finished(), IsEmpty()) << line;
    ASSERT_TRUE(output.running()) << line;
  }
  EXPECT_THAT(fed("[       OK ] A.b (1 ms)\n").finished(), IsEmpty());
}

TEST(GtestOutput, ACaseThatNeverEndedIsAnErrorWhenTheNextBegins) {
  const GtestOutput output = fed("[ RUN      ] A.b\nhalf\n[ RUN      ] A.c\n");
  EXPECT_THAT(output.finished(), ElementsAre(CaseResult{"A", "b", Outcome::error, 0ms,
                                                        "did not end: A.c began\nhalf"}));
  EXPECT_EQ(output.running()->name, "c");
}

TEST(GtestOutput, TellsHowLongTheRunningCaseRan) {
  GtestOutput output;
  output.feed("[ RUN      ] A.b\n", kStart);
  output.finish(kStart + 5s);
  EXPECT_EQ(output.running()->duration, 5s);
}

TEST(GtestOutput, HugeLinesAndHugeOutputStaySmall) {
  GtestOutput output;
  output.feed("[ RUN      ] A.b\n", kStart);
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) output.feed(block, kStart);
  output.feed("[       OK ] A.b (1 ms)\n", kStart);
  EXPECT_THAT(output.finished(), ElementsAre(CaseResult{"A", "b", Outcome::pass, 1ms, ""}));

  output.feed("[ RUN      ] A.c\na.cc:1: Failure\n", kStart);
  for (int i = 0; i < 1000; ++i) output.feed(std::string(1000, 'y') + "\n", kStart);
  output.feed("[  FAILED  ] A.c (1 ms)\n", kStart);
  EXPECT_THAT(output.finished()[1].message, testing::StartsWith("a.cc:1: Failure\nyyy"));
  EXPECT_LE(output.finished()[1].message.size(), kMessageLengthMax);
}

TEST(GtestOutput, KeepsOnlySoManyCasesAndSoManyBytes) {
  GtestOutput few(3);
  for (int i = 0; i < 5; ++i) few.feed("[ RUN      ] A.b\n[       OK ] A.b (1 ms)\n", kStart);
  EXPECT_THAT(few.finished(), SizeIs(3));
  EXPECT_EQ(few.dropped(), 2u);

  GtestOutput large;
  const std::string failure = "a.cc:1: Failure\n" + std::string(kMessageLengthMax, 'x') + "\n";
  for (int i = 0; i < 10'000; ++i) {
    large.feed("[ RUN      ] A.b\n" + failure + "[  FAILED  ] A.b (1 ms)\n", kStart);
  }
  EXPECT_GT(large.dropped(), 0u);
  EXPECT_EQ(large.dropped() + large.finished().size(), 10'000u);
}

TEST(GtestOutput, BytesThatAreNotTextBecomeText) {
  const GtestOutput output =
      fed(std::string("[ RUN      ] A.b\n\xff\0\x01\n", 21) + "[  FAILED  ] A.b (1 ms)\n");
  ASSERT_THAT(output.finished(), SizeIs(1));
  EXPECT_THAT(output.finished()[0].message, HasSubstr("\xEF\xBF\xBD"));
}

// --- a whole step ---

const std::string kCrashed =
    "[==========] Running 5 tests from 1 test suite.\n"
    "[ RUN      ] Crash.A\n"
    "[       OK ] Crash.A (1 ms)\n"
    "[ RUN      ] Crash.B\n"
    "[       OK ] Crash.B (1 ms)\n"
    "[ RUN      ] Crash.C\n"
    "about to crash\n";

ChildEnd killed_by(int signal) {
  ChildEnd end;
  end.signal = signal;
  return end;
}

ChildEnd exited(int code) {
  ChildEnd end;
  end.exit_code = code;
  return end;
}

TEST(GtestStep, ACrashLeavesTheFinishedCasesAndAnErrorForTheRunningOne) {
  const std::vector<CaseResult> results =
      results_of_gtest_step(fed(kCrashed), {}, false, killed_by(11), "unit");
  EXPECT_THAT(results,
              ElementsAre(CaseResult{"Crash", "A", Outcome::pass, 1ms, ""},
                          CaseResult{"Crash", "B", Outcome::pass, 1ms, ""},
                          CaseResult{"Crash", "C", Outcome::error, 0ms,
                                     "was running when the program ended by signal 11 (SIGSEGV); "
                                     "2 more never began\nabout to crash"}));
}

TEST(GtestStep, ATimeoutSaysSo) {
  ChildEnd end = killed_by(15);
  end.run_timeout = true;
  end.limit = 30s;
  const std::vector<CaseResult> results =
      results_of_gtest_step(fed(kCrashed), {}, false, end, "unit");
  EXPECT_THAT(results.back().message, HasSubstr("ran for longer than 30s"));
}

TEST(GtestStep, APartOfTheFileAndTheOutputAreOneList) {
  const CaseResult of_file = {"Crash", "A", Outcome::pass, 2ms, "from the file"};
  const std::vector<CaseResult> results =
      results_of_gtest_step(fed(kCrashed), {of_file}, false, killed_by(6), "unit");
  ASSERT_THAT(results, SizeIs(3));
  EXPECT_EQ(results[0], of_file);
  EXPECT_EQ(results[1].name, "B");
  EXPECT_EQ(results[2].outcome, Outcome::error);
}

TEST(GtestStep, AWholeFileIsEnough) {
  const std::vector<CaseResult> file = {{"Crash", "Fails", Outcome::fail, 1ms, "x"}};
  EXPECT_EQ(results_of_gtest_step(fed(kWhole), file, true, exited(1), "unit"), file);
  EXPECT_EQ(results_of_gtest_step(fed(""), file, true, exited(1), "unit"), file);
}

TEST(GtestStep, TheOutputIsEnoughToo) {
  EXPECT_EQ(results_of_gtest_step(fed(kWhole), {}, false, exited(1), "unit"), kWholeResults);
}

TEST(GtestStep, NothingAtAllIsOneErrorThatSaysWhy) {
  const struct {
    ChildEnd end;
    std::string output;
    std::string message;
  } rows[] = {
      {killed_by(6), "assertion failed\n",
       "no test case ran: the program ended by signal 6 (SIGABRT)\nassertion failed"},
      {exited(127), "error while loading libfoo.so\n",
       "no test case ran: the program exited with code 127\nerror while loading libfoo.so"},
      {killed_by(9), "[==========] Running 5 tests from 1 test suite.\n",
       "no test case ran: the program ended by signal 9 (SIGKILL); 5 more never began\n"
       "[==========] Running 5 tests from 1 test suite."},
      {exited(0), "[==========] Running 2 tests from 1 test suite.\n",
       "no test case ran: the program exited with code 0; 2 more never began\n"
       "[==========] Running 2 tests from 1 test suite."},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(results_of_gtest_step(fed(row.output), {}, false, row.end, "unit"),
                ElementsAre(CaseResult{"muster", "unit", Outcome::error, 0ms, row.message}));
  }
  EXPECT_THAT(results_of_gtest_step(fed(""), {}, false, exited(0), "unit"), IsEmpty());
}

TEST(GtestStep, ACrashAfterTheLastCaseIsAnErrorOfTheStep) {
  const std::string all_passed = "[ RUN      ] A.b\n[       OK ] A.b (1 ms)\n";
  const std::vector<CaseResult> results =
      results_of_gtest_step(fed(all_passed), {}, false, killed_by(11), "unit");
  ASSERT_THAT(results, SizeIs(2));
  EXPECT_EQ(results[1].name, "unit");
  EXPECT_THAT(results[1].message, HasSubstr("between test cases, the program ended by signal 11"));
}

}  // namespace
}  // namespace muster
