// Tables of measurements, in both kinds of ledger.
#include "io/measure_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/limits.h"
#include "io/ledger_schema.h"
#include "io/sqlite.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/watched_store.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr const char* kJob = "0194-job-that-measures";
using Row = std::vector<std::pair<std::string, MeasureValue>>;
using Cell = std::optional<MeasureValue>;

EventBody measured(const std::string& table, Row row) {
  AttemptReported event;
  event.token = {kJob, 1};
  event.origin.worker = "bench";
  event.time = script_time(50);
  event.body = Measurement{table, std::move(row)};
  return event;
}

class MeasureTablesTest : public ::testing::TestWithParam<LedgerKind> {
 protected:
  // Each batch is delivered by a collector of its own.
  void measure(std::vector<std::vector<EventBody>> batches) {
    for (std::vector<EventBody>& batch : batches) {
      std::vector<SequencedEvent> events = number_events(std::move(batch));
      for (SequencedEvent& at : events) at.seq += seq_;
      seq_ = events.back().seq;
      ledger_.deliver(events);
    }
  }
  // What the database itself says of a table's columns.
  std::map<std::string, MeasureType> columns(const std::string& sql_name) {
    auto columns = read_measure_columns(*ledger_.store(), sql_name);
    EXPECT_TRUE(columns.ok()) << columns.error();
    EXPECT_TRUE(columns->has_value()) << sql_name;
    return columns->value_or(std::map<std::string, MeasureType>());
  }
  // The cells of one column, oldest first.
  std::vector<Cell> cells(const std::string& table, const std::string& column) {
    const Result<MeasureAnswer> answer = ledger_.open().query_measurements({table, {}, 1'000'000});
    EXPECT_TRUE(answer.ok()) << answer.error();
    const auto at = std::find(answer->columns.begin(), answer->columns.end(), column);
    EXPECT_NE(at, answer->columns.end()) << column;
    std::vector<Cell> cells;
    for (const MeasureAnswer::Row& row : answer->rows) {
      cells.push_back(row.cells[static_cast<size_t>(at - answer->columns.begin())]);
    }
    return cells;
  }

  NewLedger ledger_{GetParam()};
  uint64_t seq_ = 0;
};

TEST_P(MeasureTablesTest, AColumnHasTheNarrowestTypeThatHoldsItsValuesUnchanged) {
  const int64_t exact = int64_t{1} << 53;
  const std::string utc = "2026-11-02T10:00:00Z";
  struct Case {
    std::string name;
    std::vector<MeasureValue> values;
    MeasureType type;
    std::vector<MeasureValue> read;
  };
  const Case rows[] = {
      {"integers", {INT64_MIN, INT64_MAX}, MeasureType::integer, {INT64_MIN, INT64_MAX}},
      {"reals", {1.5, 5e-324}, MeasureType::real, {1.5, 5e-324}},
      {"truths", {true, false}, MeasureType::boolean, {true, false}},
      {"texts",
       {std::string("a"), std::string()},
       MeasureType::text,
       {std::string("a"), std::string()}},
      {"times",
       {utc, std::string("2026-11-02T10:00:00.250000Z")},
       MeasureType::time,
       {utc, std::string("2026-11-02T10:00:00.250Z")}},
      {"exact", {exact, 0.5}, MeasureType::real, {static_cast<double>(exact), 0.5}},
      {"exact_after", {0.5, -exact}, MeasureType::real, {0.5, -static_cast<double>(exact)}},
      {"long_before",
       {exact + 1, 0.5},
       MeasureType::text,
       {std::string("9007199254740993"), std::string("0.5")}},
      {"long_after",
       {0.1, -exact - 1},
       MeasureType::text,
       {std::string("0.1"), std::string("-9007199254740993")}},
      {"truth_and_number",
       {true, int64_t{1}},
       MeasureType::text,
       {std::string("true"), std::string("1")}},
      {"number_and_text",
       {1.0, std::string("fast")},
       MeasureType::text,
       {std::string("1"), std::string("fast")}},
      {"time_and_text",
       {utc, std::string("never")},
       MeasureType::text,
       {utc, std::string("never")}},
      {"text_and_time",
       {std::string("never"), utc},
       MeasureType::text,
       {std::string("never"), utc}},
      {"time_as_text",
       {std::string("never"), std::string("2026-11-02T10:00:00.250000Z")},
       MeasureType::text,
       {std::string("never"), std::string("2026-11-02T10:00:00.250Z")}},
      {"no_minus",
       {-0.0, std::string("x")},
       MeasureType::text,
       {std::string("0"), std::string("x")}},
      {"whole_reals",
       {1e15, std::string("x")},
       MeasureType::text,
       {std::string("1000000000000000"), std::string("x")}},
      {"all",
       {int64_t{7}, 2.5, true, utc, std::string("x")},
       MeasureType::text,
       {std::string("7"), std::string("2.5"), std::string("true"), utc, std::string("x")}},
  };
  // In one delivery, and in one for each value, where tables with rows in them are made anew.
  for (const bool apart : {false, true}) {
    for (const Case& row : rows) {
      SCOPED_TRACE(row.name + (apart ? " apart" : " together"));
      const std::string table = row.name + (apart ? "_apart" : "");
      std::vector<std::vector<EventBody>> batches(1);
      for (const MeasureValue& value : row.values) {
        if (apart && !batches.back().empty()) batches.emplace_back();
        batches.back().push_back(measured(table, {{"v", value}}));
      }
      measure(std::move(batches));
      EXPECT_THAT(columns("m_" + table), ElementsAre(Pair("v", row.type)));
      EXPECT_EQ(cells(table, "v"), std::vector<Cell>(row.read.begin(), row.read.end()));
    }
  }
}

