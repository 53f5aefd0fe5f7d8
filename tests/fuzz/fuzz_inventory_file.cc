// Whatever the bytes are: problems with their places, or an inventory that a broker takes.
#include <memory>
#include <utility>
#include <variant>

#include "core/broker_core.h"
#include "io/codec.h"
#include "io/inventory_file.h"
#include "tests/support/fuzz_check.h"
#include "tests/support/fuzz_file.h"

namespace muster {
namespace {

// As it comes to the broker, and what that says.
void require_applicable(Inventory inventory) {
  const Envelope envelope{
      2, ApplyInventory{std::make_shared<Inventory>(std::move(inventory)), "fuzz"}};
  const auto decoded = decode_message(encode_message(envelope));
  const auto* arrived = std::get_if<Envelope>(&decoded);
  require(arrived != nullptr && *arrived == envelope);
  BrokerCore core{BrokerOptions{}};
  const Instant now = from_us(1);
  core.note(FromPeer{"p", {1, Hello{}}}, now);
  const Decision decision = core.decide(FromPeer{"p", *arrived}, now);
  require(decision.sends.size() == 1);
  require(std::holds_alternative<InventoryReply>(decision.sends.front().envelope.message));
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const muster::FuzzFile scratch("inventory.yaml");
  scratch.write(muster::fuzz_bytes(data, size));
  muster::InventoryFile file = muster::load_inventory_file(scratch.path());
  muster::require_lines(file.problems);
  if (!file.problems.has_errors()) muster::require_applicable(std::move(file.inventory));
  return 0;
}
