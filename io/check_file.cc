#include "io/check_file.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/duration_text.h"
#include "core/limits.h"
#include "core/suggest.h"

namespace muster {
namespace {

const KeyTable kCheck = {
    "a check", {"command", "tcp", "ping", "ssh", "http", "adb", "usb", "disk", "file", "noop"}};
const KeyTable kRun = {"what an action runs", {"command", "ssh", "http", "power", "wait", "noop"}};
const KeyTable kTcp = {"a tcp check", {"host", "port", "expect"}};
const KeyTable kPing = {"a ping check", {"host", "count"}};
const KeyTable kSsh = {"ssh", {"command", "host", "port", "user", "key", "known_hosts"}};
const KeyTable kHttp = {"http", {"url", "method", "headers", "body", "status", "contains"}};
const KeyTable kAdb = {"an adb check", {"serial", "state", "server"}};
const KeyTable kUsb = {"a usb check", {"vendor", "product", "serial", "sysfs"}};
const KeyTable kDisk = {"a disk check", {"path", "free", "inodes"}};
const KeyTable kFile = {"a file check", {"path", "exists", "writable", "contains", "max_age"}};
const KeyTable kPower = {"power", {"relay", "operation"}};
const KeyTable kNoop = {"noop", {}};

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

// Any text of at most `bytes_max` bytes.
std::string read_text(const ObjectReader& reader, std::string_view key,
                      size_t bytes_max = kMessageLengthMax) {
  std::string text = reader.string(key);
  if (text.size() > bytes_max) {
    reader.wrong(key, "is longer than " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

CheckSpec read_tcp(const YamlNode& node, const FileScope& scope) {
  const ObjectReader tcp(node, kTcp, scope);
  TcpCheck check;
  check.host = tcp.string("host", Need::required);
  check.port = tcp.string("port", Need::required);
  check.expect = read_text(tcp, "expect");
  return check;
}

CheckSpec read_disk(const YamlNode& node, const FileScope& scope) {
  const ObjectReader disk(node, kDisk, scope);
  DiskCheck check;
  check.path = disk.string("path", Need::required);
  const Threshold free = read_threshold(disk, "free", [&disk](const std::string& text) {
    const Result<uint64_t> size = parse_size(text);
    if (!size) disk.wrong("free", "is wrong: " + size.error());
    return size ? *size : 0;
  });
  const Threshold inodes = read_threshold(disk, "inodes", [&disk](const std::string& text) {
    const std::optional<uint64_t> number = parse_number(text);
    if (!number) disk.wrong("inodes", "must be a number or N%, not \"" + text + "\"");
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
  check.contains = read_text(file, "contains");
  check.age_max = file.duration("max_age", Duration{0});
  return check;
}

CheckSpec read_ping(const YamlNode& node, const FileScope& scope) {
  const ObjectReader ping(node, kPing, scope);
  PingCheck check;
  check.host = ping.string("host", Need::required);
  check.count = static_cast<uint32_t>(ping.integer("count", {1, kPingCountMax}, check.count));
  return check;
}

// `ssh:` with nothing behind it is as good as `ssh: {}`: the profile says where, and to log in is
// enough.
SshCheck read_ssh(const YamlNode& node, const FileScope& scope) {
  if (node.kind == YamlNode::Kind::null) return {};
  const ObjectReader ssh(node, kSsh, scope);
  SshCheck check;
  check.argv = ssh.command("command");
  check.host = ssh.string("host");
  check.port = ssh.string("port");
  check.user = ssh.string("user");
  check.key = ssh.string("key");
  check.known_hosts = ssh.string("known_hosts");
  return check;
}

HttpCheck read_http(const YamlNode& node, const FileScope& scope) {
  const ObjectReader http(node, kHttp, scope);
  HttpCheck check;
  check.url = http.string("url", Need::required);
  if (http.has("method")) check.method = http.string("method");
  for (const auto& [name, value] : http.string_map("headers")) {
    check.headers.push_back(name + ": " + value);
  }
  check.body = read_text(http, "body", kHttpBodyBytesMax);
  check.status = static_cast<uint32_t>(http.integer("status", {100, 599}, 0));
  check.contains = read_text(http, "contains");
  return check;
}

CheckSpec read_adb(const YamlNode& node, const FileScope& scope) {
  if (node.kind == YamlNode::Kind::null) return AdbCheck{};
  const ObjectReader adb(node, kAdb, scope);
  AdbCheck check;
  check.serial = adb.string("serial");
  if (adb.has("state")) check.state = adb.string("state");
  check.server = adb.string("server");
  return check;
}

// Four hexadecimal digits, or text with a placeholder.
std::string read_usb_number(const ObjectReader& usb, std::string_view key) {
  std::string text = usb.string(key);
  const bool fits =
      text.size() == 4 && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
  if (!text.empty() && !fits && text.find('{') == text.npos) {
    usb.wrong(key, "must be four hexadecimal digits such as \"18d1\", not \"" + text + "\"");
  }
  return text;
}

CheckSpec read_usb(const YamlNode& node, const FileScope& scope) {
  const ObjectReader usb(node, kUsb, scope);
  UsbCheck check;
  check.vendor = read_usb_number(usb, "vendor");
  check.product = read_usb_number(usb, "product");
  check.serial = usb.string("serial");
  check.sysfs = usb.string("sysfs");
  return check;
}

ActionRun read_power(const YamlNode& node, const FileScope& scope) {
  const ObjectReader power(node, kPower, scope);
  PowerAction action{power.string("relay", Need::required),
                     power.string("operation", Need::required)};
  const std::vector<std::string> known = {"on", "off", "cycle"};
  const std::string& word = action.operation;
  const bool is_known = std::find(known.begin(), known.end(), word) != known.end();
  if (!is_known && !word.empty() && word.find('{') == word.npos) {
    power.error("operation", "\"" + word + "\" is not an operation of a power: on, off, cycle" +
                                 suggestion(word, known));
  }
  return action;
}

CommandCheck read_program(const YamlNode& node, const FileScope& scope) {
  return {resolve_program(read_command(node, scope), scope)};
}

NoopCheck read_noop(const YamlNode& node, const FileScope& scope) {
  // `noop:` with nothing behind it is as good as `noop: {}`.
  if (node.kind != YamlNode::Kind::null) ObjectReader(node, kNoop, scope);
  return {};
}

// A kind that is not known has been reported as a key.
CheckSpec read_check_kind(const YamlEntry& entry, const FileScope& scope) {
  if (entry.key == "command") return read_program(entry.value, scope);
  if (entry.key == "tcp") return read_tcp(entry.value, scope);
  if (entry.key == "ping") return read_ping(entry.value, scope);
  if (entry.key == "ssh") return read_ssh(entry.value, scope);
  if (entry.key == "http") return read_http(entry.value, scope);
  if (entry.key == "adb") return read_adb(entry.value, scope);
  if (entry.key == "usb") return read_usb(entry.value, scope);
  if (entry.key == "disk") return read_disk(entry.value, scope);
  if (entry.key == "file") return read_file_check(entry.value, scope);
  if (entry.key == "noop") return read_noop(entry.value, scope);
  return NoopCheck{};
}

ActionRun read_run_kind(const ObjectReader& run, const YamlEntry& entry, const FileScope& scope) {
  if (entry.key == "command") return read_program(entry.value, scope);
  if (entry.key == "ssh") return read_ssh(entry.value, scope);
  if (entry.key == "http") return read_http(entry.value, scope);
  if (entry.key == "power") return read_power(entry.value, scope);
  if (entry.key == "wait") return WaitAction{run.duration("wait", Duration{0})};
  if (entry.key == "noop") return read_noop(entry.value, scope);
  return NoopCheck{};
}

// The one entry of a map that must have exactly one; null, and a problem, otherwise.
const YamlEntry* only_entry(const YamlNode& node, const KeyTable& table, const FileScope& scope) {
  if (node.kind != YamlNode::Kind::map) return nullptr;
  if (node.entries.size() == 1) return &node.entries.front();
  std::string kinds;
  for (const std::string& kind : table.keys) kinds += (kinds.empty() ? "" : ", ") + kind;
  scope.error(node.at, table.object + " must be exactly one of " + kinds);
  return nullptr;
}

}  // namespace

std::optional<CheckSpec> read_check(const YamlNode& node, const FileScope& scope) {
  const size_t errors = scope.errors();
  const ObjectReader check(node, kCheck, scope);
  const YamlEntry* entry = only_entry(node, kCheck, scope);
  if (entry == nullptr) return std::nullopt;
  CheckSpec spec = read_check_kind(*entry, scope);
  return scope.errors() == errors ? std::optional(std::move(spec)) : std::nullopt;
}

std::optional<ActionRun> read_action_run(const YamlNode& node, const FileScope& scope) {
  const size_t errors = scope.errors();
  const ObjectReader reader(node, kRun, scope);
  const YamlEntry* entry = only_entry(node, kRun, scope);
  if (entry == nullptr) return std::nullopt;
  ActionRun run = read_run_kind(reader, *entry, scope);
  return scope.errors() == errors ? std::optional(std::move(run)) : std::nullopt;
}

std::vector<NamedKeyTable> check_keys() {
  return {{"check", &kCheck},      {"run", &kRun},   {"tcp", &kTcp},     {"ping", &kPing},
          {"ssh", &kSsh},          {"http", &kHttp}, {"adb", &kAdb},     {"usb", &kUsb},
          {"disk", &kDisk},        {"file", &kFile}, {"power", &kPower}, {"noop", &kNoop},
          {"shell", &shell_keys()}};
}

}  // namespace muster
