// What people do with devices, with real processes: lock and quarantine them, repair them, sweep
// over many.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "io/file.h"
#include "tests/e2e/audit.h"
#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kStrategy[] = R"(version: 1
kind: strategy
name: bench
verify:
  - { tag: ready, description: It is there, check: { noop: {} }, levels: [quick] }
  - { tag: sound, description: It is sound, check: { command: [test, "{device.sound}", =, "yes"] }, deps: [ready] }
repair:
  - { tag: pray, description: Hope, run: { noop: {} }, triggers: [sound] }
)";

constexpr char kInventory[] = R"(version: 1
kind: inventory
lab: e2e
strategies: [bench.yaml]
workers: { local: {} }
devices:
  good-1: { type: bench, strategy: bench, sound: "yes" }
  bad-1: { type: bench, strategy: bench, sound: "no" }
  plain-1: { type: relay }
)";

class DeviceTest : public testing::Test {
 protected:
  DeviceTest() : house_(MUSTER_BIN_DIR) {
    house_.write("bench.yaml", kStrategy);
    const std::string inventory = house_.write("inventory.yaml", kInventory);
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
    expect(0, {"inventory", "apply", inventory});
  }

  // Runs a command; its exit status must be `status`.
  Ran expect(int status, const std::vector<std::string>& arguments) {
    return expect_run(house_, status, arguments);
  }

  std::string health(const std::string& device) {
    const json shown = json::parse(expect(0, {"device", "show", device, "-o", "json"}).out);
    return shown["health"];
  }

  House house_;
  std::unique_ptr<Child> up_;
};

TEST_F(DeviceTest, ALockedDeviceIsLeftAloneUntilItIsUnlocked) {
  expect(64, {"device", "lock", "good-1"});  // nobody would know why
  expect(0, {"device", "lock", "good-1", "--reason", "new screen"});
  EXPECT_EQ(health("good-1"), "locked");
  EXPECT_THAT(expect(0, {"device", "ls"}).out, HasSubstr("new screen; by "));
  expect(0, {"device", "lock", "good-1", "--reason", "again"});
  EXPECT_THAT(expect(64, {"verify", "good-1"}).err, HasSubstr("is locked by"));
  EXPECT_THAT(expect(64, {"verify", "-l", "sound=yes"}).err,
              HasSubstr("1 device left out: good-1 (locked by "));

  expect(0, {"run", "--detach", "--guid", "waits-for-the-lock", "-d", "good-1", "--", "true"});
  const std::string why = expect(0, {"task", "explain", "waits-for-the-lock"}).out;
  EXPECT_THAT(why, HasSubstr("locked"));
  EXPECT_THAT(why, HasSubstr("muster device unlock good-1"));
  expect(0, {"device", "unlock", "good-1"});
  expect(0, {"wait", "waits-for-the-lock"});
  EXPECT_THAT(expect(64, {"device", "unlock", "good-1"}).out, HasSubstr("is not locked"));
}

TEST_F(DeviceTest, EachDeviceIsAnsweredByItself) {
  const Ran ran =
      expect(64, {"device", "quarantine", "good-1", "god-1", "--reason", "no air", "-o", "json"});
  const json changes = json::parse(ran.out)["device_changes"];
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_FALSE(changes[0].contains("refused"));
  EXPECT_THAT(changes[1]["refused"], HasSubstr("good-1"));  // did you mean
  EXPECT_EQ(health("good-1"), "quarantined");
  EXPECT_THAT(expect(0, {"device", "release", "-l", "sound=yes"}).out,
              HasSubstr("good-1  released"));
  EXPECT_EQ(health("good-1"), "unknown");
}

TEST_F(DeviceTest, ASweepLeavesOutWhatCannotBeVerified) {
  const Ran ran = expect(5, {"verify", "--all"});
  EXPECT_THAT(ran.err, HasSubstr("1 device left out: plain-1 (no strategy)"));
  EXPECT_THAT(ran.err, HasSubstr("2 devices: 1 good, 1 bad\n  bad-1: sound"));
  EXPECT_THAT(ran.err, HasSubstr("muster task trace "));
  EXPECT_THAT(expect(0, {"verify", "bad-1", "--level", "quick"}).out, HasSubstr("good"));
}

