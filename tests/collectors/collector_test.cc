#include "collectors/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "collectors/broker_source.h"
#include "collectors/ledger_sink.h"
#include "collectors/status_log_sink.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/file.h"
#include "io/ledger.h"
#include "io/socket.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// As much of a broker as a collector sees: Welcome, and blocks of a fixed log.
class FakeBroker {
 public:
  FakeBroker(const std::string& endpoint, std::string log_id) : log_id_(std::move(log_id)) {
    Result<std::unique_ptr<ServerSocket>> socket = ServerSocket::bind(context_, {endpoint});
    EXPECT_TRUE(socket.ok()) << socket.error();
    socket_ = std::move(*socket);
    for (const SequencedEvent& at : make_script()) log_.push_back(at.event);
  }

  // Serves until `done`, which is looked at after every message and a few times a second.
  void serve_until(const std::function<bool()>& done) {
    Poller poller;
    poller.add_socket(socket_->handle(), 0);
    const int64_t deadline = boot_us() + Duration(60s).count();
    while (!done()) {
      ASSERT_LT(boot_us(), deadline) << "nothing comes of it";
      poller.wait(100ms);
      while (std::optional<ServerSocket::Received> received = socket_->receive()) {
        const auto decoded = decode_message(received->frame.bytes());
        ASSERT_TRUE(std::holds_alternative<Envelope>(decoded));
        answer(received->peer, std::get<Envelope>(decoded));
      }
    }
  }

  // Peers that have asked for what comes after the end of the log, so that they have it all.
  size_t finished() const { return finished_.size(); }
  uint64_t head() const { return log_.size(); }
  // Of the registered readers, by name: the first event that each still needs.
  const std::map<std::string, uint64_t>& readers() const { return readers_; }
  void register_reader(const std::string& name, uint64_t needs) { readers_[name] = needs; }
  // As one does that has another's place.
  void forget_readers() { readers_.clear(); }

  std::string refusal;  // of each Fetch; empty: none

 private:
  void answer(const std::string& peer, const Envelope& envelope) {
    if (std::holds_alternative<Hello>(envelope.message)) {
      Welcome welcome;
      welcome.log_id = log_id_;
      welcome.head = head();
      welcome.beat = 1s;
      socket_->send(peer, encode_message({envelope.request, welcome}));
    } else if (std::holds_alternative<AskLog>(envelope.message)) {
      LogState state;
      state.head = head();
      for (const auto& [name, needs] : readers_) state.readers.push_back({name, needs, {}});
      socket_->send(peer, encode_message({envelope.request, state}));
    } else if (const Fetch* fetch = std::get_if<Fetch>(&envelope.message)) {
      if (!refusal.empty()) {
        socket_->send(peer,
                      encode_message({envelope.request, Refused{RefusalCode::limit, refusal}}));
        return;
      }
      readers_[fetch->reader] = fetch->needs;
      if (fetch->from > head() && fetch->wait > Duration(0)) {
        finished_.insert(peer);
        return;  // the long poll waits for ever
      }
      // Blocks of ten; the first may begin before what was asked for.
      const uint64_t first = (std::min(fetch->from, head()) - 1) / 10 * 10;
      const uint64_t count = std::min<uint64_t>(10, head() - first);
      Blocks blocks{head(), {}};
      if (fetch->from <= head()) {
        blocks.blocks = {encode_block(first + 1, std::span(log_).subspan(first, count))};
      }
      socket_->send(peer, encode_message({envelope.request, blocks}));
    } else if (std::holds_alternative<Beat>(envelope.message)) {
      socket_->send(peer, encode_message({0, Beat{}}));
    }
  }

  SocketContext context_;
  std::string log_id_;
  std::unique_ptr<ServerSocket> socket_;
  std::vector<Event> log_;
  std::set<std::string> finished_;
  std::map<std::string, uint64_t> readers_;
};

// What is logged, also by other threads.
class HeardLog final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    text_.append(message.payload.data(), message.payload.size()).append("\n");
  }
  void flush_() override {}

 private:
  std::string text_;
};

