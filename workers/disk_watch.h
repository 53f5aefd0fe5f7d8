// DiskWatch: how much room is left on the disk that a worker's attempts write on, so that none of
// them takes the last of it from everybody else.
#pragma once

#include <cstdint>
#include <string>

namespace muster {

class DiskWatch {
 public:
  // `dir` lies on the disk; `reserve` bytes of it are to stay free. Looks at once.
  DiskWatch(std::string dir, uint64_t reserve);

  // Asks the system. A disk that does not tell counts as one with room.
  void look();

  // The reserve is touched: nothing new may begin. It is over when a little more than the reserve
  // is free, so that the answer does not flicker.
  bool low() const { return low_; }

  // Whether `bytes` more may be written; they count as written then. Asks the system again when
  // much has been written since the last look.
  bool has_room(uint64_t bytes);

  uint64_t free() const { return free_; }
  uint64_t reserve() const { return reserve_; }
  // What must be free for `low` to be over.
  uint64_t wanted() const;

 private:
  std::string dir_;
  uint64_t reserve_;
  uint64_t free_ = 0;
  uint64_t written_ = 0;  // since the last look
  bool low_ = false;
};

}  // namespace muster
