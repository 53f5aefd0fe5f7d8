// Listers with real children.
#include "workers/listers.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "core/limits.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Instant kStart{std::chrono::hours(500'000)};

class ListersTest : public ScratchFiles {
 protected:
  void start(const std::vector<std::string>& scripts) {
    std::vector<ListerConfig> configs;
    for (const std::string& script : scripts) {
      configs.push_back({"l" + std::to_string(configs.size() + 1), {"/bin/sh", "-c", script}});
    }
    listers = std::make_unique<Listers>(configs, "w");
    wake();
  }

  void wake() {
    listers->wake(now);
    if (auto changed = listers->take_changed(now)) listed = std::move(*changed);
  }
  // Waits for what the listers say until `reached`. Of the test's clock so much passes as changes
  // are held back for.
  void await(const std::function<bool()>& reached) {
    for (;;) {
      wake();
      if (reached()) return;
      const std::optional<Instant> next = listers->next_deadline();
      if (next && *next <= now + 100ms) {
        now += 100ms;
        continue;
      }
      std::vector<int> fds;
      listers->descriptors(fds);
      ASSERT_FALSE(fds.empty()) << "nothing runs any more";
      std::vector<pollfd> items;
      for (const int fd : fds) items.push_back({fd, POLLIN, 0});
      ASSERT_GT(::poll(items.data(), items.size(), 60'000), 0);
    }
  }
  void await_names(const std::vector<std::string>& wanted) {
    await([&] { return names() == wanted; });
  }
  void await_end() {
    await([&] {
      std::vector<int> fds;
      listers->descriptors(fds);
      return fds.empty();
    });
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const ListedDevice& device : listed) names.push_back(device.name);
    return names;
  }
  // The next time that one of them is started.
  Duration until_next() const { return listers->next_deadline().value() - now; }

  std::unique_ptr<Listers> listers;
  Instant now = kStart;
  std::vector<ListedDevice> listed;
};

std::string add(const std::string& name) {
  return "echo '{\"op\":\"add\",\"name\":\"" + name + "\"}'; ";
}
const std::string kSync = "echo '{\"op\":\"sync\"}'; ";
const std::string kStay = "exec tail -f /dev/null";

TEST_F(ListersTest, TellsWhatIsPluggedIn) {
  start(
      {add("b") +
           "echo \"{\\\"op\\\":\\\"add\\\",\\\"name\\\":\\\"$MUSTER_WORKER-$MUSTER_LISTER\\\"}\";" +
           kStay,
       add("a") + kStay});
  await_names({"a", "b", "w-l1"});
  EXPECT_EQ(listed[0].lister, "l2");
  EXPECT_EQ(listed[1].lister, "l1");
  EXPECT_FALSE(listers->take_changed(now)) << "nothing new";
}

TEST_F(ListersTest, OfANameListedTwiceTheFirstListerCounts) {
  start({add("a") + add("b") + kStay, add("b") + add("c") + kStay});
  // The second one may have told its b before the first.
  await([&] {
    return names() == std::vector<std::string>{"a", "b", "c"} && listed[1].lister == "l1";
  });
  EXPECT_EQ(listed[2].lister, "l2");
}

// The second run, which finds the marker, has lost one of the devices.
TEST_F(ListersTest, OneThatDiesIsStartedAgainAndItsDevicesStayUntilSync) {
  const std::string go =
      path("go");  // it ends when the test says so, not while its changes are held
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  start({"if [ -e " + path("again") + " ]; then " + add("b") + kSync + kStay + "; fi; touch " +
         path("again") + "; " + add("a") + add("b") + kSync + "read x <" + go +
         "; echo worn out >&2; exit 3"});
  await_names({"a", "b"});
  std::ofstream(go) << "go\n";
  await_end();
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  EXPECT_EQ(until_next(), Duration(1s));
  now += 1s - 1us;
  wake();
  EXPECT_EQ(until_next(), Duration(1us)) << "not before its time";
  now += 1us;
  await_names({"b"});
}

// A worker that was started again took for unplugged what its listers had not told yet.
TEST_F(ListersTest, ItIsKnownWhatIsPluggedInWhenAllHaveSaidSync) {
  const std::string go = path("go");
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  start({add("a") + kSync + "exit 0", add("b") + "read x <" + go + "; " + kSync + kStay});
  await_names({"a", "b"});
  EXPECT_FALSE(listers->all_listed(now));
  std::ofstream(go) << "go\n";
  await([&] { return listers->all_listed(now); });
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  EXPECT_LT(now, kStart + 1min);
}

TEST_F(ListersTest, ItIsKnownAfterAMinuteThoughOneSaysNothing) {
  start({add("a") + kSync + kStay, "exit 1"});
  await_names({"a"});
  now = kStart + 1min - 1us;
  wake();
  EXPECT_FALSE(listers->all_listed(now));
  now += 1us;
  wake();
  EXPECT_TRUE(listers->all_listed(now));
  start({});
  EXPECT_TRUE(listers->all_listed(now)) << "there are none";
}

// Only the log knew that a lister was broken.
TEST_F(ListersTest, TellsWhyOneFails) {
  start({"[ -e " + path("well") + " ] && { " + add("a") + kSync + kStay + "; }; " +
             "echo no usb here >&2; exit 3",
         kSync + kStay});
  await([&] { return !listers->states()[0].fault.empty(); });
  EXPECT_THAT(listers->states(), ElementsAre(ListerState{"l1", "it ended with exit 3: no usb here"},
                                             ListerState{"l2", ""}));
  write("well", "");
  now += 1s;
  await_names({"a"});
  EXPECT_THAT(listers->states(), ElementsAre(ListerState{"l1", ""}, ListerState{"l2", ""}));
}

TEST_F(ListersTest, OneThatKeepsDyingIsStartedEverMoreRarely) {
  start({"exit 1"});
  std::vector<int64_t> delays;
  for (int i = 0; i < 8; ++i) {
    await_end();
    delays.push_back(until_next() / 1s);
    now += until_next();
  }
  EXPECT_THAT(delays, ElementsAre(1, 2, 4, 8, 16, 30, 30, 30));
}

TEST_F(ListersTest, OneThatCannotBeStartedIsTriedAgain) {
  listers = std::make_unique<Listers>(std::vector<ListerConfig>{{"l", {path("missing")}}}, "w");
  wake();
  EXPECT_EQ(until_next(), Duration(1s));
  write("missing", "#!/bin/sh\n" + add("a") + kStay + "\n");
  std::filesystem::permissions(path("missing"), std::filesystem::perms(0755));
  now += 1s;
  await_names({"a"});
}

TEST_F(ListersTest, OneThatLooksOnceLooksAgain) {
  // In one write: a change that is still held back when it ends would be the next thing to do.
  start({"printf '{\"op\":\"add\",\"name\":\"a\"}\\n{\"op\":\"sync\"}\\n'"});
  for (int i = 0; i < 30; ++i) {  // two and a half minutes
    await_end();
    EXPECT_THAT(names(), ElementsAre("a")) << "look " << i;
    EXPECT_EQ(until_next(), Duration(5s));
    now += 5s;
    wake();
    EXPECT_THAT(names(), ElementsAre("a")) << "about to begin look " << i;
  }
}

// The first run lists a, the second b, and neither says sync.
TEST_F(ListersTest, WhatARunHadListedStaysForAMinuteAfterItsOwnEnd) {
  const std::string go = path("go");
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  start({"[ -e " + path("third") + " ] && exit 1; [ -e " + path("second") + " ] && { touch " +
         path("third") + "; " + add("b") + "read x <" + go + "; exit 1; }; touch " +
         path("second") + "; " + add("a") + "exit 1"});
  await_end();
  const Instant first = now;
  now += until_next();
  await_names({"a", "b"});
  now = first + 50s;
  std::ofstream(go) << "go\n";
  await_end();
  const Instant second = now;
  now = first + 1min + 100ms;
  wake();
  EXPECT_THAT(names(), ElementsAre("b"));
  now = second + 1min - 1us;
  wake();
  EXPECT_THAT(names(), ElementsAre("b"));
  now = second + 1min + 100ms;
  wake();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ListersTest, WhatAListerThatStaysDeadHadListedIsGoneAfterAMinute) {
  start({"[ -e " + path("again") + " ] && exit 1; touch " + path("again") + "; " + add("a") +
         "exit 1"});
  await_end();
  const Instant ended = now;
  EXPECT_THAT(names(), ElementsAre("a"));
  while (now < ended + 1min - 2s) {
    now = std::min(listers->next_deadline().value(), ended + 1min - 2s);
    if (now < ended + 1min - 2s) await_end();
  }
  wake();
  EXPECT_THAT(names(), ElementsAre("a"));
  now = ended + 1min + 1s;
  wake();
  EXPECT_THAT(names(), IsEmpty());
}

// The lister that people start from, on a sysfs tree in a folder.
TEST_F(ListersTest, TheExampleListsTheUsbDevicesOfSysfs) {
  write("sys/1-1/idVendor", "0fce\n");
  write("sys/1-1/idProduct", "0dde\n");
  write("sys/1-1/serial", "CB5A1QH2K2\n");
  write("sys/1-1/product", "Xperia \"yuga\"\n");
  write("sys/1-2/idVendor", "1d6b\n");
  write("sys/1-2/bDeviceClass", "09\n");  // a hub
  write("sys/1-3.1/idVendor", "0403\n");
  write("sys/1-3.1/serial", "not a name\n");
  write("sys/1-1:1.0/bInterfaceClass", "ff\n");
  const std::string lister =
      std::string(MUSTER_SOURCE_DIR) + "/deploy/examples/listers/usb-devices";
  listers = std::make_unique<Listers>(
      std::vector<ListerConfig>{{"usb", {lister, "--once", "--sysfs", path("sys")}}}, "w");
  wake();
  await_names({"CB5A1QH2K2", "usb-1-3.1"});
  const Profile phone = {{"type", "usb"},          {"usb_vendor", "0fce"},
                         {"usb_product", "0dde"},  {"usb_port", "1-1"},
                         {"serial", "CB5A1QH2K2"}, {"pretty", "Xperia \"yuga\""}};
  EXPECT_EQ(listed[0], (ListedDevice{"usb", "CB5A1QH2K2", phone}));
  await_end();
  // Since it ended as much time may have passed as changes are held back for.
  EXPECT_LE(until_next(), Duration(5s)) << "it has looked once and said so";
  EXPECT_GE(until_next(), Duration(5s - 100ms));
  std::filesystem::remove_all(path("sys/1-1"));
  now += 5s;
  await_names({"usb-1-3.1"});
}

TEST_F(ListersTest, AWorkerListsSoManyBytesAndNoMore) {
  const size_t each = kListedProfileBytesMax - 100;
  const size_t fitting = kListedBytesMax / kListedProfileBytesMax;
  start(
      {"v=$(head -c " + std::to_string(each) +
       " /dev/zero | tr '\\0' v); i=100000; while [ $i -lt " +
       std::to_string(100'000 + fitting * 2) +
       " ]; do echo '{\"op\":\"add\",\"name\":\"'$i'\",\"profile\":{\"k\":\"'$v'\"}}'; i=$((i+1)); "
       "done; echo '{\"op\":\"remove\",\"name\":\"100000\"}'; " +
       kStay});
  await([&] { return !listed.empty() && listed[0].name == "100001"; });
  size_t bytes = 0;
  for (const ListedDevice& device : listed) {
    bytes += device.lister.size() + device.name.size() + 1 + device.profile.at("k").size();
  }
  EXPECT_LE(bytes, kListedBytesMax);
  EXPECT_GE(bytes, kListedBytesMax - kListedProfileBytesMax);
}

}  // namespace
}  // namespace muster
