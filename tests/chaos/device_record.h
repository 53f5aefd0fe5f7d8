// What a device of the lab has kept of who had it: lines "WORD GUID ATTEMPT TIME". Who takes it
// says begin, who lets it go says end, and who finds it taken says overlap. Who was killed has no
// end.
#pragma once

#include <cstddef>
#include <string>

namespace muster {

struct DeviceRecord {
  size_t uses = 0;
  std::string problems;  // a line for each sign that two had it at once
};
DeviceRecord read_device_record(const std::string& text);

}  // namespace muster
