#include "cli/up_keys.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/access.h"
#include "io/access_edit.h"
#include "io/curve.h"
#include "io/socket.h"

namespace muster {
namespace {

struct Wanted {
  std::string file;
  std::optional<Role> role;  // nothing: nobody lets it in, it lets in others
};

// DIR/NAME.key.
std::pair<std::string, std::string> dir_and_name(const std::string& file) {
  const size_t slash = file.rfind('/');
  std::string name = file.substr(slash + 1);
  if (name.ends_with(".key")) name.resize(name.size() - std::string_view(".key").size());
  return {file.substr(0, slash), name};
}

Result<std::string> make_key(const Wanted& wanted, const std::string& allowed) {
  const auto [dir, name] = dir_and_name(wanted.file);
  if (const auto reason = invalid_key_name(name)) return Error{wanted.file + ": " + *reason};
  const KeyPair pair = make_key_pair(name);
  if (const Result<Done> saved = save_key_pair(dir, pair); !saved) return Error{saved.error()};
  if (!wanted.role) return name;
  const Result<Done> done = allow_key(allowed, pair.public_key, Grant{name, *wanted.role, {}, {}});
  if (!done) return Error{done.error()};
  return name;
}

}  // namespace

Result<std::vector<std::string>> make_own_keys(const Config& config, const Home& home,
                                               const std::vector<std::string>& listens,
                                               const std::string& worker) {
  std::vector<std::string> made;
  if (config.insecure || std::none_of(listens.begin(), listens.end(), is_tcp)) return made;
  const KeysConfig& keys = config.keys;
  const std::string of_worker = keys.worker.empty() ? key_file(home, worker) : keys.worker;
  for (const Wanted& wanted :
       {Wanted{keys.broker, std::nullopt}, Wanted{keys.collector, Role::collector},
        Wanted{of_worker, Role::worker}, Wanted{keys.user, Role::admin}}) {
    if (::access(wanted.file.c_str(), F_OK) == 0) continue;
    Result<std::string> name = make_key(wanted, keys.allowed);
    if (!name) return Error{name.error()};
    made.push_back(std::move(*name));
  }
  return made;
}

}  // namespace muster
