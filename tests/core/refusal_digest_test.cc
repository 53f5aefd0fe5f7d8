#include "core/refusal_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr Instant kStart{std::chrono::hours(500'000)};

AccessRefused refused(const std::string& key, const std::string& what = "connect") {
  return {key, "", "10.0.0.7", what, "nobody has allowed this key"};
}

TEST(RefusalDigest, TellsTheFirstAtOnceAndTheRestAsACount) {
  RefusalDigest digest;
  digest.note(refused("a"));
  EXPECT_EQ(digest.drain(kStart), std::vector{refused("a")});
  for (int i = 0; i < 1'000; ++i) digest.note(refused("a"));
  EXPECT_THAT(digest.drain(kStart + kRefusalInterval - Duration(1)), IsEmpty());
  const std::vector<AccessRefused> later = digest.drain(kStart + kRefusalInterval);
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(later[0].count, 1'000u);
  EXPECT_THAT(digest.drain(kStart + 2 * kRefusalInterval), IsEmpty());
  digest.note(refused("a"));
  EXPECT_EQ(digest.drain(kStart + 2 * kRefusalInterval), std::vector{refused("a")});
}

TEST(RefusalDigest, TellsKeysAddressesAndWishesApart) {
  RefusalDigest digest;
  digest.note(refused("a"));
  digest.note(refused("b"));
  digest.note(refused("a", "apply an inventory"));
  AccessRefused elsewhere = refused("a");
  elsewhere.address = "10.0.0.8";
  digest.note(elsewhere);
  AccessRefused again = refused("a");
  again.reason = "the key was revoked";
  digest.note(again);
  const std::vector<AccessRefused> told = digest.drain(kStart);
  ASSERT_THAT(told, SizeIs(4));
  EXPECT_EQ(told[1].reason, "the key was revoked") << "the newest, of those who connect";
  EXPECT_EQ(told[1].count, 2u);
}

// Whoever makes a key for each connection fills neither the log nor memory.
TEST(RefusalDigest, TellsOfSoManyKindsAndCountsTheOthers) {
  RefusalDigest digest;
  for (size_t i = 0; i < 100 * kRefusalKindsMax; ++i) digest.note(refused(std::to_string(i)));
  const std::vector<AccessRefused> told = digest.drain(kStart);
  ASSERT_THAT(told, SizeIs(kRefusalKindsMax + 1));
  uint64_t count = 0;
  for (const AccessRefused& one : told) count += one.count;
  EXPECT_EQ(count, 100 * kRefusalKindsMax);
  EXPECT_THAT(digest.drain(kStart + kRefusalInterval), IsEmpty());
  digest.note(refused("new"));
  EXPECT_EQ(digest.drain(kStart + kRefusalInterval), std::vector{refused("new")})
      << "there is room again";
}

}  // namespace
}  // namespace muster
