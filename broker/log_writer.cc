#include "broker/log_writer.h"

#include <sys/eventfd.h>

#include <cassert>
#include <span>
#include <string>
#include <utility>

#include "broker/blocks.h"

namespace muster {

Appended append_events(EventLog& log, const std::vector<Event>& events) {
  if (events.empty()) return {};
  const std::vector<StoredBlock> encoded = make_blocks(events, log.head() + 1);
  Appended appended{{}, events.size(), 0, events.back().time};
  std::vector<NewBlock> blocks;
  blocks.reserve(encoded.size());
  for (const StoredBlock& block : encoded) {
    blocks.push_back({block.first, block.count, block.bytes});
    appended.bytes += block.bytes.size();
  }
  appended.result = log.append(blocks);
  return appended;
}

LogWriter::LogWriter(EventLog& log)
    : log_(log), done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LogWriter::begin(std::vector<Event>& events) {
  assert(!busy_ && !events.empty());
  busy_ = true;
  is_over_.store(false, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    batch_.swap(events);
    result_.reset();
  }
  changed_.notify_all();
}

Appended LogWriter::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  eventfd_t drained = 0;
  ::eventfd_read(done_.get(), &drained);
  busy_ = false;
  return *std::exchange(result_, std::nullopt);
}

void LogWriter::run() {
  std::vector<Event> events;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !batch_.empty(); });
    if (batch_.empty()) return;
    events.swap(batch_);
    lock.unlock();
    Appended result = append_events(log_, events);
    const bool is_durable = result.result.fault == AppendFault::none;
    lock.lock();
    result_ = std::move(result);
    is_over_.store(true, std::memory_order_release);
    ::eventfd_write(done_.get(), 1);
    lock.unlock();
    changed_.notify_all();
    events.clear();  // thousands of them, and nobody waits for it
    if (is_durable) log_.catch_up();
    lock.lock();
  }
}

}  // namespace muster
