#include "io/home.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "io/file.h"

namespace muster {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The directory as it was asked for: absolute or not. Empty when nothing says where.
std::string choose_home(const std::string& flag) {
  if (!flag.empty()) return flag;
  if (const std::string own = environment("MUSTER_HOME"); !own.empty()) return own;
  // The XDG specification wants relative paths ignored.
  if (const std::string state = environment("XDG_STATE_HOME"); state.starts_with('/')) {
    return state + "/muster";
  }
  if (const std::string user = environment("HOME"); !user.empty()) {
    return user + "/.local/state/muster";
  }
  return "";
}

}  // namespace

Result<Home> resolve_home(const std::string& flag) {
  const std::string chosen = choose_home(flag);
  if (chosen.empty()) {
    return Error{"cannot tell where muster's home is: give --home DIR, or set MUSTER_HOME or HOME"};
  }
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(chosen, error);
  if (error) {
    return Error{"cannot make the home " + chosen + " absolute: " + error.message() +
                 "; give an absolute path with --home"};
  }
  std::string dir = absolute.lexically_normal().string();
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  return Home{dir};
}

Result<Done> make_home(const Home& home) {
  for (const std::string& dir : {home.dir, home.run_dir(), home.logs_dir(), home.broker_dir(),
                                 home.dir + "/worker", home.collector_dir(), home.results_dir()}) {
    const Result<Done> made = make_dirs(dir);
    if (!made) return made;
    if (::access(dir.c_str(), W_OK | X_OK) != 0) {
      return Error{"cannot write in " + dir + ": " + errno_text(errno) +
                   "; give a directory of your own with --home or MUSTER_HOME"};
    }
  }
  return Done{};
}

}  // namespace muster
