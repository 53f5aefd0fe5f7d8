// What it costs when the place of a sink is down for an hour at 1,000 events a second: the log
// grows, and memory does not. A real log on disk, SinkRunner and the couchdb sink, and a CouchDB
// that does nothing but count, all in this process; its log stands in for the broker's fetches.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collectors/couchdb_document.h"
#include "collectors/couchdb_sink.h"
#include "collectors/http_server.h"
#include "collectors/sink_runner.h"
#include "io/archive_name.h"
#include "io/codec.h"
#include "io/event_log_sqlite.h"
#include "tests/bench/bench.h"
#include "tests/support/scratch.h"

namespace muster::bench {
namespace {

constexpr uint64_t kPerSecond = 1'000;
constexpr uint64_t kSeconds = 3'600;
constexpr uint64_t kEvents = kPerSecond * kSeconds;
constexpr size_t kFetchBytes = 1 << 20;  // as the broker answers
constexpr double kBytesPerMb = 1e6;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n", what.c_str());
  std::exit(1);
}

// A second's events, as one block.
std::string make_second(uint64_t first) {
  std::vector<Event> events;
  for (uint64_t seq = first; seq < first + kPerSecond; ++seq) {
    AttemptReported report;
    report.origin = {"rack-3", seq};
    report.token = {"https://ci.example/run/" + std::to_string(seq / 500), 1};
    report.time = from_us(1'700'000'000'000'000 + static_cast<int64_t>(seq) * 1'000);
    report.body = CaseResult{"wifi.roaming", "channel_" + std::to_string(seq % 500), Outcome::pass,
                             1500us, ""};
    events.push_back({report.time, report});
  }
  return encode_block(first, events);
}

// The log as a source: one thread reads, another appends.
class LogOnDisk final : public BlockSource {
 public:
  LogOnDisk(EventLog& log, Stop& stop) : log_(log), stop_(stop) {}

  std::string name() const override { return "the log"; }

  std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration wait) override {
    {
      std::unique_lock lock(mutex_);
      if (from > kEvents) stop_.raise();
      if (stop_.raised()) return SourceError{SourceFault::stopped, ""};
      grown_.wait_for(lock, wait, [&] { return head_ >= from; });
      if (head_ < from) return FetchedBlocks{log_.log_id(), head_, {}};
    }
    Result<std::vector<StoredBlock>> stored = log_.read(from, kFetchBytes);
    if (!stored.ok()) give_up(stored.error());
    FetchedBlocks fetched{log_.log_id(), log_head(), {}};
    for (StoredBlock& block : *stored) fetched.blocks.push_back(std::move(block.bytes));
    return fetched;
  }

  void append_second() {
    const uint64_t first = log_head() + 1;
    const AppendResult done = log_.append(first, kPerSecond, make_second(first));
    if (done.fault != AppendFault::none) give_up("append: " + done.reason);
    const std::lock_guard lock(mutex_);
    head_ += kPerSecond;
    grown_.notify_all();
  }

 private:
  uint64_t log_head() {
    const std::lock_guard lock(mutex_);
    return head_;
  }

  EventLog& log_;
  Stop& stop_;
  std::mutex mutex_;
  std::condition_variable grown_;
  uint64_t head_ = 0;
};

// A CouchDB that is down, and then takes each document once and in its turn.
class CountingCouch {
 public:
  CountingCouch(const std::string& socket, std::string log_id) : log_id_(std::move(log_id)) {
    HttpListen listen;
    listen.socket = socket;
    listen.body_max = 16 << 20;
    auto server =
        HttpServer::start(std::move(listen), [this](const HttpCall& call) { return answer(call); });
    if (!server.ok()) give_up(server.error());
    server_ = std::move(*server);
  }

  void come_back() { is_up_ = true; }
  uint64_t refused() const { return refused_; }
  uint64_t taken() const { return taken_; }

