// Memory of a process, from /proc.
#pragma once

#include <cstdint>

namespace muster {

uint64_t resident_bytes(int pid);
// The most that it ever was.
uint64_t peak_resident_bytes(int pid);

}  // namespace muster
