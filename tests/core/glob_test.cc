#include "core/glob.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

struct Row {
  const char* pattern;
  const char* path;
  bool matches;
};

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(Glob(row.pattern).matches(row.path), row.matches) << row.pattern << " " << row.path;
  }
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(GlobTest, NameByName) {
  expect_rows({{"a.txt", "a.txt", true},
               {"*.txt", "a.txt", true},
               {"*.txt", "d/a.txt", false},
               {"d/*", "d/a.txt", true},
               {"d/*", "d/e/a.txt", false},
               {"d/*", "d", false},
               {"d//e/./a", "d/e/a", true},
               {"d/", "d", true},
               {"", "a", false},
               {".", "a", false},
               {"../*", "a", false},
               {"/etc/*", "etc/passwd", false},
               {"a", "a/b", false},
               {"a/b", "a", false}});
}

TEST(GlobTest, TwoStarsAreAnyNumberOfNames) {
  expect_rows({{"**", "a", true},
               {"**", "d/.e/a", false},
               {"**", ".a", false},
               {"d/**", "d/.a", false},
               {"**/.e/*", "d/.e/a", true},
               {"**/a.txt", "a.txt", true},
               {"**/a.txt", "d/e/a.txt", true},
               {"**/a.txt", "d/e/b.txt", false},
               {"d/**", "d/e/a.txt", true},
               {"d/**", "e/a.txt", false},
               {"d/**/x/*.b", "d/x/1.b", true},
               {"d/**/x/*.b", "d/y/x/1.b", true},
               {"d/**/x/*.b", "d/x/x/1.b", true},
               {"d/**/x/*.b", "d/y/1.b", false},
               {"**/**/a/**/b", "a/b", true},
               {"**/a/**/a/b", "a/b", false},
               {"a**b", "axxb", true},
               {"a**b", "a/b", false}});
}

TEST(GlobTest, Characters) {
  expect_rows({{"?.c", "a.c", true},
               {"?.c", "ab.c", false},
               {"?.c", "\xc3\xa4.c", true},
               {"??.c", "\xff\xfe.c", true},
               {"a*b*c", "a1b2b3c", true},
               {"a*b*c", "a1b2b3", false},
               {"*a", "aaa", true},
               {"a*", "a", true},
               {"[ab].c", "a.c", true},
               {"[ab].c", "c.c", false},
               {"[!ab].c", "c.c", true},
               {"[^ab].c", "a.c", false},
               {"[a-c]", "b", true},
               {"[a-c]", "d", false},
               {"[a-]", "-", true},
               {"[]x]", "]", true},
               {"[!]x]", "]", false},
               {"[[:digit:]x]*", "7z", true},
               {"[[:digit:]]", "x", false},
               {"[[:no:]]", "n", false},
               {"[\xc3\xa0-\xc3\xb6]", "\xc3\xa4", true},
               {"[a", "[a", true},
               {"\\*", "*", true},
               {"\\*", "a", false},
               {"[\\]]", "]", true},
               {"a\\", "a\\", true}});
}

TEST(GlobTest, ALeadingDotIsMeantOnlyWhenItIsSaid) {
  expect_rows({{"*", ".hidden", false},
               {"?hidden", ".hidden", false},
               {"[.]hidden", ".hidden", false},
               {".*", ".hidden", true},
               {"\\.*", ".hidden", true},
               {"a*", "a.hidden", true},
               {"**/x", ".d/x", false},
               {"**/*", ".d/x", false},
               {"**/.*", "d/.x", true},
               {".d/**", ".d/x", true}});
}

TEST(GlobTest, AWalkGoesOnlyWhereSomethingCanMatch) {
  const Glob glob("a/**/b/*.c");
  EXPECT_TRUE(glob.goes_on(glob.begin()));
  EXPECT_TRUE(glob.enter(glob.begin(), "x").empty());
  const Glob::Places below = glob.enter(glob.enter(glob.begin(), "a"), "x");
  EXPECT_TRUE(glob.goes_on(below));
  EXPECT_FALSE(glob.accepts(below));
  const Glob::Places file = glob.enter(glob.enter(below, "b"), "1.c");
  EXPECT_TRUE(glob.accepts(file));
  EXPECT_TRUE(Glob("/a").begin().empty());
  const Glob plain("a");
  EXPECT_FALSE(plain.goes_on(plain.enter(plain.begin(), "a")));
}

// It tried each ** at each depth for each choice of those before it.
TEST(GlobTest, ManyStarsCostNoMoreThanTheirNumberForEachName) {
  uint64_t steps = 0;
  const std::string deep = repeated("a/", 60) + "x";
  const std::string pattern = repeated("**/a/", 30) + "y";
  EXPECT_FALSE(Glob(pattern).matches(deep, &steps));
  EXPECT_GT(steps, 0u);
  EXPECT_LE(steps, pattern.size() * deep.size());
  const std::string word = repeated("*a", 50) + "b";
  const std::string name(200, 'a');
  EXPECT_FALSE(Glob(word).matches(name, &steps));
  EXPECT_LE(steps, word.size() * name.size());
}

}  // namespace
}  // namespace muster
