// Each bound of decoding, on both sides.
#include <gtest/gtest.h>

#include <functional>

#include "core/limits.h"
#include "io/codec.h"
#include "tests/support/codec_frames.h"
#include "tests/support/samples.h"

namespace muster {
namespace {

struct LimitRow {
  std::string name;
  size_t limit;
  std::function<Bytes(size_t)> make;
  std::function<bool(std::string_view)> decodes = message_decodes;
};

template <typename T>
std::vector<T> many(size_t count, T value = T()) {
  return std::vector<T>(count, value);
}

std::vector<LimitRow> request_rows() {
  return {
      {"submit", kSubmitTasksMax,
       [](size_t n) {
         return frame(Submit{many(n, samples::plain_task()), false});
       }},
      {"submit reply", kSubmitTasksMax,
       [](size_t n) { return frame(SubmitReply{many<SubmitResult>(n)}); }},
      {"watch", kGuidsPerRequestMax, [](size_t n) { return frame(Watch{many<std::string>(n)}); }},
      {"unknown", kGuidsPerRequestMax,
       [](size_t n) {
         return frame(TaskNews{{}, many<std::string>(n)});
       }},
      {"cancel", kGuidsPerRequestMax,
       [](size_t n) {
         return frame(Cancel{many<std::string>(n), "", ""});
       }},
      {"cancel reply", kGuidsPerRequestMax,
       [](size_t n) { return frame(CancelReply{many<CancelResult>(n)}); }},
      {"retry", kGuidsPerRequestMax,
       [](size_t n) {
         return frame(RetryTasks{many<std::string>(n), "", "", ""});
       }},
      {"retry reply", kGuidsPerRequestMax,
       [](size_t n) { return frame(RetryTasksReply{many<RetryTasksResult>(n)}); }},
      {"lines of a log", kLogLinesPerTellMax,
       [](size_t n) { return frame(TellLog{many<LogLine>(n)}); }},
      {"task list", kListTasksMax,
       [](size_t n) {
         return frame(TaskList{many<TaskInfo>(n), 0});
       }},
      {"inventory", kInventoryDevicesMax,
       [](size_t n) {
         auto inventory = std::make_shared<Inventory>();
         inventory->devices = many<DeviceSpec>(n);
         return frame(ApplyInventory{inventory, ""});
       }},
  };
}

// A T of which `set` has filled in a field.
template <typename T, typename Set>
T with(Set set) {
  T value;
  set(value);
  return value;
}

std::vector<LimitRow> attempt_rows() {
  const Assignment plain = {samples::plain_task(), 1, {}, ""};
  return {
      {"reports", kReportsPerSyncMax,
       [](size_t n) { return frame(with<Sync>([&](Sync& s) { s.reports = many<Report>(n); })); }},
      {"held", kCreditMax,
       [](size_t n) { return frame(with<Sync>([&](Sync& s) { s.held = many<HeldAttempt>(n); })); }},
      {"run", kAssignmentsPerDesiredMax,
       [=](size_t n) { return frame(with<Desired>([&](Desired& d) { d.run = many(n, plain); })); }},
      {"stop", kCreditMax,
       [](size_t n) {
         return frame(with<Desired>([&](Desired& d) { d.stop = many<StopOrder>(n); }));
       }},
      {"devices of a task", kDevicesPerTaskMax,
       [](size_t n) {
         return frame(
             with<TaskInfo>([&](TaskInfo& i) { i.spec.devices = many<DeviceRequest>(n); }));
       }},
      {"devices of an assignment", kDevicesPerLeaseMax,
       [=](size_t n) {
         Assignment assignment = plain;
         assignment.devices = many<DeviceSpec>(n);
         return frame(with<Desired>([&](Desired& d) { d.run = {assignment}; }));
       }},
      {"devices of an attempt", kDevicesPerLeaseMax,
       [](size_t n) {
         const AttemptInfo attempt = {1, "", many<std::string>(n), kNever, "", std::nullopt};
         return frame(with<TaskInfo>([&](TaskInfo& i) { i.attempts = {attempt}; }));
       }},
      {"attempts", kAttemptsMax,
       [](size_t n) {
         return frame(with<TaskInfo>([&](TaskInfo& i) { i.attempts = many<AttemptInfo>(n); }));
       }},
  };
}

std::vector<LimitRow> event_rows() {
  return {
      {"block", kBlockEventsMax,
       [](size_t n) {
         return encode_block(1, many(n, Event{kNever, BrokerStarted{}}));
       },
       block_decodes},
      {"leased devices", kDevicesPerLeaseMax,
       [](size_t n) {
         const Event event = {kNever, AttemptLeased{{}, "", 0, many<std::string>(n)}};
         return encode_block(1, {&event, 1});
       },
       block_decodes},
  };
}

TEST(CodecLimits, Lists) {
  for (const auto& rows : {request_rows(), attempt_rows(), event_rows()}) {
    for (const LimitRow& row : rows) {
      SCOPED_TRACE(row.name);
      EXPECT_TRUE(row.decodes(row.make(0)));
      EXPECT_TRUE(row.decodes(row.make(row.limit)));
      EXPECT_FALSE(row.decodes(row.make(row.limit + 1)));
    }
  }
}

TEST(CodecLimits, VerifiersOfAStrategy) {
  const auto make = [](size_t n) {
    Strategy strategy;
    strategy.name = "wide";
    for (size_t i = 0; i < n; ++i) {
      strategy.verifiers.push_back({"v" + std::to_string(i), "", NoopCheck{}, {}, Duration(1s)});
    }
    return encode_strategy(strategy);
  };
  const Result<Strategy> at_limit = decode_strategy(make(kStrategyNodesMax));
  EXPECT_TRUE(at_limit) << at_limit.error();
  EXPECT_FALSE(decode_strategy(make(kStrategyNodesMax + 1)));
}

// Bytes of what one long text or blob of `size` bytes makes, and what bounds it.
struct SizeRow {
  std::string name;
  size_t limit;
  std::function<Bytes(size_t)> make;
  bool (*decodes)(std::string_view);
};

TEST(CodecLimits, BytesOfAFrame) {
  const SizeRow rows[] = {
      {"message", kMessageBytesMax,
       [](size_t n) {
         return frame(Refused{RefusalCode::invalid, std::string(n, 'x')});
       },
       message_decodes},
      {"block", kBlockBytesMax,
       [](size_t n) {
         const Event event = {kNever, WorkerLost{"", 0, std::string(n, 'x')}};
         return encode_block(1, {&event, 1});
       },
       block_decodes},
      {"work", kWorkBytesMax, [](size_t n) { return encode_work(NoopWork{Bytes(n, 'x')}); },
       work_decodes},
      {"strategy", kStrategyBytesMax,
       [](size_t n) {
         Strategy strategy = samples::strategy();
         strategy.verifiers[0].description = std::string(n, 'x');
         return encode_strategy(strategy);
       },
       [](std::string_view bytes) { return decode_strategy(bytes).ok(); }},
  };
  for (const SizeRow& row : rows) {
    SCOPED_TRACE(row.name);
    size_t size = row.limit - (row.make(1).size() - 8);
    if (row.make(size).size() > row.limit) --size;  // a text has a zero at its end
    ASSERT_EQ(row.make(size).size(), row.limit);
    EXPECT_TRUE(row.decodes(row.make(size)));
    EXPECT_FALSE(row.decodes(row.make(size + 1)));
  }
}

TEST(CodecLimits, BytesOfATaskAndOfAReport) {
  const SizeRow rows[] = {
      {"task", kTaskBytesMax,
       [](size_t n) {
         TaskSpec spec;
         spec.work = Bytes(n, 'x');
         return frame(Submit{{std::make_shared<const TaskSpec>(spec)}, false});
       },
       message_decodes},
      {"report", kReportBytesMax,
       [](size_t n) {
         Sync sync;
         sync.reports = {{1, {}, kNever, Record{"", "", "", {}, std::string(n, 'x')}}};
         return frame(sync);
       },
       message_decodes},
      {"pattern of names", kNamePatternBytesMax,
       [](size_t n) {
         ListTasks question;
         question.name = std::string(n, '*');
         return frame(question);
       },
       message_decodes},
      {"spooled report", kReportBytesMax,
       [](size_t n) {
         return encode_report({1, {}, kNever, AttemptStarted{std::string(n, 'x'), {}}});
       },
       report_decodes},
  };
  for (const SizeRow& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(row.decodes(row.make(row.limit)));
    EXPECT_FALSE(row.decodes(row.make(row.limit + 1)));
  }
}

// A frame of TaskNews whose list claims `count` changes of `words` data words each.
Bytes hollow_news(uint64_t count, uint64_t words) {
  const uint64_t list_words = count * words;
  std::vector<uint64_t> frame = {
      (7 + list_words) << 32,                    // one segment
      uint64_t{1} << 48 | uint64_t{2} << 32,     // root: 2 words of data, 1 pointer
      4242,                                      // request
      8,                                         // task_news
      uint64_t{2} << 48,                         // TaskNews: 2 pointers
      (list_words << 3 | 7) << 32 | 1 << 2 | 1,  // changes: begin after the next word
      0,                                         // unknown
      words << 32 | (count << 2 & 0xFFFF'FFFF),  // each change
  };
  frame.resize(frame.size() + list_words);
  return Bytes(reinterpret_cast<const char*>(frame.data()), frame.size() * 8);
}

TEST(CodecLimits, MemoryOfListsByTheSizeOfTheFrame) {
  EXPECT_EQ(refusal(hollow_news(100, 1)), "");
  EXPECT_EQ(refusal(hollow_news(100, 0)), "");
  EXPECT_NE(refusal(hollow_news(1'000'000, 1)), "");
  EXPECT_NE(refusal(hollow_news(1'000'000, 0)), "");
  EXPECT_NE(refusal(hollow_news((1 << 29) - 1, 0)), "");
}

// What fills a list with the least bytes is within it.
TEST(CodecLimits, SmallestElementsFitTheirFrame) {
  EXPECT_EQ(refusal(frame(TaskNews{many<TaskChange>(50'000), {}})), "");
  EXPECT_EQ(refusal(frame(WorkerList{many<WorkerInfo>(50'000)})), "");
  EXPECT_EQ(refusal(frame(DeviceList{many<DeviceInfo>(50'000)})), "");
  EXPECT_EQ(refusal(frame(Explanation{"", {}, "", many<std::string>(100'000), 0})), "");
  EXPECT_EQ(refusal(frame(Blocks{0, many<Bytes>(100'000)})), "");
}

TEST(CodecLimits, Times) {
  const auto with_time = [](int64_t us) {
    BrokerStatus status;
    status.started = from_us(us);
    return refusal(frame(status));
  };
  const auto with_duration = [](int64_t us) { return refusal(frame(Fetch{1, 0, Duration(us)})); };
  for (const int64_t us : {int64_t{0}, int64_t{1}, kTimeUsMax}) {
    EXPECT_EQ(with_time(us), "");
    EXPECT_EQ(with_duration(us), "");
  }
  for (const int64_t us : {int64_t{-1}, kTimeUsMax + 1, INT64_MAX, INT64_MIN}) {
    EXPECT_NE(with_time(us), "");
    EXPECT_NE(with_duration(us), "");
  }
}

}  // namespace
}  // namespace muster
