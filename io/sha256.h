// SHA-256 over bytes as they come: digests of what the archive holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  uint64_t bytes() const { return bytes_; }  // taken so far

  // The digest of what was taken so far, in 64 lower-case hexadecimal digits. More may follow.
  std::string hex() const;

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
  uint64_t bytes_ = 0;
};

std::string sha256_hex(std::string_view bytes);

// Of the first `bytes` bytes of `fd`. Errors: it cannot be read, or is shorter.
Result<std::string> sha256_of_file(int fd, uint64_t bytes);

// True when `text` could be what hex() gives.
bool is_sha256(std::string_view text);

}  // namespace muster
