#include "workers/checks/usb.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/guid.h"
#include "io/file.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSysfsDefault = "/sys/bus/usb/devices";
constexpr size_t kAttributeBytesMax = 4096;  // a page, as sysfs has it
constexpr size_t kShownMax = 16;

struct UsbDevice {
  std::string vendor;
  std::string product;
  std::string serial;
};

// Empty where the device has no such attribute.
std::string read_attribute(const fs::path& device, const char* name) {
  const Result<std::string> text = read_file((device / name).string(), kAttributeBytesMax);
  if (!text) return {};
  return text->substr(0, text->find_last_not_of(" \n") + 1);
}

// Vendor and product may be written in either case.
bool same_number(std::string_view wanted, std::string_view found) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(wanted.begin(), wanted.end(), found.begin(), found.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

bool matches(const UsbCheck& check, const UsbDevice& device) {
  return (check.vendor.empty() || same_number(check.vendor, device.vendor)) &&
         (check.product.empty() || same_number(check.product, device.product)) &&
         (check.serial.empty() || check.serial == device.serial);
}

std::string describe(const UsbDevice& device) {
  const std::string numbers = device.vendor + ":" + device.product;
  return sanitize_utf8(device.serial.empty() ? numbers : numbers + " " + device.serial);
}

// "no device 18d1:* CB5A1".
std::string describe(const UsbCheck& check) {
  const auto or_any = [](const std::string& text) { return text.empty() ? "*" : text; };
  return describe(UsbDevice{or_any(check.vendor), or_any(check.product), check.serial});
}

}  // namespace

std::vector<std::string> usb_arguments(const UsbCheck& check) {
  return {"usb", check.vendor, check.product, check.serial, check.sysfs};
}

std::optional<UsbCheck> parse_usb_arguments(CheckArguments arguments) {
  if (arguments.size() != 4) return std::nullopt;
  return UsbCheck{arguments[0], arguments[1], arguments[2], arguments[3]};
}

CheckVerdict run_usb_check(const UsbCheck& check) {
  const std::string root = check.sysfs.empty() ? kSysfsDefault : check.sysfs;
  std::error_code error;
  std::vector<std::string> seen;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    const UsbDevice device{read_attribute(entry->path(), "idVendor"),
                           read_attribute(entry->path(), "idProduct"),
                           read_attribute(entry->path(), "serial")};
    if (device.vendor.empty()) continue;  // an interface of a device
    if (matches(check, device)) {
      return {true, "usb device " + describe(device) + " at " + entry->path().filename().string()};
    }
    seen.push_back(describe(device));
  }
  if (error) return {false, root + ": " + error.message()};
  std::sort(seen.begin(), seen.end());
  std::string list;
  for (size_t i = 0; i < std::min(seen.size(), kShownMax); ++i) {
    list += (i == 0 ? "; there is " : ", ") + seen[i];
  }
  if (seen.size() > kShownMax) list += " and " + std::to_string(seen.size() - kShownMax) + " more";
  return {false, "no usb device " + describe(check) + " on the bus" + list};
}

}  // namespace muster
