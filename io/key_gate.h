// The gate of a process that listens by tcp://: whose keys may connect, by the file of grants
// (core/access.h), and whom it has refused. The file is looked at whenever somebody asks, so that
// what `muster key` writes holds at once. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/access.h"
#include "core/refusal_digest.h"
#include "io/curve.h"

namespace muster {

using AccessListPtr = std::shared_ptr<const AccessList>;

// The grants of the file at `path`; a file that is not there grants nothing.
Result<AccessList> load_access_list(const std::string& path);

class KeyGate final : public Gate {
 public:
  // Of those that are allowed only keys with one of these roles may connect.
  KeyGate(std::string path, RoleSet roles) : path_(std::move(path)), roles_(roles) {}

  // For the first time. Errors are those of load_access_list.
  Result<Done> load();

  // The newest grants. While the file cannot be read or has faults those before hold, and fault()
  // says why; when it is removed nobody is allowed any more.
  AccessListPtr list();
  std::string fault() const;

  bool admits(const std::string& public_key, const std::string& address) override;
  uint64_t revoked() override;

  // The name under which the key was known until it was revoked, or "".
  std::string former_name(std::string_view public_key) const;

  // Whom it has refused is told so, as it comes, instead of waiting for drain(). Before anybody
  // connects; called by whoever asks the gate.
  void tell_with(std::function<void(const AccessRefused&)> tell) { tell_ = std::move(tell); }

  // Somebody who has connected was refused.
  void note(AccessRefused refused);
  std::vector<AccessRefused> drain(Instant now);

 private:
  bool has_changed();
  void look();
  void take(AccessList list);
  bool lets_in(const Grant* grant) const;

  const std::string path_;
  const RoleSet roles_;
  mutable std::mutex mutex_;
  AccessListPtr list_ = std::make_shared<const AccessList>();
  std::map<std::string, std::string, std::less<>> former_;
  uint64_t revoked_ = 0;
  std::string fault_;
  struct stat seen_ {};  // of the file; all zero: it was not there
  RefusalDigest refused_;
  std::function<void(const AccessRefused&)> tell_;
};

}  // namespace muster
