// An uploader, an attempt's folder and an archive in a directory, in the hands of a test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "core/guid.h"
#include "io/archive_store.h"
#include "io/clock.h"
#include "tests/io/scratch.h"
#include "tests/support/house.h"
#include "workers/uploader.h"

namespace muster {

inline constexpr char kGuid[] = "https://lab.example/job/1234";
inline const AttemptToken kToken{kGuid, 1};

inline std::string lines(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

class UploaderTest : public ScratchFiles {
 protected:
  UploaderTest() : store_(path("archive"), 0) {}

  UploaderConfig config(const std::string& archive, const std::string& token = "") const {
    UploaderConfig config;
    config.archive = archive;
    config.token = token;
    config.state_dir = path("uploads");
    return config;
  }
  static std::unique_ptr<Uploader> start(const UploaderConfig& config) {
    auto uploader = Uploader::start(config);
    if (uploader.ok()) return std::move(*uploader);
    ADD_FAILURE() << uploader.error();
    std::abort();
  }
  std::string directory() const { return "file://" + path("archive"); }

  std::string attempt_dir(const AttemptToken& token = kToken) const {
    return path("attempts/" + percent_encode(token.guid) + "/" + std::to_string(token.attempt));
  }
  void append(const std::string& name, const std::string& text,
              const AttemptToken& token = kToken) const {
    const std::filesystem::path file = attempt_dir(token) + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::app) << text;
  }

  std::string archived(const std::string& name, const AttemptToken& token = kToken) const {
    return read_text(path("archive/" + percent_encode(token.guid) + "/" +
                          std::to_string(token.attempt) + "/" + name));
  }
  bool complete(const std::string& name, const AttemptToken& token = kToken) const {
    return store_.look({token.guid, token.attempt, name}).complete;
  }
  bool nothing_left() const {
    return !std::filesystem::exists(attempt_dir()) && std::filesystem::is_empty(path("uploads"));
  }

  SystemClock clock_;
  ArchiveStore store_;
};

}  // namespace muster
