// An event log in memory that obeys tests/conformance/event_log_laws.h: for tests and benchmarks
// that are not about the disk.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "io/event_log.h"

namespace muster {

class MemorySnapshots final : public SnapshotStore {
 public:
  // Why nothing can be written; empty: it can.
  void set_fault(std::string fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }
  std::vector<StoredSnapshot> list() const override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredSnapshot> found;
    for (const auto& [head, records] : by_head_) {
      uint64_t bytes = 0;
      for (const std::string& record : records) bytes += record.size();
      found.insert(found.begin(), StoredSnapshot{head, bytes});
    }
    return found;
  }
  Result<Done> write(uint64_t head,
                     const std::function<std::optional<std::string>()>& next) override {
    std::vector<std::string> records;
    while (std::optional<std::string> record = next()) records.push_back(std::move(*record));
    const std::lock_guard lock(mutex_);
    if (!fault_.empty()) return Error{fault_};
    by_head_[head] = std::move(records);
    while (by_head_.size() > kSnapshotsKept) by_head_.erase(by_head_.begin());
    return Done{};
  }
  Result<Done> read(uint64_t head,
                    const std::function<Result<Done>(std::string_view)>& take) const override {
    const std::lock_guard lock(mutex_);
    const auto found = by_head_.find(head);
    if (found == by_head_.end()) return Error{"there is no such snapshot"};
    for (const std::string& record : found->second) {
      if (Result<Done> taken = take(record); !taken.ok()) return taken;
    }
    return Done{};
  }

 private:
  mutable std::mutex mutex_;
  std::string fault_;
  std::map<uint64_t, std::vector<std::string>> by_head_;
};

// What stays when a writer goes: the "disk" of the logs below.
class MemoryLogStore {
 public:
  // A new writer with the next epoch. Refused while another one lives, unless `by_force`, which
  // deposes it: that is a lock that was lost.
  static Result<std::unique_ptr<EventLog>> open(const std::shared_ptr<MemoryLogStore>& store,
                                                bool by_force = false);

  // Bytes that blocks may take in all.
  void set_capacity(size_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_ = bytes;
  }

  MemorySnapshots& snapshots() { return snapshots_; }

 private:
  friend class MemoryEventLog;
  std::mutex mutex_;
  std::map<std::string, LogReader, std::less<>> readers_;
  MemorySnapshots snapshots_;
  std::vector<StoredBlock> blocks_;
  uint64_t head_ = 0;
  uint64_t epoch_ = 0;
  size_t size_ = 0;
  size_t capacity_ = SIZE_MAX;
  int writers_ = 0;
};

class MemoryEventLog final : public EventLog {
 public:
  MemoryEventLog(std::shared_ptr<MemoryLogStore> store, uint64_t epoch)
      : store_(std::move(store)), epoch_(epoch) {}
  ~MemoryEventLog() override {
    const std::lock_guard lock(store_->mutex_);
    --store_->writers_;
  }

  std::string log_id() const override { return "memory"; }
  uint64_t epoch() const override { return epoch_; }
  uint64_t head() const override {
    const std::lock_guard lock(store_->mutex_);
    return store_->head_;
  }

  AppendResult append(std::span<const NewBlock> blocks) override {
    const std::lock_guard lock(store_->mutex_);
    if (store_->epoch_ != epoch_) return {AppendFault::deposed, "another writer has taken over"};
    uint64_t end = store_->head_;
    size_t bytes = 0;
    for (const NewBlock& block : blocks) {
      if (block.first != end + 1 || block.count == 0) return out_of_place();
      end += block.count;
      bytes += block.bytes.size();
    }
    if (blocks.empty()) return out_of_place();
    if (bytes > store_->capacity_ - std::min(store_->size_, store_->capacity_)) {
      return {AppendFault::disk_full, "no room in memory; nothing was written"};
    }
    for (const NewBlock& block : blocks) {
      store_->blocks_.push_back({block.first, block.count, std::string(block.bytes)});
    }
    store_->size_ += bytes;
    store_->head_ = end;
    return {};
  }

  Result<std::vector<StoredBlock>> read(uint64_t from, size_t max_bytes) const override {
    const std::lock_guard lock(store_->mutex_);
    std::vector<StoredBlock> result;
    if (!store_->blocks_.empty() && from < store_->blocks_.front().first) {
      return Error{"the events before " + std::to_string(store_->blocks_.front().first) +
                   " were trimmed"};
    }
    const auto is_before = [](const StoredBlock& block, uint64_t sequence) {
      return block.first + block.count <= sequence;
    };
    auto block = std::lower_bound(store_->blocks_.begin(), store_->blocks_.end(), from, is_before);
    for (size_t size = 0; block != store_->blocks_.end(); ++block) {
      if (!result.empty() && size >= max_bytes) break;
      size += block->bytes.size();
      result.push_back(*block);
    }
    return result;
  }

  uint64_t tail() const override {
    const std::lock_guard lock(store_->mutex_);
    return store_->blocks_.empty() ? 1 : store_->blocks_.front().first;
  }
  AppendResult trim(uint64_t before, size_t bytes_max) override {
    const std::lock_guard lock(store_->mutex_);
    if (store_->epoch_ != epoch_) return {AppendFault::deposed, "another writer has taken over"};
    std::vector<StoredBlock>& blocks = store_->blocks_;
    size_t count = 0;
    for (size_t bytes = 0; (count == 0 || bytes < bytes_max) && count + 1 < blocks.size() &&
                           blocks[count].first + blocks[count].count <= before;
         ++count) {
      bytes += blocks[count].bytes.size();
      store_->size_ -= blocks[count].bytes.size();
    }
    blocks.erase(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(count));
    return {};
  }
  AppendResult keep_readers(std::span<const LogReader> readers) override {
    const std::lock_guard lock(store_->mutex_);
    if (store_->epoch_ != epoch_) return {AppendFault::deposed, "another writer has taken over"};
    for (const LogReader& reader : readers) store_->readers_[reader.name] = reader;
    return {};
  }
  AppendResult forget_reader(std::string_view name) override {
    const std::lock_guard lock(store_->mutex_);
    if (store_->epoch_ != epoch_) return {AppendFault::deposed, "another writer has taken over"};
    if (const auto found = store_->readers_.find(name); found != store_->readers_.end()) {
      store_->readers_.erase(found);
    }
    return {};
  }
  Result<std::vector<LogReader>> readers() const override {
    const std::lock_guard lock(store_->mutex_);
    std::vector<LogReader> all;
    for (const auto& [name, reader] : store_->readers_) all.push_back(reader);
    return all;
  }
  Result<LogSize> size() const override {
    const std::lock_guard lock(store_->mutex_);
    return LogSize{store_->size_, 0};
  }
  const SnapshotStore& snapshots() const override { return store_->snapshots_; }
  SnapshotStore& snapshots() override { return store_->snapshots_; }

 private:
  static AppendResult out_of_place() {
    return {AppendFault::deposed, "the writer is not at the end of the log"};
  }

  std::shared_ptr<MemoryLogStore> store_;
  uint64_t epoch_;
};

inline Result<std::unique_ptr<EventLog>> MemoryLogStore::open(
    const std::shared_ptr<MemoryLogStore>& store, bool by_force) {
  const std::lock_guard lock(store->mutex_);
  if (store->writers_ > 0 && !by_force) {
    return Error{"a broker of this event log is already running (pid " +
                 std::to_string(::getpid()) + ")"};
  }
  ++store->writers_;
  return std::unique_ptr<EventLog>(std::make_unique<MemoryEventLog>(store, ++store->epoch_));
}

}  // namespace muster
