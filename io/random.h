// Randomness from the kernel. The core draws none; it is given bytes.
#pragma once

#include <cstddef>
#include <string>

#include "io/clock.h"

namespace muster {

// Fills `size` bytes at `data`.
void fill_random(void* data, size_t size);

// A fresh UUIDv7 (RFC 9562): the name of a task or of a log.
std::string new_uuid_v7(Clock& clock);

}  // namespace muster
