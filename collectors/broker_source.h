// Blocks from the broker, by long poll. Connects by itself, and again after the broker was away.
#pragma once

#include <memory>
#include <string>

#include "collectors/block_source.h"
#include "collectors/stop.h"
#include "io/client.h"

namespace muster {

class BrokerSource final : public BlockSource {
 public:
  // `context` and `stop` outlive it. `name` is what the broker calls this collector.
  BrokerSource(SocketContext& context, std::string endpoint, std::string name, const Stop& stop);

  std::string name() const override { return "the broker at " + endpoint_; }
  std::variant<FetchedBlocks, SourceError> fetch(uint64_t from) override;

 private:
  SocketContext& context_;
  std::string endpoint_;
  std::string name_;
  const Stop& stop_;
  std::unique_ptr<Client> client_;  // null: never connected
  Duration wait_{0};                // of the next fetch, for something new
};

}  // namespace muster