TEST_P(MeasureTablesTest, ColumnsComeUpWithTheRowsThatHaveThem) {
  measure({{measured("perf", {{"a", int64_t{1}}})},
           {measured("perf", {{"b", 0.5}}), measured("perf", {{"a", int64_t{2}}, {"b", 1.5}})}});
  EXPECT_EQ(cells("perf", "a"), (std::vector<Cell>{int64_t{1}, std::nullopt, int64_t{2}}));
  EXPECT_EQ(cells("perf", "b"), (std::vector<Cell>{std::nullopt, 0.5, 1.5}));
  const auto rows = ledger_.open().measurements(kJob);
  ASSERT_TRUE(rows.ok()) << rows.error();
  ASSERT_THAT(*rows, SizeIs(3));
  EXPECT_EQ((*rows)[1].body, (Measurement{"perf", {{"b", 0.5}}}));
}

// Databases know neither case nor most characters in a name; a person does.
TEST_P(MeasureTablesTest, NamesThatADatabaseConfusesAreKeptApart) {
  const std::string longest(kNameLengthMax, 'x');
  const std::vector<std::string> names = {"temp", "Temp",    "TEMP",   "seq",
                                          "guid", "time_us", "select", "a b",
                                          "a;b",  "größe",   longest,  longest.substr(1) + "y",
                                          "a\"b", "`",       "1st"};
  Row row;
  for (size_t i = 0; i < names.size(); ++i) row.emplace_back(names[i], static_cast<int64_t>(i));
  measure({{measured("Perf.2-x", row)},
           {measured("perf_2_x", {{"a", int64_t{1}}})},
           {measured(longest, {{"a", int64_t{2}}})}});
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(cells("Perf.2-x", names[i]), std::vector<Cell>{static_cast<int64_t>(i)}) << names[i];
  }
  EXPECT_EQ(cells("perf_2_x", "a"), std::vector<Cell>{int64_t{1}});
  EXPECT_EQ(cells(longest, "a"), std::vector<Cell>{int64_t{2}});
  std::vector<std::string> tables;
  const Result<std::vector<MeasureTable>> all = ledger_.open().measure_tables();
  for (const MeasureTable& table : *all) tables.push_back(table.name);
  EXPECT_THAT(tables, ElementsAre("Perf.2-x", "perf_2_x", longest));
}

