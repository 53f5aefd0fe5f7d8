// The archive as the CLI asks it: a directory of this machine, or a collector by HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/log_tail.h"
#include "cli/session.h"
#include "core/result.h"
#include "io/archive_store.h"

namespace muster {

class ArchiveClient {
 public:
  virtual ~ArchiveClient() = default;

  // For people and errors.
  virtual std::string place() const = 0;
  // Nothing when it has nothing of the task.
  virtual Result<std::optional<ArchiveFolder>> list(const std::string& guid) = 0;
  virtual Result<Done> pin(const std::string& guid, bool pinned) = 0;
  // Hands over the file's bytes from `offset` to its present end. `take` says false to stop.
  virtual Result<Done> read(const ArchiveName& name, uint64_t offset,
                            const std::function<bool(std::string_view)>& take) = 0;
  // Where a file is, for others.
  virtual std::string url(const ArchiveName& name) const = 0;
};

// The archive at `base` (io/archive_name.h). Errors: it is none that can be asked.
Result<std::unique_ptr<ArchiveClient>> open_archive(const std::string& base,
                                                    const std::string& token);

// The archive that has what the task has left: the one that its attempts name, or the home's.
// Throws Failure when there is none.
std::unique_ptr<ArchiveClient> archive_of(Session& session, const TaskInfo& task);

// The log of an attempt of the task: where the attempt says, or, when that is no place of this
// machine, in the archive that the home's configuration names.
Result<LogTail> open_log(Session& session, const std::string& guid, const AttemptInfo& attempt,
                         uint64_t offset);

}  // namespace muster
