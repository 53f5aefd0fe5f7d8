// Whether this user may reach what lies in a home, before anything waits for it.
#pragma once

#include <optional>
#include <string>

namespace muster {

// Why this process may not use `path` so (R_OK, W_OK, X_OK of unistd.h), which names what stands in
// the way and whose it is: "permission denied on /srv/muster/run, owned by root". Nothing when it
// may, or when there is no such file.
std::optional<std::string> denied_access(const std::string& path, int mode);

// The same of the socket of an endpoint ipc:///PATH; nothing for any other.
std::optional<std::string> denied_endpoint(const std::string& endpoint);

// What to do about either.
inline constexpr char kDeniedHint[] =
    "ask its owner, or choose another home with --home or MUSTER_HOME";

}  // namespace muster
