// Placeholders in the strings of a strategy: expand_placeholders and what builds on it.
#include <map>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/strategy.h"
#include "core/suggest.h"

namespace muster {
namespace {

constexpr std::string_view kDevicePrefix = "device.";
constexpr std::string_view kStackPrefix = "stack.";
constexpr std::string_view kGuidName = "task.guid";

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// `text` with each {NAME} replaced by what `value_of(NAME)` gives, which is a Result<std::string>.
template <typename ValueOf>
Result<std::string> replace_placeholders(std::string_view text, ValueOf value_of) {
  std::string out;
  while (!text.empty()) {
    const size_t brace = text.find('{');
    out += text.substr(0, brace);
    if (brace == text.npos) break;
    text.remove_prefix(brace + 1);
    if (starts_with(text, "{")) {
      out += '{';
      text.remove_prefix(1);
      continue;
    }
    const size_t end = text.find('}');
    if (end == text.npos) {
      return Error{"\"{\" is not closed before " + quote_text(text) +
                   "; write {{ for a literal brace"};
    }
    Result<std::string> value = value_of(text.substr(0, end));
    if (!value) return value;
    out += *value;
    text.remove_prefix(end + 1);
    if (out.size() > kStrategyBytesMax) {
      return Error{"the text with its placeholders filled in is longer than " +
                   std::to_string(kStrategyBytesMax) + " bytes"};
    }
  }
  return out;
}

// Every placeholder there is, with its value.
std::map<std::string, std::string> placeholder_values(const DeviceSpec* device,
                                                      std::string_view guid) {
  std::map<std::string, std::string> values;
  values.emplace(kGuidName, guid);
  if (!device) return values;
  values.emplace(std::string(kDevicePrefix) + "name", device->name);
  for (const auto& [key, value] : device->profile) {
    values.emplace(std::string(kDevicePrefix) + key, value);
  }
  return values;
}

// "stack.TYPE.KEY".
bool of_stack(std::string_view name) {
  if (!starts_with(name, kStackPrefix)) return false;
  const size_t dot = name.find('.', kStackPrefix.size());
  return dot != name.npos && dot > kStackPrefix.size() && dot + 1 < name.size();
}

Error unknown_placeholder(std::string_view name, const std::map<std::string, std::string>& values) {
  std::vector<std::string> known;
  std::string list;
  for (const auto& [key, value] : values) {
    known.push_back(key);
    list += (list.empty() ? "{" : ", {") + key + "}";
  }
  return Error{"unknown placeholder {" + sanitize_utf8(cut_text(name, kNameLengthMax)) + "}" +
               suggest(name, known) + "; there is " + cut_text(list, kMessageLengthMax / 2) +
               ", and {{ for a literal brace"};
}

}  // namespace

Result<std::string> expand_placeholders(std::string_view text, const DeviceSpec* device,
                                        std::string_view guid) {
  if (text.find('{') == text.npos) return std::string(text);
  const std::map<std::string, std::string> values = placeholder_values(device, guid);
  return replace_placeholders(text, [&](std::string_view name) -> Result<std::string> {
    const std::map<std::string, std::string>::const_iterator found = values.find(std::string(name));
    if (found == values.end()) return unknown_placeholder(name, values);
    return found->second;
  });
}

std::optional<std::string> invalid_placeholders(std::string_view text) {
  const Result<std::string> expanded =
      replace_placeholders(text, [](std::string_view name) -> Result<std::string> {
        const bool of_device =
            starts_with(name, kDevicePrefix) && name.size() > kDevicePrefix.size();
        if (of_device || of_stack(name) || name == kGuidName) return std::string();
        return Error{"unknown placeholder {" + sanitize_utf8(cut_text(name, kNameLengthMax)) +
                     "}; use {device.name}, {device.KEY} of the profile, {stack.TYPE.KEY} of a "
                     "device in its stack or {task.guid}, and {{ for a literal brace"};
      });
  if (expanded) return std::nullopt;
  return expanded.error();
}

Result<CheckSpec> expand_check(const CheckSpec& check, const DeviceSpec* device,
                               std::string_view guid) {
  std::string failure;
  const auto expand = [&](std::string* text) {
    Result<std::string> expanded = expand_placeholders(*text, device, guid);
    if (expanded) {
      *text = std::move(*expanded);
    } else if (failure.empty()) {
      failure = expanded.error();
    }
  };
  CheckSpec out = check;
  if (CommandCheck* command = std::get_if<CommandCheck>(&out)) {
    for (std::string& argument : command->argv) expand(&argument);
  } else if (TcpCheck* tcp = std::get_if<TcpCheck>(&out)) {
    for (std::string* text : {&tcp->host, &tcp->port, &tcp->expect}) expand(text);
  } else if (DiskCheck* disk = std::get_if<DiskCheck>(&out)) {
    expand(&disk->path);
  } else if (FileCheck* file = std::get_if<FileCheck>(&out)) {
    for (std::string* text : {&file->path, &file->contains}) expand(text);
  } else if (PingCheck* ping = std::get_if<PingCheck>(&out)) {
    expand(&ping->host);
  } else if (SshCheck* ssh = std::get_if<SshCheck>(&out)) {
    for (std::string* text : {&ssh->host, &ssh->port, &ssh->user, &ssh->key, &ssh->known_hosts}) {
      expand(text);
    }
    for (std::string& argument : ssh->argv) expand(&argument);
  } else if (HttpCheck* http = std::get_if<HttpCheck>(&out)) {
    for (std::string* text : {&http->method, &http->url, &http->body, &http->contains}) {
      expand(text);
    }
    for (std::string& header : http->headers) expand(&header);
  } else if (AdbCheck* adb = std::get_if<AdbCheck>(&out)) {
    for (std::string* text : {&adb->serial, &adb->state, &adb->server}) expand(text);
  } else if (UsbCheck* usb = std::get_if<UsbCheck>(&out)) {
    for (std::string* text : {&usb->vendor, &usb->product, &usb->serial, &usb->sysfs}) expand(text);
  }
  if (!failure.empty()) return Error{failure};
  return out;
}

}  // namespace muster
