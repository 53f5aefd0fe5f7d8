#include "core/status_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "core/limits.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kLocal = "Jul 14 02:40:00";

Instant at(int64_t seconds) { return from_us((1'500'000'000 + seconds) * 1'000'000); }

Record record(std::string status, std::string operation, std::string message = "",
              std::string subdir = "", Fields fields = {}) {
  return {std::move(status), std::move(subdir), std::move(operation), std::move(fields),
          std::move(message)};
}

std::string written(const Record& what) {
  StatusLogWriter writer;
  const Result<std::string> text = writer.write(what, at(0), kLocal);
  return text.ok() ? *text : "error: " + text.error();
}

TEST(StatusWriter, Lines) {
  const std::string times = "timestamp=1500000000\tlocaltime=Jul 14 02:40:00\t";
  const std::vector<std::pair<Record, std::string>> rows = {
      {record("GOOD", "verify.ssh"), "GOOD\t----\tverify.ssh\t" + times + "\n"},
      {record("START", "verify"), "START\t----\tverify\t" + times + "\n"},
      {record("INFO", "", "Beginning"), "INFO\t----\t----\t" + times + "Beginning\n"},
      {record("GOOD", "t", "completed successfully", "dir"),
       "GOOD\tdir\tt\t" + times + "completed successfully\n"},
      {record("FAIL", "t", "one\ntwo\n\nfour\n"),
       "FAIL\t----\tt\t" + times + "one\n  two\n  \n  four\n"},
      {record("FAIL", "t", "one\r\ntwo\rthree"),
       "FAIL\t----\tt\t" + times + "one\n  two\n  three\n"},
      {record("FAIL", "t", "\nsecond"), "FAIL\t----\tt\t" + times + "\n  second\n"},
      {record("FAIL", "t", "a\tb\vc\fd\ne\tf\vg"),
       "FAIL\t----\tt\t" + times + "a        b c d\n  e\tf\vg\n"},
      {record("FAIL", "t", "errno=5"), "FAIL\t----\tt\t" + times + " errno=5\n"},
      {record("FAIL", "t", "first line\nkey=value"),
       "FAIL\t----\tt\t" + times + "first line\n  key=value\n"},
      {record("GOOD", "----", "", "----"), "GOOD\t----\t----\t" + times + "\n"},
      {record("GOOD", "reboot", "", "", {{"kernel", "6.1 a=b"}}),
       "GOOD\t----\treboot\ttimestamp=1500000000\tlocaltime=Jul 14 02:40:00\tkernel=6.1 a=b\t\n"},
      {record("GOOD", "t", "", "", {{"timestamp", "7"}, {"localtime", "noon"}}),
       "GOOD\t----\tt\t" + times + "\n"},
  };
  for (const auto& [what, line] : rows) EXPECT_EQ(written(what), line);
}

TEST(StatusWriter, TimestampIsWholeSeconds) {
  const std::vector<std::pair<int64_t, std::string>> rows = {
      {1'500'000'000'999'999, "timestamp=1500000000\t"},
      {0, "timestamp=0\t"},
      {-1, "timestamp=-1\t"},
  };
  for (const auto& [us, field] : rows) {
    StatusLogWriter writer;
    EXPECT_THAT(*writer.write(record("GOOD", "t"), from_us(us), kLocal), HasSubstr(field));
  }
}

TEST(StatusWriter, KnowsEveryStatus) {
  for (const char* word :
       {"TEST_NA", "ABORT", "ERROR", "FAIL", "WARN", "GOOD", "ALERT", "RUNNING", "NOSTATUS"}) {
    EXPECT_EQ(invalid_record(record(word, "t")), std::nullopt);
    EXPECT_EQ(invalid_record(record(std::string("END ") + word, "t")), std::nullopt);
  }
  EXPECT_EQ(invalid_record(record("START", "t")), std::nullopt);
  EXPECT_EQ(invalid_record(record("INFO", "t")), std::nullopt);
}

struct BadRecordRow {
  Record record;
  const char* why;
};

TEST(StatusWriter, RefusesInvalidRecords) {
  const std::vector<BadRecordRow> rows = {
      {record("", "t"), "status \"\" is not START"},
      {record("good", "t"), "status \"good\""},
      {record("GOOD\n", "t"), "status \"GOOD\\u{0a}\""},
      {record(" GOOD", "t"), "status"},
      {record("END", "t"), "status \"END\""},
      {record("END ", "t"), "status"},
      {record("END START", "t"), "status"},
      {record("END INFO", "t"), "status"},
      {record("END END GOOD", "t"), "status"},
      {record("END  GOOD", "t"), "status"},
      {record("PASS", "t"), "status"},
      {record("GOOD", "a\tb"), "operation \"a\\u{09}b\" has a tab or a line break"},
      {record("GOOD", "a\nb"), "has a tab or a line break"},
      {record("GOOD", "a\rb"), "has a tab or a line break"},
      {record("GOOD", "a\vb"), "has a tab or a line break"},
      {record("GOOD", "a\fb"), "has a tab or a line break"},
      {record("GOOD", " t"), "operation \" t\" begins with a blank"},
      {record("GOOD", "t", "", "a\tb"), "subdir"},
      {record("GOOD", "t", "", "a\n"), "subdir"},
      {record("GOOD", "t", "", " a"), "subdir \" a\" begins with a blank"},
      {record("GOOD", "t", "", "", {{"", "v"}}), "field \"\" must have a name"},
      {record("GOOD", "t", "", "", {{"a.b", "v"}}), "field \"a.b\" must have a name of letters"},
      {record("GOOD", "t", "", "", {{"warnings.disable", "v"}}), "letters, digits and _ only"},
      {record("GOOD", "t", "", "", {{"a-b", "v"}}), "letters, digits and _ only"},
      {record("GOOD", "t", "", "", {{"a=b", "v"}}), "letters, digits and _ only"},
      {record("GOOD", "t", "", "", {{"a\t", "v"}}), "letters, digits and _ only"},
      {record("GOOD", "t", "", "", {{"\xC3\xA5", "v"}}), "letters, digits and _ only"},
      {record("GOOD", "t", "", "", {{"k", ""}}), "field \"k\" has no value"},
      {record("GOOD", "t", "", "", {{"k", "a\tb"}}), "field \"k\" has a tab"},
      {record("GOOD", "t", "", "", {{"k", "a\nb"}}), "field \"k\" has a tab"},
      {record("GOOD", "t", "", "", {{"ok", "v"}, {"k", "a\r"}}), "field \"k\" has a tab"},
  };
  for (const BadRecordRow& row : rows) {
    const std::optional<std::string> why = invalid_record(row.record);
    ASSERT_TRUE(why.has_value()) << row.why;
    EXPECT_THAT(*why, HasSubstr(row.why));
    StatusLogWriter writer(std::vector<OpenGroup>{{"", "outer"}});
    const Result<std::string> text = writer.write(row.record, at(0), kLocal);
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.error(), *why);
    EXPECT_EQ(writer.open(), (std::vector<OpenGroup>{{"", "outer"}}));
  }
}

TEST(StatusWriter, RefusesALocaltimeThatWouldBreakTheLine) {
  for (const char* localtime : {"", "a\tb", "a\nb"}) {
    StatusLogWriter writer;
    EXPECT_FALSE(writer.write(record("GOOD", "t"), at(0), localtime).ok());
  }
}

TEST(StatusWriter, EndMustCloseTheInnermostGroup) {
  StatusLogWriter writer;
  EXPECT_THAT(writer.write(record("END GOOD", "t"), at(0), kLocal).error(),
              HasSubstr("\"END GOOD\" of ---- t closes nothing: no group is open"));
  ASSERT_TRUE(writer.write(record("START", "outer"), at(0), kLocal).ok());
  ASSERT_TRUE(writer.write(record("START", "inner", "", "dir"), at(0), kLocal).ok());
  const std::vector<OpenGroup> open = {{"", "outer"}, {"dir", "inner"}};
  EXPECT_EQ(writer.open(), open);
  EXPECT_THAT(writer.write(record("END GOOD", "outer"), at(0), kLocal).error(),
              HasSubstr("names ---- outer, but the open group is dir inner"));
  EXPECT_FALSE(writer.write(record("END GOOD", "inner"), at(0), kLocal).ok());
  EXPECT_EQ(writer.open(), open);
  EXPECT_THAT(*writer.write(record("END GOOD", "inner", "", "dir"), at(0), kLocal),
              ::testing::StartsWith("\tEND GOOD\tdir\tinner\t"));
  EXPECT_THAT(*writer.write(record("END GOOD", "outer"), at(0), kLocal),
              ::testing::StartsWith("END GOOD\t----\touter\t"));
  EXPECT_THAT(writer.open(), IsEmpty());
}

TEST(StatusWriter, ClosesAllFromTheInsideOut) {
  StatusLogWriter writer(std::vector<OpenGroup>{{"", "verify"}, {"dir", ""}, {"", "inner"}});
  EXPECT_EQ(writer.close_all("ABORT", "worker lost\nmore", at(1), kLocal),
            "\t\tEND ABORT\t----\tinner\ttimestamp=1500000001\tlocaltime=Jul 14 02:40:00\tworker "
            "lost\n  more\n"
            "\tEND ABORT\tdir\t----\ttimestamp=1500000001\tlocaltime=Jul 14 02:40:00\tworker "
            "lost\n  more\n"
            "END ABORT\t----\tverify\ttimestamp=1500000001\tlocaltime=Jul 14 02:40:00\tworker "
            "lost\n  more\n");
  EXPECT_THAT(writer.open(), IsEmpty());
  EXPECT_EQ(writer.close_all("ABORT", "x", at(1), kLocal), "");
}

// Section 4.7 of the notes, example A: a verification that passes.
TEST(StatusWriter, WorkedExampleVerify) {
  const std::vector<std::pair<Record, const char*>> records = {
      {record("START", "verify"), "Jul 14 02:40:00"},
      {record("INFO", "", "Beginning verify for host h board b model m"), "Jul 14 02:40:01"},
      {record("GOOD", "verify.ssh"), "Jul 14 02:40:02"},
      {record("GOOD", "verify.power"), "Jul 14 02:40:03"},
      {record("GOOD", "verify.PASS"), "Jul 14 02:40:04"},
      {record("END GOOD", "verify", "h verified successfully"), "Jul 14 02:40:05"},
  };
  StatusLogWriter writer;
  std::string log;
  int64_t second = 0;
  for (const auto& [what, localtime] : records) log += *writer.write(what, at(second++), localtime);
  EXPECT_EQ(log,
            "START\t----\tverify\ttimestamp=1500000000\tlocaltime=Jul 14 02:40:00\t\n"
            "\tINFO\t----\t----\ttimestamp=1500000001\tlocaltime=Jul 14 02:40:01\tBeginning verify "
            "for host h board b model m\n"
            "\tGOOD\t----\tverify.ssh\ttimestamp=1500000002\tlocaltime=Jul 14 02:40:02\t\n"
            "\tGOOD\t----\tverify.power\ttimestamp=1500000003\tlocaltime=Jul 14 02:40:03\t\n"
            "\tGOOD\t----\tverify.PASS\ttimestamp=1500000004\tlocaltime=Jul 14 02:40:04\t\n"
            "END GOOD\t----\tverify\ttimestamp=1500000005\tlocaltime=Jul 14 02:40:05\th verified "
            "successfully\n");
  const ParsedStatusLog parsed = parse_status_log(log);
  EXPECT_THAT(parsed.problems, IsEmpty());
  ASSERT_EQ(parsed.lines.size(), 6u);
  EXPECT_EQ(parsed.lines[5].reason, "h verified successfully");
  EXPECT_EQ(parsed.lines[2].indent, 1u);
}

struct ExampleRow {
  const char* name;
  std::vector<Record> records;
  std::vector<uint32_t> indents;
  bool complete;
};

// Examples B to F: what matters of them for lines are the indents and the groups.
TEST(StatusWriter, WorkedExamplesNest) {
  const std::vector<ExampleRow> rows = {
      {"B: a repair that works",
       {record("START", "repair"), record("INFO", "", "Beginning repair for host h"),
        record("FAIL", "verify.ssh", "No answer to ping from h"), record("START", "repair.rpm"),
        record("GOOD", "verify.ssh"), record("GOOD", "verify.power"),
        record("END GOOD", "repair.rpm"), record("GOOD", "verify.PASS"),
        record("END GOOD", "repair", "h repaired successfully")},
       {0, 1, 1, 1, 2, 2, 1, 1, 0},
       true},
      {"C: a repair that fails",
       {record("START", "repair"), record("FAIL", "verify.ssh", "No answer to ping from h"),
        record("START", "repair.rpm"), record("FAIL", "repair.rpm", "h has no RPM connection."),
        record("END FAIL", "repair.rpm"), record("START", "repair.servoreset"),
        record("FAIL", "verify.ssh", "No answer to ping from h"),
        record("END FAIL", "repair.servoreset"), record("END FAIL", "repair")},
       {0, 1, 1, 2, 1, 1, 2, 1, 0},
       true},
      {"D: a passing job",
       {record("START", "dummy_Pass", "", "dummy_Pass"),
        record("GOOD", "dummy_Pass", "completed successfully", "dummy_Pass"),
        record("END GOOD", "dummy_Pass", "", "dummy_Pass")},
       {0, 1, 0},
       true},
      {"E: a killed job",
       {record("START", "dummy_Pass", "", "dummy_Pass"), record("GOOD", "sysinfo.before")},
       {0, 1},
       false},
      {"F: a client job",
       {record("START", ""), record("START", "sleeptest", "", "sleeptest"),
        record("GOOD", "sleeptest", "completed successfully", "sleeptest"),
        record("END GOOD", "sleeptest", "", "sleeptest"), record("END GOOD", "")},
       {0, 1, 2, 1, 0},
       true},
  };
  for (const ExampleRow& row : rows) {
    SCOPED_TRACE(row.name);
    StatusLogWriter writer;
    std::string log;
    for (const Record& what : row.records) {
      const Result<std::string> text = writer.write(what, at(0), kLocal);
      ASSERT_TRUE(text.ok()) << text.error();
      log += *text;
    }
    EXPECT_EQ(writer.open().empty(), row.complete);
    EXPECT_EQ(parse_status_log(log).problems.empty(), row.complete);
    log += writer.close_all("ABORT", "Job aborted unexpectedly", at(9), kLocal);
    const ParsedStatusLog parsed = parse_status_log(log);
    EXPECT_THAT(parsed.problems, IsEmpty());
    ASSERT_EQ(parsed.lines.size(), row.records.size() + (row.complete ? 0 : 1));
    for (size_t i = 0; i < row.records.size(); ++i) {
      EXPECT_EQ(parsed.lines[i].indent, row.indents[i]) << i;
      EXPECT_EQ(parsed.lines[i].status, row.records[i].status) << i;
    }
  }
}

struct LineRow {
  std::string line;
  StatusLine parsed;
};

TEST(StatusReader, Lines) {
  const std::vector<LineRow> rows = {
      {"GOOD\t----\t----\t", {0, "GOOD", "", "", {}, ""}},
      {"\t\tGOOD\tdir\ttest\ttimestamp=5\tlocaltime=x y\tthe reason",
       {2, "GOOD", "dir", "test", {{"timestamp", "5"}, {"localtime", "x y"}}, "the reason"}},
      {"END GOOD\t----\tt\ta=1\t", {0, "END GOOD", "", "t", {{"a", "1"}}, ""}},
      {"END GOOD\t----\tt\ta=1", {0, "END GOOD", "", "t", {{"a", "1"}}, ""}},
      {"START\t----\tt\t\t", {0, "START", "", "t", {}, "\t"}},
      // A reason that looks like a field is swallowed.
      {"FAIL\t----\tt\ttimestamp=5\terrno=7",
       {0, "FAIL", "", "t", {{"timestamp", "5"}, {"errno", "7"}}, ""}},
      {"FAIL\t----\tt\ttimestamp=5\terrno=7 while reading",
       {0, "FAIL", "", "t", {{"timestamp", "5"}, {"errno", "7 while reading"}}, ""}},
      {"FAIL\t----\tt\ttimestamp=5\t errno=7",
       {0, "FAIL", "", "t", {{"timestamp", "5"}}, " errno=7"}},
      {"FAIL\t----\tt\ta=b=c\tx", {0, "FAIL", "", "t", {{"a", "b=c"}}, "x"}},
      {"FAIL\t----\tt\ta==\tx", {0, "FAIL", "", "t", {{"a", "="}}, "x"}},
      // A field without value, or with a key of other characters, ends the fields.
      {"FAIL\t----\tt\ta=1\tb=\tc=2\tx", {0, "FAIL", "", "t", {{"a", "1"}}, "b=\tc=2\tx"}},
      {"FAIL\t----\tt\twarnings.disable=1\ttimestamp=5\tx",
       {0, "FAIL", "", "t", {}, "warnings.disable=1\ttimestamp=5\tx"}},
      {"FAIL\t----\tt\ta-b=1\t", {0, "FAIL", "", "t", {}, "a-b=1\t"}},
      {"FAIL\t----\tt\t=1\tx", {0, "FAIL", "", "t", {}, "=1\tx"}},
      {"FAIL\t----\tt\t\xC3\xA5=1", {0, "FAIL", "", "t", {}, "\xC3\xA5=1"}},
      // Of equal keys the later value wins.
      {"FAIL\t----\tt\ta=1\tb=2\ta=3\tx", {0, "FAIL", "", "t", {{"a", "3"}, {"b", "2"}}, "x"}},
      {"FAIL\t----\tt\treason\twith\ttabs", {0, "FAIL", "", "t", {}, "reason\twith\ttabs"}},
      {"FAIL\t----\tt\treason\ta=1", {0, "FAIL", "", "t", {}, "reason\ta=1"}},
      // Of INFO only the fields remain.
      {"INFO\tdir\tt\tjob_abort_reason=why\tsome text",
       {0, "INFO", "", "", {{"job_abort_reason", "why"}}, ""}},
      {"INFO\t----\t----\tJob aborted by U on D", {0, "INFO", "", "", {}, ""}},
      // CR NUL goes wherever it is; a lone CR or NUL stays.
      {std::string("FA\r\0IL\t----\tt\tx\r\0\r\0y", 20), {0, "FAIL", "", "t", {}, "xy"}},
      {std::string("\r\0FAIL\t----\tt\tx\0\r", 17),
       {0, "FAIL", "", "t", {}, std::string("x\0\r", 3)}},
      {"FAIL\t----\tt\tx\r", {0, "FAIL", "", "t", {}, "x\r"}},
      {"FAIL\t----\tt\tx\n\n", {0, "FAIL", "", "t", {}, "x"}},
      // The word is not judged here.
      {"WHAT\t-----\t--- \tx", {0, "WHAT", "-----", "--- ", {}, "x"}},
      {"END \ta b\tc d\tx", {0, "END ", "a b", "c d", {}, "x"}},
  };
  for (const LineRow& row : rows) {
    const std::optional<StatusLine> parsed = parse_status_line(row.line);
    ASSERT_TRUE(parsed.has_value()) << row.line;
    EXPECT_EQ(parsed->indent, row.parsed.indent) << row.line;
    EXPECT_EQ(parsed->status, row.parsed.status) << row.line;
    EXPECT_EQ(parsed->subdir, row.parsed.subdir) << row.line;
    EXPECT_EQ(parsed->operation, row.parsed.operation) << row.line;
    EXPECT_EQ(parsed->fields, row.parsed.fields) << row.line;
    EXPECT_EQ(parsed->reason, row.parsed.reason) << row.line;
  }
}

TEST(StatusReader, IgnoresWhatIsNoStatusLine) {
  const std::vector<std::string> rows = {
      "",
      "\t",
      "\t\t\t\t",
      "GOOD",
      "GOOD\t----",
      "GOOD\t----\tt",  // the third cell is not closed
      "\tGOOD\t----\tt",
      "  extra line",
      "  extra\twith\ttabs\tin it",
      " GOOD\t----\tt\t",  // begins with a blank
      "\t GOOD\t----\tt\t",
      "GOOD\t ----\tt\t",
      "GOOD\t----\t t\t",  // as autotest writes an operation with a blank in front
      "GOOD\t\tt\t",       // an empty cell
      "GOOD\t----\t\tx\t",
      "\vGOOD\t----\tt\t",
      "GOOD\t\f\tt\t",
      "GOOD\t----\t\rt\t",
      "\nGOOD\t----\tt\t",
      "GOOD\t----\tt\n",
      std::string("\r\0", 2),
      "GOOD ---- t timestamp=5",
  };
  for (const std::string& line : rows) {
    EXPECT_EQ(parse_status_line(line), std::nullopt) << ::testing::PrintToString(line);
  }
}

struct LogRow {
  const char* log;
  size_t line;
  const char* problem;
};

TEST(StatusReader, ProblemsOfALog) {
  const std::vector<LogRow> rows = {
      {"PASS\t----\tt\tx\n", 1, "unknown status \"PASS\""},
      {"END \t----\tt\tx\n", 1, "unknown status \"END \""},
      {"END GOOD\t----\tt\tx\n", 1, "closes nothing"},
      {"START\t----\tt\tx\n", 1, "START of \"---- t\" has no END"},
      {"START\ta\tt\tx\n\tSTART\tb\tu\tx\n\tEND GOOD\tb\tu\tx\n", 1, "START of \"a t\" has no END"},
      {"\tGOOD\t----\tt\tx\n", 1, "the indent is 1 but must be 0"},
      {"START\t----\tt\tx\nGOOD\t----\tt\tx\nEND GOOD\t----\tt\tx\n", 2,
       "the indent is 0 but must be 1"},
      {"START\t----\tt\tx\n\tEND GOOD\t----\tt\tx\n", 2, "the indent is 1 but must be 0"},
      {"START\t----\tt\tx\nEND GOOD\t----\tother\tx\n", 2,
       "END of \"---- other\" where \"---- t\" of line 1 is open"},
      {"START\t----\tt\tx\nEND GOOD\tdir\tt\tx\n", 2, "END of \"dir t\" where"},
      {"GOOD\t----\tt\tx\nGOOD\t----\tt", 2, "neither a status line"},
      {"GOOD\t----\tt\tx\nGOOD\t----\tt\ttimes", 2, "the line has no end; the log was cut here"},
      {"GOOD\t----\tt\tx\nGOOD ---- t\n", 2, "neither a status line nor an extra line"},
      {"GOOD\t----\tt\tx\n one blank\n", 2, "neither a status line nor an extra line"},
      {"GOOD\t----\tt\tx\n\n", 2, "neither a status line nor an extra line"},
  };
  for (const LogRow& row : rows) {
    const ParsedStatusLog parsed = parse_status_log(row.log);
    ASSERT_FALSE(parsed.problems.empty()) << row.log;
    EXPECT_EQ(parsed.problems[0].line, row.line) << row.log;
    EXPECT_THAT(parsed.problems[0].message, HasSubstr(row.problem));
  }
  EXPECT_THAT(parse_status_log("").problems, IsEmpty());
  EXPECT_THAT(parse_status_log("GOOD\t----\tt\tx\n  extra\n  \nINFO\t----\t----\ty\n").problems,
              IsEmpty());
}

TEST(StatusReader, LimitOfProblems) {
  std::string log;
  for (size_t i = 0; i < 10 * kErrorsPerFileMax; ++i) log += "rubbish\n";
  EXPECT_EQ(parse_status_log(log).problems.size(), kErrorsPerFileMax);
}

// Text of what may go wrong: separators, blanks, "=", field-like words, bytes beyond ASCII.
class TextSource {
 public:
  explicit TextSource(uint64_t seed) : state_(seed) {}

  size_t below(size_t end) { return next() % end; }

  std::string message() {
    static const std::vector<std::string> pieces = {"\t",       "\n",          "\r",
                                                    "\r\n",     "\v",          "\f",
                                                    " ",        "=",           "a",
                                                    "word",     "key=value",   "----",
                                                    "GOOD",     "END GOOD",    "START\t----\tx\t",
                                                    "\xC3\xA5", "\xFF",        std::string("\0", 1),
                                                    ".",        "timestamp=1", "localtime="};
    std::string out;
    for (size_t left = below(8); left > 0; --left) out += pieces[below(pieces.size())];
    return out;
  }
  // A name that may be written; perhaps empty.
  std::string name() {
    static const std::vector<std::string> pieces = {
        "a", "verify", ".", "=", " ", "-", "\xC3\xA5", "\xFF", std::string("\0", 1), "x=1"};
    std::string out;
    for (size_t left = below(5); left > 0; --left) {
      const std::string& piece = pieces[below(pieces.size())];
      if (!out.empty() || piece != " ") out += piece;
    }
    return out;
  }

 private:
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

// A record that fits the open groups.
Record random_record(TextSource* source, const std::vector<OpenGroup>& open) {
  static const std::vector<std::string> words = {"TEST_NA", "ABORT", "ERROR",   "FAIL",    "WARN",
                                                 "GOOD",    "ALERT", "RUNNING", "NOSTATUS"};
  Record out;
  out.message = source->message();
  out.subdir = source->name();
  out.operation = source->name();
  const std::string& word = words[source->below(words.size())];
  switch (source->below(5)) {
    case 0:
      out.status = "START";
      break;
    case 1:
      out.status = "INFO";
      break;
    case 2:
      if (!open.empty()) {
        out.status = "END " + word;
        out.subdir = open.back().subdir;
        out.operation = open.back().operation;
        break;
      }
      [[fallthrough]];
    default:
      out.status = word;
  }
  for (size_t i = source->below(3); i > 0; --i) {
    out.fields.emplace_back("key_" + std::to_string(i), "v" + source->name());
  }
  return out;
}

// Whatever is written is read back as the same lines, and nothing else is.
TEST(StatusLog, WhatIsWrittenIsReadBack) {
  const uint64_t seed = 20'240'608;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (uint64_t round = 0; round < 2000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    TextSource source(seed + round);
    StatusLogWriter writer;
    std::string log;
    std::vector<StatusLine> expected;
    for (size_t left = source.below(20); left > 0; --left) {
      const Record what = random_record(&source, writer.open());
      const bool info = what.status == "INFO";
      const size_t depth = writer.open().size() - (what.status.rfind("END ", 0) == 0 ? 1 : 0);
      // A writer made anew from what a collector stores goes on as the old one.
      writer = StatusLogWriter(writer.open());
      const Result<std::string> text = writer.write(what, at(5), kLocal);
      ASSERT_TRUE(text.ok()) << text.error();
      log += *text;
      StatusLine line;
      line.indent = static_cast<uint32_t>(depth);
      line.status = what.status;
      line.fields = {{"timestamp", "1500000005"}, {"localtime", kLocal}};
      line.fields.insert(line.fields.end(), what.fields.begin(), what.fields.end());
      if (!info) {
        line.subdir = what.subdir;
        line.operation = what.operation;
        line.reason = reason_of(what.message);
      }
      expected.push_back(line);
    }
    const size_t open = writer.open().size();
    log += writer.close_all("ABORT", source.message(), at(5), kLocal);
    const ParsedStatusLog parsed = parse_status_log(log);
    for (const StatusLogProblem& problem : parsed.problems) {
      ADD_FAILURE() << "line " << problem.line << ": " << problem.message << "\n" << log;
    }
    ASSERT_EQ(parsed.lines.size(), expected.size() + open) << log;
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(parsed.lines[i], expected[i]) << log;
  }
}

TEST(StatusLog, ReasonOfAMessage) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"plain", "plain"},
      {"a\tb", "a        b"},
      {"a\vb\fc", "a b c"},
      {"one\ntwo", "one"},
      {"one\rtwo", "one"},
      {"\none", ""},
      {"key=value", " key=value"},
      {"key= ", " key= "},
      {"key=\tvalue", " key=        value"},
      {"key=", "key="},
      {"key=\nvalue", "key="},
      {"=value", "=value"},
      {"a b=c", "a b=c"},
      {"a.b=c", "a.b=c"},
      {" key=value", " key=value"},
      {"\xC3\xA5=1", " \xC3\xA5=1"},  // a letter to some readers
  };
  for (const auto& [message, reason] : rows) EXPECT_EQ(reason_of(message), reason) << message;
}

}  // namespace
}  // namespace muster