// The widest row that a page of InnoDB holds has texts that are just too short to be put elsewhere.
TEST_P(MeasureTablesTest, ATableHasSoManyColumnsAndTheRestBesideThem) {
  const std::string cell(40, 'x');
  Row row;
  for (size_t i = 0; i < kMeasureColumnsMax; ++i) row.emplace_back("c" + std::to_string(i), cell);
  measure({{measured("wide", row)}, {measured("wide", {{"c0", cell}, {"late", int64_t{7}}})}});
  EXPECT_THAT(columns("m_wide"), SizeIs(kMeasureColumnsKept));
  for (const size_t i : {size_t{0}, kMeasureColumnsKept - 1, kMeasureColumnsKept}) {
    EXPECT_EQ(cells("wide", "c" + std::to_string(i))[0], Cell(cell)) << i;
  }
  EXPECT_EQ(cells("wide", "late"), (std::vector<Cell>{std::nullopt, int64_t{7}}));
  const auto rows = ledger_.open().measurements(kJob);
  ASSERT_TRUE(rows.ok()) << rows.error();
  std::sort(row.begin(), row.end());
  EXPECT_EQ((*rows)[0].body.row, row);
}

TEST_P(MeasureTablesTest, NonsenseIsKeptAsWellAsMayBe) {
  const std::string too_long(kNameLengthMax + 1, 'x');
  measure({{measured(too_long, {{"a", int64_t{1}}}), measured("odd", {}),
            measured("odd", {{"", int64_t{1}}, {too_long, true}, {"\xff", 0.5}}),
            measured("odd", {{"text", std::string("a\xff"
                                                  "b")}}),
            measured("odd", {{"nan", std::numeric_limits<double>::quiet_NaN()}}),
            measured("odd", {{"twice", int64_t{1}}, {"twice", int64_t{2}}})}});
  EXPECT_EQ(cells("odd", too_long)[1], Cell(true));
  EXPECT_EQ(cells("odd", "text")[2], Cell(std::string("a\xef\xbf\xbd"
                                                      "b")));
  EXPECT_EQ(cells("odd", "twice")[4], Cell(int64_t{2}));
  EXPECT_THAT(*ledger_.open().measurements(kJob), SizeIs(6));
}

TEST_P(MeasureTablesTest, AnswersByColumnsWithTheirTypes) {
  measure({{measured("boot", {{"s", 12.5},
                              {"n", int64_t{3}},
                              {"cold", true},
                              {"who", std::string("a,b")},
                              {"at", std::string("2026-11-02T10:00:00Z")}}),
            measured("boot", {{"s", int64_t{10}},
                              {"n", INT64_MAX},
                              {"cold", false},
                              {"who", std::string("A,b")},
                              {"at", std::string("2026-11-03T10:00:00Z")}}),
            measured("boot", {{"s", 0.25}, {"attempt", int64_t{7}}, {"guid", std::string("x")}})}});
  using Op = MeasureOperator;
  struct Question {
    std::vector<MeasureCondition> conditions;
    std::vector<uint64_t> rows;
  };
  const Question questions[] = {
      {{}, {1, 2, 3}},
      {{{"s", Op::greater, "10"}}, {1}},
      {{{"s", Op::at_least, "10"}}, {1, 2}},
      {{{"s", Op::less, "1e1"}}, {3}},
      {{{"n", Op::equal, "9223372036854775807"}}, {2}},
      {{{"n", Op::at_most, "3.5"}}, {1}},
      {{{"cold", Op::equal, "true"}}, {1}},
      {{{"cold", Op::not_equal, "true"}}, {2}},
      {{{"who", Op::equal, "a,b"}}, {1}},
      {{{"who", Op::equal, "' OR 1=1 --"}}, {}},
      {{{"at", Op::greater, "2026-11-02T12:00:00Z"}}, {2}},
      {{{"guid", Op::equal, kJob}, {"s", Op::less, "11"}}, {2, 3}},
      {{{"attempt", Op::greater, "1"}}, {}},  // not the column that a job has called so
      // Which could not be asked for at all.
      {{{"\"attempt\"", Op::greater, "1"}}, {3}},
      {{{"\"guid\"", Op::equal, "x"}}, {3}},
      {{{"\"s\"", Op::equal, "10"}}, {2}},
      {{{"time", Op::at_least, "2020-01-01T00:00:00Z"}}, {1, 2, 3}},
  };
  Ledger ledger = ledger_.open();
  for (const Question& question : questions) {
    const Result<MeasureAnswer> answer =
        ledger.query_measurements({"boot", question.conditions, 100});
    ASSERT_TRUE(answer.ok()) << answer.error();
    std::vector<uint64_t> rows;
    for (const MeasureAnswer::Row& row : answer->rows) rows.push_back(row.seq);
    EXPECT_EQ(rows, question.rows)
        << (question.conditions.empty()
                ? ""
                : question.conditions[0].column + question.conditions[0].value);
  }
  const Result<MeasureAnswer> newest = ledger.query_measurements({"boot", {}, 2});
  ASSERT_THAT(newest->rows, SizeIs(2));
  EXPECT_EQ(newest->rows[0].seq, 2u);
  EXPECT_TRUE(newest->more);
  EXPECT_FALSE(ledger.query_measurements({"boot", {}, 3})->more);
}

