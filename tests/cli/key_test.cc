// The verbs of keys, and the keys that muster up makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/parse.h"
#include "cli/up_keys.h"
#include "core/access.h"
#include "io/access_edit.h"
#include "io/key_gate.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <typename Options>
Options parsed(const std::vector<std::string>& words) {
  const ParsedCommand command = parse_command_line(words);
  if (const auto* fault = std::get_if<UsageFault>(&command)) ADD_FAILURE() << fault->message;
  const auto* invocation = std::get_if<Invocation>(&command);
  return invocation == nullptr ? Options() : std::get<Options>(invocation->verb);
}

std::string fault_of(const std::vector<std::string>& words) {
  const ParsedCommand command = parse_command_line(words);
  const auto* fault = std::get_if<UsageFault>(&command);
  return fault == nullptr ? "" : fault->message;
}

TEST(KeyVerbs, AreParsed) {
  EXPECT_EQ(parsed<KeyNewOptions>({"key", "new", "lab-1"}).name, "lab-1");
  const auto allow = parsed<KeyAllowOptions>({"key", "allow", "lab-1", "--role", "worker", "--lab",
                                              "home", "--pool", "a", "--pool", "b", "--name", "x"});
  EXPECT_EQ(allow.key, "lab-1");
  EXPECT_EQ(allow.name, "x");
  EXPECT_EQ(allow.role, Role::worker);
  EXPECT_THAT(allow.labs, ElementsAre("home"));
  EXPECT_THAT(allow.pools, ElementsAre("a", "b"));
  EXPECT_EQ(parsed<KeyRevokeOptions>({"key", "revoke", "lab-1"}).name, "lab-1");
  parsed<KeyListOptions>({"key", "ls"});
  EXPECT_THAT(fault_of({"key", "allow", "lab-1"}), HasSubstr("--role"));
  EXPECT_THAT(fault_of({"key", "allow", "lab-1", "--role", "wroker"}),
              HasSubstr("did you mean worker?"));
  EXPECT_NE(fault_of({"key"}), "");
}

class UpKeys : public testing::Test {
 protected:
  std::vector<std::string> make() {
    const auto made = make_own_keys(config_, home_, {"ipc:///x", "tcp://127.0.0.1:1"}, "local");
    if (!made.ok()) ADD_FAILURE() << made.error();
    return made.ok() ? *made : std::vector<std::string>();
  }

  const Scratch scratch_;
  const Home home_{scratch_ / "home"};
  Config config_ = [this] {
    Config config;
    config.keys = default_keys(home_);
    return config;
  }();
};

TEST_F(UpKeys, AreMadeOnceAndAllowedOnce) {
  EXPECT_THAT(make(), ElementsAre("broker", "collector", "local", "admin"));
  const auto role_of = [&](const std::string& name) -> std::string {
    const Result<AccessList> list = load_access_list(config_.keys.allowed);
    const std::string* key = list.ok() ? list->key_named(name) : nullptr;
    return key == nullptr ? "" : std::string(to_string(list->find(*key)->role));
  };
  EXPECT_EQ(role_of("broker"), "") << "nobody lets it in";
  EXPECT_EQ(role_of("collector"), "collector");
  EXPECT_EQ(role_of("local"), "worker");
  EXPECT_EQ(role_of("admin"), "admin");
  ASSERT_TRUE(*revoke_key(config_.keys.allowed, "local"));
  EXPECT_THAT(make(), IsEmpty());
  EXPECT_EQ(role_of("local"), "") << "what was revoked stays so";
}

TEST_F(UpKeys, AreNotMadeWhereNobodyNeedsThem) {
  EXPECT_THAT(*make_own_keys(config_, home_, {"ipc:///x"}, "local"), IsEmpty());
  config_.insecure = true;
  EXPECT_THAT(make(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(home_.keys_dir()));
}

}  // namespace
}  // namespace muster
