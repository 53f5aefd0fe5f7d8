#include "core/device.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(DeviceNames, State) {
  const char* expected[] = {"offline", "idle", "leased", "verifying", "repairing", "running"};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(to_string(static_cast<DeviceState>(i)), expected[i]);
  EXPECT_EQ(to_string(static_cast<DeviceState>(99)), "unknown");
}

TEST(DeviceNames, Health) {
  EXPECT_EQ(to_string(DeviceHealth::unknown), "unknown");
  EXPECT_EQ(to_string(DeviceHealth::good), "good");
  EXPECT_EQ(to_string(DeviceHealth::bad), "bad");
}

}  // namespace
}  // namespace muster
