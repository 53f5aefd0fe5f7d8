// One attempt's folder on its way into the archive.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/time.h"
#include "io/upload_note.h"
#include "workers/file_upload.h"

namespace muster {

// What of an attempt could not be archived is said in a file of this name beside the rest, a line
// "NAME: why" for each.
inline constexpr char kNotArchivedName[] = "muster-not-archived.txt";

// Whose turn comes first.
enum class UploadRank : uint8_t {
  fresh_log,    // what is new in a log: somebody may be waiting for it
  closing_log,  // the archive has the log as it was, and is to know that it is complete
  artifact,
};
inline constexpr size_t kUploadRanks = 3;

// What became of an attempt's folder that is not needed any more.
struct FolderRemoval {
  std::optional<Instant> again;  // when to try again; nothing: it is gone
  std::string problem;           // that it should have worked, and why it did not; or empty
};
// Removes the folder, as far as it may go. It may take long.
FolderRemoval remove_attempt_folder(const std::string& dir, Instant now);

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

  // The next file of that rank for which something may be done, artifacts in turn; null: there is
  // none now. It has no other turn until settle().
  FileUpload* next(UploadRank rank, Instant now);
  // The file has had its turn, or its answer.
  void settle(const FileUpload& file, FileUpload::Step step);
  // The log was written to.
  void note_growth();
  // When next() may have a file that it has not now.
  std::optional<Instant> next_turn() const;

  // Something is not archived, or not all of it.
  void note_refusal(const std::string& name, const std::string& why);
  // Once all the rest is carried, what was refused is to be as well. True when that is now.
  bool tell_refusals();

  // Finished, looked through since then, and nothing is left to carry.
  bool delivered() const { return is_carried() && refusals_.empty(); }
  // To be noted. True when that is news.
  bool note_delivered();

 private:
  bool is_carried() const { return note_.finished && scanned_finished_ && files_.empty(); }
  void add(const std::string& name, const std::string& path, uint64_t bytes_max);
  // Why not all artifacts are carried, or empty.
  std::string scan_artifacts();

  UploadNote note_;
  uint64_t log_bytes_max_;
  std::map<std::string, FileUpload> files_;  // by name in the archive
  std::set<std::string> over_;               // names that need no more
  // Each that is not idle and waits for no answer is in one of these; a name in them may be of a
  // file that is over.
  std::set<std::string> ready_;
  std::set<std::pair<Instant, std::string>> later_;
  std::string last_turn_;  // of an artifact
  std::string refusals_;   // the text of kNotArchivedName, as long as it is not told
  Instant next_scan_;
  bool scanned_finished_ = false;
  bool has_complained_ = false;
};

}  // namespace muster
