// What the ledger keeps of sources, artifacts and measurements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "collectors/ledger_sink.h"
#include "io/ledger.h"
#include "io/ledger_schema.h"
#include "io/sqlite.h"
#include "tests/collectors/script.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kJob = "0194-job-with-reports";

EventBody reported(AttemptReported::Body body) {
  return muster::reported(kJob, 2, std::move(body));
}

const SourceFetched kSource = {"https://git.example/a.git", "main", std::string(40, 'a')};
const Artifact kArtifact = {"logs/a b.bin", "http://archive/x", 5'000'000'000,
                            std::string(64, 'f')};
const Measurement kRow = {"perf",
                          {{"big", std::numeric_limits<int64_t>::max()},
                           {"name", std::string("1")},
                           {"ok", false},
                           {"real", 1.0},
                           {"tiny", 5e-324}}};

class LedgerReportTest : public ::testing::Test {
 protected:
  void deliver() {
    const std::vector<SequencedEvent> events =
        number_events({submitted(kJob), leased(kJob, 2), reported(kSource), reported(kArtifact),
                       reported(kRow), reported(Progress{10, "x"})});
    LedgerSink sink({file(), {}});
    ASSERT_TRUE(sink.open().ok());
    const Delivery done = sink.deliver(events, {"the-log", events.size()});
    ASSERT_TRUE(done.ok()) << done.reason;
  }
  std::string file() const { return scratch_ / "ledger.db"; }
  Ledger open() {
    Result<Ledger> ledger = Ledger::open(LedgerPlace{file(), {}});
    EXPECT_TRUE(ledger.ok()) << ledger.error();
    return std::move(*ledger);
  }

 private:
  Scratch scratch_;
};

TEST_F(LedgerReportTest, KeepsSourcesArtifactsAndMeasurements) {
  deliver();
  Ledger ledger = open();
  const auto sources = ledger.sources(kJob);
  ASSERT_TRUE(sources.ok()) << sources.error();
  ASSERT_THAT(*sources, SizeIs(1));
  EXPECT_EQ((*sources)[0].seq, 3u);
  EXPECT_EQ((*sources)[0].attempt, 2u);
  EXPECT_EQ((*sources)[0].time, script_time(3) - std::chrono::milliseconds(1));
  EXPECT_EQ((*sources)[0].body, kSource);
  const auto artifacts = ledger.artifacts(kJob);
  ASSERT_TRUE(artifacts.ok()) << artifacts.error();
  ASSERT_THAT(*artifacts, SizeIs(1));
  EXPECT_EQ((*artifacts)[0].body, kArtifact);
  const auto rows = ledger.measurements(kJob);
  ASSERT_TRUE(rows.ok()) << rows.error();
  ASSERT_THAT(*rows, SizeIs(1));
  EXPECT_EQ((*rows)[0].body, kRow);
  EXPECT_THAT(*ledger.measurements("0194-another-job"), IsEmpty());
}

TEST_F(LedgerReportTest, RowsCanBeAskedByTheirColumns) {
  deliver();
  Database db = std::move(std::get<Database>(Database::open(file())));
  Result<Statement> select = db.prepare(
      "SELECT big, typeof(real), typeof(name), ok, typeof(tiny) FROM m_perf WHERE attempt = 2");
  ASSERT_TRUE(select.ok() && select->next());
  EXPECT_EQ(select->integer(0), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(select->text(1), "real");
}

TEST_F(LedgerReportTest, AnOlderLedgerGetsTheTables) {
  deliver();
  {
    Database db = std::move(std::get<Database>(Database::open(file())));
    ASSERT_TRUE(db.execute("DROP TABLE sources; DROP TABLE artifacts; DROP TABLE measurements;"
                           "DROP TABLE measure_tables; DROP TABLE measure_columns;"
                           "DELETE FROM schema_version WHERE version >= 5")
                    .ok());
  }
  deliver();  // opens, migrates, and has taken all that already
  EXPECT_THAT(*open().sources(kJob), IsEmpty());
}

}  // namespace
}  // namespace muster
