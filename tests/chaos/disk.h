// Disks that fill up and that cannot be written to, one for each directory that a test gives one.
#pragma once

#include <cstdint>
#include <string>

namespace muster {

// How a disk is made, which depends on what the machine lets this process do.
enum class DiskMeans : uint8_t {
  mounts,   // a tmpfs for each, in mounts that only this process and its children see
  preload,  // a library in the daemon that says ENOSPC and EROFS (tests/support/full_disk)
};

// To be called before there are threads: enters mounts of its own where it may, as root or in a
// user namespace; where it may not the library it is.
DiskMeans choose_disk_means();
// For people.
const char* describe(DiskMeans means);

class Disk {
 public:
  // The directory `dir` is made. `flag` is the file for the library ($MUSTER_TEST_DISK).
  Disk(DiskMeans means, std::string dir, uint64_t bytes, std::string flag);
  ~Disk();  // whoever uses it has ended
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& dir() const { return dir_; }
  const std::string& flag() const { return flag_; }

  // Takes all the room there is. To be said again for as long as it is to be full: what the daemons
  // free is taken too.
  void fill();
  // False: somebody has a file open there to write, whom the kernel will not have deceived. By the
  // library it is so at once.
  bool make_read_only();
  void heal();

 private:
  void set_flag(const char* state) const;

  DiskMeans means_;
  std::string dir_;
  std::string flag_;
  std::string filler_;
  bool read_only_ = false;
};

}  // namespace muster
