// Sinks against server processes on this machine, beside bare clients of the same servers.
#include <curl/curl.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "collectors/couchdb_document.h"
#include "collectors/couchdb_sink.h"
#include "collectors/sink_runner.h"
#include "io/codec.h"
#include "tests/bench/bench.h"
#include "tests/bench/collector_memory.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/scratch.h"

namespace muster::bench {
namespace {

constexpr size_t kBulk = 1'000;
constexpr size_t kBulks = 20;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n", what.c_str());
  std::exit(1);
}

// A case's result: a document of half a kilobyte.
std::vector<Event> make_results(uint64_t first) {
  std::vector<Event> events;
  for (uint64_t seq = first; seq < first + kBulk; ++seq) {
    AttemptReported report;
    report.origin = {"bench", seq};
    report.token = {"bench-sinks-" + std::to_string(seq / 100), 1};
    report.time = from_us(1'700'000'000'000'000 + static_cast<int64_t>(seq));
    report.body = CaseResult{"suite", "case-" + std::to_string(seq), Outcome::pass, 1500us,
                             std::string(80, 'm')};
    events.push_back({report.time, report});
  }
  return events;
}

// The log from memory, one bulk a fetch; at its end everything stops.
class LogInMemory final : public BlockSource {
 public:
  explicit LogInMemory(Stop& stop) : stop_(stop) {
    for (size_t i = 0; i < kBulks; ++i) {
      blocks_.push_back(encode_block(i * kBulk + 1, make_results(i * kBulk + 1)));
    }
  }
  std::string name() const override { return "memory"; }
  std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration) override {
    const size_t next = (from - 1) / kBulk;
    if (next < blocks_.size()) return FetchedBlocks{"bench", kBulks * kBulk, {blocks_[next]}};
    stop_.raise();
    return SourceError{SourceFault::stopped, ""};
  }

 private:
  Stop& stop_;
  std::vector<std::string> blocks_;
};

// Documents a second by way of a SinkRunner, its cursor on disk after each delivery.
double run_sink(CouchDbServer& server, const std::string& db, const std::string& dir) {
  Stop stop;
  const Stop never;
  CouchDbOptions options;
  options.url = server.url();
  options.db = db;
  options.user = CouchDbServer::kAdmin;
  options.password = CouchDbServer::kAdminPassword;
  options.create = false;
  options.cursor_file = dir + "/" + db + ".cursor";
  CouchDbSink sink(options, never);
  LogInMemory source(stop);
  DeadLetters letters(dir + "/" + db + ".jsonl", "couchdb");
  SinkDesk desk(stop);
  SystemClock clock;
  SinkRunnerOptions runner;
  runner.random = [] { return 0; };
  runner.log_problem = [](const std::string& text) { fail(text); };
  runner.log_news = [](const std::string&) {};
  const Stopwatch watch;
  SinkRunner(sink, source, letters, desk, stop, clock, runner).run();
  const double seconds = watch.seconds();
  if (desk.status().delivered != kBulk * kBulks) fail("couchdb: not everything was delivered");
  return static_cast<double>(kBulk * kBulks) / seconds;
}

size_t drop_bytes(char*, size_t, size_t size, void*) { return size; }

// The same documents as ready-made bodies, posted one after the other on one connection.
double run_bare(CouchDbServer& server, const std::string& db) {
  std::vector<std::string> bodies;
  for (size_t i = 0; i < kBulks; ++i) {
    std::string body = "{\"docs\":[";
    uint64_t seq = i * kBulk + 1;
    for (const Event& event : make_results(seq)) {
      if (body.back() == '}') body += ',';
      body += couchdb_document("bench", {seq++, event});
    }
    bodies.push_back(body + "]}");
  }
  CURL* curl = ::curl_easy_init();
  curl_slist* headers = ::curl_slist_append(nullptr, "Content-Type: application/json");
  headers = ::curl_slist_append(headers, "Expect:");
  const std::string url = server.url() + "/" + db + "/_bulk_docs";
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  ::curl_easy_setopt(curl, CURLOPT_USERNAME, CouchDbServer::kAdmin);
  ::curl_easy_setopt(curl, CURLOPT_PASSWORD, CouchDbServer::kAdminPassword);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &drop_bytes);
  const Stopwatch watch;
  for (const std::string& body : bodies) {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    long status = 0;
    const CURLcode code = ::curl_easy_perform(curl);
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 201) fail("the bare client got " + std::to_string(status));
  }
  const double seconds = watch.seconds();
  ::curl_slist_free_all(headers);
  ::curl_easy_cleanup(curl);
  return static_cast<double>(kBulk * kBulks) / seconds;
}

}  // namespace

void bench_sinks(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  const Scratch scratch(dir);
  CouchDbServer server(scratch.path());
  std::vector<double> bare;
  std::vector<double> sink;
  std::vector<double> share;
  for (int run = 0; run < kRuns; ++run) {
    const std::string number = std::to_string(run);
    // Both with the index that the sink makes.
    for (const std::string& db : {"bare" + number, "sink" + number}) {
      server.ask("PUT", "/" + db);
      server.ask("POST", "/" + db + "/_index", R"({"index":{"fields":["guid","time_stamp"]}})");
    }
    bare.push_back(run_bare(server, "bare" + number));
    sink.push_back(run_sink(server, "sink" + number, scratch.path()));
    share.push_back(100 * sink.back() / bare.back());
  }
  figures.push_back({"couchdb_bare_docs_per_s", median(bare), "docs/s", ""});
  figures.push_back({"sink_couchdb_docs_per_s", median(sink), "docs/s", ">= 80% of couchdb_bare"});
  figures.push_back({"sink_couchdb_of_bare", median(share), "%", ">= 80"});
  const std::string config = "couchdb: { url: '" + server.url() +
                             "', db: collector, user: " + CouchDbServer::kAdmin +
                             ", password_file: password }\n";
  figures.push_back({"collector_couchdb_rss_mb",
                     collector_peak_mb(bin_dir, dir, CouchDbServer::kAdminPassword, config), "MB",
                     "<= 100"});
}

}  // namespace muster::bench
