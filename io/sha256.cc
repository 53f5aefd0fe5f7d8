#include "io/sha256.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <vector>

#include "io/file.h"

namespace muster {
namespace {

constexpr size_t kReadBytes = 256 << 10;

EVP_MD_CTX* of(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

void Sha256::Free::operator()(void* context) const { ::EVP_MD_CTX_free(of(context)); }

Sha256::Sha256() : context_(::EVP_MD_CTX_new()) {
  const int done = ::EVP_DigestInit_ex(of(context_.get()), ::EVP_sha256(), nullptr);
  assert(done == 1);
  (void)done;
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  ::EVP_DigestUpdate(of(context_.get()), bytes.data(), bytes.size());
  bytes_ += bytes.size();
}

std::string Sha256::hex() const {
  const std::unique_ptr<void, Free> copy(::EVP_MD_CTX_new());
  ::EVP_MD_CTX_copy_ex(of(copy.get()), of(context_.get()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ::EVP_DigestFinal_ex(of(copy.get()), digest.data(), &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Result<std::string> sha256_of_file(int fd, uint64_t bytes) {
  Sha256 digest;
  std::vector<char> chunk(kReadBytes);
  while (digest.bytes() < bytes) {
    const size_t want = std::min<uint64_t>(chunk.size(), bytes - digest.bytes());
    const ssize_t size = ::pread(fd, chunk.data(), want, static_cast<off_t>(digest.bytes()));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error{"cannot read it: " + errno_text(errno)};
    if (size == 0) return Error{"it has only " + std::to_string(digest.bytes()) + " bytes"};
    digest.update({chunk.data(), static_cast<size_t>(size)});
  }
  return digest.hex();
}

bool is_sha256(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace muster
