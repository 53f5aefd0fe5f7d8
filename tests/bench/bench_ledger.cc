#include <mysql.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>

#include "collectors/ledger_sink.h"
#include "core/event.h"
#include "io/codec.h"
#include "io/event_json.h"
#include "tests/bench/bench.h"
#include "tests/bench/collector_memory.h"
#include "tests/support/mariadb_server.h"

namespace muster::bench {
namespace {

constexpr size_t kBatch = 8'192;             // of the sink's limits
constexpr size_t kTasks = 25'000;            // ten events each
constexpr size_t kResults = 200'000;         // of one job after another
constexpr size_t kResultsPerTask = 500;      // a long suite
constexpr size_t kStatementBytes = 1 << 20;  // of the client that does nothing else

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n", what.c_str());
  std::exit(1);
}

Event at_some_time(EventBody body) { return {from_us(1'700'000'000'000'000), std::move(body)}; }

Event report(const AttemptToken& token, uint64_t seq, decltype(AttemptReported::body) body) {
  AttemptReported event;
  event.origin = {"rack-3", seq};
  event.token = token;
  event.time = from_us(1'700'000'000'000'000);
  event.body = std::move(body);
  return at_some_time(std::move(event));
}

void number(std::vector<Event> events, std::vector<SequencedEvent>& log) {
  for (Event& event : events) log.push_back({log.size() + 1, std::move(event)});
}

// A task with a few results, as the broker's log has it.
void add_task(size_t i, std::vector<SequencedEvent>& log) {
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = "https://ci.example/run/" + std::to_string(1'000'000 + i) + "?job=smoke";
  spec->kind = TaskKind::job;
  spec->name = "smoke";
  spec->submitter = "ci@builder";
  spec->work = std::string(200, 'x');
  const AttemptToken token{spec->guid, 1};
  AttemptEnded ended;
  ended.origin = {"rack-3", i};
  ended.token = token;
  ended.ending.outcome = Outcome::pass;
  ended.ending.exit_code = 0;
  ended.verdict = Verdict::pass;
  std::vector<Event> events = {
      at_some_time(TaskSubmitted{spec}),
      at_some_time(AttemptLeased{token, "rack-3", 7, {"phone-" + std::to_string(i % 100)}}),
      report(token, 1, AttemptStarted{"file:///srv/archive/" + std::to_string(i), {"./smoke.sh"}})};
  for (uint64_t n = 0; n < 6; ++n) {
    const CaseResult one{"smoke", "case_" + std::to_string(n), Outcome::pass, Duration(1'500), ""};
    events.push_back(report(token, n + 2, one));
  }
  events.push_back(at_some_time(std::move(ended)));
  number(std::move(events), log);
}

std::vector<SequencedEvent> make_task_log() {
  std::vector<SequencedEvent> log;
  for (size_t i = 0; i < kTasks; ++i) add_task(i, log);
  return log;
}

std::vector<SequencedEvent> make_result_log() {
  std::vector<SequencedEvent> log;
  for (size_t i = 0; i < kResults; ++i) {
    const AttemptToken token{"https://ci.example/run/" + std::to_string(i / kResultsPerTask), 1};
    const CaseResult one{"wifi.roaming", "channel_" + std::to_string(i % kResultsPerTask),
                         i % 50 == 0 ? Outcome::fail : Outcome::pass, Duration(1'234'567),
                         i % 50 == 0 ? "expected 2, got 3 after 1.5 s on channel 11" : ""};
    number({report(token, i, one)}, log);
  }
  return log;
}

// Events a second through the sink, as the collector gives them.
double run_sink(const LedgerPlace& place, const std::vector<SequencedEvent>& log) {
  LedgerSink sink(place);
  if (const Result<SinkPosition> position = sink.open(); !position.ok()) give_up(position.error());
  const Stopwatch watch;
  for (size_t begin = 0; begin < log.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, log.size() - begin);
    const Delivery done =
        sink.deliver(std::span(log).subspan(begin, count), {"the-log", log[begin + count - 1].seq});
    if (!done.ok()) give_up(done.reason);
  }
  return static_cast<double>(log.size()) / watch.seconds();
}

// What a client can do that has every row at hand: the same rows in the same tables, in statements
// of many rows, in the same transactions.
class BareClient {
 public:
  explicit BareClient(const MariadbOptions& options) : mysql_(mysql_init(nullptr)) {
    mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(mysql_, nullptr, options.user.c_str(), options.password.c_str(),
                           options.database.c_str(), 0, options.socket.c_str(), 0) == nullptr) {
      give_up(mysql_error(mysql_));
    }
  }
  ~BareClient() { mysql_close(mysql_); }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;

  void query(const std::string& sql) {
    if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) give_up(mysql_error(mysql_));
  }

  std::string quoted(const std::string& text) {
    std::string out(2 * text.size() + 1, '\0');
    out.resize(mysql_real_escape_string(mysql_, out.data(), text.data(), text.size()));
    return "'" + out + "'";
  }

 private:
  MYSQL* mysql_;
};

// The rows of one transaction, as text.
struct BareBatch {
  std::vector<std::string> statements;
};

void add_statements(const std::string& head, const std::vector<std::string>& rows,
                    BareBatch& batch) {
  std::string sql;
  for (const std::string& row : rows) {
    sql += (sql.empty() ? head : ",") + row;
    if (sql.size() < kStatementBytes) continue;
    batch.statements.push_back(std::move(sql));
    sql.clear();
  }
  if (!sql.empty()) batch.statements.push_back(std::move(sql));
}

std::vector<BareBatch> make_bare_batches(BareClient& client,
                                         const std::vector<SequencedEvent>& log) {
  std::vector<BareBatch> batches;
  for (size_t begin = 0; begin < log.size(); begin += kBatch) {
    std::vector<std::string> events;
    std::vector<std::string> results;
    for (size_t i = begin; i < std::min(begin + kBatch, log.size()); ++i) {
      const SequencedEvent& at = log[i];
      const auto& event = std::get<AttemptReported>(at.event.body);
      const auto& one = std::get<CaseResult>(event.body);
      const std::string seq = std::to_string(at.seq);
      const std::string time = std::to_string(to_us(event.time));
      const std::string guid = client.quoted(event.token.guid);
      events.push_back("(" + seq + "," + time + ",'result'," + guid + ",'rack-3'," +
                       client.quoted(event_to_json(at.seq, at.event)) + ")");
      results.push_back("(" + seq + "," + guid + ",1," + client.quoted(one.suite) + "," +
                        client.quoted(one.name) + ",'" + std::string(to_string(one.outcome)) +
                        "'," + std::to_string(one.duration.count()) + "," + time + "," +
                        client.quoted(one.message) + ")");
    }
    batches.emplace_back();
    add_statements("INSERT INTO events VALUES ", events, batches.back());
    add_statements("INSERT INTO results VALUES ", results, batches.back());
  }
  return batches;
}

double run_bare(const MariadbServer& server, const std::string& database,
                const std::vector<SequencedEvent>& log) {
  LedgerSink sink(server.place(database));  // makes the tables
  if (const Result<SinkPosition> position = sink.open(); !position.ok()) give_up(position.error());
  BareClient client(server.options(database));
  const std::vector<BareBatch> batches = make_bare_batches(client, log);
  const Stopwatch watch;
  for (const BareBatch& batch : batches) {
    client.query("START TRANSACTION");
    for (const std::string& sql : batch.statements) client.query(sql);
    client.query("COMMIT");
  }
  return static_cast<double>(log.size()) / watch.seconds();
}

double median_of(const std::function<double(const std::string&)>& run) {
  std::vector<double> rates;
  for (int i = 0; i < kRuns; ++i) rates.push_back(run("run" + std::to_string(i)));
  return median(std::move(rates));
}

}  // namespace

void bench_ledger(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  const std::vector<SequencedEvent> tasks = make_task_log();
  figures.push_back({"ledger_sqlite_events_per_s", median_of([&](const std::string&) {
                       const ScratchDir scratch(dir);
                       return run_sink({scratch.path() + "/ledger.db", {}}, tasks);
                     }),
                     "events/s", ">= 100000"});
  const std::vector<SequencedEvent> results = make_result_log();
  const MariadbServer server({"--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M"},
                             dir);
  const double bare = median_of([&](const std::string& run) {
    const double rate = run_bare(server, "bare_" + run, results);
    server.execute("DROP DATABASE bare_" + run);
    return rate;
  });
  const double ours = median_of([&](const std::string& run) {
    const double rate = run_sink(server.place("ledger_" + run), results);
    server.execute("DROP DATABASE ledger_" + run);
    return rate;
  });
  const long goal = std::lround(std::min(50'000.0, 0.8 * bare));
  figures.push_back({"ledger_mariadb_rows_per_s", ours, "rows/s", ">= " + std::to_string(goal)});
  figures.push_back({"bare_mariadb_rows_per_s", bare, "rows/s", ""});
  figures.push_back({"ledger_mariadb_events_per_s", median_of([&](const std::string& run) {
                       const double rate = run_sink(server.place("tasks_" + run), tasks);
                       server.execute("DROP DATABASE tasks_" + run);
                       return rate;
                     }),
                     "events/s", ""});
  const std::string config = "ledger: { server: " + server.options().socket +
                             ", database: collector, user: " + MariadbServer::kUser +
                             ", password_file: password }\n";
  figures.push_back({"collector_mariadb_rss_mb",
                     collector_peak_mb(bin_dir, dir, MariadbServer::kPassword, config), "MB",
                     "<= 100"});
  figures.push_back(
      {"collector_sqlite_rss_mb", collector_peak_mb(bin_dir, dir, "", ""), "MB", "<= 100"});
}

}  // namespace muster::bench
