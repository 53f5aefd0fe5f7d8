// ProbeTable: a hash table of small values that lie side by side, for tables with millions of
// entries: one cache line an answer, no allocation an entry. Like LookupMap it can be asked but not
// walked, so that no order that depends on hashing can ever be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace muster {

// `Entry` is cheap to copy, and Entry{} stands for a vacant place; `Entry::hash()` and
// `Entry::vacant()` say what they are called. The hashes should differ in their low bits.
template <typename Entry>
class ProbeTable {
 public:
  // The entry with this hash for which `same` holds, or nullptr. Valid until the table changes.
  template <typename Same>
  const Entry* find(uint64_t hash, const Same& same) const {
    const size_t place = place_of(hash, same);
    return place == kNowhere ? nullptr : &places_[place];
  }

  // Adds one that is not there yet.
  void insert(const Entry& entry) {
    if ((size_ + 1) * 4 > places_.size() * 3) grow();
    places_[vacancy(entry.hash())] = entry;
    ++size_;
  }

  template <typename Same>
  bool erase(uint64_t hash, const Same& same) {
    size_t hole = place_of(hash, same);
    if (hole == kNowhere) return false;
    // What was pushed past the hole by a collision moves back into it.
    for (size_t place = next(hole); !places_[place].vacant(); place = next(place)) {
      const size_t home = places_[place].hash() & mask();
      if (((place - home) & mask()) < ((place - hole) & mask())) continue;
      places_[hole] = places_[place];
      hole = place;
    }
    places_[hole] = Entry{};
    --size_;
    return true;
  }

  size_t size() const { return size_; }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;
  static constexpr size_t kPlacesMin = 16;

  size_t mask() const { return places_.size() - 1; }
  size_t next(size_t place) const { return (place + 1) & mask(); }

  template <typename Same>
  size_t place_of(uint64_t hash, const Same& same) const {
    if (places_.empty()) return kNowhere;
    for (size_t place = hash & mask(); !places_[place].vacant(); place = next(place)) {
      if (places_[place].hash() == hash && same(places_[place])) return place;
    }
    return kNowhere;
  }

  size_t vacancy(uint64_t hash) const {
    size_t place = hash & mask();
    while (!places_[place].vacant()) place = next(place);
    return place;
  }

  void grow() {
    const std::vector<Entry> old = std::exchange(
        places_, std::vector<Entry>(places_.empty() ? kPlacesMin : 2 * places_.size()));
    for (const Entry& entry : old) {
      if (!entry.vacant()) places_[vacancy(entry.hash())] = entry;
    }
  }

  std::vector<Entry> places_;  // a power of two of them
  size_t size_ = 0;
};

}  // namespace muster
