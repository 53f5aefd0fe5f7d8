#include "tests/tidy/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace muster::tidy {
namespace {

using Rule = std::function<void(const Source&, Problems&)>;

// What `rule` says about a file, as "LINE: text" each.
std::vector<std::string> judge(const Rule& rule, const std::string& path, const std::string& text) {
  Problems problems;
  rule(make_source(path, text), problems);
  std::vector<std::string> found;
  for (const Problem& problem : problems) {
    found.push_back(std::to_string(problem.line) + ": " + problem.text);
  }
  return found;
}

struct Row {
  std::string path;
  std::string text;
  std::string expected;  // a part of the only problem; empty: no problem
};

void expect_rows(const Rule& rule, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.path + ": " + row.text);
    const std::vector<std::string> found = judge(rule, row.path, row.text);
    if (row.expected.empty()) {
      EXPECT_THAT(found, testing::IsEmpty());
    } else {
      EXPECT_THAT(found, testing::ElementsAre(testing::HasSubstr(row.expected)));
    }
  }
}

TEST(Tidy, Floors) {
  expect_rows(
      check_floors,
      {
          {"core/task.cc", "#include \"core/task.h\"\n", ""},
          {"io/codec.cc", "#include \"core/task.h\"\n#include \"schemas/task.capnp.h\"\n", ""},
          {"broker/broker.cc", "#include \"io/socket.h\"\n", ""},
          {"tests/e2e/a_test.cc", "#include \"cli/render.h\"\n", ""},
          {"core/a.cc", "// #include \"io/socket.h\"\n", ""},
          {"core/a.cc", "#include \"io/socket.h\"\n", "1: core may not include io"},
          {"core/a.cc", "#include \"tests/sim/sim.h\"\n", "core may not include tests"},
          {"io/a.h", "\n#include \"broker/broker.h\"\n", "2: io may not include broker"},
          {"broker/a.cc", "#include \"workers/spool.h\"\n", "broker may not include workers"},
          {"cli/a.cc", "#include \"collectors/sink.h\"\n", "cli may not include collectors"},
          {"workers/a.cc", "#include \"cli/render.h\"\n", "workers may not include cli"},
          {"collectors/a.cc", "#include \"tests/e2e/home.h\"\n",
           "collectors may not include tests"},
          {"core/a.cc", "#include \"task.h\"\n", "not a path from the root"},
          {"core/a.cc", "#include \"../io/socket.h\"\n", "not a path from the root"},
      });
}

TEST(Tidy, OutsideHeaders) {
  expect_rows(check_outside_headers,
              {
                  {"io/codec.cc", "#include <capnp/message.h>\n", ""},
                  {"io/codec_message.cc", "#include \"schemas/wire.capnp.h\"\n", ""},
                  {"io/socket.cc", "#include <zmq.h>\n", ""},
                  {"cli/main.cc", "#include <CLI/CLI.hpp>\n", ""},
                  {"collectors/ledger.cc", "#include <sqlite3.h>\n", ""},
                  {"cli/render.cc", "#include <nlohmann/json.hpp>\n", ""},
                  {"cli/render.h", "#include <nlohmann/json_fwd.hpp>\n", ""},
                  {"broker/broker.cc", "#include <zmq.h>\n", "only io/socket*"},
                  {"tests/e2e/a_test.cc", "#include <zmq.hpp>\n", "only io/socket*"},
                  {"broker/broker.cc", "#include <kj/array.h>\n", "only io/codec*"},
                  {"workers/a.cc", "#include \"schemas/wire.capnp.h\"\n", "only io/codec*"},
                  {"io/home.cc", "#include <yaml-cpp/yaml.h>\n", "only io/yaml*"},
                  {"io/home.cc", "#include <CLI/CLI.hpp>\n", "only cli/*"},
                  {"broker/broker.cc", "#include <sqlite3.h>\n", "only io/sqlite*"},
                  {"cli/render.h", "#include <nlohmann/json.hpp>\n", "in a .cc file only"},
              });
}

TEST(Tidy, CoreIsPure) {
  expect_rows(check_core_is_pure,
              {
                  {"core/a.cc", "#include <map>\n#include \"core/task.h\"\n", ""},
                  {"core/lookup_map.h", "#include <unordered_map>\n", ""},
                  {"core/a.cc", "// std::rand() and system_clock::now() are for others.\n", ""},
                  {"core/a.cc", "const char* k = \"::now()\";\n", ""},
                  {"io/a.cc", "#include <thread>\nauto t = clock::now();\n", ""},
                  {"core/a.cc", "#include <thread>\n", "<thread> is not for core"},
                  {"core/a.cc", "#include <unordered_map>\n", "<unordered_map> is not for core"},
                  {"core/a.h", "#include <fstream>\n", "<fstream> is not for core"},
                  {"core/a.h", "#include <sys/stat.h>\n", "standard library only"},
                  {"core/a.h", "#include <nlohmann/json.hpp>\n", "standard library only"},
                  {"core/a.cc", "auto t = std::chrono::system_clock::now();\n", "1: \"::now()\""},
                  {"core/a.cc", "int r = std::rand();\n", "std::rand("},
                  {"core/a.cc", "thread_local int x;\n", "thread_local"},
              });
}