class CollectorTest : public ::testing::Test {
 protected:
  CollectorTest() {
    std::string pattern = ::testing::TempDir() + "collector-XXXXXX";
    home_.dir = mkdtemp(pattern.data());
    EXPECT_TRUE(make_home(home_).ok());
    stop_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    sinks_ = make_sinks(home_, Config(), stop_);
    EXPECT_TRUE(sinks_.ok()) << sinks_.error();
  }
  ~CollectorTest() override {
    stop();
    std::filesystem::remove_all(home_.dir);
  }

  void start() {
    result_ = std::async(std::launch::async, [this] {
      SocketContext sockets;
      collect(*sinks_, sockets, home_.default_endpoint(), stop_, stop_fd_.get());
    });
  }
  SinkStatus status_of(std::string_view name) const {
    for (const auto& post : *sinks_) {
      if (post->sink->name() == name) return post->desk.status();
    }
    return {};
  }
  std::string reader_of(std::string_view name) const {
    for (const auto& post : *sinks_) {
      if (post->sink->name() == name) return post->reader;
    }
    return {};
  }
  void stop() { ::eventfd_write(stop_fd_.get(), 1); }

  Home home_;
  UniqueFd stop_fd_;
  Stop stop_;
  Result<SinkPosts> sinks_ = SinkPosts();
  std::future<void> result_;  // waits when it goes
};

