#include "core/log_keeping.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(LogKeeping, NothingGoesThatASnapshotOrAReaderStillNeeds) {
  struct Row {
    const char* name;
    std::vector<uint64_t> snapshots;
    std::vector<LogReader> readers;
    uint64_t limit;
  };
  const std::vector<Row> rows = {
      {"no snapshot", {}, {}, 1},
      {"one could be damaged", {900}, {}, 1},
      {"up to the older one", {900, 500}, {}, 500},
      {"a reader that is further", {900, 500}, {{"a", 800, {}}}, 500},
      {"a reader that is not", {900, 500}, {{"a", 800, {}}, {"b", 300, {}}}, 300},
      {"a reader that has nothing yet", {900, 500}, {{"a", 1, {}}}, 1},
      {"a reader that never said", {900, 500}, {{"a", 0, {}}}, 1},
  };
  for (const Row& row : rows)
    EXPECT_EQ(trim_limit(row.snapshots, row.readers), row.limit) << row.name;
}

TEST(LogKeeping, TheSlowestReaderIsNamed) {
  EXPECT_EQ(slowest_reader({}), nullptr);
  const std::vector<LogReader> readers = {{"a", 5, {}}, {"b", 3, {}}, {"c", 3, {}}};
  EXPECT_EQ(slowest_reader(readers)->name, "b");
}

}  // namespace
}  // namespace muster
