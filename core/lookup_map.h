// LookupMap and LookupSet: hash tables that can be asked but not walked, so that no order that
// depends on hashing can ever be seen. Whatever must be walked lives in an ordered container or a
// vector.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace muster {

// Lets string keys be looked up by string_view without a copy.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <typename Key, typename Value, typename Hash = std::hash<Key>,
          typename Equal = std::equal_to<Key>>
class LookupMap {
 public:
  // A pointer to the value, or nullptr. Valid until the key is erased.
  template <typename Asked>
  Value* find(const Asked& key) {
    const auto found = map_.find(key);
    return found == map_.end() ? nullptr : &found->second;
  }
  template <typename Asked>
  const Value* find(const Asked& key) const {
    const auto found = map_.find(key);
    return found == map_.end() ? nullptr : &found->second;
  }
  template <typename Asked>
  bool contains(const Asked& key) const {
    return map_.find(key) != map_.end();
  }
  // The value of `key`, default-constructed when it was not there.
  Value& operator[](const Key& key) { return map_[key]; }
  bool insert(Key key, Value value) {
    return map_.emplace(std::move(key), std::move(value)).second;
  }
  bool erase(const Key& key) { return map_.erase(key) > 0; }
  size_t size() const { return map_.size(); }
  bool empty() const { return map_.empty(); }
  void clear() { map_.clear(); }

 private:
  std::unordered_map<Key, Value, Hash, Equal> map_;
};

template <typename Value>
using TextMap = LookupMap<std::string, Value, TextHash, std::equal_to<>>;

template <typename Key, typename Hash = std::hash<Key>>
class LookupSet {
 public:
  bool contains(const Key& key) const { return set_.contains(key); }
  bool insert(Key key) { return set_.insert(std::move(key)).second; }
  bool erase(const Key& key) { return set_.erase(key) > 0; }
  size_t size() const { return set_.size(); }
  // Makes room for so many in all.

 private:
  std::unordered_set<Key, Hash> set_;
};

}  // namespace muster
