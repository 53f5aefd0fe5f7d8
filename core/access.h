// Who may say what. A key (CURVE) that may connect has a Grant; the table in access.cc says which
// roles each message takes, and a grant may be narrowed to labs and pools.
//
// The file of grants, HOME/keys/allowed, has one key a line, as `muster key allow` writes it:
//   NAME ROLE KEY [lab=L,L...] [pool=P,P...]
// NAME is the key's and, of a worker, the only worker name that it may speak under. KEY is public:
// 64 hexadecimal digits. Lines that begin with # and empty lines say nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/lookup_map.h"
#include "core/messages.h"

namespace muster {

// Longer names of keys would crowd out the names that they sign.
inline constexpr size_t kKeyNameLengthMax = 64;
inline constexpr size_t kPublicKeyDigits = 64;
// Every connected peer may have a key of its own.
inline constexpr size_t kAllowedKeysMax = 20'000;
inline constexpr size_t kAllowedLabsMax = 64;  // and pools, of one key
inline constexpr size_t kAccessFileBytesMax = 8 << 20;

struct Grant {
  std::string name;
  Role role = Role::submitter;
  std::vector<std::string> labs;  // that a worker may belong to; empty: any
  // That a worker may serve, and whose tasks a submitter may submit, cancel and retry; empty: any.
  std::vector<std::string> pools;
  bool operator==(const Grant&) const = default;
};

// Why `text` is no public key, or nothing.
std::optional<std::string> invalid_public_key(std::string_view text);
std::optional<std::string> invalid_key_name(std::string_view name);
// Why no key may be granted this, or nothing.
std::optional<std::string> invalid_grant(const Grant& grant);
std::optional<Role> parse_role(std::string_view text);

class AccessList {
 public:
  using ByKey = std::map<std::string, Grant, std::less<>>;

  AccessList() = default;
  // Large, and never needed twice: it is moved, or shared.
  AccessList(const AccessList&) = delete;
  AccessList(AccessList&&) = default;
  AccessList& operator=(const AccessList&) = delete;
  AccessList& operator=(AccessList&&) = default;

  // Why not: the key or the name is there already. Nothing: it is there now.
  std::optional<std::string> add(const std::string& key, Grant grant);
  const Grant* find(std::string_view key) const;
  // The key of this name, or null.
  const std::string* key_named(std::string_view name) const;
  const ByKey& by_key() const { return by_key_; }
  bool operator==(const AccessList& other) const { return by_key_ == other.by_key_; }

 private:
  // Each message of a peer with a key asks: what is asked is hashed, and points into by_key_.
  using Found = LookupMap<std::string_view, const ByKey::value_type*>;

  ByKey by_key_;
  Found key_index_;
  Found name_index_;
};

struct AccessFile {
  AccessList list;
  std::vector<std::string> problems;  // "line 3: ...", for people; at most kErrorsPerFileMax
};
AccessFile parse_access_file(std::string_view text);
// A line of the file, with its end.
std::string access_line(const std::string& key, const Grant& grant);
// The file's text without the key of this name; comments and the rest stay as they are.
std::string without_key(std::string_view text, std::string_view name);

// A set of roles, as bits.
using RoleSet = uint8_t;
constexpr RoleSet role_bit(Role role) {
  return static_cast<RoleSet>(1u << static_cast<unsigned>(role));
}

inline constexpr RoleSet kEveryRole = role_bit(Role::submitter) | role_bit(Role::worker) |
                                      role_bit(Role::collector) | role_bit(Role::admin);

// Who may read the feed of a collector: whoever may read events.
inline constexpr RoleSet kFeedReaders =
    role_bit(Role::submitter) | role_bit(Role::collector) | role_bit(Role::admin);

// One row of the table.
struct Right {
  std::string_view what;  // the message wants, for people: "apply an inventory"
  RoleSet roles = 0;      // that may; 0: nobody, it is the broker's to say
};
Right right_to(const Message& message);

// The pool of the task of this GUID, or nothing when there is no such task.
using PoolOfTask = std::function<std::optional<std::string>(std::string_view guid)>;

// Why who has this grant may not say `message`, and what to do about it; or nothing.
std::optional<std::string> barred(const Grant& grant, const Message& message,
                                  const PoolOfTask& pool_of);

// Says in the message whose key it came with, where it says who wants it: nobody passes for others.
void sign(const Grant& grant, Message& message);

}  // namespace muster
