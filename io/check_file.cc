#include "io/check_file.h"

#include <charconv>
#include <string>
#include <utility>

#include "core/duration_text.h"
#include "core/limits.h"

namespace muster {
namespace {

const KeyTable kCheck = {
    "a check", {"command", "tcp", "disk", "file", "noop"}, {"ping", "ssh", "http", "adb", "usb"}};
const KeyTable kTcp = {"a tcp check", {"host", "port", "expect"}};
const KeyTable kDisk = {"a disk check", {"path", "free", "inodes"}};
const KeyTable kFile = {"a file check", {"path", "exists", "writable", "contains", "max_age"}};
const KeyTable kNoop = {"a noop check", {}};

// A threshold: so many, or a share of all there are.
struct Threshold {
  uint64_t amount = 0;
  uint32_t percent = 0;
};

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// "5%", or what `parse` makes of anything else.
template <typename Parse>
Threshold read_threshold(const ObjectReader& disk, std::string_view key, Parse parse) {
  const std::string text = disk.string(key);
  if (text.empty()) return {};
  if (text.back() != '%') return {parse(text), 0};
  const std::optional<uint64_t> percent =
      parse_number(std::string_view(text).substr(0, text.size() - 1));
  if (percent && *percent <= 100) return {0, static_cast<uint32_t>(*percent)};
  disk.error(key, "a share must be from 0% to 100%, not \"" + text + "\"");
  return {};
}

CheckSpec read_tcp(const YamlNode& node, const FileScope& scope) {
  const ObjectReader tcp(node, kTcp, scope);
  TcpCheck check;
  check.host = tcp.string("host", Need::required);
  check.port = tcp.string("port", Need::required);
  check.expect = tcp.string("expect");
  if (check.expect.size() > kMessageLengthMax) {
    tcp.error("expect", "is longer than " + std::to_string(kMessageLengthMax) + " bytes");
  }
  return check;
}

CheckSpec read_disk(const YamlNode& node, const FileScope& scope) {
  const ObjectReader disk(node, kDisk, scope);
  DiskCheck check;
  check.path = disk.string("path", Need::required);
  const Threshold free = read_threshold(disk, "free", [&disk](const std::string& text) {
    const Result<uint64_t> size = parse_size(text);
    if (!size) disk.error("free", size.error());
    return size ? *size : 0;
  });
  const Threshold inodes = read_threshold(disk, "inodes", [&disk](const std::string& text) {
    const std::optional<uint64_t> number = parse_number(text);
    if (!number) disk.error("inodes", "must be a number or N%, not \"" + text + "\"");
    return number.value_or(0);
  });
  check.free_bytes_min = free.amount;
  check.free_percent_min = free.percent;
  check.free_inodes_min = inodes.amount;
  check.free_inodes_percent_min = inodes.percent;
  return check;
}

CheckSpec read_file_check(const YamlNode& node, const FileScope& scope) {
  const ObjectReader file(node, kFile, scope);
  FileCheck check;
  check.path = file.string("path", Need::required);
  check.exists = file.boolean("exists", true);
  check.writable = file.boolean("writable", false);
  check.contains = file.string("contains");
  check.age_max = file.duration("max_age", Duration{0});
  if (check.contains.size() > kMessageLengthMax) {
    file.error("contains", "is longer than " + std::to_string(kMessageLengthMax) + " bytes");
  }
  return check;
}

CheckSpec read_noop(const YamlNode& node, const FileScope& scope) {
  // `noop:` with nothing behind it is as good as `noop: {}`.
  if (node.kind != YamlNode::Kind::null) ObjectReader(node, kNoop, scope);
  return NoopCheck{};
}

// A kind that is not known has been reported as a key.
CheckSpec read_kind(const YamlEntry& entry, const FileScope& scope) {
  if (entry.key == "command") {
    return CommandCheck{resolve_program(read_command(entry.value, scope), scope)};
  }
  if (entry.key == "tcp") return read_tcp(entry.value, scope);
  if (entry.key == "disk") return read_disk(entry.value, scope);
  if (entry.key == "file") return read_file_check(entry.value, scope);
  if (entry.key == "noop") return read_noop(entry.value, scope);
  return NoopCheck{};
}

}  // namespace

std::optional<CheckSpec> read_check(const YamlNode& node, const FileScope& scope) {
  const size_t errors = scope.errors();
  const ObjectReader check(node, kCheck, scope);
  if (node.kind != YamlNode::Kind::map) return std::nullopt;
  if (node.entries.size() != 1) {
    scope.error(node.at, "a check must be exactly one of command, tcp, disk, file, noop");
    return std::nullopt;
  }
  const CheckSpec spec = read_kind(node.entries.front(), scope);
  return scope.errors() == errors ? std::optional(spec) : std::nullopt;
}

std::vector<NamedKeyTable> check_keys() {
  return {{"check", &kCheck}, {"tcp", &kTcp},   {"disk", &kDisk},
          {"file", &kFile},   {"noop", &kNoop}, {"shell", &shell_keys()}};
}

}  // namespace muster
