// Keys and roles on tcp://, with real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/house.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kNotPermitted = 77;
constexpr int kUsage = 64;

class CurveTest : public testing::Test {
 protected:
  void configure(const std::string& more = "") const {
    std::ofstream(house_.home().config_file())
        << "endpoint: " << tcp_ << "\nlisten: [\"" << tcp_ << "\"]\nbeat: 100ms\nlease: 1s\n"
        << more;
  }

  Ran muster(std::vector<std::string> arguments) { return house_.muster(std::move(arguments)); }

  // The text of `file` in the home's keys/, from the line that begins so.
  std::string key_line(const std::string& file, const std::string& begin) const {
    std::istringstream text(read_text(house_.home().keys_dir() + "/" + file));
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(begin)) return line.substr(begin.size());
    }
    ADD_FAILURE() << "no " << begin << " in " << file;
    return "";
  }

  bool worker_is_there(const std::string& name) {
    const Ran ran = muster({"worker", "ls", "-o", "json"});
    if (ran.status != 0) return false;
    const json answer = json::parse(ran.out);
    for (const json& worker : answer.at("workers")) {
      if (worker.at("name") == name) return worker.at("present").get<bool>();
    }
    return false;
  }

  // Refusals that are events so far, as lines.
  std::string refusals() {
    return muster({"events", "--from", "1", "--type", "access_refused", "-o", "jsonl"}).out;
  }

  House house_{MUSTER_BIN_DIR};
  const std::string tcp_ = "tcp://127.0.0.1:" + free_port();
};

TEST_F(CurveTest, UpMakesItsOwnKeysAndAWorkerComesWithItsOwn) {
  configure();
  const std::unique_ptr<Child> up = house_.start_up();
  ASSERT_TRUE(eventually([&] { return worker_is_there("local"); })) << house_.daemon_output();
  EXPECT_EQ(muster({"run", "--wait", "--", "true"}).status, 0) << house_.daemon_output();
  const json keys = json::parse(muster({"key", "ls", "-o", "json"}).out).at("keys");
  std::map<std::string, std::string> roles;
  for (const json& key : keys) roles[key.at("name")] = key.value("role", "");
  EXPECT_EQ(
      roles,
      (std::map<std::string, std::string>{
          {"admin", "admin"}, {"broker", ""}, {"collector", "collector"}, {"local", "worker"}}));

  // A worker of another lab, with a key of its own.
  ASSERT_EQ(muster({"key", "new", "lab-2"}).status, 0);
  const std::unique_ptr<Child> worker = house_.start_worker("lab-2", 1, {"--lab", "annex"});
  ASSERT_TRUE(eventually([&] {
    return refusals().find("nobody has allowed this key") != std::string::npos;
  })) << house_.daemon_output();
  EXPECT_FALSE(worker_is_there("lab-2"));
  ASSERT_EQ(muster({"key", "allow", "lab-2", "--role", "worker", "--lab", "annex"}).status, 0);
  ASSERT_TRUE(eventually([&] { return worker_is_there("lab-2"); })) << house_.daemon_output();

  // Revoked, it is refused on the connection that it has, and lost when its lease runs out.
  ASSERT_EQ(muster({"key", "revoke", "lab-2"}).status, 0);
  EXPECT_TRUE(eventually([&] { return !worker_is_there("lab-2"); })) << house_.daemon_output();
  EXPECT_TRUE(eventually([&] {
    return refusals().find("key lab-2 was revoked") != std::string::npos;
  })) << refusals();

  // No secret is anywhere but in its file.
  const std::string secret = key_line("admin.key", "secret: ");
  ASSERT_EQ(secret.size(), 64u);
  EXPECT_THAT(house_.daemon_output(), Not(HasSubstr(secret)));
  EXPECT_THAT(muster({"events", "--from", "1", "-o", "jsonl"}).out, Not(HasSubstr(secret)));
  EXPECT_THAT(muster({"key", "ls", "-o", "json"}).out, Not(HasSubstr(secret)));
}

