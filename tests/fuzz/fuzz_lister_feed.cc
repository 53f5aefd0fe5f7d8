// Whatever a lister prints: devices with names that may be names, and the same ones however its
// output is cut.
#include "tests/support/fuzz_check.h"
#include "workers/lister_feed.h"

namespace muster {
namespace {

ListerFeed feed_of(std::string_view bytes, size_t piece) {
  ListerFeed feed("usb");
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    feed.take(bytes.substr(0, piece));
  }
  return feed;
}

void check(std::string_view bytes) {
  ListerFeed feed = feed_of(bytes, SIZE_MAX);
  require(feed.devices() == feed_of(bytes, 3).devices());
  for (const auto& [name, device] : feed.devices()) {
    require(name == device.name && !invalid_name(name, "device"));
  }
  for (const std::string& complaint : feed.take_complaints()) require(is_utf8(complaint));
  feed.restart(from_us(1));
  feed.take("{\"op\":\"sync\"}\n");
  require(feed.devices().empty());
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::check(muster::fuzz_bytes(data, size));
  return 0;
}
