// Whatever a server sends as its events: the same messages however they are cut.
#include <tuple>
#include <vector>

#include "cli/sse_reader.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

using Message = std::tuple<std::string, std::string, std::string, std::string>;

std::vector<Message> messages(std::string_view bytes, size_t piece) {
  std::vector<Message> list;
  SseReader reader([&](const SseMessage& message) {
    list.emplace_back(message.id, message.event, message.data, message.comment);
  });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.feed(bytes.substr(0, piece));
  }
  return list;
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = muster::fuzz_bytes(data, size);
  muster::require(muster::messages(bytes, SIZE_MAX) == muster::messages(bytes, 3));
  return 0;
}