TEST(Tidy, Habits) {
  const std::string todo =
      "TO"
      "DO";
  expect_rows(check_habits,
              {
                  {"core/a.cc", "// " + todo + "(perf): measure\n", ""},
                  {"io/a.cc", "usleep(1);\n", ""},
                  {"tests/core/a_test.cc", "// no sleep_for( here\n", ""},
                  {"core/a.cc", "// " + todo + ": later\n", "names its kind"},
                  {"core/a.cc", "// " + todo + "() later\n", "names its kind"},
                  {"core/a.cc", "// " + todo + "(now): mend\n", "do it now"},
                  {"tests/io/a_test.cc", "std::this_thread::sleep_for(1s);\n", "sleeps"},
                  {"tests/io/a_test.cc", "usleep(1000);\n", "sleeps"},
                  {"tests/io/a_test.cc",
                   "  GTEST_"
                   "SKIP();\n",
                   "hides a test"},
                  {"tests/io/a_test.cc",
                   "TEST(A, DISABLED_"
                   "B) {}\n",
                   "hides a test"},
              });
}

TEST(Tidy, Text) {
  expect_rows(check_text, {
                              {"docs/a.md", "one\n\ntwo\n", ""},
                              {"README.md", "see /tmp/x and /etc/passwd\n", ""},
                              {"docs/a.md", "one \n", "1: blanks at the end"},
                              {"docs/a.md", "one\ntwo", "2: no newline"},
                              {"docs/a.md", "one\r\n", "carriage return"},
                              {"core/a.cc", "\tint x;\n", "tab"},
                              {"docs/a.md",
                               "cd /home"
                               "/me/muster\n",
                               "of one machine"},
                          });
}

TEST(Tidy, MarkdownLinks) {
  const std::set<std::string> files = {"README.md", "docs/hacking.md", "deploy/examples/a.yaml"};
  const Rule rule = [&](const Source& source, Problems& problems) {
    check_markdown_links(source, files, problems);
  };
  expect_rows(rule, {
                        {"README.md",
                         "[a](docs/hacking.md#build) [b](https://example.org/x) [c](#here)\n", ""},
                        {"docs/hacking.md", "[a](../README.md) [b](../deploy/examples)\n", ""},
                        {"README.md", "[a](hacking.md)\n", "leads nowhere: hacking.md"},
                        {"docs/hacking.md", "[a](../../README.md)\n", "leads nowhere"},
                    });
}

TEST(Tidy, FindsFunctions) {
  const Source source = make_source("a.cc", R"(
namespace n {
namespace {
const std::vector<int> kRows = {
    1,
    2};
int helper(int a, int b = 2) {
  if (a) {
    return [&] { return b; }();
  }
  return '{';  // {
}
}  // namespace
Thing::Thing(int a)
    : a_{a},
      b_(a) {
  use("}");
}
struct Row {
  bool operator<(const Row& other) const {
    return x < other.x;
  }
  int x{0};
};
TEST(Suite, Name) {
}
}  // namespace n
)");
  std::vector<std::string> found;
  for (const Function& function : find_functions(source)) {
    found.push_back(function.name + " " + std::to_string(function.line) + " " +
                    std::to_string(function.length));
  }
  EXPECT_THAT(found, testing::ElementsAre("helper 7 6", "Thing::Thing 14 5", "operator< 20 3",
                                          "TEST(Suite, Name) 25 2"));
}

std::string function_of(size_t lines) {
  return "void f() {\n" + std::string(lines - 2, '\n') + "}\n";
}

TEST(Tidy, LengthsAreARatchet) {
  struct LengthRow {
    std::string allowed;
    size_t lines;
    std::string expected;
  };
  const std::vector<LengthRow> rows = {
      {"", kFunctionLinesMax, ""},
      {"", kFunctionLinesMax + 1, "core/a.cc:f has 71 lines"},
      {"core/a.cc:f 90 because\n", 90, ""},
      {"core/a.cc:f 90 because\n", 91, "grew to 91"},
      {"core/a.cc:f 90 because\n", 80, "shrank to 80"},
      {"core/a.cc:f 90 because\n", kFunctionLinesMax, "short enough now"},
      {"core/a.cc:g 90 because\n", 5, "core/a.cc:g does not exist any more"},
      {"core/a.cc:f 90\n", 5, "is not NAME LINES reason"},
      {"core/a.cc 601 because\n", 601, "core/a.cc:f has 601 lines"},
  };
  for (const LengthRow& row : rows) {
    SCOPED_TRACE(row.allowed + " " + std::to_string(row.lines));
    Problems problems;
    Allowed allowed = Allowed::parse(row.allowed, problems);
    check_lengths(make_source("core/a.cc", function_of(row.lines)), allowed, problems);
    allowed.report_unused(problems);
    if (row.expected.empty()) {
      EXPECT_TRUE(problems.empty()) << problems.front().text;
    } else {
      ASSERT_EQ(problems.size(), 1u);
      EXPECT_THAT(problems.front().text, testing::HasSubstr(row.expected));
    }
  }
}

TEST(Tidy, ATestMayHaveALongTable) {
  Problems problems;
  Allowed allowed;
  check_lengths(make_source("tests/core/a_test.cc", function_of(200)), allowed, problems);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace muster::tidy
