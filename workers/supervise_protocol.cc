#include "workers/supervise_protocol.h"

#include <charconv>

#include "core/guid.h"

namespace muster {

namespace {

constexpr std::string_view kWhy[] = {"cancelled", "fenced", "worker"};

// The next word of `rest`, which loses it and the blank after it.
std::string_view take_word(std::string_view& rest) {
  const size_t blank = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(std::min(blank + 1, rest.size()));
  return word;
}

template <typename Number>
std::optional<Number> take_number(std::string_view& rest) {
  const std::string_view word = take_word(rest);
  Number number{};
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (fault != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<SuperviseMessage> decode_hello(std::string_view rest) {
  if (take_word(rest) != "1") return std::nullopt;
  const auto attempt = take_number<uint32_t>(rest);
  if (!attempt || invalid_guid(rest)) return std::nullopt;
  return SuperviseHello{{std::string(rest), *attempt}};
}

std::optional<SuperviseMessage> decode_stop(std::string_view rest) {
  const std::string_view why = take_word(rest);
  const std::string_view how = take_word(rest);
  if (how != "grace" && how != "at_once") return std::nullopt;
  for (size_t i = 0; i < std::size(kWhy); ++i) {
    if (why != kWhy[i]) continue;
    return SuperviseStop{static_cast<SuperviseWhy>(i), how == "at_once", std::string(rest)};
  }
  return std::nullopt;
}

}  // namespace

std::string encode_supervise(const SuperviseMessage& message) {
  struct Encode {
    std::string operator()(const SuperviseHello& hello) const {
      return "hello 1 " + std::to_string(hello.token.attempt) + " " + hello.token.guid;
    }
    std::string operator()(const SuperviseGrew& grew) const {
      return "grew " + std::to_string(grew.bytes);
    }
    std::string operator()(const SuperviseAlive&) const { return "alive"; }
    std::string operator()(const SuperviseLease& lease) const {
      return "lease " + std::to_string(lease.until_boot_us);
    }
    std::string operator()(const SuperviseStop& stop) const {
      return "stop " + std::string(kWhy[static_cast<size_t>(stop.why)]) +
             (stop.at_once ? " at_once " : " grace ") + cut_text(stop.text, kMessageLengthMax);
    }
  };
  return std::visit(Encode{}, message);
}

std::optional<SuperviseMessage> decode_supervise(std::string_view bytes) {
  std::string_view rest = bytes;
  const std::string_view kind = take_word(rest);
  if (kind == "hello") return decode_hello(rest);
  if (kind == "stop") return decode_stop(rest);
  if (kind == "alive") return SuperviseAlive{};
  if (kind == "grew") {
    if (const auto size = take_number<uint64_t>(rest)) return SuperviseGrew{*size};
  } else if (kind == "lease") {
    if (const auto until = take_number<int64_t>(rest)) return SuperviseLease{*until};
  }
  return std::nullopt;
}

}  // namespace muster
