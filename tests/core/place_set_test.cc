#include "core/place_set.h"

#include <gtest/gtest.h>

#include <random>

namespace muster {
namespace {

std::vector<bool> bits_of(const PlaceSet& set) {
  std::vector<bool> bits(set.size());
  for (size_t place = set.next(0); place < set.size(); place = set.next(place + 1)) {
    bits[place] = true;
  }
  return bits;
}

TEST(PlaceSet, KnowsNothingWhenItIsEmpty) {
  const PlaceSet set;
  EXPECT_EQ(set.size(), 0u);
  EXPECT_EQ(set.next(0), 0u);
  EXPECT_EQ(set.next(7), 0u);
}

// It is what a vector of bits is, over and at the ends of its words.
TEST(PlaceSet, IsWhatAVectorOfBitsIs) {
  std::mt19937_64 random(1);
  PlaceSet set;
  std::vector<bool> bits;
  for (int step = 0; step < 20'000; ++step) {
    const bool in = random() % 3 == 0;
    const size_t place = bits.empty() ? 0 : random() % bits.size();
    const auto at = bits.begin() + static_cast<std::ptrdiff_t>(place);
    const uint64_t what = random() % (bits.size() > 300 ? 5 : 4);
    if (what == 0 || bits.empty()) {
      set.push_back(in);
      bits.push_back(in);
    } else if (what == 1) {
      set.insert(place, in);
      bits.insert(at, in);
    } else if (what == 2) {
      set.set(place, in);
      *at = in;
    } else {
      set.erase(place);
      bits.erase(at);
    }
    ASSERT_EQ(bits_of(set), bits) << "step " << step;
  }
}

}  // namespace
}  // namespace muster
