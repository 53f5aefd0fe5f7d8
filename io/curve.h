// CURVE: how processes know each other on tcp:// endpoints. Each has a key pair; who listens knows
// by a gate whose public keys may connect, who dials knows the public key of whom it dials.
//
// A key pair lies in two files, for nobody else to write: NAME.key (0600) and NAME.pub:
//   muster key 1            muster public key 1
//   name: lab-1             name: lab-1
//   public: 64 digits       public: 64 digits
//   secret: 64 digits
// Public keys are texts of 64 hexadecimal digits everywhere but in ZeroMQ.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster {

// 32 bytes that are wiped when they are no longer needed.
class SecretKey {
 public:
  using Bytes = std::array<uint8_t, 32>;
  SecretKey() = default;
  explicit SecretKey(const Bytes& bytes) : bytes_(bytes) {}
  ~SecretKey();
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_{};
};

struct KeyPair {
  std::string name;
  std::string public_key;
  SecretKey secret;
};

KeyPair make_key_pair(std::string name);
std::string public_key_of(const SecretKey& secret);
std::string to_hex(const SecretKey::Bytes& bytes);
SecretKey::Bytes from_hex(std::string_view text);  // that invalid_public_key() accepts

// Errors: others may read it, it is no such file, or its two keys do not belong together. The
// reason quotes nothing of it.
Result<KeyPair> load_key_pair(const std::string& path);
// The key in a NAME.pub.
Result<std::string> load_public_key(const std::string& path);

// DIR/NAME.key and DIR/NAME.pub; makes DIR. A file that is there already is an error.
Result<Done> save_key_pair(const std::string& dir, const KeyPair& pair);

// Who may connect. Called in a thread of its own.
class Gate {
 public:
  virtual ~Gate() = default;
  // False: not whoever has this key. `address` is the peer's host.
  virtual bool admits(const std::string& public_key, const std::string& address) = 0;
  // Grows when somebody who was admitted is not any more.
  virtual uint64_t revoked() = 0;
};

// Of one process, on all its tcp:// endpoints.
struct Curve {
  KeyPair own;
  std::string server_key;      // of whom it dials; empty: it dials nobody by tcp://
  std::shared_ptr<Gate> gate;  // of those who dial it; null: nobody does
};
using CurvePtr = std::shared_ptr<const Curve>;

}  // namespace muster
