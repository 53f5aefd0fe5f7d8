#include "collectors/front.h"

#include <functional>
#include <string>
#include <utility>

#include "collectors/broker_source.h"
#include "io/ledger_place.h"

namespace muster {
namespace {

// Subscribers get events in small portions: each holds one in memory.
constexpr uint32_t kFeedFetchBytes = 256 << 10;

Feed::Connect connect_feed(SocketContext& sockets, const std::string& endpoint) {
  return [&sockets, endpoint](std::function<bool()> interrupted) {
    return std::make_unique<BrokerSource>(sockets, endpoint, "feed", std::move(interrupted),
                                          kFeedFetchBytes);
  };
}

LedgerPool::Open open_ledger(LedgerPlace place, const Stop& stop) {
  place.stop_fd = stop.fd();
  place.question_max = kQuestionTimeMax;
  return [place = std::move(place)] { return Ledger::open(place); };
}

}  // namespace

Front::Front(const Home& home, const Config& config, SinkPosts& sinks, SocketContext& sockets,
             std::unique_ptr<DecibelStore> results)
    : feed_(connect_feed(sockets, config.endpoint)),
      feed_http_(feed_),
      sinks_http_(sinks, clock_),
      ledger_http_(open_ledger(ledger_place(home, config.ledger), stop_),
                   describe(ledger_place(home, config.ledger))),
      results_(std::move(results)),
      decibel_http_(results_.get(), clock_),
      archive_(home, config),
      api_(make_api({feed_http_, sinks_http_, ledger_http_})) {}

Result<std::unique_ptr<Front>> Front::open(const Home& home, const Config& config, SinkPosts& sinks,
                                           SocketContext& sockets) {
  auto results = open_decibel_store(home, config.decibel);
  if (!results) return Error{results.error()};
  std::unique_ptr<Front> front(new Front(home, config, sinks, sockets, std::move(*results)));
  auto feed_sockets =
      FeedSockets::start(front->feed_, sockets, config.feed_publish, config.feed_replay, kFeedBeat);
  if (!feed_sockets) return Error{feed_sockets.error()};
  front->feed_sockets_ = std::move(*feed_sockets);
  auto http = HttpService::start(
      home, config, [raw = front.get()](const HttpCall& call) { return raw->answer(call); });
  if (!http) return Error{http.error()};
  front->http_ = std::move(*http);
  return front;
}

HttpAnswer Front::answer(const HttpCall& call) {
  if (call.path.starts_with(kDecibelPath)) return decibel_http_.answer(call);
  return call.path.starts_with(kApiPath) ? api_.answer(call) : archive_.answer(call);
}

Front::~Front() {
  stop_.raise();
  feed_.stop();
  ledger_http_.stop();
  if (results_) results_->stop();
  archive_.stop();
}

}  // namespace muster
