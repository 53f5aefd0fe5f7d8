#include "tests/bench/peers/peer.h"

namespace muster::bench {

const std::vector<Peer>& all_peers() {
  static const std::vector<Peer> peers = {
      {PeerKind::redis,
       "redis_always",
       "Redis streams, appendfsync always",
       "appendonly yes, appendfsync always, save \"\": an answer is on disk",
       "pipelined XADD; a worker takes XREADGROUP COUNT 128 and answers by one pipeline of XADD "
       "and "
       "XACK; the producer follows the results by XREAD",
       {4096, 128, 128}},
      {PeerKind::rabbitmq,
       "rabbitmq_quorum",
       "RabbitMQ quorum queues",
       "one node, x-queue-type quorum: a confirm is on disk (Raft log)",
       "persistent messages, publisher confirms, prefetch 256; a worker acknowledges a task once "
       "its result is confirmed, many at once",
       {8192, 64, 256}},
      {PeerKind::nats,
       "nats_jetstream",
       "NATS JetStream, file",
       "file storage as it comes: an acknowledgement survives kill -9, but not a power cut",
       "asynchronous publish; pull consumers that fetch 256, push with one task in flight; "
       "a worker acknowledges a task once its result is acknowledged",
       {16384, 64, 256}},
      {PeerKind::nats,
       "nats_jetstream_synced",
       "NATS JetStream, every write synced",
       "its directory with the file attribute S: an acknowledgement is on disk",
       "as before",
       {16384, 64, 256},
       /*synced=*/true},
      {PeerKind::beanstalkd,
       "beanstalkd",
       "beanstalkd -f0",
       "-b DIR -f0: an answer is on disk",
       "pipelined put; a worker pipelines 64 reserves, then the puts of the results and the "
       "deletes",
       {4096, 64, 64}},
  };
  return peers;
}

std::vector<const Peer*> find_peers(std::string_view name) {
  std::vector<const Peer*> found;
  for (const Peer& peer : all_peers()) {
    if (peer.key == name) return {&peer};
    const bool begins = !name.empty() && peer.key.starts_with(name) &&
                        peer.key.substr(name.size()).starts_with('_');
    if (begins) found.push_back(&peer);
  }
  return found;
}

}  // namespace muster::bench