 private:
  HttpAnswer answer(const HttpCall& call) {
    if (!is_up_) {
      ++refused_;
      return http_refusal(503, "down for the hour");
    }
    if (call.path.ends_with("/_bulk_docs")) return take(call.body);
    if (call.path.find("/_local/") == call.path.npos) return said(200, R"({"ok":true})");
    if (call.method == "PUT") {
      note_ = call.body;
      return said(201, R"({"ok":true,"rev":"0-1"})");
    }
    if (note_.empty()) return said(404, R"({"error":"not_found","reason":"missing"})");
    return said(200, R"({"_rev":"0-1",)" + note_.substr(1));
  }

  HttpAnswer take(const std::string& body) {
    std::string answers;
    for (size_t at = body.find(kId); at != body.npos; at = body.find(kId, at)) {
      at += kId.size();
      const std::string id = couchdb_id(log_id_, taken_ + 1);
      if (body.compare(at, id.size(), id) != 0) give_up("document " + id + " did not come next");
      ++taken_;
      answers +=
          (answers.empty() ? "[" : ",") + (R"({"ok":true,"id":")" + id) + R"(","rev":"1-a"})";
    }
    return said(201, answers + "]");
  }

  static HttpAnswer said(int status, std::string body) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
  }

  static constexpr std::string_view kId = R"({"_id":")";
  const std::string log_id_;
  std::atomic<bool> is_up_{false};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> taken_{0};
  std::string note_;                    // of how far it was filled; one request comes at a time
  std::unique_ptr<HttpServer> server_;  // last: ends first
};

}  // namespace

void bench_sink_down(const std::string& dir, Figures& figures) {
  const Scratch scratch(dir);
  Result<std::unique_ptr<EventLog>> log = open_event_log_sqlite(scratch / "log");
  if (!log.ok()) give_up(log.error());
  Stop stop;
  const Stop never;
  LogOnDisk source(**log, stop);
  CountingCouch couch(scratch / "couch", (*log)->log_id());
  CouchDbOptions options;
  options.url = unix_url(scratch / "couch");
  options.db = "events";
  options.cursor_file = scratch / "couchdb.cursor";
  CouchDbSink sink(options, never);
  DeadLetters letters(scratch / "couchdb.jsonl", "couchdb");
  SinkDesk desk(stop);
  SystemClock clock;
  SinkRunnerOptions runner;
  runner.backoff.max = 500ms;  // so that the hour has as many tries as it would have
  runner.random = [] { return 0; };
  runner.log_problem = runner.log_news = [](const std::string&) {};
  const auto resident_mb = [] {
    return static_cast<double>(resident_bytes(::getpid())) / kBytesPerMb;
  };

  std::thread collector([&] {  //
    SinkRunner(sink, source, letters, desk, stop, clock, runner).run();
  });
  uint64_t second = 0;
  const auto append_until = [&](uint64_t end) {
    for (; second < end; ++second) source.append_second();
  };
  append_until(60);
  while (desk.status().failing < 2) std::this_thread::yield();
  const double before = resident_mb();
  append_until(kSeconds);
  const double after = resident_mb();
  if (couch.taken() > 0 || couch.refused() == 0) give_up("the place was not down");
  couch.come_back();
  const Stopwatch watch;
  double peak = after;
  while (couch.taken() < kEvents && !stop.raised()) {
    peak = std::max(peak, resident_mb());
    desk.wait_for(100ms);
  }
  collector.join();
  const double seconds = watch.seconds();
  const SinkStatus status = desk.status();
  if (couch.taken() != kEvents || status.delivered != kEvents || letters.count() != 0u) {
    give_up("not everything was delivered");
  }
  figures.push_back({"sink_down_hour_growth_mb", after - before, "MB", "<= 8"});
  figures.push_back({"sink_down_hour_rss_mb", std::max(after, peak), "MB", "<= 100"});
  figures.push_back(
      {"sink_down_hour_catch_up_per_s", static_cast<double>(kEvents) / seconds, "events/s", ""});
}

}  // namespace muster::bench
