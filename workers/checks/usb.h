// The usb check: a device with this vendor, product and serial number is on the USB bus, by sysfs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

std::vector<std::string> usb_arguments(const UsbCheck& check);
std::optional<UsbCheck> parse_usb_arguments(CheckArguments arguments);

CheckVerdict run_usb_check(const UsbCheck& check);

}  // namespace muster
