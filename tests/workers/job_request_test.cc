// Lines of a job's socket that mean no good.
#include "workers/job_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/limits.h"

namespace muster {
namespace {

using testing::HasSubstr;

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

// It was walked with a part of the stack for each level.
TEST(JobRequest, ArgumentsThatAreNestedTooDeepAreRefused) {
  for (const std::string begin : {R"({"call_made":{"method":"m","arguments":)",
                                  R"({"call_failed":{"method":"m","error":"e","arguments":)"}) {
    const auto parse = [&](size_t depth) {
      return parse_job_request(begin + nested(depth) + "}}");
    };
    const auto deep = parse(kApiLineBytesMax / 2 - 64);
    ASSERT_FALSE(deep.ok());
    EXPECT_THAT(deep.error(), HasSubstr("nested deeper than"));
    EXPECT_FALSE(parse(kJsonDepthMax - 1).ok());
    EXPECT_TRUE(parse(kJsonDepthMax - 2).ok());
  }
}

TEST(JobRequest, ADeepLineIsDescribedByItsBeginning) {
  const CallMade call =
      describe_request("{\"nonsense\":" + nested(kApiLineBytesMax / 2 - 16) + "}");
  EXPECT_EQ(call.method, "nonsense");
  const auto arguments = nlohmann::json::parse(call.arguments, nullptr, false);
  ASSERT_TRUE(arguments.is_string()) << call.arguments;
  EXPECT_THAT(arguments.get<std::string>(), testing::StartsWith("{\"nonsense\":[[["));
}

TEST(JobRequest, TablesThatAreNoNamesAreRefused) {
  for (const char* table : {"../x", "x; DROP TABLE tasks", "a b", "", "-x"}) {
    const std::string quoted = nlohmann::json(table).dump();
    EXPECT_FALSE(
        parse_job_request(R"({"measure":{"table":)" + quoted + R"(,"row":{"a":1}}})").ok());
    EXPECT_FALSE(parse_job_request(R"({"measure":{"table":)" + quoted + R"(,"csv":"a"}})").ok());
  }
}

}  // namespace
}  // namespace muster
