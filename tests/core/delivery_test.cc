#include "core/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <random>
#include <vector>

namespace muster {
namespace {

using ::testing::HasSubstr;

TEST(PlanBatches, Table) {
  struct Row {
    std::vector<size_t> sizes;
    BatchLimits limits;
    std::vector<size_t> ends;
  };
  const Row rows[] = {
      {{}, {3, 10}, {}},
      {{1}, {3, 10}, {1}},
      {{1, 1, 1}, {3, 10}, {3}},         // exactly full by count
      {{1, 1, 1, 1}, {3, 10}, {3, 4}},   // one over
      {{5, 5}, {3, 10}, {2}},            // exactly full by bytes
      {{5, 6}, {3, 10}, {1, 2}},         // one byte over
      {{11}, {3, 10}, {1}},              // too large alone
      {{1, 11, 1}, {3, 10}, {1, 2, 3}},  // too large between others
      {{11, 11}, {3, 10}, {1, 2}},       //
      {{0, 0, 0, 0}, {2, 10}, {2, 4}},   // no bytes
      {{1, 1}, {1, 10}, {1, 2}},         // one at a time
      {{1, 1}, {0, 10}, {1, 2}},         // limits of nothing still make progress
      {{1, 1}, {3, 0}, {1, 2}},          //
      {{SIZE_MAX, SIZE_MAX}, {3, 10}, {1, 2}},
      {{SIZE_MAX, 1}, {3, SIZE_MAX}, {1, 2}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(plan_batches(row.sizes, row.limits), row.ends)
        << ::testing::PrintToString(row.sizes) << " " << row.limits.events_max << " "
        << row.limits.bytes_max;
  }
}

TEST(PlanBatches, RandomRunsKeepTheLaws) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<size_t> sizes(random() % 50);
    for (size_t& size : sizes) size = random() % 30;
    const BatchLimits limits{random() % 8, random() % 60};
    size_t begin = 0;
    for (const size_t end : plan_batches(sizes, limits)) {
      ASSERT_GT(end, begin);
      size_t bytes = 0;
      for (size_t i = begin; i < end; ++i) bytes += sizes[i];
      if (end - begin > 1) {
        EXPECT_LE(end - begin, limits.events_max);
        EXPECT_LE(bytes, limits.bytes_max);
      }
      const bool last = end == sizes.size();
      if (!last) {  // batches are as large as they may be
        EXPECT_TRUE(end - begin >= limits.events_max || bytes + sizes[end] > limits.bytes_max);
      }
      begin = end;
    }
    EXPECT_EQ(begin, sizes.size());
  }
}

TEST(Backoff, DoublesUpToTheLimit) {
  const BackoffPolicy policy{100ms, 1s};
  const Duration longest[] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
  for (uint32_t failures = 1; failures <= 6; ++failures) {
    EXPECT_EQ(backoff_delay(policy, failures, 0), longest[failures - 1]) << failures;
  }
  EXPECT_EQ(backoff_delay(policy, 0, 0), 100ms);
  EXPECT_EQ(backoff_delay(policy, UINT32_MAX, 0), 1s);
}

TEST(Backoff, RandomTakesAwayUpToAHalf) {
  const BackoffPolicy policy{100ms, 1s};
  EXPECT_EQ(backoff_delay(policy, 1, 50'000), 50ms);
  EXPECT_EQ(backoff_delay(policy, 1, 50'001), 100ms);
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000; ++i) {
    const Duration delay = backoff_delay(policy, 2, random());
    ASSERT_GE(delay, 100ms);
    ASSERT_LE(delay, 200ms);
  }
  EXPECT_EQ(backoff_delay({Duration(0), Duration(0)}, 3, UINT64_MAX), Duration(0));
}

TEST(DeliveryCursor, SkipsWhatWasDelivered) {
  struct Row {
    uint64_t delivered, first, count, skip;
  };
  const Row rows[] = {
      {0, 1, 5, 0},
      {3, 1, 5, 3},
      {4, 5, 2, 0},
      {9, 1, 5, 5},
      {5, 1, 5, 5},
      {9, 10, 0, 0},
      {UINT64_MAX - 1, UINT64_MAX - 1, 1, 1},
  };
  for (const Row& row : rows) {
    const Result<uint64_t> skip =
        DeliveryCursor(row.delivered).count_delivered(row.first, row.count);
    ASSERT_TRUE(skip.ok()) << skip.error();
    EXPECT_EQ(*skip, row.skip) << row.delivered << " " << row.first << " " << row.count;
  }
}

TEST(DeliveryCursor, InsistsOnNoGap) {
  struct Row {
    uint64_t delivered, first, count;
    std::string error;
  };
  const Row rows[] = {
      {0, 2, 5, "events 1 to 1 are missing"},
      {3, 9, 1, "events 4 to 8 are missing"},
      {3, 5, 0, "events 4 to 4 are missing"},
      {0, 0, 5, "makes no sense"},
      {7, 0, 1, "makes no sense"},
      {7, 8, UINT64_MAX, "makes no sense"},
      {7, UINT64_MAX, 1, "makes no sense"},
  };
  for (const Row& row : rows) {
    const Result<uint64_t> skip =
        DeliveryCursor(row.delivered).count_delivered(row.first, row.count);
    ASSERT_FALSE(skip.ok());
    EXPECT_THAT(skip.error(), HasSubstr(row.error));
  }
}

TEST(DeliveryCursor, NeverGoesBack) {
  DeliveryCursor cursor(5);
  cursor.advance(3);
  EXPECT_EQ(cursor.delivered(), 5u);
  cursor.advance(8);
  EXPECT_EQ(cursor.delivered(), 8u);
  EXPECT_EQ(cursor.next(), 9u);
}

TEST(PlanDueBatches, TheLastWaitsUntilItIsFullOrOld) {
  struct Row {
    std::vector<size_t> sizes;
    Duration waited;
    std::vector<size_t> ends;
  };
  const BatchLimits limits{3, 100, 10s};
  const Row rows[] = {
      {{}, 0s, {}},
      {{}, 60s, {}},
      {{1}, 9s, {}},
      {{1}, 10s, {1}},
      {{1, 1}, 0s, {}},
      {{1, 1, 1}, 0s, {3}},     // full by count
      {{99, 1}, 0s, {2}},       // full by bytes
      {{99, 2}, 0s, {1}},       // the next does not fit: the first is full
      {{200}, 0s, {1}},         // over the limit by itself
      {{1, 1, 1, 1}, 0s, {3}},  // the rest waits
      {{1, 1, 1, 1}, 10s, {3, 4}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(plan_due_batches(row.sizes, limits, row.waited), row.ends) << row.sizes.size();
  }
  EXPECT_EQ(plan_due_batches(std::vector<size_t>{1}, {3, 100}, 0s), std::vector<size_t>{1});
}

// What a bisection takes and whom it blames, and how many tries that needs.
struct Found {
  std::vector<size_t> taken;
  std::vector<size_t> to_blame;
  size_t tries = 0;
};

Found search(size_t count, const std::vector<bool>& poison) {
  Found found;
  Bisection bisection(count);
  while (const std::optional<ItemRange> range = bisection.next()) {
    ++found.tries;
    const auto begin = poison.begin() + static_cast<ptrdiff_t>(range->begin);
    const bool refused = std::find(begin, begin + static_cast<ptrdiff_t>(range->size()), true) !=
                         begin + static_cast<ptrdiff_t>(range->size());
    if (refused && range->size() > 1) {
      bisection.halve();
      continue;
    }
    for (size_t i = range->begin; i < range->end; ++i) {
      (refused ? found.to_blame : found.taken).push_back(i);
    }
    bisection.settle();
  }
  return found;
}

TEST(Bisection, OfNothing) { EXPECT_FALSE(Bisection(0).next()); }

TEST(Bisection, TakesEverythingElseInOrderAndBlamesTheRest) {
  std::mt19937 random(5);
  for (size_t count = 1; count <= 70; ++count) {
    for (int round = 0; round < 20; ++round) {
      std::vector<bool> poison(count);
      std::vector<size_t> good;
      std::vector<size_t> bad;
      const uint32_t one_in = 1 + random() % 20;
      for (size_t i = 0; i < count; ++i) {
        poison[i] = random() % one_in == 0;
        (poison[i] ? bad : good).push_back(i);
      }
      const Found found = search(count, poison);
      EXPECT_EQ(found.taken, good);
      EXPECT_EQ(found.to_blame, bad);
      const size_t depth = static_cast<size_t>(std::bit_width(count - 1));
      EXPECT_LE(found.tries, 1 + 2 * bad.size() * depth) << count << " with " << bad.size();
    }
  }
}

TEST(RetryDelay, ThePlacesWishIsALowerBound) {
  struct Row {
    std::optional<Duration> wish;
    uint32_t failures;
    uint64_t random;
    Duration delay;
  };
  const BackoffPolicy policy{1s, 8s};
  const Row rows[] = {
      {std::nullopt, 1, 0, 1s},
      {std::nullopt, 9, 0, 8s},
      {Duration(0), 2, 0, 2s},
      {Duration(5s), 1, 0, 5s},               // longer than our own
      {Duration(5s), 9, 0, 8s},               // shorter
      {Duration(5s), 1, 1'250'000, 6'250ms},  // a quarter later at most
      {Duration(5s), 1, 1'250'001, 5s},
      {Duration(-5s), 1, 0, 1s},
      {Duration::max(), 1, 0, kRetryAfterMax},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(retry_delay(policy, row.failures, row.random, row.wish), row.delay);
  }
}

}  // namespace
}  // namespace muster
