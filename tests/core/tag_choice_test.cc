#include "core/tag_choice.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(TagChoice, AllAnyAndNot) {
  struct Row {
    std::vector<std::string> terms;
    bool chosen;
  };
  const std::vector<std::string> tags = {"SMOKE", "WIFI", "5g"};
  const std::vector<Row> rows = {
      {{}, true},
      {{"SMOKE"}, true},
      {{"SMOKE,WIFI"}, true},
      {{"SMOKE", "WIFI"}, true},
      {{"SMOKE,BT"}, false},
      {{"SMOKE", "BT"}, false},
      {{"smoke"}, false},
      {{"any:BT,WIFI"}, true},
      {{"any:BT,LTE"}, false},
      {{"not:BT"}, true},
      {{"not:BT,5g"}, false},
      {{"SMOKE", "any:5g,2g", "not:SLOW"}, true},
      {{"SMOKE", "any:5g,2g", "not:WIFI"}, false},
      {{"not:any:x"}, true},  // a tag that is called any:x
  };
  for (const Row& row : rows) {
    EXPECT_EQ(chosen_by_tags(tags, row.terms), row.chosen) << row.terms.size();
  }
  EXPECT_FALSE(chosen_by_tags({}, {"A"}));
  EXPECT_TRUE(chosen_by_tags({}, {"not:A"}));
}

TEST(TagChoice, EmptyTagsAreRefused) {
  for (const char* term : {"A", "A,B", "any:A", "not:A,B"}) {
    EXPECT_EQ(invalid_tag_term(term), std::nullopt) << term;
  }
  for (const char* term : {"", ",", "A,", "any:", "not:A,,B"}) {
    EXPECT_NE(invalid_tag_term(term), std::nullopt) << term;
  }
}

}  // namespace
}  // namespace muster
