// Strangers who talk to a broker, its asserts on: whatever they say, what follows from it can be
// written to the log and read back, and a broker that recovers from that log knows the same.
//
// The input is a list of frames, each behind four bytes: who says it (one of four), how many
// milliseconds have passed (a square), and how many bytes it has.
#include <memory>
#include <variant>

#include "core/broker_core.h"
#include "io/codec.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

BrokerOptions make_options() {
  BrokerOptions options;
  options.log_id = "log";
  options.make_work = encode_work;
  options.invalid_work = [](const TaskSpec& spec) -> std::optional<std::string> {
    const Result<Work> work = decode_work(spec.work);
    return work.ok() ? std::nullopt : std::optional(work.error());
  };
  options.strategy_selector = [](const std::string& bytes) -> std::optional<std::string> {
    const Result<Strategy> strategy = decode_strategy(bytes);
    return strategy.ok() ? std::optional(strategy->for_selector) : std::nullopt;
  };
  return options;
}

class Shell {
 public:
  Shell() : core_(make_options()) { take(Start{1}); }

  void hear(uint8_t peer, uint32_t ms, std::string_view frame) {
    now_ += std::chrono::milliseconds(ms);
    auto decoded = decode_message(frame);
    if (auto* envelope = std::get_if<Envelope>(&decoded)) {
      take(FromPeer{std::string(1, static_cast<char>('a' + peer % 4)), std::move(*envelope)});
    }
    take(Tick{});
    if (core_.dispatch_due()) take(Dispatch{});
    for (const Send& send : core_.drain_sends(now_)) require_readable(send);
  }

  void require_recoverable() const {
    BrokerCore again(make_options());
    for (const Event& event : log_) again.apply(event);
    require(again.hard_digest() == core_.hard_digest());
  }

 private:
  void take(const Input& input) {
    const Decision decision = core_.decide(input, now_);
    if (!decision.events.empty()) {
      const Result<Block> block = decode_block(encode_block(core_.head() + 1, decision.events));
      require(block.ok() && block->events == decision.events);
    }
    for (const Event& event : decision.events) {
      core_.apply(event);
      log_.push_back(event);
    }
    core_.note(input, now_);
    for (const Send& send : decision.sends) require_readable(send);
  }

  static void require_readable(const Send& send) {
    const auto decoded = decode_message(encode_message(send.envelope));
    require(std::holds_alternative<Envelope>(decoded));
  }

  BrokerCore core_;
  Instant now_ = from_us(1'700'000'000'000'000);
  std::vector<Event> log_;
};

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = muster::fuzz_bytes(data, size);
  muster::Shell shell;
  while (rest.size() > 4) {
    const auto byte = [&rest](size_t at) { return static_cast<uint8_t>(rest[at]); };
    const uint32_t ms = byte(1) * byte(1);
    const size_t length = byte(2) | byte(3) << 8;
    const std::string_view frame = rest.substr(4, length);
    // As the transport gives it: at an address that the decoder can read from.
    const auto aligned = std::make_unique<uint64_t[]>(frame.size() / 8 + 1);
    std::copy(frame.begin(), frame.end(), reinterpret_cast<char*>(aligned.get()));
    shell.hear(byte(0), ms, {reinterpret_cast<const char*>(aligned.get()), frame.size()});
    rest.remove_prefix(4 + frame.size());
  }
  shell.require_recoverable();
  return 0;
}
