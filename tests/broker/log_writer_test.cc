#include "broker/log_writer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "io/codec.h"
#include "tests/support/memory_event_log.h"

namespace muster {
namespace {

std::unique_ptr<EventLog> open_log(const std::shared_ptr<MemoryLogStore>& store) {
  return std::move(*MemoryLogStore::open(store));
}

std::vector<Event> some_events(size_t count) {
  return std::vector<Event>(count, Event{from_us(1'000'000), BrokerStarted{1, "test"}});
}

bool is_readable(int fd, int patience_ms) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, patience_ms) == 1;
}

TEST(LogWriterTest, BatchesBecomeDurableInTheirOrder) {
  const auto store = std::make_shared<MemoryLogStore>();
  const std::unique_ptr<EventLog> log = open_log(store);
  LogWriter writer(*log);
  EXPECT_FALSE(writer.busy());
  uint64_t head = 0;
  for (size_t count : {1u, 300u, 7u}) {
    std::vector<Event> events = some_events(count);
    writer.begin(events);
    EXPECT_TRUE(events.empty());
    EXPECT_TRUE(writer.busy());
    EXPECT_TRUE(is_readable(writer.done_fd(), 10'000));
    EXPECT_TRUE(writer.is_over());
    const Appended appended = writer.finish();
    EXPECT_EQ(appended.result.fault, AppendFault::none);
    EXPECT_EQ(appended.events, count);
    EXPECT_GT(appended.bytes, 0u);
    EXPECT_EQ(appended.newest, from_us(1'000'000));
    EXPECT_FALSE(writer.busy());
    EXPECT_FALSE(is_readable(writer.done_fd(), 0));
    head += count;
    EXPECT_EQ(log->head(), head);
  }
}

TEST(LogWriterTest, SaysWhyTheLogFailed) {
  const auto store = std::make_shared<MemoryLogStore>();
  const std::unique_ptr<EventLog> log = open_log(store);
  store->set_capacity(1);
  LogWriter writer(*log);
  std::vector<Event> events = some_events(3);
  writer.begin(events);
  const AppendResult result = writer.finish().result;
  EXPECT_EQ(result.fault, AppendFault::disk_full);
  EXPECT_NE(result.reason, "");
  EXPECT_EQ(log->head(), 0u);
}

TEST(LogWriterTest, WhatWasBegunIsDurableWhenItIsGone) {
  const auto store = std::make_shared<MemoryLogStore>();
  const std::unique_ptr<EventLog> log = open_log(store);
  {
    LogWriter writer(*log);
    std::vector<Event> events = some_events(40);
    writer.begin(events);
  }
  EXPECT_EQ(log->head(), 40u);
}

}  // namespace
}  // namespace muster
