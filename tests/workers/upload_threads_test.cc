#include "workers/upload_threads.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

namespace muster {
namespace {

constexpr Duration kLong = std::chrono::seconds(30);

TEST(UploadThreads, WhatIsDoneIsDeliveredInTheThreadThatAsks) {
  std::latch woken(3);
  UploadThreads threads(2, [&] { woken.count_down(); });
  std::vector<std::thread::id> workers;
  for (int i = 0; i < 3; ++i) {
    threads.run([&]() -> UploadThreads::Done {
      return [&, worker = std::this_thread::get_id()] { workers.push_back(worker); };
    });
  }
  woken.wait();
  EXPECT_TRUE(workers.empty());
  threads.deliver();
  EXPECT_EQ(workers.size(), 3u);
  for (const std::thread::id worker : workers) EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(UploadThreads, OneThatIsHeldUpHoldsUpNoOther) {
  std::latch gate(1);
  std::latch woken(1);
  UploadThreads threads(2, [&] { woken.count_down(); });
  threads.run([&]() -> UploadThreads::Done {
    gate.wait();
    return [] {};
  });
  bool delivered = false;
  threads.run([&]() -> UploadThreads::Done { return [&] { delivered = true; }; });
  woken.wait();
  threads.deliver();
  EXPECT_TRUE(delivered);
  EXPECT_FALSE(threads.stop(Duration(0)));
  gate.count_down();
}

TEST(UploadThreads, StoppedItWaitsForWhatHasBegunAndBeginsNothing) {
  std::latch begun(1);
  std::latch gate(1);
  UploadThreads threads(1, [] {});
  threads.run([&]() -> UploadThreads::Done {
    begun.count_down();
    gate.wait();
    return [] {};
  });
  bool second = false;
  threads.run([&]() -> UploadThreads::Done {
    second = true;
    return [] {};
  });
  begun.wait();
  EXPECT_FALSE(threads.stop(1ms));
  gate.count_down();
  EXPECT_TRUE(threads.stop(kLong));
  threads.deliver();
  EXPECT_FALSE(second);
}

}  // namespace
}  // namespace muster