// The types were read, the table was made anew, and its rows were read by the old types: 2.5 was 2.
TEST_P(MeasureTablesTest, AnAnswerIsTrueBesideARebuild) {
  measure({{submitted(kJob), leased(kJob, 1), measured("boot", {{"n", int64_t{1}}})}});
  StoreWatch watch;
  Result<std::unique_ptr<SqlStore>> store = open_ledger_store_read_only(ledger_.place());
  ASSERT_TRUE(store.ok()) << store.error();
  Result<Ledger> ledger = Ledger::open(std::make_unique<WatchedStore>(std::move(*store), watch));
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  bool due = true;
  std::vector<MeasureValue> next = {2.5, std::string("long")};
  watch.before = [&](std::string_view sql) {
    if (!due || sql.find("JOIN measurements") == sql.npos) return;
    due = false;
    measure({{measured("boot", {{"n", next.front()}})}});
    next.erase(next.begin());
  };
  const Result<MeasureAnswer> answer = ledger->query_measurements({"boot", {}, 100});
  ASSERT_TRUE(answer.ok()) << answer.error();
  ASSERT_THAT(answer->rows, SizeIs(2));
  EXPECT_THAT(answer->rows[0].cells, ElementsAre(Cell(1.0)));
  EXPECT_THAT(answer->rows[1].cells, ElementsAre(Cell(2.5)));
  due = true;
  const auto of_task = ledger->measurements(kJob);
  ASSERT_TRUE(of_task.ok()) << of_task.error();
  EXPECT_FALSE(due);
  ASSERT_THAT(*of_task, SizeIs(2));
  EXPECT_EQ((*of_task)[0].body.row, (Row{{"n", std::string("1")}}));
  EXPECT_EQ((*of_task)[1].body.row, (Row{{"n", std::string("2.5")}}));
}

TEST_P(MeasureTablesTest, SaysWhatIsWrongWithAQuestion) {
  measure({{measured("boot", {{"seconds", 12.5}, {"cold", true}})}});
  Ledger ledger = ledger_.open();
  const auto error = [&](const MeasureQuery& query) {
    const Result<MeasureAnswer> answer = ledger.query_measurements(query);
    return answer.ok() ? answer->wrong : answer.error();
  };
  using Op = MeasureOperator;
  EXPECT_THAT(error({"boat", {}, 1}), HasSubstr("did you mean boot"));
  EXPECT_THAT(error({"boot", {{"second", Op::equal, "1"}}, 1}), HasSubstr("did you mean seconds"));
  EXPECT_THAT(error({"boot", {{"seconds", Op::equal, "fast"}}, 1}), HasSubstr("holds numbers"));
  EXPECT_THAT(error({"boot", {{"cold", Op::equal, "1"}}, 1}), HasSubstr("true or false"));
  EXPECT_THAT(error({"boot", {{"time", Op::equal, "noon"}}, 1}), HasSubstr("2026-"));
  EXPECT_THAT(error({"boot", {{"\"time\"", Op::equal, "1"}}, 1}), HasSubstr("has no column"));
  EXPECT_THAT(error({"boot\"; DROP TABLE tasks", {}, 1}), HasSubstr("no table"));
}

