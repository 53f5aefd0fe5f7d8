// Interned: values that are named by a text, live while somebody uses them, and are then referred
// to by index.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/lookup_map.h"

namespace muster {

template <typename Value>
class Interned {
 public:
  // One more user of what `key` names: its index, and whether it is new.
  std::pair<uint32_t, bool> acquire(std::string_view key) {
    if (const uint32_t* found = by_key_.find(key)) {
      ++slots_[*found].users;
      return {*found, false};
    }
    uint32_t ix = static_cast<uint32_t>(slots_.size());
    if (free_.empty()) {
      slots_.emplace_back();
    } else {
      ix = free_.back();
      free_.pop_back();
    }
    slots_[ix].key = std::string(key);
    slots_[ix].users = 1;
    by_key_.insert(std::string(key), ix);
    return {ix, true};
  }
  // One user less. True: that was the last one, and the index will name something else.
  bool release(uint32_t ix) {
    Slot& slot = slots_[ix];
    if (--slot.users > 0) return false;
    by_key_.erase(slot.key);
    slot = Slot{};
    free_.push_back(ix);
    return true;
  }

  Value& operator[](uint32_t ix) { return slots_[ix].value; }
  const Value& operator[](uint32_t ix) const { return slots_[ix].value; }
  const Value* find(std::string_view key) const {
    const uint32_t* ix = by_key_.find(key);
    return ix ? &slots_[*ix].value : nullptr;
  }
  // Those that are in use, by index.
  template <typename Take>
  void each(const Take& take) {
    for (Slot& slot : slots_) {
      if (slot.users > 0) take(slot.value);
    }
  }

 private:
  struct Slot {
    std::string key;
    uint32_t users = 0;
    Value value;
  };
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  TextMap<uint32_t> by_key_;
};

}  // namespace muster