TEST_F(CollectorTest, CarriesTheLogIntoBothSinks) {
  FakeBroker broker(home_.default_endpoint(), "log-a");
  start();
  broker.serve_until([&] { return broker.finished() == 2; });
  stop();
  ASSERT_EQ(result_.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  Result<Ledger> ledger = Ledger::open(ledger_place(home_, {}));
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  EXPECT_EQ(ledger->position()->seq, broker.head());
  const Result<std::string> log =
      read_file(home_.results_dir() + "/" + kRetried + "/status.log", 1 << 20);
  ASSERT_TRUE(log.ok()) << log.error();
  EXPECT_THAT(*log, HasSubstr("END FAIL\t----\tjob\t"));
}

TEST_F(CollectorTest, StopsWhileTheBrokerIsAway) {
  start();
  stop();
  EXPECT_EQ(result_.wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(CollectorTest, OneSinkThatFailsDoesNotHoldTheOther) {
  std::filesystem::remove_all(home_.results_dir());
  ASSERT_TRUE(write_file_atomically(home_.results_dir(), "in the way").ok());
  FakeBroker broker(home_.default_endpoint(), "log-a");
  start();
  broker.serve_until([&] { return broker.finished() == 1; });
  Result<Ledger> ledger = Ledger::open(ledger_place(home_, {}));
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  EXPECT_EQ(ledger->position()->seq, broker.head());
  // What was in the way goes, and the other sink catches up.
  std::filesystem::remove(home_.results_dir());
  broker.serve_until([&] { return broker.finished() == 2; });
  EXPECT_TRUE(std::filesystem::exists(home_.results_dir() + "/" + kRetried + "/status.log"));
}

// Its server is down when the collector is started for the first time: the log must not be trimmed
// of what it has not had.
TEST_F(CollectorTest, ASinkThatCannotOpenIsAReaderAllTheSame) {
  std::filesystem::create_directories(home_.ledger_file());
  FakeBroker broker(home_.default_endpoint(), "log-a");
  start();
  broker.serve_until(
      [&] { return broker.finished() == 1 && broker.readers().contains(reader_of("ledger")); });
  EXPECT_GT(status_of("ledger").failing, 0u);
  EXPECT_EQ(broker.readers().at(reader_of("ledger")), 1u);
  std::filesystem::remove(home_.ledger_file());
  broker.serve_until([&] { return broker.finished() == 2; });
  EXPECT_EQ(broker.readers().at(reader_of("ledger")), broker.head() + 1);
  EXPECT_EQ(status_of("ledger").cursor, broker.head());
}

// A log that was trimmed of what a sink lacks was the first to say so.
TEST_F(CollectorTest, ABrokerThatHoldsNothingSaysWhyAndOneInItsPlaceIsToldAgain) {
  FakeBroker broker(home_.default_endpoint(), "log-a");
  SocketContext sockets;
  BrokerSource source(sockets, home_.default_endpoint(), "ledger", [] { return false; });
  source.register_as("ledger@here");
  const auto hold = [&] {
    auto held = std::async(std::launch::async, [&] { return source.hold(); });
    broker.serve_until([&] { return held.wait_for(0s) == std::future_status::ready; });
    return held.get();
  };
  broker.refusal = "no reader of the log by that name can be registered";
  const std::optional<SourceError> refused = hold();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->fault, SourceFault::refused);
  EXPECT_THAT(refused->message, HasSubstr(broker.refusal));
  broker.refusal.clear();
  for (int times = 0; times < 2; ++times) {
    EXPECT_FALSE(hold());
    EXPECT_EQ(broker.readers().at("ledger@here"), 1u);
    broker.forget_readers();
  }
}

TEST_F(CollectorTest, WhatAReaderHasSaidItNeedsStaysWhileItCannotOpen) {
  std::filesystem::create_directories(home_.ledger_file());
  FakeBroker broker(home_.default_endpoint(), "log-a");
  broker.register_reader(reader_of("ledger"), 7);
  start();
  broker.serve_until([&] { return broker.finished() == 1 && status_of("ledger").failing > 0; });
  EXPECT_EQ(broker.readers().at(reader_of("ledger")), 7u);
}

// A sink that was taken out of muster.yaml kept the log for ever, and nobody heard of it.
TEST_F(CollectorTest, ReadersOfSinksThatAreNotThereAnyMoreAreNamed) {
  const auto heard = std::make_shared<HeardLog>();
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", heard));
  const std::string place = reader_of("ledger").substr(std::string("ledger").size());
  FakeBroker broker(home_.default_endpoint(), "log-a");
  broker.register_reader("couchdb" + place, 7);
  broker.register_reader("couchdb@elsewhere:/m", 8);
  start();
  const auto has_told = [&] { return heard->text().find("log forget") != std::string::npos; };
  broker.serve_until([&] { return broker.finished() == 2 && has_told(); });
  stop();
  ASSERT_EQ(result_.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  spdlog::set_default_logger(before);
  const std::string said = heard->text();
  EXPECT_THAT(said, HasSubstr("kept for couchdb" + place + " from event 7 on"));
  EXPECT_THAT(said, HasSubstr("muster broker log forget couchdb" + place + "\n"));
  EXPECT_THAT(said, Not(HasSubstr("elsewhere")));
  EXPECT_THAT(said, Not(HasSubstr("forget ledger")));
}

// Also when there is nothing new to wait for: the collector stopped, and the lab with it.
TEST_F(CollectorTest, ALedgerOfAnotherLogFailsAloneUntilItIsMovedAway) {
  FakeBroker broker(home_.default_endpoint(), "log-a");
  const LedgerPlace place = ledger_place(home_, {});
  {
    LedgerSink sink(place);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver({}, {"log-z", broker.head()}).ok());
  }
  start();
  const auto ledger = [&] { return status_of("ledger"); };
  broker.serve_until([&] { return broker.finished() == 1 && ledger().failing > 0; });
  EXPECT_THAT(ledger().error, HasSubstr("than the one that ledger has followed (log-z, in "));
  EXPECT_THAT(ledger().error, HasSubstr("move the file " + place.file + " away"));
  EXPECT_TRUE(std::filesystem::exists(home_.results_dir() + "/" + kRetried + "/status.log"));
  {
    Result<Ledger> found = Ledger::open(place);
    ASSERT_TRUE(found.ok()) << found.error();
    EXPECT_EQ(found->position()->log_id, "log-z") << "nothing was changed";
  }
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(place.file + part);
  broker.serve_until([&] { return broker.finished() == 2; });
  EXPECT_EQ(ledger().failing, 0u);
  EXPECT_EQ(ledger().cursor, broker.head());
}

}  // namespace
}  // namespace muster
