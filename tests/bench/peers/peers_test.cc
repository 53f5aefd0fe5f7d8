// What the runner is asked for and what it prints; the measuring itself is done by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bench/peers/comparison.h"
#include "tests/bench/peers/options.h"

namespace muster::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> keys_of(const std::vector<const Peer*>& peers) {
  std::vector<std::string> keys;
  for (const Peer* peer : peers) keys.emplace_back(peer->key);
  return keys;
}

TEST(PeersOptions, Defaults) {
  const Result<PeersOptions> options = parse_peers_options({});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->output, PeersOutput::human);
  EXPECT_EQ(options->runs, 3);
  EXPECT_EQ(options->seconds, 4);
  EXPECT_THAT(keys_of(options->peers),
              ElementsAre("redis_always", "rabbitmq_quorum", "nats_jetstream",
                          "nats_jetstream_synced", "beanstalkd"));
}

TEST(PeersOptions, AllAtOnce) {
  const Result<PeersOptions> options = parse_peers_options(
      {"--only", "beanstalkd,redis", "-o", "json", "--runs", "5", "--seconds", "600"});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->output, PeersOutput::json);
  EXPECT_EQ(options->runs, 5);
  EXPECT_EQ(options->seconds, 600);
  EXPECT_THAT(keys_of(options->peers), ElementsAre("redis_always", "beanstalkd"));
}

TEST(PeersOptions, APeersNameOrItsBeginning) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"redis", {"redis_always"}},
      {"redis_always", {"redis_always"}},
      {"nats", {"nats_jetstream", "nats_jetstream_synced"}},
      {"nats_jetstream", {"nats_jetstream"}},
      {"nats_jetstream_synced", {"nats_jetstream_synced"}},
      {"nats,nats_jetstream", {"nats_jetstream", "nats_jetstream_synced"}},
      {"", {}},
      {"red", {}},
      {"redis,", {}},
      {"redis,gearman", {}},
      {"redis_always_too", {}},
  };
  for (const auto& [only, expected] : rows) {
    SCOPED_TRACE(only);
    const Result<PeersOptions> options = parse_peers_options({"--only", only});
    ASSERT_EQ(options.ok(), !expected.empty());
    if (options.ok()) {
      EXPECT_EQ(keys_of(options->peers), expected);
    } else {
      EXPECT_THAT(options.error(), HasSubstr("there are redis_always, rabbitmq_quorum, "));
    }
  }
}

TEST(PeersOptions, WrongArguments) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"--runs"}, "--runs needs a value"},
      {{"--runs", "0"}, "--runs is a whole number from 1 to 99"},
      {{"--runs", "100"}, "--runs is a whole number from 1 to 99"},
      {{"--runs", "3x"}, "--runs is a whole number from 1 to 99"},
      {{"--seconds", "0.5"}, "--seconds is a whole number from 1 to 600"},
      {{"--seconds", "601"}, "--seconds is a whole number from 1 to 600"},
      {{"-o", "xml"}, "-o is human, markdown or json"},
      {{"-o", "json", "--peer", "redis"}, "there is no argument \"--peer\""},
  };
  for (const auto& [arguments, expected] : rows) {
    const Result<PeersOptions> options = parse_peers_options(arguments);
    ASSERT_FALSE(options.ok()) << expected;
    EXPECT_EQ(options.error(), expected);
  }
}

std::vector<Compared> sample() {
  return {{"",
           "muster",
           {{90'000, 700, 900, 9e6}, {210'000, 500, 800, 5e6}, {200'000, 600, 1'000, 7e6}}},
          {"redis_always", "Redis", {{80'000, 500, 817, 98e6}}},
          {"beanstalkd", "beanstalkd -f0", {}}};
}

TEST(PeersComparison, MediansOfEachColumn) {
  const PeerRun run = median_of(sample().front().runs);
  EXPECT_EQ(run.tasks_per_s, 200'000);
  EXPECT_EQ(run.p50_us, 600);
  EXPECT_EQ(run.p99_us, 900);
  EXPECT_EQ(run.bytes, 7e6);
}

TEST(PeersComparison, AlignedTable) {
  EXPECT_EQ(render_comparison(sample(), TableStyle::aligned),
            "broker          tasks/s     x  p50 us  p99 us     x  server MB\n"
            "muster          200,000           600     900                7\n"
            "Redis            80,000  2.50     500     817  1.20         98\n"
            "beanstalkd -f0        -     -       -       -     -          -\n");
}

TEST(PeersComparison, MarkdownTable) {
  EXPECT_EQ(render_comparison(sample(), TableStyle::markdown),
            "| broker | tasks/s | x | p50 us | p99 us | x | server MB |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            "| muster | 200,000 | | 600 | 900 | | 7 |\n"
            "| Redis | 80,000 | 2.50 | 500 | 817 | 1.20 | 98 |\n"
            "| beanstalkd -f0 | - | - | - | - | - | - |\n");
}

TEST(PeersComparison, NothingIsDividedByNothing) {
  const std::vector<Compared> compared = {{"", "muster", {{0, 0, 0, 1e9}}},
                                          {"redis_always", "Redis", {{0, 0, 0, 0}}}};
  EXPECT_EQ(render_comparison(compared, TableStyle::markdown),
            "| broker | tasks/s | x | p50 us | p99 us | x | server MB |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            "| muster | 0 | | 0 | 0 | | 1,000 |\n"
            "| Redis | 0 | - | 0 | 0 | - | 0 |\n");
}

TEST(PeersComparison, FiguresHaveTheNamesOfTheBench) {
  std::vector<std::string> lines;
  for (const Figure& figure : make_peer_figures(sample())) {
    lines.push_back(figure.bench + " " + std::to_string(static_cast<int64_t>(figure.value)) + " " +
                    figure.unit);
  }
  EXPECT_THAT(lines,
              ElementsAre("durable_tasks_per_s 200000 tasks/s", "durable_p50_us 600 us",
                          "durable_p99_us 900 us", "durable_rss_bytes 7000000 bytes",
                          "peer_redis_always_durable_tasks_per_s 80000 tasks/s",
                          "peer_redis_always_p50_us 500 us", "peer_redis_always_p99_us 817 us",
                          "peer_redis_always_rss_bytes 98000000 bytes"));
}

}  // namespace
}  // namespace muster::bench
