// A directory for one test and the files in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace muster {

class ScratchFiles : public ::testing::Test {
 protected:
  ScratchFiles() {
    std::string name = ::testing::TempDir() + "muster-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "cannot make " << name;
    dir_ = name;
  }
  ~ScratchFiles() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  const std::string& dir() const { return dir_; }
  std::string path(const std::string& name) const { return dir_ + "/" + name; }

  // Writes a file, making its folders. The result is its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

  std::string write_script(const std::string& name) const {
    const std::string file = write(name, "#!/bin/sh\nexit 0\n");
    std::filesystem::permissions(file, std::filesystem::perms(0755));
    return file;
  }

  // `text` with this test's directory written as DIR.
  std::string without_dir(std::string text) const {
    for (size_t at; (at = text.find(dir_)) != std::string::npos;)
      text.replace(at, dir_.size(), "DIR");
    return text;
  }

 private:
  std::string dir_;
};

}  // namespace muster
