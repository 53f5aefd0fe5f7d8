#include "broker/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/access_edit.h"
#include "io/clock.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class GuardTest : public testing::Test {
 protected:
  GuardTest() {
    allow("kim", 'a', Role::submitter);
    allow("lab-1", 'b', Role::worker);
    EXPECT_TRUE(gate_->load().ok());
    guard_.emplace(gate_);
  }

  static std::string key(char digit) { return std::string(kPublicKeyDigits, digit); }
  // As a socket names who has shown the key.
  static std::string peer(char digit) { return std::string(1, '\0') + key(digit) + "id"; }

  void allow(const std::string& name, char digit, Role role) {
    const Result<Done> done = allow_key(path_, key(digit), Grant{name, role, {}, {}});
    ASSERT_TRUE(done.ok()) << done.error();
  }
  std::optional<std::string> judge(const std::string& from, Message message) {
    message_ = std::move(message);
    return guard_->judge({from, Frame()}, message_, [](std::string_view) { return std::nullopt; });
  }

  const Scratch scratch_;
  const std::string path_ = scratch_ / "allowed";
  std::shared_ptr<KeyGate> gate_ = std::make_shared<KeyGate>(path_, kEveryRole);
  std::optional<Guard> guard_;
  Message message_;
};

TEST_F(GuardTest, WhoComesByAUnixSocketMayDoEverything) {
  EXPECT_EQ(judge("local", ApplyInventory{nullptr, "me"}), std::nullopt);
  EXPECT_EQ(std::get<ApplyInventory>(message_).who, "me") << "and signs for itself";
}

TEST_F(GuardTest, WhatAKeyMayNotIsRefusedAndNoted) {
  EXPECT_EQ(judge(peer('a'), Cancel{{}, "why", "x"}), std::nullopt);
  EXPECT_EQ(std::get<Cancel>(message_).who, "x (key kim)");
  EXPECT_THAT(judge(peer('a'), ApplyInventory{nullptr, "me"}).value_or(""),
              HasSubstr("it takes admin"));
  const std::vector<AccessRefused> noted = gate_->drain(SystemClock().now());
  ASSERT_THAT(noted, SizeIs(1));
  EXPECT_EQ(noted[0].key, key('a'));
  EXPECT_EQ(noted[0].name, "kim");
  EXPECT_EQ(noted[0].what, "apply an inventory");
}

TEST_F(GuardTest, RevokedInMidConnectionItIsRefusedAndItsSessionsGo) {
  EXPECT_EQ(guard_->look(), nullptr) << "nothing has changed";
  EXPECT_EQ(judge(peer('b'), Sync{}), std::nullopt);
  ASSERT_TRUE(*revoke_key(path_, "lab-1"));
  const auto changed = guard_->look();
  ASSERT_NE(changed, nullptr);
  EXPECT_TRUE(changed(peer('b')));
  EXPECT_FALSE(changed(peer('a')));
  EXPECT_FALSE(changed("local"));
  EXPECT_THAT(judge(peer('b'), Sync{}).value_or(""), HasSubstr("key lab-1 was revoked"));
  allow("lab-1", 'b', Role::worker);
  EXPECT_EQ(guard_->look(), nullptr) << "whoever is new has said nothing yet";
  EXPECT_EQ(judge(peer('b'), Sync{}), std::nullopt);
}

TEST_F(GuardTest, AnotherRoleBeginsAnew) {
  allow("lab-1", 'b', Role::submitter);
  const auto changed = guard_->look();
  ASSERT_NE(changed, nullptr);
  EXPECT_TRUE(changed(peer('b')));
  EXPECT_THAT(judge(peer('b'), Sync{}).value_or(""), HasSubstr("it takes worker"));
}

TEST_F(GuardTest, StrangersAreCounted) {
  guard_->note({2, 0});
  guard_->note({0, 0});
  const std::vector<AccessRefused> noted = gate_->drain(SystemClock().now());
  ASSERT_THAT(noted, SizeIs(1));
  EXPECT_EQ(noted[0].count, 2u);
  EXPECT_EQ(noted[0].what, "connect without a key");
}

}  // namespace
}  // namespace muster