// The process died between two steps of widening a table.
TEST_P(MeasureTablesTest, ACrashWhileATableIsMadeIsMadeGood) {
  measure({{measured("perf", {{"a", int64_t{1}}})}});
  struct Case {
    std::string name;
    std::vector<std::string> statements;
  };
  const std::string wider =
      "REPLACE INTO measure_columns (table_name, place, name, sql_name, type) VALUES ";
  const Case cases[] = {
      {"a table in the catalogue only",
       {"REPLACE INTO measure_tables (name, sql_name) VALUES ('new', 'm_new')",
        wider + "('new', 0, 'x', 'x', 'real')"}},
      {"a column in the catalogue only", {wider + "('perf', 1, 'b', 'b', 'boolean')"}},
      {"a type in the catalogue only", {wider + "('perf', 0, 'a', 'a', 'text')"}},
      {"a table that was begun",
       {wider + "('perf', 1, 'b', 'b', 'text')", "CREATE TABLE new_m_perf (seq INTEGER)"}},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    const std::unique_ptr<SqlStore> store = ledger_.store();
    for (const std::string& sql : row.statements) {
      const DbStatus status = store->execute(sql);
      ASSERT_TRUE(status.ok()) << status.reason;
    }
    // A reader sees what is there meanwhile.
    EXPECT_TRUE(ledger_.open().query_measurements({"perf", {}, 1}).ok());
    MeasureTables tables;
    const Result<Done> opened = tables.open(*store);
    ASSERT_TRUE(opened.ok()) << opened.error();
  }
  EXPECT_THAT(columns("m_new"), ElementsAre(Pair("x", MeasureType::real)));
  EXPECT_THAT(columns("m_perf"),
              ElementsAre(Pair("a", MeasureType::text), Pair("b", MeasureType::text)));
  EXPECT_EQ(cells("perf", "a"), std::vector<Cell>{std::string("1")});
  measure({{measured("perf", {{"a", int64_t{2}}, {"b", false}})}});
  EXPECT_EQ(cells("perf", "b"), (std::vector<Cell>{std::nullopt, std::string("false")}));
}

INSTANTIATE_TEST_SUITE_P(Both, MeasureTablesTest,
                         ::testing::Values(LedgerKind::sqlite, LedgerKind::mariadb), kind_name);

