// LZ4 frames: what goes in comes out, and what is damaged is an error.
#include "io/lz4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/noise.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

std::string packed(std::string_view bytes) {
  std::string room;
  return std::string(pack_lz4(bytes, room));
}

TEST(Lz4, WhatGoesInComesOut) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{1'000}, size_t{300} << 10, size_t{8} << 20}) {
    for (const std::string& bytes : {std::string(size, 'x'), noise(size)}) {
      const std::string frame = packed(bytes);
      EXPECT_TRUE(is_lz4(frame));
      const Result<std::string> unpacked = unpack_lz4(frame, size);
      ASSERT_TRUE(unpacked.ok()) << size << ": " << unpacked.error();
      EXPECT_EQ(*unpacked, bytes);
    }
  }
}

TEST(Lz4, TheMemoryOfAnEarlierFrameIsUsedAgain) {
  std::string room;
  pack_lz4(noise(5'000), room);
  EXPECT_EQ(*unpack_lz4(pack_lz4("short", room), 5), "short");
}

TEST(Lz4, MoreThanIsAllowedIsRefusedBeforeItIsUnpacked) {
  const Result<std::string> unpacked = unpack_lz4(packed(std::string(1'001, 'x')), 1'000);
  ASSERT_FALSE(unpacked.ok());
  EXPECT_EQ(unpacked.error(), "LZ4: it would hold 1001 bytes, at most 1000 are allowed");
}

TEST(Lz4, CutAtEveryByteOrWithSomethingBehindItIsAnError) {
  const std::string frame = packed(noise(300) + std::string(300, 'x'));
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(unpack_lz4(std::string_view(frame).substr(0, size), 1 << 20).ok()) << size;
  }
  EXPECT_THAT(unpack_lz4(frame + "x", 1 << 20).error(), HasSubstr("not as long as it says"));
}

TEST(Lz4, AnyFlippedBitIsAnErrorOrDoesNoHarm) {
  const std::string bytes = noise(300) + std::string(300, 'x');
  const std::string frame = packed(bytes);
  for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const Result<std::string> unpacked = unpack_lz4(damaged, 1 << 20);
    if (!unpacked.ok()) continue;
    EXPECT_EQ(*unpacked, bytes) << "bit " << bit;
  }
}

}  // namespace
}  // namespace muster
