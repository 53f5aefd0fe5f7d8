#include "core/suggest.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Suggest, FindsTheNearestName) {
  const std::vector<std::string> names = {"timeout", "deps", "description", "tag", "run", "when"};
  struct Row {
    std::string word, nearest;
  };
  const Row rows[] = {
      {"timeuot", "timeout"},  // neighbours swapped: one edit
      {"timeouts", "timeout"},
      {"time_out", "timeout"},
      {"dep", "deps"},
      {"desciption", "description"},
      {"tga", "tag"},
      {"rn", "run"},
      {"wen", "when"},
      {"timeout", "timeout"},
      {"", ""},
      {"x", ""},
      {"of", ""},
      {"banana", ""},
      {"tiem", ""},
      {"descr", ""},
      {"TAG", ""},
      {std::string(500, 't'), ""},
  };
  for (const Row& row : rows) EXPECT_EQ(nearest_name(row.word, names), row.nearest) << row.word;
}

TEST(Suggest, FirstOfEquallyNearNamesWins) {
  EXPECT_EQ(nearest_name("cat", {"bat", "hat"}), "bat");
  EXPECT_EQ(nearest_name("cat", {"hat", "bat"}), "hat");
  EXPECT_EQ(nearest_name("anything", {}), "");
}

TEST(Suggest, SaysItAsTheEndOfASentence) {
  EXPECT_EQ(suggestion("hoem", {"home"}, "--"), "; did you mean --home?");
  EXPECT_EQ(suggestion("nothing", {"home"}, "--"), "");
  EXPECT_EQ(suggest("hoem", {"home"}), " (did you mean \"home\"?)");
  EXPECT_EQ(suggest("nothing", {"home"}), "");
}

}  // namespace
}  // namespace muster
