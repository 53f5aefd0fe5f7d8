// How the broker keeps what it was asked for: millions of tasks may wait, and most of them have
// their terms in common.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/probe_table.h"
#include "core/task.h"

namespace muster {

// A TaskSpec whose terms may be shared with others. Copies share all of it.
class KeptSpec {
 public:
  KeptSpec() = default;
  KeptSpec(TaskTermsPtr terms, std::string_view guid, std::string_view work);

  // False: none is kept here.
  explicit operator bool() const { return terms_ != nullptr; }
  const TaskTerms* operator->() const { return terms_.get(); }
  const TaskTerms& operator*() const { return *terms_; }
  const TaskTermsPtr& terms() const { return terms_; }
  std::string_view guid() const { return {text_.get(), guid_size_}; }
  std::string_view work() const { return {text_.get() + guid_size_, work_size_}; }

  // Has the memory of the GUID fetched, without waiting for it.
  void prefetch() const { __builtin_prefetch(text_.get()); }

  TaskSpec whole() const;
  // Has its terms in common with whoever has these, which are equal to its own.
  void share(TaskTermsPtr terms) { terms_ = std::move(terms); }
  bool operator==(const TaskSpec& spec) const;

 private:
  TaskTermsPtr terms_;
  std::shared_ptr<const char[]> text_;  // the GUID and the work
  uint32_t guid_size_ = 0;
  uint32_t work_size_ = 0;
};

// The newest terms that tasks were submitted with, so that tasks which are alike share them.
class SharedTerms {
 public:
  struct Known {
    TaskTermsPtr terms;
    std::optional<std::string> class_key;  // what they make a task alike to; nothing: not asked yet
  };
  // Terms equal to these: kept ones, or a copy that is kept from now on. Valid until the next call.
  Known& share(const TaskTerms& terms);

 private:
  static constexpr size_t kKept = 8;
  std::deque<Known> known_;  // the newest first
};

// Finds slots of tasks by GUID. `guid_of(ix)` tells what a slot's is.
class GuidIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  template <typename GuidOf>
  uint32_t find(std::string_view guid, const GuidOf& guid_of) const {
    const Place* place = table_.find(hash_of(guid), names(guid, guid_of));
    return place ? place->ix : kNone;
  }
  // One that is not there yet.
  void insert(std::string_view guid, uint32_t ix) { table_.insert(Place{hash_of(guid), ix}); }
  template <typename GuidOf>
  void erase(std::string_view guid, const GuidOf& guid_of) {
    table_.erase(hash_of(guid), names(guid, guid_of));
  }
  size_t size() const { return table_.size(); }

 private:
  struct Place {
    uint32_t digest = 0;
    uint32_t ix = kNone;
    uint64_t hash() const { return digest; }
    bool vacant() const { return ix == kNone; }
  };

  static uint32_t hash_of(std::string_view guid) {
    const uint64_t hash = std::hash<std::string_view>{}(guid);
    return static_cast<uint32_t>(hash ^ hash >> 32);
  }
  template <typename GuidOf>
  static auto names(std::string_view guid, const GuidOf& guid_of) {
    return [guid, &guid_of](const Place& place) { return guid_of(place.ix) == guid; };
  }

  ProbeTable<Place> table_;
};

// Digests of GUIDs whose tasks are forgotten: the newest so many.
class ForgottenGuids {
 public:
  explicit ForgottenGuids(size_t kept) : kept_(kept) {}
  ForgottenGuids(size_t kept, const std::vector<uint64_t>& digests) : kept_(kept) {
    for (const uint64_t digest : digests) add_digest(digest);
  }
  void add(std::string_view guid);
  bool contains(std::string_view guid) const;
  // All of them, oldest first.
  const std::deque<uint64_t>& digests() const { return order_; }

 private:
  struct Place {
    uint64_t digest = 0;
    uint64_t hash() const { return digest; }
    bool vacant() const { return digest == 0; }
  };
  bool has(uint64_t digest) const;
  void add_digest(uint64_t digest);

  size_t kept_;
  ProbeTable<Place> table_;
  std::deque<uint64_t> order_;
};

}  // namespace muster
