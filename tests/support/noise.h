// Bytes that nothing packs smaller; the same each time.
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace muster {

inline std::string noise(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace muster
