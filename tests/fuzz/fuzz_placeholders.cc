// A device's value (the first line of the input) in a text for a shell (the rest): the shell sees
// it where its variable is set, in quotes, and nowhere else.
#include <optional>

#include "core/shell_text.h"
#include "core/strategy.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

std::optional<std::string> expand(const std::string& text, const std::string& value) {
  DeviceSpec device;
  device.name = "phone-1";
  device.profile["v"] = value;
  const PlaceholderScope scope{&device, {}, "guid-000001"};
  const Result<std::string> plain = expand_placeholders(text, scope);
  const Result<CheckSpec> check = expand_check(CommandCheck{{"/bin/sh", "-c", text}}, scope);
  if (!plain.ok()) require(!plain.error().empty());
  if (!check.ok()) {
    require(!check.error().empty());
    return std::nullopt;
  }
  require(plain.ok());
  return std::get<CommandCheck>(*check).argv.at(2);
}

void check(std::string_view bytes) {
  const size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string value(bytes.substr(0, end));
  const std::string text(bytes.substr(std::min(end + 1, bytes.size())));
  const std::string mark = "mark-of-a-value";
  if (text.find(mark) != text.npos) return;
  const std::optional<std::string> marked = expand(text, mark);
  const std::optional<std::string> own = expand(text, value);
  if (!marked || !own) return;  // which of them depends on their sizes
  const std::string quoted = quote_for_shell(mark);
  const size_t at = marked->find(quoted);
  if (at == marked->npos) return require(marked == own);
  std::string expected = *marked;
  expected.replace(at, quoted.size(), quote_for_shell(value));
  require(expected == *own);
  require(marked->find(mark, at + quoted.size()) == marked->npos);
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::check(muster::fuzz_bytes(data, size));
  return 0;
}
