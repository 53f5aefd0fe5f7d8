// One attempt's folder on its way into the archive, and the note on disk that says so.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/task.h"
#include "core/time.h"
#include "workers/file_upload.h"

namespace muster {

// What is remembered over a restart.
struct UploadNote {
  AttemptToken token;
  std::string dir;
  bool finished = false;
};

// STATE_DIR/GUID.ATTEMPT.json
std::string upload_note_file(const std::string& state_dir, const AttemptToken& token);
Result<Done> write_upload_note(const std::string& state_dir, const UploadNote& note);
// Those that can be read; the others are named in `problems`.
std::vector<UploadNote> read_upload_notes(const std::string& state_dir,
                                          std::vector<std::string>& problems);

// What of an attempt could not be archived is said in a file of this name beside the rest, a line
// "NAME: why" for each.
inline constexpr char kNotArchivedName[] = "muster-not-archived.txt";

class UploadFolder {
 public:
  // `first_scan`: unless it is finished before. `log_bytes_max`: no more of the log is carried.
  UploadFolder(UploadNote note, Instant first_scan, uint64_t log_bytes_max)
      : note_(std::move(note)), log_bytes_max_(log_bytes_max), next_scan_(first_scan) {}

  const UploadNote& note() const { return note_; }
  // True when that is news.
  bool finish();

  // Looks for files that were not there before, and at those that were once more. No symbolic link
  // is followed, and kArtifactsMax + kPushedFilesMax artifacts are carried at most. The result says
  // what is not, once; empty: nothing is left out.
  std::string scan(Instant now);
  Instant next_scan() const { return next_scan_; }

  std::map<std::string, FileUpload>& files() { return files_; }
  // Takes out what is over.
  void forget(const std::string& name);

  // Something is not archived, or not all of it.
  void note_refusal(const std::string& name, const std::string& why);
  // Once all the rest is carried, what was refused is to be as well.
  void tell_refusals();

  // Finished, looked through since then, and nothing is left to carry.
  bool delivered() const { return is_carried() && refusals_.empty(); }

  // Removes the folder, as far as it may go. Nothing: it is gone. Otherwise when to try again; a
  // reason is put into `problem` when it should have worked.
  std::optional<Instant> remove(Instant now, std::string& problem) const;

 private:
  bool is_carried() const { return note_.finished && scanned_finished_ && files_.empty(); }
  void add(const std::string& name, const std::string& path, uint64_t bytes_max);
  // Why not all artifacts are carried, or empty.
  std::string scan_artifacts();

  UploadNote note_;
  uint64_t log_bytes_max_;
  std::map<std::string, FileUpload> files_;  // by name in the archive
  std::set<std::string> over_;               // names that need no more
  std::string refusals_;  // the text of kNotArchivedName, as long as it is not told
  Instant next_scan_;
  bool scanned_finished_ = false;
  bool has_complained_ = false;
};

}  // namespace muster
