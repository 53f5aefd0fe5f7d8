#include "workers/checks/disk.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "core/duration_text.h"
#include "io/file.h"

namespace muster {
namespace {

// So much of something is free of what ordinary users may have in all (as df counts).
struct Room {
  uint64_t free = 0;
  uint64_t total = 0;

  // Rounded down. A file system without the thing at all (btrfs has no inode table) is not short
  // of it.
  uint64_t percent() const {
    return total == 0 ? 100
                      : static_cast<uint64_t>(100.0 * static_cast<double>(free) /
                                              static_cast<double>(total));
  }
};

Room make_room(uint64_t total, uint64_t free_for_root, uint64_t free, uint64_t unit) {
  return {free * unit, (total - free_for_root + free) * unit};
}

// "/: 512MiB free, needs 1GiB" when there is too little, or nothing.
std::optional<std::string> find_shortage(const std::string& path, const Room& room,
                                         uint64_t free_min, uint32_t percent_min,
                                         std::string_view noun, std::string (*format)(uint64_t)) {
  const std::string free = path + ": " + format(room.free) + std::string(noun) + " free";
  if (room.total > 0 && room.free < free_min) return free + ", needs " + format(free_min);
  if (room.percent() >= percent_min) return std::nullopt;
  return free + " (" + std::to_string(room.percent()) + "%), needs " + std::to_string(percent_min) +
         "%";
}

std::string format_number(uint64_t number) { return std::to_string(number); }

}  // namespace

std::vector<std::string> disk_arguments(const DiskCheck& check) {
  return {"disk",
          check.path,
          std::to_string(check.free_bytes_min),
          std::to_string(check.free_percent_min),
          std::to_string(check.free_inodes_min),
          std::to_string(check.free_inodes_percent_min)};
}

std::optional<DiskCheck> parse_disk_arguments(CheckArguments arguments) {
  if (arguments.size() != 5) return std::nullopt;
  const std::optional<uint64_t> bytes = parse_argument(arguments[1]);
  const std::optional<uint64_t> percent = parse_argument(arguments[2]);
  const std::optional<uint64_t> inodes = parse_argument(arguments[3]);
  const std::optional<uint64_t> inodes_percent = parse_argument(arguments[4]);
  if (!bytes || !percent || !inodes || !inodes_percent) return std::nullopt;
  if (*percent > 100 || *inodes_percent > 100) return std::nullopt;
  return DiskCheck{arguments[0], *bytes, static_cast<uint32_t>(*percent), *inodes,
                   static_cast<uint32_t>(*inodes_percent)};
}

CheckVerdict run_disk_check(const DiskCheck& check) {
  struct statvfs info {};
  if (::statvfs(check.path.c_str(), &info) != 0) {
    return {false, check.path + ": " + errno_text(errno)};
  }
  const Room space = make_room(info.f_blocks, info.f_bfree, info.f_bavail, info.f_frsize);
  const Room inodes = make_room(info.f_files, info.f_ffree, info.f_favail, 1);
  if (std::optional<std::string> shortage = find_shortage(
          check.path, space, check.free_bytes_min, check.free_percent_min, "", &format_size)) {
    return {false, *shortage};
  }
  if (std::optional<std::string> shortage =
          find_shortage(check.path, inodes, check.free_inodes_min, check.free_inodes_percent_min,
                        " inodes", &format_number)) {
    return {false, *shortage};
  }
  return {true, check.path + ": " + format_size(space.free) + " and " +
                    std::to_string(inodes.free) + " inodes free"};
}

}  // namespace muster
