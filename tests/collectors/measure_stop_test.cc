// A table of measurements is widened, and the process ends in the middle of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectors/ledger_writer.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

constexpr const char* kJob = "0194-job-that-measures";
constexpr size_t kRows = 1'100;  // more than are copied at a time

// Takes `steps` more steps, and then none. What is under way is rolled back, as it is when the
// process dies.
class DyingStore final : public SqlStore {
 public:
  // `steps` outlives it.
  DyingStore(std::unique_ptr<SqlStore> store, size_t& steps)
      : store_(std::move(store)), steps_(steps) {}

  SqlDialect dialect() const override { return store_->dialect(); }
  const std::string& place() const override { return store_->place(); }
  std::string bytewise_collation() const override { return store_->bytewise_collation(); }
  DbStatus execute(std::string_view sql) override {
    return takes_step() ? store_->execute(sql) : died();
  }
  Result<std::unique_ptr<SqlStatement>> prepare(std::string_view sql) override {
    if (!takes_step()) return Error{died().reason};
    return store_->prepare(sql);
  }
  std::unique_ptr<SqlInserter> make_inserter(std::string_view table,
                                             const std::vector<std::string>& columns) override {
    return std::make_unique<Inserter>(*this, store_->make_inserter(table, columns));
  }
  DbStatus begin() override { return takes_step() ? store_->begin() : died(); }
  DbStatus commit() override { return takes_step() ? store_->commit() : died(); }
  void rollback() override { store_->rollback(); }

 private:
  class Inserter final : public SqlInserter {
   public:
    Inserter(DyingStore& store, std::unique_ptr<SqlInserter> inserter)
        : store_(store), inserter_(std::move(inserter)) {}
    DbStatus add(SqlValues row) override { return inserter_->add(row); }
    DbStatus flush() override { return store_.takes_step() ? inserter_->flush() : died(); }

   private:
    DyingStore& store_;
    std::unique_ptr<SqlInserter> inserter_;
  };

  static DbStatus died() { return {DbFault::broken, "the process has died"}; }
  bool takes_step() {
    if (steps_ == 0) return false;
    --steps_;
    return true;
  }

  std::unique_ptr<SqlStore> store_;
  size_t& steps_;
};

EventBody measured(const std::string& table, MeasureValue value) {
  AttemptReported event;
  event.token = {kJob, 1};
  event.origin.worker = "bench";
  event.time = script_time(50);
  event.body = Measurement{table, {{"n", std::move(value)}}};
  return event;
}

class MeasureStopTest : public ::testing::TestWithParam<LedgerKind> {
 protected:
  std::vector<SequencedEvent> number(std::vector<EventBody> bodies) {
    std::vector<SequencedEvent> events = number_events(std::move(bodies));
    for (SequencedEvent& at : events) at.seq += seq_;
    seq_ = events.back().seq;
    return events;
  }
  // The cells of the only column, oldest first.
  std::vector<std::optional<MeasureValue>> cells(const std::string& table) {
    const Result<MeasureAnswer> answer = ledger_.open().query_measurements({table, {}, 10'000});
    EXPECT_TRUE(answer.ok()) << answer.error();
    std::vector<std::optional<MeasureValue>> cells;
    for (const MeasureAnswer::Row& row : answer->rows) cells.push_back(row.cells.at(0));
    return cells;
  }

  NewLedger ledger_{GetParam()};
  uint64_t seq_ = 0;
};

TEST_P(MeasureStopTest, AnywhereInAWideningCopyLosesAndDoublesNothing) {
  bool is_through = false;
  size_t stops = 0;
  for (size_t steps = 0; !is_through; ++steps) {
    SCOPED_TRACE("after " + std::to_string(steps) + " steps");
    ASSERT_LT(steps, 200u) << "it never comes through";
    const std::string table = "perf" + std::to_string(steps);
    std::vector<EventBody> bodies;
    for (size_t i = 0; i < kRows; ++i) bodies.push_back(measured(table, static_cast<int64_t>(i)));
    ledger_.deliver(number(std::move(bodies)));
    const std::vector<SequencedEvent> wider = number({measured(table, std::string("end"))});
    {
      size_t left = SIZE_MAX;
      auto writer = LedgerWriter::open(std::make_unique<DyingStore>(ledger_.store(), left));
      ASSERT_TRUE(writer.ok()) << writer.error();
      left = steps;
      is_through = (*writer)->write(wider, {"the-log", seq_}).ok();
      stops += is_through ? 0 : 1;
    }
    // Whoever reads before anybody has mended it has every row.
    EXPECT_EQ(cells(table).size(), kRows + (is_through ? 1 : 0));
    ledger_.deliver(wider);
    const std::vector<std::optional<MeasureValue>> found = cells(table);
    ASSERT_EQ(found.size(), kRows + 1);
    for (size_t i = 0; i < kRows; ++i) {
      ASSERT_EQ(found[i], std::optional<MeasureValue>(std::to_string(i)));
    }
    EXPECT_EQ(found.back(), std::optional<MeasureValue>(std::string("end")));
  }
  EXPECT_GT(stops, 8u) << "the copy was cut in its middle, too";
}

INSTANTIATE_TEST_SUITE_P(Both, MeasureStopTest,
                         ::testing::Values(LedgerKind::sqlite, LedgerKind::mariadb), kind_name);

}  // namespace
}  // namespace muster