TEST_F(DeviceTest, RepairTellsWhatRanAndWhatIsStillWrong) {
  const Ran ran = expect(5, {"repair", "good-1", "bad-1", "--reason", "looks ill"});
  EXPECT_THAT(ran.out, HasSubstr("repair.pray"));
  EXPECT_THAT(ran.out, HasSubstr("in vain"));
  EXPECT_EQ(health("bad-1"), "bad");
  EXPECT_EQ(health("good-1"), "good");
  EXPECT_THAT(expect(0, {"strategy", "stats"}).out, HasSubstr("bench     pray    bench"));
  EXPECT_THAT(expect(0, {"device", "history", "bad-1"}).out, HasSubstr("action pray"));
  EXPECT_THAT(expect(64, {"device", "history", "bad-2"}).err, HasSubstr("did you mean bad-1?"));
}

// A terminal, of which everything is read that is written to it.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(::grantpt(master_.get()), 0);
    EXPECT_EQ(::unlockpt(master_.get()), 0);
    path_ = ::ptsname(master_.get());
    slave_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    reader_ = std::thread([this] {
      char bytes[4096];
      ssize_t size = 0;
      while ((size = ::read(master_.get(), bytes, sizeof bytes)) > 0) {
        text_.append(bytes, static_cast<size_t>(size));
      }
    });
  }
  const std::string& path() const { return path_; }
  // To be called once, when whoever writes has ended.
  std::string take() {
    slave_.reset();
    reader_.join();
    return std::move(text_);
  }

 private:
  UniqueFd master_;
  UniqueFd slave_;
  std::string path_;
  std::string text_;
  std::thread reader_;
};

// `text` as what stood in one line of a terminal, one after the other.
std::vector<std::string> successive_lines(const std::string& text) {
  const std::string clear = "\r\x1b[K";
  std::vector<std::string> lines;
  size_t begin = text.find(clear);
  while (begin != text.npos) {
    begin += clear.size();
    const size_t end = text.find(clear, begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

// One message hands the tasks in, and one stream of events tells what was found.
TEST(SweepTest, AThousandDevicesAreVerifiedInSeconds) {
  House house(MUSTER_BIN_DIR);
  house.write("bench.yaml",
              "version: 1\nkind: strategy\nname: bench\nverify:\n"
              "  - { tag: ready, description: It is there, check: { noop: {} } }\n");
  std::string inventory =
      "version: 1\nkind: inventory\nlab: sweep\nstrategies: [bench.yaml]\n"
      "workers: { w0: {}, w1: {}, w2: {}, w3: {} }\ndevices:\n";
  for (int i = 0; i < 1'000; ++i) {
    inventory += "  dut-" + std::to_string(i) + ": { type: bench, strategy: bench, worker: w" +
                 std::to_string(i % 4) + " }\n";
  }
  const std::unique_ptr<Child> broker = house.start_broker();
  std::vector<std::unique_ptr<Child>> workers;
  for (const char* name : {"w0", "w1", "w2", "w3"}) {
    workers.push_back(house.start_worker(name, 64));
  }
  const std::unique_ptr<Client> client = house.connect();
  const Ran applied = house.muster({"inventory", "apply", house.write("lab.yaml", inventory)});
  ASSERT_EQ(applied.status, 0) << applied.err << house.daemon_output();
  const Ran ran = house.muster({"verify", "--all", "-o", "json"}, std::chrono::seconds(60));
  ASSERT_EQ(ran.status, 0) << ran.err << house.daemon_output();
  EXPECT_EQ(json::parse(ran.out)["verifications"].size(), 1'000u);

  // On a terminal one line shows how far it is: it moves, and is gone in the end.
  Terminal terminal;
  const std::unique_ptr<Child> shown = house.start_muster({"verify", "--all"}, terminal.path());
  ASSERT_EQ(shown->wait(std::chrono::seconds(60)), 0) << house.daemon_output();
  const std::vector<std::string> lines = successive_lines(terminal.take());
  std::set<std::string> texts;
  for (const std::string& line : lines) {
    if (!line.starts_with("verifying: ")) continue;
    texts.insert(line);
    EXPECT_EQ(line.find('\n'), line.npos) << line;
  }
  EXPECT_GE(texts.size(), 2u) << testing::PrintToString(lines);
  ASSERT_FALSE(lines.empty());
  EXPECT_FALSE(lines.back().starts_with("verifying: ")) << lines.back();
  EventTail tail(*client);
  tail.catch_up();
  EXPECT_EQ(std::count_if(tail.events().begin(), tail.events().end(),
                          [](const Event& event) { return event_type(event) == "device_judged"; }),
            2'000);
}

}  // namespace
}  // namespace muster
