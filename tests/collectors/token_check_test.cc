#include "collectors/token_check.h"

#include <gtest/gtest.h>

#include "io/sha256.h"

namespace muster {
namespace {

using Said = TokenCheck::Said;

constexpr Instant kStart{std::chrono::hours(500'000)};

TEST(TokenCheck, OnlyTheTokenIsRight) {
  TokenCheck check(sha256_hex("0123456789abcdef"));
  EXPECT_EQ(check.judge("Bearer 0123456789abcdef", "a", kStart), Said::right);
  EXPECT_EQ(check.judge("bEARER 0123456789abcdef", "a", kStart), Said::right);
  for (const char* text : {"", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef ",
                           "0123456789abcdef", "Bearer: 0123456789abcdef"}) {
    EXPECT_EQ(check.judge(text, "a", kStart), Said::wrong) << text;
  }
  EXPECT_EQ(check.judge("Bearer " + sha256_hex("0123456789abcdef"), "a", kStart), Said::wrong)
      << "whoever reads the digest has not got the token";
  EXPECT_EQ(TokenCheck("").judge("Bearer ", "a", kStart), Said::wrong);
}

TEST(TokenCheck, WhoGuessesIsStoppedAndNobodyElse) {
  TokenCheck check(sha256_hex("0123456789abcdef"));
  for (uint32_t i = 0; i < kWrongTokensMax; ++i) {
    ASSERT_EQ(check.judge("Bearer guess", "a", kStart), Said::wrong) << i;
  }
  EXPECT_EQ(check.judge("Bearer guess", "a", kStart), Said::too_often);
  EXPECT_EQ(check.judge("Bearer guess", "b", kStart), Said::wrong);
  EXPECT_EQ(check.judge("Bearer 0123456789abcdef", "a", kStart), Said::right);
  EXPECT_EQ(check.judge("", "a", kStart), Said::wrong) << "nothing was tried";
  EXPECT_EQ(check.judge("Bearer guess", "a", kStart + kWrongTokensInterval - Duration(1)),
            Said::too_often);
  EXPECT_EQ(check.judge("Bearer guess", "a", kStart + kWrongTokensInterval), Said::wrong);
}

TEST(TokenCheck, SoManyAddressesAreToldApart) {
  TokenCheck check(sha256_hex("0123456789abcdef"));
  for (size_t i = 0; i < kWrongTokenAddressesMax; ++i) {
    ASSERT_EQ(check.judge("Bearer guess", std::to_string(i), kStart), Said::wrong);
  }
  for (uint32_t i = 0; i < kWrongTokensMax; ++i) {
    ASSERT_EQ(check.judge("Bearer guess", "more" + std::to_string(i), kStart), Said::wrong);
  }
  EXPECT_EQ(check.judge("Bearer guess", "another", kStart), Said::too_often);
  EXPECT_EQ(check.judge("Bearer guess", "0", kStart), Said::wrong);
}

}  // namespace
}  // namespace muster
