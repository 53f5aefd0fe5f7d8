#include "io/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/guid.h"

namespace muster {

void fill_random(void* data, size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t drawn = ::getrandom(at, size, 0);
    if (drawn < 0 && errno == EINTR) continue;
    if (drawn <= 0) {
      // Going on without randomness would give two tasks one name.
      std::perror("muster: getrandom");
      std::abort();
    }
    at += drawn;
    size -= static_cast<size_t>(drawn);
  }
}

std::string new_uuid_v7(Clock& clock) {
  std::array<uint8_t, 10> random;
  fill_random(random.data(), random.size());
  return make_uuid_v7(clock.now(), random);
}

}  // namespace muster
