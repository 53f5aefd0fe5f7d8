#include "collectors/collector.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/broker_source.h"
#include "collectors/couchdb_sink.h"
#include "collectors/decibel_sink.h"
#include "collectors/ledger_sink.h"
#include "collectors/sink_runner.h"
#include "collectors/status_log_sink.h"
#include "core/guid.h"
#include "io/log_state.h"
#include "io/random.h"

namespace muster {
namespace {

constexpr Duration kAskAgainAfter = std::chrono::seconds(1);

SinkRunnerOptions runner_options() {
  SinkRunnerOptions options;
  options.random = [] {
    uint64_t random = 0;
    fill_random(&random, sizeof random);
    return random;
  };
  options.log_problem = [](const std::string& text) { spdlog::warn("{}; trying again", text); };
  options.log_news = [](const std::string& text) { spdlog::info("{}", text); };
  return options;
}

// No other collector of this log has a sink of this machine and home.
std::string reader_name(const Sink& sink, const Home& home) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return sanitize_utf8(std::string(sink.name()) + "@" + host.data() + ":" + home.dir);
}

void run_sink(SinkPost& post, SocketContext& sockets, const std::string& endpoint,
              const Stop& stop) {
  SystemClock clock;
  // What waits for its delivery lies in memory, of each sink: no more than one holds.
  const size_t fetch_bytes =
      std::min<size_t>(BrokerSource::kFetchBytes, post.sink->limits().bytes_max);
  BrokerSource source(
      sockets, endpoint, std::string(post.sink->name()), [&] { return post.desk.interrupted(); },
      static_cast<uint32_t>(fetch_bytes));
  source.register_as(post.reader);
  SinkRunnerOptions options = runner_options();
  options.history_file = post.history_file;
  SinkRunner runner(*post.sink, source, post.letters, post.desk, stop, clock, std::move(options));
  runner.run();
  post.desk.close();
}

// Once, as soon as the broker has said who reads its log.
void tell_left_readers(const SinkPosts& posts, SocketContext& sockets, const std::string& endpoint,
                       const Stop& stop) {
  while (!stop.raised()) {
    BrokerSource source(sockets, endpoint, "collector", [&] { return stop.raised(); });
    const std::variant<LogState, SourceError> asked = source.ask_log();
    const LogState* log = std::get_if<LogState>(&asked);
    if (log == nullptr) {
      stop.wait_for(kAskAgainAfter);
      continue;
    }
    for (const LogReader& reader : left_readers(*log, posts)) {
      spdlog::warn(
          "the broker's log is kept for {} from event {} on, and this collector has no such sink; "
          "if it is gone for good: {}",
          reader.name, reader.needs, forget_line(reader));
    }
    return;
  }
}

Result<CouchDbOptions> couchdb_options(const Home& home, const CouchDbConfig& config) {
  const Result<std::string> password = load_couchdb_password(config);
  if (!password.ok()) return Error{password.error()};
  CouchDbOptions options;
  options.url = config.url;
  options.db = config.db;
  options.user = config.user;
  options.password = *password;
  options.ca_file = config.ca_file;
  options.create = config.create;
  options.cursor_file = home.collector_dir() + "/couchdb.cursor";
  return options;
}

Result<DecibelOptions> decibel_options(const Home& home, const DecibelConfig& config) {
  Result<DecibelSecrets> secrets = load_decibel_secrets(config);
  if (!secrets.ok()) return Error{secrets.error()};
  DecibelOptions options;
  options.url = config.url;
  options.token = std::move(secrets->token);
  options.user = config.user;
  options.password = std::move(secrets->password);
  options.ca_file = config.ca_file;
  options.kinds = config.kinds;
  options.defaults = {config.sw, config.team, config.framework, config.origin};
  options.spool_file = home.collector_dir() + "/decibel.db";
  return options;
}

void wait_for(int stop_fd) {
  pollfd fds[] = {{stop_fd, POLLIN, 0}};
  while (::poll(fds, 1, -1) < 0) {
  }
}

}  // namespace

Result<SinkPosts> make_sinks(const Home& home, const Config& config, const Stop& stop) {
  SinkPosts posts;
  const auto add = [&](std::unique_ptr<Sink> sink) {
    posts.push_back(std::make_unique<SinkPost>(std::move(sink), home.dead_letters_dir(), stop));
    posts.back()->reader = reader_name(*posts.back()->sink, home);
    posts.back()->history_file =
        home.collector_dir() + "/" + std::string(posts.back()->sink->name()) + ".history";
  };
  add(std::make_unique<StatusLogSink>(home.collector_dir() + "/status_log.db", home.results_dir()));
  LedgerPlace ledger = ledger_place(home, config.ledger);
  ledger.stop_fd = stop.fd();
  add(std::make_unique<LedgerSink>(std::move(ledger)));
  if (config.couchdb.enabled) {
    Result<CouchDbOptions> couchdb = couchdb_options(home, config.couchdb);
    if (!couchdb.ok()) return Error{couchdb.error()};
    add(std::make_unique<CouchDbSink>(std::move(*couchdb), stop));
  }
  if (config.decibel.enabled) {
    Result<DecibelOptions> decibel = decibel_options(home, config.decibel);
    if (!decibel.ok()) return Error{decibel.error()};
    add(std::make_unique<DecibelSink>(std::move(*decibel), stop));
  }
  return posts;
}

std::vector<LogReader> left_readers(const LogState& log, const SinkPosts& posts) {
  std::vector<LogReader> left;
  for (const LogReader& reader : log.readers) {
    bool is_ours = false;
    bool is_present = false;
    for (const std::unique_ptr<SinkPost>& post : posts) {
      // "@MACHINE:HOME"
      const std::string_view place =
          std::string_view(post->reader).substr(post->sink->name().size());
      is_ours = is_ours || reader.name.ends_with(place);
      is_present = is_present || reader.name == post->reader;
    }
    if (is_ours && !is_present) left.push_back(reader);
  }
  return left;
}

void collect(SinkPosts& posts, SocketContext& sockets, const std::string& endpoint, Stop& stop,
             int stop_fd) {
  std::vector<std::jthread> threads;
  for (const std::unique_ptr<SinkPost>& post : posts) {
    threads.emplace_back([&, raw = post.get()] { run_sink(*raw, sockets, endpoint, stop); });
  }
  threads.emplace_back([&] { tell_left_readers(posts, sockets, endpoint, stop); });
  wait_for(stop_fd);
  stop.raise();
}

}  // namespace muster
