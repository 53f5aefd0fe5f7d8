#include "io/key_gate.h"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <utility>

#include "io/clock.h"
#include "io/file.h"

namespace muster {
namespace {

// Names of revoked keys that are remembered, for the words to whoever still shows one.
constexpr size_t kFormerNamesMax = 1'000;

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

}  // namespace

Result<AccessList> load_access_list(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) return AccessList();
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{
        path + " says who may connect, and others than its owner may write it: chmod 600 " + path};
  }
  const Result<std::string> text = read_file(path, kAccessFileBytesMax);
  if (!text) return Error{text.error()};
  AccessFile file = parse_access_file(*text);
  if (file.problems.empty()) return std::move(file.list);
  std::string reason = path + ": ";
  for (const std::string& problem : file.problems) {
    if (&problem != &file.problems.front()) reason += "; ";
    reason += problem;
  }
  return Error{reason};
}

Result<Done> KeyGate::load() {
  const std::lock_guard lock(mutex_);
  has_changed();
  Result<AccessList> loaded = load_access_list(path_);
  if (!loaded) return Error{loaded.error()};
  list_ = std::make_shared<const AccessList>(std::move(*loaded));
  return Done{};
}

bool KeyGate::has_changed() {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) now = {};
  if (same_file(now, seen_)) return false;
  seen_ = now;
  return true;
}

void KeyGate::look() {
  if (!has_changed()) return;
  Result<AccessList> loaded = load_access_list(path_);
  if (!loaded) {
    fault_ = loaded.error();
    spdlog::error("the keys that may connect stay what they were: {}", fault_);
    return;
  }
  fault_.clear();
  take(std::move(*loaded));
}

void KeyGate::take(AccessList list) {
  for (const auto& [key, grant] : list_->by_key()) {
    const Grant* now = list.find(key);
    if (now == nullptr && former_.size() < kFormerNamesMax) former_[key] = grant.name;
    if (lets_in(&grant) && !lets_in(now)) ++revoked_;
  }
  list_ = std::make_shared<const AccessList>(std::move(list));
  spdlog::info("{} keys may connect now", list_->by_key().size());
}

bool KeyGate::lets_in(const Grant* grant) const {
  return grant != nullptr && (roles_ & role_bit(grant->role)) != 0;
}

uint64_t KeyGate::revoked() {
  const std::lock_guard lock(mutex_);
  look();
  return revoked_;
}

AccessListPtr KeyGate::list() {
  const std::lock_guard lock(mutex_);
  look();
  return list_;
}

std::string KeyGate::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

bool KeyGate::admits(const std::string& public_key, const std::string& address) {
  const std::lock_guard lock(mutex_);
  look();
  const Grant* grant = list_->find(public_key);
  if (lets_in(grant)) return true;
  AccessRefused refused{public_key, "", address, "connect", "nobody has allowed this key"};
  if (const auto former = former_.find(public_key); former != former_.end()) {
    refused.name = former->second;
    refused.reason = "the key was revoked";
  }
  if (grant != nullptr) {
    refused.name = grant->name;
    refused.reason = "a " + std::string(to_string(grant->role)) + " has nothing to ask here";
  }
  refused_.note(std::move(refused));
  if (!tell_) return false;
  for (const AccessRefused& told : refused_.drain(SystemClock().now())) tell_(told);
  return false;
}

std::string KeyGate::former_name(std::string_view public_key) const {
  const std::lock_guard lock(mutex_);
  const auto found = former_.find(public_key);
  return found == former_.end() ? "" : found->second;
}

void KeyGate::note(AccessRefused refused) {
  const std::lock_guard lock(mutex_);
  refused_.note(std::move(refused));
}

std::vector<AccessRefused> KeyGate::drain(Instant now) {
  const std::lock_guard lock(mutex_);
  return refused_.drain(now);
}

}  // namespace muster
