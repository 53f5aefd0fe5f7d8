// How a call to a database went.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster {

enum class DbFault : uint8_t {
  none,
  disk_full,   // nothing was changed; space may come back
  busy,        // somebody else kept it locked for longer than the busy timeout
  constraint,  // a rule of the schema forbids it: uniqueness, a check, a trigger, a type
  exists,      // the table, column or index that was to be made is there already
  broken,      // anything else: unreadable, unwritable, not a database, a wrong statement
};

// In the reason when what the file holds is no sound database.
inline constexpr std::string_view kDamaged = "the file is damaged";

// The reason names the place and has the database's words.
struct [[nodiscard]] DbStatus {
  DbFault fault = DbFault::none;
  std::string reason;
  bool ok() const { return fault == DbFault::none; }
};

}  // namespace muster