TEST_F(CurveTest, AWorkerSpeaksForItselfAndItsLabOnly) {
  configure();
  const std::unique_ptr<Child> up = house_.start_up();
  ASSERT_TRUE(eventually([&] { return worker_is_there("local"); })) << house_.daemon_output();
  ASSERT_EQ(muster({"key", "new", "lab-2"}).status, 0);
  ASSERT_EQ(muster({"key", "allow", "lab-2", "--role", "worker", "--lab", "annex"}).status, 0);
  const std::string key = house_.home().keys_dir() + "/lab-2.key";
  {
    const auto other = house_.start_worker("lab-3", 1, {"--key", key, "--lab", "annex"});
    EXPECT_TRUE(eventually([&] {
      return refusals().find("speaks for the worker of that name only") != std::string::npos;
    })) << refusals()
        << house_.daemon_output();
  }
  const auto foreign = house_.start_worker("lab-2", 1, {"--lab", "lund"});
  EXPECT_TRUE(eventually([&] {
    return refusals().find("is for the labs annex only") != std::string::npos;
  })) << refusals()
      << house_.daemon_output();
  EXPECT_FALSE(worker_is_there("lab-3"));
  EXPECT_FALSE(worker_is_there("lab-2"));
}

TEST_F(CurveTest, PeopleMayWhatTheirRoleSays) {
  configure();
  const std::unique_ptr<Child> up = house_.start_up();
  ASSERT_TRUE(eventually([&] { return worker_is_there("local"); })) << house_.daemon_output();
  ASSERT_EQ(muster({"key", "new", "kim"}).status, 0);
  const Ran unknown = muster({"--key", "kim", "task", "ls"});
  EXPECT_EQ(unknown.status, kNotPermitted);
  EXPECT_THAT(unknown.err, HasSubstr("muster key allow " + key_line("kim.pub", "public: ")));
  ASSERT_EQ(muster({"key", "allow", "kim", "--role", "submitter"}).status, 0);
  EXPECT_EQ(muster({"--key", "kim", "run", "--wait", "--", "true"}).status, 0);
  const std::string inventory = MUSTER_SOURCE_DIR "/deploy/examples/inventory.yaml";
  const Ran apply = muster({"--key", "kim", "inventory", "apply", inventory});
  EXPECT_EQ(apply.status, kNotPermitted) << apply.err;
  EXPECT_THAT(apply.err,
              HasSubstr("key kim has role submitter, and it takes admin to apply an inventory"));
  EXPECT_TRUE(eventually([&] {
    return refusals().find("\"what\":\"apply an inventory\"") != std::string::npos;
  })) << refusals();
  ASSERT_EQ(muster({"key", "revoke", "kim"}).status, 0);
  EXPECT_EQ(muster({"--key", "kim", "task", "ls"}).status, kNotPermitted);
  const Ran wrong = muster({"--server-key", key_line("kim.pub", "public: "), "task", "ls"});
  EXPECT_EQ(wrong.status, kNotPermitted);
  EXPECT_THAT(wrong.err, HasSubstr("is not the one that it should be"));
  const Ran worker = muster({"--key", "local", "task", "ls"});
  EXPECT_EQ(worker.status, kNotPermitted);
  EXPECT_THAT(worker.err, HasSubstr("it takes submitter or admin to list tasks"));
}

TEST_F(CurveTest, WithoutKeysThereIsNoTcpUnlessItIsSaid) {
  configure();
  const std::unique_ptr<Child> broker = house_.start_broker();
  EXPECT_EQ(broker->wait(std::chrono::seconds(30)), std::optional(kUsage));
  EXPECT_THAT(house_.daemon_output(), AllOf(HasSubstr("needs keys"), HasSubstr("muster key new"),
                                            HasSubstr("insecure: true")));
  const Ran asked = muster({"task", "ls"});
  EXPECT_EQ(asked.status, kUsage) << asked.err;
  EXPECT_THAT(asked.err, HasSubstr("needs keys"));
  configure("insecure: true\n");
  const std::unique_ptr<Child> open = house_.start_broker();
  EXPECT_TRUE(eventually([&] { return muster({"task", "ls"}).status == 0; }));
  EXPECT_THAT(house_.daemon_output(), HasSubstr("INSECURE"));
  EXPECT_THAT(muster({"doctor"}).out, HasSubstr("insecure: true"));
}

}  // namespace
}  // namespace muster
