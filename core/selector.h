// Selectors: which profiles (or anything with keys and values) are meant.
//
//   selector = term { "," term }          all terms must hold
//   term     = key                        the key is present
//            | "!" key                    the key is absent
//            | key "=" value | key "==" value
//            | key "!=" value             the key is absent or has another value
//            | key "in" "(" value { "," value } ")"
//            | key "notin" "(" value { "," value } ")"
//   key, value = letters, digits, and . _ - / : @ +   (values may also be empty after = and !=)
// The grammar is kubectl's. An empty selector matches everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/device.h"
#include "core/result.h"

namespace muster {

class Selector {
 public:
  // The reason names the position: `selector "k in (a": expected ")" at position 8`. Terms that no
  // profile can meet together ("k=a,k=b") are an error as well.
  static Result<Selector> parse(std::string_view text);

  bool matches(const Profile& profile) const;
  bool empty() const { return terms_.empty(); }

  // Equal selectors have equal text: terms and values sorted, spaces normal.
  std::string canonical() const;

 private:
  enum class Op { present, absent, in, not_in };
  struct Term {
    std::string key;
    Op op = Op::present;
    std::vector<std::string> values;  // sorted, unique
    bool operator==(const Term&) const = default;
    bool operator<(const Term& other) const {
      return std::tie(key, op, values) < std::tie(other.key, other.op, other.values);
    }
  };
  // Whether a profile whose key has `value` meets the term.
  static bool allows(const Term& term, const std::string& value);
  // A key whose terms contradict each other, or empty.
  std::string impossible_key() const;

  std::vector<Term> terms_;  // sorted, unique
};

// Why `key` cannot be a key of a profile, as a sentence, or nothing: selectors could not name it,
// or give it another meaning.
std::optional<std::string> invalid_profile_key(std::string_view key);

// The profile a device is matched by: its own keys plus `name`, and `pool` is not one of them.
Profile match_profile(const DeviceSpec& device);

}  // namespace muster
