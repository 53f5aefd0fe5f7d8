#include "io/json_depth.h"

#include <gtest/gtest.h>

#include <string>

namespace muster {
namespace {

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonDepth, CountsBracketsOutsideOfTexts) {
  EXPECT_FALSE(is_deep_json(nested(kJsonDepthMax)));
  EXPECT_TRUE(is_deep_json(nested(kJsonDepthMax + 1)));
  EXPECT_FALSE(is_deep_json(R"({"a": "[[[[\"[[[[", "b": [{}]})", 2 + 1));
  EXPECT_TRUE(is_deep_json(R"({"a": "\\", "b": [[[)", 3));
  EXPECT_FALSE(is_deep_json("[],[],[],[]", 1));
  EXPECT_FALSE(is_deep_json("]]]]", 1));
  EXPECT_FALSE(is_deep_json("\"[[[[", 1));
  EXPECT_FALSE(is_deep_json("", 0));
  EXPECT_FALSE(is_deep_json("\"\\", 0));
}

}  // namespace
}  // namespace muster