TEST(MeasureTime, IsATextInRfc3339) {
  const std::pair<const char*, int64_t> rows[] = {
      {"2023-11-14T22:13:20Z", 1'700'000'000'000'000},
      {"2023-11-14T22:13:20.5Z", 1'700'000'000'500'000},
      {"2023-11-14T22:13:20.123456Z", 1'700'000'000'123'456},
      {"1969-12-31T23:59:59Z", -1'000'000},
  };
  for (const auto& [text, us] : rows) EXPECT_EQ(parse_measure_time(text), us) << text;
  for (const char* text :
       {"", "Z", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20+01:00",
        "2023-11-14 22:13:20Z", "2023-02-30T22:13:20Z", "2023-11-14T25:13:20Z",
        "2023-11-14T22:13:20.1234567Z", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20xZ",
        "2023-11-14T22:13:20.12-Z"}) {
    EXPECT_EQ(parse_measure_time(text), std::nullopt) << text;
  }
}

// Rows are copied by pages of a thousand.
TEST(MeasureTables, ATableOfManyRowsIsWidened) {
  const NewLedger ledger(LedgerKind::sqlite);
  std::vector<EventBody> bodies;
  for (int64_t i = 0; i < 2'500; ++i) bodies.push_back(measured("perf", {{"n", i}}));
  bodies.push_back(measured("perf", {{"n", std::string("end")}}));
  const std::vector<SequencedEvent> events = number_events(std::move(bodies));
  ledger.deliver(std::span(events).first(2'500));
  ledger.deliver(std::span(events).subspan(2'500));
  const Result<MeasureAnswer> answer = ledger.open().query_measurements({"perf", {}, 10'000});
  ASSERT_THAT(answer->rows, SizeIs(2'501));
  for (size_t i = 0; i < 2'500; ++i) {
    EXPECT_EQ(answer->rows[i].cells[0], Cell(std::to_string(i)));
  }
}

TEST(MeasureTables, ThereAreSoManyTablesAndTheRestInOne) {
  const NewLedger ledger(LedgerKind::sqlite);
  std::vector<EventBody> bodies;
  for (size_t i = 0; i <= kMeasureTablesKept; ++i) {
    bodies.push_back(measured("run" + std::to_string(i), {{"n", static_cast<int64_t>(i)}}));
  }
  ledger.deliver(number_events(std::move(bodies)));
  Ledger reader = ledger.open();
  EXPECT_THAT(*reader.measure_tables(), SizeIs(kMeasureTablesKept));
  for (const size_t i : {size_t{0}, kMeasureTablesKept - 1, kMeasureTablesKept}) {
    const Result<MeasureAnswer> answer =
        reader.query_measurements({"run" + std::to_string(i), {}, 10});
    ASSERT_TRUE(answer.ok()) << answer.error();
    ASSERT_THAT(answer->rows, SizeIs(1));
    EXPECT_EQ(answer->rows[0].cells[0], Cell(static_cast<int64_t>(i)));
  }
}

// Ledgers before version 7 kept all rows as JSON.
TEST(MeasureTables, AnOlderLedgersRowsGetTablesOfTheirOwn) {
  const NewLedger ledger(LedgerKind::sqlite);
  Row wide;
  for (size_t i = 0; i < kMeasureColumnsMax; ++i) {
    wide.emplace_back("c" + std::to_string(1'000 + i), static_cast<int64_t>(i));
  }
  ledger.deliver(number_events({submitted(kJob)}));
  {
    Database db = std::move(std::get<Database>(Database::open(ledger.place().file)));
    std::string json = "{";
    for (const auto& [name, value] : wide) {
      json += (json.size() > 1 ? ",\"" : "\"") + name +
              "\":" + std::to_string(std::get<int64_t>(value));
    }
    const std::string sql =
        "DELETE FROM schema_version WHERE version = 7; INSERT INTO measurements VALUES "
        "(2, '" +
        std::string(kJob) +
        "', 1, 50, 'perf', '{\"big\":9223372036854775807}'),"
        "(3, '" +
        std::string(kJob) +
        "', 1, 50, 'perf', '{\"real\":1.0}'),"
        "(4, '" +
        std::string(kJob) + "', 2, 60, 'wide', '" + json + "}')";
    ASSERT_TRUE(db.execute(sql.c_str()).ok());
  }
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    const std::unique_ptr<SqlStore> store = ledger.store();
    if (again) {
      ASSERT_TRUE(store->execute("DELETE FROM schema_version WHERE version = 7").ok());
    }
    const Result<Done> migrated = migrate_ledger(*store);
    ASSERT_TRUE(migrated.ok()) << migrated.error();
    const auto rows = ledger.open().measurements(kJob);
    ASSERT_TRUE(rows.ok()) << rows.error();
    ASSERT_THAT(*rows, SizeIs(3));
    EXPECT_EQ((*rows)[0].body, (Measurement{"perf", {{"big", INT64_MAX}}}));
    EXPECT_EQ((*rows)[1].body, (Measurement{"perf", {{"real", 1.0}}}));
    EXPECT_EQ((*rows)[2].body, (Measurement{"wide", wide}));
    EXPECT_EQ((*rows)[2].attempt, 2u);
    EXPECT_THAT(ledger.open().query_measurements({"perf", {}, 10})->rows, SizeIs(2));
  }
}

}  // namespace
}  // namespace muster
