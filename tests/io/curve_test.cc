#include "io/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/access.h"
#include "io/access_edit.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/key_gate.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

void write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary) << text;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

TEST(KeyPair, IsReadBackAndOnlyItsOwnerMayReadIt) {
  const Scratch scratch;
  const std::string dir = scratch / "keys";
  const KeyPair made = make_key_pair("lab-1");
  EXPECT_EQ(invalid_public_key(made.public_key), std::nullopt);
  ASSERT_TRUE(save_key_pair(dir, made).ok());
  struct stat info {};
  ASSERT_EQ(::stat((dir + "/lab-1.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const Result<KeyPair> loaded = load_key_pair(dir + "/lab-1.key");
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(loaded->name, "lab-1");
  EXPECT_EQ(loaded->public_key, made.public_key);
  EXPECT_EQ(loaded->secret.bytes(), made.secret.bytes());
  const Result<std::string> shown = load_public_key(dir + "/lab-1.pub");
  ASSERT_TRUE(shown.ok()) << shown.error();
  EXPECT_EQ(*shown, made.public_key);
  EXPECT_THAT(read_file(dir + "/lab-1.pub", 4096).value(),
              Not(HasSubstr(to_hex(made.secret.bytes()))));
  EXPECT_THAT(save_key_pair(dir, make_key_pair("lab-1")).error(), HasSubstr("is there already"));
  EXPECT_NE(make_key_pair("a").public_key, make_key_pair("a").public_key);
}

TEST(KeyPair, AFileThatIsNoneIsRefusedAndNothingOfItQuoted) {
  const Scratch scratch;
  const KeyPair made = make_key_pair("k");
  const std::string secret = to_hex(made.secret.bytes());
  const std::string good =
      "muster key 1\nname: k\npublic: " + made.public_key + "\nsecret: " + secret + "\n";
  const std::string path = scratch / "k.key";
  write(path, good);
  ASSERT_TRUE(load_key_pair(path).ok());
  const std::string other = make_key_pair("o").public_key;
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "does not begin"},
      {std::string(2'000, 'x'), "bytes"},
      {std::string("muster key 1\0name", 17), "does not begin"},
      {"muster public key 1" + good.substr(12), "does not begin"},
      {"muster key 2" + good.substr(12), "does not begin"},
      {good + "more\n", "goes on after line 4"},
      {good.substr(0, good.size() - 2), "64 hexadecimal digits in line 4"},
      {"muster key 1\nname: ../k\npublic: " + made.public_key + "\nsecret: " + secret + "\n",
       "no name in line 2"},
      {"muster key 1\nname: k\nsecret: " + secret + "\npublic: " + made.public_key + "\n",
       "needs \"public: ...\" in line 3"},
      {"muster key 1\nname: k\npublic: " + other + "\nsecret: " + secret + "\n",
       "do not belong together"},
  };
  for (const auto& [text, reason] : rows) {
    write(path, text);
    const Result<KeyPair> loaded = load_key_pair(path);
    ASSERT_FALSE(loaded.ok()) << reason;
    EXPECT_THAT(loaded.error(), HasSubstr(reason));
    EXPECT_THAT(loaded.error(), HasSubstr(path));
    EXPECT_THAT(loaded.error(), Not(HasSubstr(secret.substr(0, 16))));
  }
  write(path, good, 0640);
  EXPECT_THAT(load_key_pair(path).error(), HasSubstr("chmod 600"));
  EXPECT_THAT(load_key_pair(scratch / "none").error(), HasSubstr("No such file"));
  std::filesystem::create_directory(scratch / "dir");
  EXPECT_THAT(load_key_pair(scratch / "dir").error(), HasSubstr("is no file"));
}

class KeyGateTest : public testing::Test {
 protected:
  bool admits(const KeyPair& pair) { return gate_.admits(pair.public_key, "10.0.0.7"); }
  void allow(const KeyPair& pair, Role role) {
    const Result<Done> done = allow_key(path_, pair.public_key, Grant{pair.name, role, {}, {}});
    ASSERT_TRUE(done.ok()) << done.error();
  }

  const Scratch scratch_;
  const std::string path_ = scratch_ / "keys/allowed";
  const KeyPair kim_ = make_key_pair("kim");
  const KeyPair lab_ = make_key_pair("lab-1");
  KeyGate gate_{path_, kEveryRole};
};

TEST_F(KeyGateTest, WhatIsAllowedAndRevokedHoldsAtOnce) {
  ASSERT_TRUE(gate_.load().ok());
  EXPECT_FALSE(admits(kim_)) << "there is no file";
  allow(kim_, Role::submitter);
  EXPECT_TRUE(admits(kim_));
  EXPECT_FALSE(admits(lab_));
  allow(lab_, Role::worker);
  allow(kim_, Role::admin);
  EXPECT_EQ(gate_.list()->find(kim_.public_key)->role, Role::admin) << "instead of what it had";
  EXPECT_TRUE(*revoke_key(path_, "kim"));
  EXPECT_FALSE(*revoke_key(path_, "kim"));
  EXPECT_FALSE(admits(kim_));
  EXPECT_TRUE(admits(lab_));
  EXPECT_EQ(gate_.former_name(kim_.public_key), "kim");
  EXPECT_EQ(gate_.revoked(), 1u);
  const std::vector<AccessRefused> refused = gate_.drain(SystemClock().now());
  ASSERT_THAT(refused, SizeIs(2));
  std::filesystem::remove(path_);
  EXPECT_FALSE(admits(lab_)) << "without the file nobody is allowed";
}

TEST_F(KeyGateTest, AFileWithFaultsChangesNothing) {
  allow(kim_, Role::submitter);
  ASSERT_TRUE(gate_.load().ok());
  const std::string good = read_file(path_, 4096).value();
  write(path_, good + "nonsense\n");
  EXPECT_TRUE(admits(kim_));
  EXPECT_THAT(gate_.fault(), HasSubstr("line 3: needs a name"));
  EXPECT_THAT(KeyGate(path_, kEveryRole).load().error(), HasSubstr("line 3"));
  EXPECT_THAT(allow_key(path_, lab_.public_key, Grant{"lab-1", Role::worker, {}, {}}).error(),
              HasSubstr("line 3"));
  write(path_, good, 0666);
  EXPECT_THAT(KeyGate(path_, kEveryRole).load().error(), HasSubstr("chmod 600"));
  write(path_, good);
  EXPECT_TRUE(admits(kim_));
  EXPECT_THAT(gate_.fault(), IsEmpty());
}

TEST_F(KeyGateTest, RolesThatHaveNothingToAskAreNotLetIn) {
  allow(kim_, Role::submitter);
  allow(lab_, Role::worker);
  KeyGate feed(path_, kFeedReaders);
  ASSERT_TRUE(feed.load().ok());
  EXPECT_TRUE(feed.admits(kim_.public_key, ""));
  EXPECT_FALSE(feed.admits(lab_.public_key, ""));
  const std::vector<AccessRefused> refused = feed.drain(SystemClock().now());
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].reason, HasSubstr("a worker has nothing to ask here"));
}

TEST_F(KeyGateTest, ANameIsOneKeysAndAKeyHasOneName) {
  allow(kim_, Role::submitter);
  EXPECT_THAT(allow_key(path_, lab_.public_key, Grant{"kim", Role::worker, {}, {}}).error(),
              HasSubstr("another key is allowed as kim"));
  EXPECT_THAT(allow_key(path_, kim_.public_key, Grant{"ann", Role::admin, {}, {}}).error(),
              HasSubstr("this key is allowed already, as kim"));
}

}  // namespace
}  // namespace muster
