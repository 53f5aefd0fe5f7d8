// Blocks from the broker, by long poll. Connects by itself, and again after the broker was away.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collectors/block_source.h"
#include "io/client.h"

namespace muster {

class BrokerSource final : public BlockSource {
 public:
  // Several thousand events: one delivery's worth.
  static constexpr uint32_t kFetchBytes = 2 << 20;

  // `context` outlives it. `name` is what the broker calls this collector. A wait ends early when
  // `interrupted` says true. Blocks come in `fetch_bytes` at once, roughly.
  BrokerSource(SocketContext& context, std::string endpoint, std::string name,
               std::function<bool()> interrupted, uint32_t fetch_bytes = kFetchBytes);

  // From now on the broker keeps for the reader of this name what it has not done with
  // (note_done), whether it is there or not. No two readers of a log may have one name.
  void register_as(std::string reader) { reader_ = std::move(reader); }

  std::string name() const override { return "the broker at " + endpoint_; }
  std::optional<SourceError> hold() override;
  void note_done(uint64_t cursor) override { done_ = cursor; }
  // What there is of the log and who reads it.
  std::variant<LogState, SourceError> ask_log();
  std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration wait) override;

 private:
  std::optional<SourceError> connect();
  SourceError explain_refusal(uint64_t from, ClientError error);

  SocketContext& context_;
  std::string endpoint_;
  std::string name_;
  std::function<bool()> interrupted_;
  uint32_t fetch_bytes_;
  std::unique_ptr<Client> client_;  // null: never connected
  bool is_new_client_ = false;      // and has fetched nothing
  bool has_fetched_ = false;
  std::string reader_;  // empty: not registered
  uint64_t done_ = 0;
};

}  // namespace muster
