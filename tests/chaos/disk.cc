#include "tests/chaos/disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "io/file.h"
#include "tests/support/child.h"

namespace muster {
namespace {

constexpr unsigned long kMountFlags = MS_NOSUID | MS_NODEV;

bool write_proc(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd.valid() && ::write(fd.get(), text.data(), text.size()) == ssize_t(text.size());
}

// Whoever is not root is who they are in there as well, and may mount.
bool enter_user_namespace() {
  const std::string uid = std::to_string(::getuid());
  const std::string gid = std::to_string(::getgid());
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
         write_proc("/proc/self/setgroups", "deny") &&
         write_proc("/proc/self/uid_map", uid + " " + uid + " 1") &&
         write_proc("/proc/self/gid_map", gid + " " + gid + " 1");
}

bool mount_tmpfs(const std::string& dir, uint64_t bytes) {
  const std::string options = "mode=0700,size=" + std::to_string(bytes);
  return ::mount("muster-chaos", dir.c_str(), "tmpfs", kMountFlags, options.c_str()) == 0;
}

}  // namespace

DiskMeans choose_disk_means() {
  const bool entered = ::geteuid() == 0 ? ::unshare(CLONE_NEWNS) == 0 : enter_user_namespace();
  if (!entered || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return DiskMeans::preload;
  }
  const ScratchDir probe;
  if (!mount_tmpfs(probe.path(), 1 << 20)) return DiskMeans::preload;
  ::umount(probe.path().c_str());
  return DiskMeans::mounts;
}

const char* describe(DiskMeans means) {
  return means == DiskMeans::mounts ? "a tmpfs each, in mounts of their own"
                                    : "a preloaded library (this process may not mount)";
}

Disk::Disk(DiskMeans means, std::string dir, uint64_t bytes, std::string flag)
    : means_(means), dir_(std::move(dir)), flag_(std::move(flag)), filler_(dir_ + "/.filler") {
  std::filesystem::create_directories(dir_);
  if (means_ == DiskMeans::mounts && !mount_tmpfs(dir_, bytes)) {
    std::perror(dir_.c_str());
    std::abort();
  }
}

Disk::~Disk() {
  if (means_ == DiskMeans::mounts) ::umount2(dir_.c_str(), MNT_DETACH);
}

void Disk::set_flag(const char* state) const { std::ofstream(flag_, std::ios::trunc) << state; }

void Disk::fill() {
  if (means_ == DiskMeans::preload) return set_flag("full");
  const UniqueFd fd(::open(filler_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  off_t size = ::lseek(fd.get(), 0, SEEK_END);
  for (off_t step = 8 << 20; step >= 4096; step /= 8) {
    while (::fallocate(fd.get(), 0, size, step) == 0) size += step;
  }
}

bool Disk::make_read_only() {
  read_only_ = true;
  if (means_ == DiskMeans::preload) {
    set_flag("readonly");
    return true;
  }
  return ::mount(nullptr, dir_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | kMountFlags, nullptr) ==
         0;
}

void Disk::heal() {
  if (means_ == DiskMeans::preload) {
    std::filesystem::remove(flag_);
  } else if (read_only_) {
    ::mount(nullptr, dir_.c_str(), nullptr, MS_REMOUNT | kMountFlags, nullptr);
  }
  read_only_ = false;
  std::filesystem::remove(filler_);
}

}  // namespace muster
