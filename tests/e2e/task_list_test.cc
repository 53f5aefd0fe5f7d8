// muster task ls by group, verdict, name and metadata.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(TaskListTest, OfAnArrayThoseThatFailedAreFoundByTheirGroup) {
  House house(MUSTER_BIN_DIR);
  const std::unique_ptr<Child> up = house.start_up();
  expect_run(house, 0, {"doctor", "--wait", "30s"});
  EXPECT_THAT(expect_run(house, 64, {"task", "ls", "--group", "last"}).err,
              HasSubstr("there is no group of tasks yet"));
  const std::string file = house.write("array.yaml",
                                       "version: 1\nkind: job\nguid: nightly-{array.index}-of-4\n"
                                       "name: wifi {array.index}\narray: 1-4\n"
                                       "metadata: { branch: main }\n"
                                       "shell: test {array.index} -ne 3\n");
  expect_run(house, 5, {"run", "--wait", file});
  expect_run(house, 0, {"run", "--wait", "--guid", "alone-and-later", "--", "true"});

  const auto list = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"task", "ls"});
    return expect_run(house, 0, words).out;
  };
  EXPECT_EQ(list({"--group", "last", "--verdict", "fail,error", "-o", "quiet"}),
            "nightly-3-of-4\n");
  const std::string table = list({"--group", "last"});
  EXPECT_THAT(table, AllOf(HasSubstr("nightly-1-of-4"), HasSubstr("nightly-3-of-4"),
                           Not(HasSubstr("alone-and-later"))));
  EXPECT_THAT(table, EndsWith(": 4 of 4 ended: 3 pass, 1 fail\n"));
  const size_t at = table.rfind("group ") + 6;
  const std::string group = table.substr(at, table.find(':', at) - at);
  EXPECT_EQ(
      list({"--group", group.substr(0, group.size() - 3), "--verdict", "fail", "-o", "quiet"}),
      "nightly-3-of-4\n");
  EXPECT_THAT(expect_run(house, 64, {"task", "ls", "--group", "no-such-group"}).err,
              HasSubstr("no group \"no-such-group\""));

  EXPECT_EQ(list({"--all", "--name", "wifi 2", "-o", "quiet"}), "nightly-2-of-4\n");
  EXPECT_EQ(list({"--all", "--name", "wifi*", "--meta", "branch=release", "-o", "quiet"}), "");
  EXPECT_EQ(list({"--verdict", "pass", "--meta", "branch=main", "-n", "1", "-o", "json"})
                .find("alone-and-later"),
            std::string::npos);
  EXPECT_THAT(
      expect_run(house, 0, {"task", "ls", "--verdict", "pass", "-n", "1", "-o", "quiet"}).err,
      HasSubstr("1 of 4 tasks; more with -n N"));
}

}  // namespace
}  // namespace muster
