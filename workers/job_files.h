// Files of a job on their way into reports and artifacts, a piece at a time: a large file must not
// hold up the loop that also keeps the job's timeouts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "io/file.h"
#include "io/report_reader.h"

namespace muster {

// A regular file at `path` inside one of `roots`, whatever links lie on the way: relative paths
// begin in the first, absolute ones in any. The reason says the path.
Result<UniqueFd> open_job_file(const std::vector<std::string>& roots, const std::string& path);

// Work that is done in pieces.
class FileChore {
 public:
  virtual ~FileChore() = default;
  // Does a piece. True when all is done or has failed.
  virtual bool work() = 0;
  // When done: empty, or why it failed.
  const std::string& reason() const { return reason_; }

 protected:
  bool fail(std::string reason) {
    reason_ = std::move(reason);
    return true;
  }

 private:
  std::string reason_;
};

// Gives what `fd` holds to `reader`. Reasons begin with `name`.
class ReadChore final : public FileChore {
 public:
  ReadChore(UniqueFd fd, std::string name, std::unique_ptr<ReportReader> reader)
      : fd_(std::move(fd)), name_(std::move(name)), reader_(std::move(reader)) {}
  bool work() override;

 private:
  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<ReportReader> reader_;
  std::string buffer_;
};

// Why the archive takes no artifact `name` (invalid_artifact_name in io/archive_name.h, of what it
// is archived_as), as a sentence, or nothing.
std::optional<std::string> invalid_artifact(const std::string& name);

// Copies `fd` to `name` in the directory `artifacts`, which is there at once and whole, or not at
// all; it takes the place of one of the same name.
class CopyChore final : public FileChore {
 public:
  // At most `bytes_max` bytes.
  CopyChore(UniqueFd fd, std::string artifacts, std::string name, uint64_t bytes_max);
  ~CopyChore() override;
  bool work() override;

  // When done without a reason, and without a url.
  Artifact artifact() const;

 private:
  bool begin();
  bool end();

  UniqueFd from_;
  const std::string artifacts_;
  const std::string name_;
  const uint64_t bytes_max_;
  UniqueFd to_;
  std::string part_;  // path of the unfinished copy, beside `artifacts`; empty: none
  std::string buffer_;
  struct Digest;
  std::unique_ptr<Digest> digest_;
};

}  // namespace muster
