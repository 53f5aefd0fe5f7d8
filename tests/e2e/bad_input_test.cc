// What people get for bad input: one clear error that says what and where, the documented exit
// status, and nothing that was recorded is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr char kGoodInventory[] =
    "version: 1\nkind: inventory\nlab: x\nworkers: {local: {}}\n"
    "devices:\n  phone-1: {type: handset}\n";

struct FileRow {
  std::vector<std::string> verb;
  std::string text;
  std::string expected;  // a part of what is said
};

TEST(BadInput, FilesAreRefusedWithTheirPlace) {
  const std::string inventory = "version: 1\nkind: inventory\nlab: x\nworkers: {local: {}}\n";
  const std::string strategy = "version: 1\nkind: strategy\nname: s\nverify:\n";
  const std::vector<std::string> check = {"inventory", "check"};
  const std::vector<std::string> check_strategy = {"strategy", "check"};
  const std::vector<FileRow> rows = {
      {check, inventory + "devices:\n  a: {type: h\n", "bad.yaml:7:1: not valid YAML"},
      {check, inventory + "devises:\n  a: {}\n", "bad.yaml:5:1: unknown key \"devises\""},
      {check, inventory + "devices:\n  a: {}\n  a: {}\n", "bad.yaml:7:3: key \"a\" appears twice"},
      {check, inventory + "devices:\n  -x: {}\n", "bad.yaml:6:3"},
      {check, inventory + "devices:\n  a: {strategy: none-such}\n", "none-such"},
      {check, "version: 99\nkind: inventory\n", "bad.yaml:1:10"},
      {check, "\xff\xfe garbage", "bad.yaml"},
      {check, "", "bad.yaml"},
      {check_strategy,
       strategy + "  - {tag: a, check: {noop: {}}, deps: [b]}\n"
                  "  - {tag: b, check: {noop: {}}, deps: [a]}\n",
       "cycle: a -> b -> a"},
      {check_strategy,
       strategy + "  - {tag: a, check: {noop: {}}}\n  - {tag: a, check: {noop: {}}}\n",
       "bad.yaml:6:11: tag \"a\" is already used"},
      {check_strategy, strategy + "  - {tag: a, check: {noop: {}}, deps: [zz]}\n", "\"zz\""},
      {check_strategy, strategy + "  - {tag: PASS, check: {noop: {}}}\n", "PASS"},
      // It made every device good.
      {check_strategy, "version: 1\nkind: strategy\nname: s\nverify: []\n",
       "bad.yaml:4:9: there is nothing to verify"},
      {check_strategy, strategy + "  - {tag: a, check: {ping: {}}}\n", "ping"},
      {check_strategy, strategy + "  - {tag: a, check: {noop: {}}, timeout: soon}\n", "soon"},
      {{"submit"}, "version: 1\nkind: job\nrun: [true]\nselector: \"k((\"\n", "bad.yaml:4"},
      {{"submit"}, "version: 1\nkind: job\nguid: short\nrun: [true]\n", "bad.yaml:3"},
  };
  House house(MUSTER_BIN_DIR);
  for (const FileRow& row : rows) {
    SCOPED_TRACE(row.text);
    const std::string path = house.write("bad.yaml", row.text);
    std::vector<std::string> arguments = row.verb;
    arguments.push_back(path);
    const Ran ran = house.muster(arguments);
    EXPECT_EQ(ran.status, 64) << ran.out << ran.err;
    EXPECT_THAT(ran.out + ran.err, HasSubstr(row.expected));
  }
}

struct Row {
  std::vector<std::string> arguments;
  int status;
  std::string expected;
};

void expect_rows(House& house, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::PrintToString(row.arguments));
    const Ran ran = house.muster(row.arguments);
    EXPECT_EQ(ran.status, row.status) << ran.out << ran.err;
    EXPECT_THAT(ran.out + ran.err, HasSubstr(row.expected));
  }
}

TEST(BadInput, CommandLinesAreRefused) {
  House house(MUSTER_BIN_DIR);
  expect_rows(house, {
                         {{"nonsense"}, 64, "unknown verb \"nonsense\""},
                         {{"verify", "--al"}, 64, "did you mean --all"},
                         {{"run", "--timeout", "5x", "--", "true"}, 64, "unknown unit \"x\""},
                         {{"run", "--guid", "short", "--", "true"}, 64, "must have 10 to 256"},
                         {{"run", "-l", "k((", "--", "true"}, 64, "at position 2"},
                         {{"run"}, 64, ""},
                         {{"inventory", "check", "/no/such/file.yaml"},
                          64,
                          "/no/such/file.yaml: cannot be read: No such file"},
                         {{"--home=", "task", "ls"}, 64, "\"--home=\" has no value"},
                         {{"log", "last", "-o", "json"}, 64, "as they are"},
                         {{"-o", "xml", "task", "ls"}, 64, "not a format"},
                         {{"run", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"submit", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"up", "--inventory", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"strategy", "check", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"strategy", "simulate", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"strategy", "run", "--scenario", "/no/such.json"}, 64, "cannot read"},
                         {{"strategy", "stats", "/no/such.yaml"}, 64, "cannot be read"},
                         {{"task", "ls"}, 69, "no broker answered"},
                         {{"--home", "/proc/nowhere", "up"}, 74, "/proc/nowhere"},
                     });
}

TEST(BadInput, TheDoctorSaysThatAFileIsNoHome) {
  House house(MUSTER_BIN_DIR);
  const std::string file = house.write("file", "");
  const Ran ran = house.muster({"--home", file, "doctor"});
  EXPECT_EQ(ran.status, 69) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("cannot write in " + file + ": Not a directory"));
}

TEST(BadInput, TheBrokerRefusesWhatCannotBe) {
  House house(MUSTER_BIN_DIR);
  const std::unique_ptr<Child> up = house.start_up();
  ASSERT_EQ(house.muster({"doctor", "--wait", "30s"}).status, 0) << house.daemon_output();
  const std::string good = house.write("good.yaml", kGoodInventory);
  ASSERT_EQ(house.muster({"inventory", "apply", good}).status, 0);
  const std::string bad = house.write("bad.yaml", "version: 1\nkind: inventory\nlabb: x\n");
  expect_rows(house, {
                         {{"run", "-d", "no-such-phone", "--", "true"}, 64, "no-such-phone"},
                         {{"run", "-l", "type=toaster", "--", "true"}, 64, "type=toaster"},
                         {{"run", "--pool", "nobody", "--", "true"}, 64, "nobody"},
                         {{"verify", "phone-1"}, 64, "strategy"},
                         {{"verify", "no-such-phone"}, 64, "no-such-phone"},
                         {{"task", "show", "0123456789"}, 64, "0123456789"},
                         {{"device", "show", "no-such-phone"}, 64, "no-such-phone"},
                         {{"cancel", "0123456789", "--reason", "x"}, 64, "0123456789"},
                         {{"inventory", "apply", bad}, 64, "labb"},
                         // Nothing of this took the good inventory away, or the broker down.
                         {{"device", "ls", "-o", "quiet"}, 0, "phone-1"},
                         {{"run", "--wait", "--", "true"}, 0, ""},
                     });
}

}  // namespace
}  // namespace muster
