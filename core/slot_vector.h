// SlotVector: a vector that grows by whole pieces and never moves what it holds, so that growing
// costs the same at any size.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace muster {

template <typename T>
class SlotVector {
 public:
  T& operator[](size_t index) { return pieces_[index / kPiece][index % kPiece]; }
  const T& operator[](size_t index) const { return pieces_[index / kPiece][index % kPiece]; }
  size_t size() const { return size_; }

  // Has the memory of one fetched, without waiting for it: it will be asked for soon.
  void prefetch(size_t index) const {
    constexpr size_t kCacheLine = 64;
    const char* bytes = reinterpret_cast<const char*>(&(*this)[index]);
    for (size_t at = 0; at < sizeof(T); at += kCacheLine) __builtin_prefetch(bytes + at);
  }

  // Adds a default one at the end.
  void emplace_back() {
    if (size_ % kPiece == 0) pieces_.push_back(std::make_unique<T[]>(kPiece));
    ++size_;
  }

 private:
  static constexpr size_t kPiece = 1024;
  std::vector<std::unique_ptr<T[]>> pieces_;
  size_t size_ = 0;
};

}  // namespace muster
