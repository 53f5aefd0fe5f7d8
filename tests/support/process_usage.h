// What a process uses, from /proc.
#pragma once

#include <cstdint>

namespace muster {

uint64_t resident_bytes(int pid);
// The most that it ever was.
uint64_t peak_resident_bytes(int pid);
// Of the processors, by all of its threads, since it began.
double cpu_seconds(int pid);

}  // namespace muster
