// A file that fuzzers write their input to, for readers that want a path.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/fuzz_check.h"
#include "tests/support/scratch.h"

namespace muster {

class FuzzFile {
 public:
  explicit FuzzFile(const std::string& name) : path_(scratch_ / name) {}

  void write(std::string_view bytes) const {
    std::ofstream stream(path_, std::ios::binary | std::ios::trunc);
    stream << bytes;
    require(stream.good());
  }
  const std::string& dir() const { return scratch_.path(); }
  const std::string& path() const { return path_; }

 private:
  Scratch scratch_;
  std::string path_;
};

}  // namespace muster
