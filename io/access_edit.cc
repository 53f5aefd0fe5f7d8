#include "io/access_edit.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "io/file.h"
#include "io/key_gate.h"

namespace muster {
namespace {

constexpr char kHead[] =
    "# Keys that may connect: NAME ROLE KEY [lab=L,...] [pool=P,...]. See: muster key --help\n";

// The file, held against others who would change it too.
struct Held {
  PidFile lock;
  std::string text;
  AccessList list;
};

Result<Held> hold(const std::string& path) {
  if (Result<Done> made = make_dirs(path.substr(0, path.rfind('/'))); !made) {
    return Error{made.error()};
  }
  Result<PidFile> lock = PidFile::acquire(path + ".lock", "a command that changes " + path);
  if (!lock) return Error{lock.error()};
  Result<AccessList> list = load_access_list(path);
  if (!list) return Error{list.error()};
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
    return Held{std::move(*lock), kHead, std::move(*list)};
  }
  Result<std::string> text = read_file(path, kAccessFileBytesMax);
  if (!text) return Error{text.error()};
  return Held{std::move(*lock), std::move(*text), std::move(*list)};
}

}  // namespace

Result<Done> allow_key(const std::string& path, const std::string& key, const Grant& grant) {
  const Result<Held> held = hold(path);
  if (!held) return Error{held.error()};
  if (const Grant* known = held->list.find(key); known != nullptr && known->name != grant.name) {
    return Error{"this key is allowed already, as " + known->name + ": muster key revoke " +
                 known->name + " first"};
  }
  const std::string* other = held->list.key_named(grant.name);
  if (other != nullptr && *other != key) {
    return Error{"another key is allowed as " + grant.name +
                 ": take another name, or muster key revoke " + grant.name + " first"};
  }
  const std::string text = without_key(held->text, grant.name) + access_line(key, grant);
  if (const AccessFile after = parse_access_file(text); !after.problems.empty()) {
    return Error{path + " would be wrong: " + after.problems.front()};
  }
  return write_file_atomically(path, text);
}

Result<bool> revoke_key(const std::string& path, const std::string& name) {
  const Result<Held> held = hold(path);
  if (!held) return Error{held.error()};
  if (held->list.key_named(name) == nullptr) return false;
  const Result<Done> written = write_file_atomically(path, without_key(held->text, name));
  if (!written) return Error{written.error()};
  return true;
}

}  // namespace muster
