// Which places of a list are in a set; places move as the list grows and shrinks in the middle.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace muster {

class PlaceSet {
 public:
  size_t size() const { return size_; }

  void push_back(bool in) {
    if (size_ % kBits == 0) words_.push_back(0);
    set(size_++, in);
  }
  void set(size_t place, bool in) {
    assert(place < size_);
    const uint64_t bit = uint64_t{1} << (place % kBits);
    in ? words_[place / kBits] |= bit : words_[place / kBits] &= ~bit;
  }
  // What stood at `place` and behind it moves on by one.
  void insert(size_t place, bool in) {
    push_back(false);
    for (size_t word = words_.size() - 1; word > place / kBits; --word) {
      words_[word] = words_[word] << 1 | words_[word - 1] >> (kBits - 1);
    }
    uint64_t& first = words_[place / kBits];
    const uint64_t before = (uint64_t{1} << (place % kBits)) - 1;
    first = (first & before) | (first & ~before) << 1;
    set(place, in);
  }
  // What stood behind `place` moves back by one.
  void erase(size_t place) {
    assert(place < size_);
    uint64_t& first = words_[place / kBits];
    const uint64_t before = (uint64_t{1} << (place % kBits)) - 1;
    first = (first & before) | (first >> 1 & ~before);
    for (size_t word = place / kBits; word + 1 < words_.size(); ++word) {
      words_[word] |= words_[word + 1] << (kBits - 1);
      words_[word + 1] >>= 1;
    }
    if (--size_ % kBits == 0) words_.pop_back();
  }
  // The first place in the set, from `place` on; size() when there is none.
  size_t next(size_t place) const {
    if (place >= size_) return size_;
    size_t word = place / kBits;
    uint64_t left = words_[word] & ~uint64_t{0} << (place % kBits);
    while (left == 0) {
      if (++word == words_.size()) return size_;
      left = words_[word];
    }
    return word * kBits + static_cast<size_t>(std::countr_zero(left));
  }

 private:
  static constexpr size_t kBits = 64;
  std::vector<uint64_t> words_;  // bits from size_ on are 0
  size_t size_ = 0;
};

}  // namespace muster
