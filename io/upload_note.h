// What a worker has still to carry to its archive, as its disk says it: HOME/worker/NAME/uploads/,
// one small file for each attempt.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

struct UploadNote {
  AttemptToken token;
  std::string dir;           // the attempt's folder, absolute
  bool finished = false;     // nobody writes there any more
  bool delivered = false;    // the archive has all of it; what is left is kept for people
  Instant written = kNever;  // as reading tells
};

// STATE_DIR/GUID.ATTEMPT.json
std::string upload_note_file(const std::string& state_dir, const AttemptToken& token);
// Whole or not at all, but no later than the system likes: what a power cut takes of them is found
// anew in the attempts' folders.
Result<Done> write_upload_note(const std::string& state_dir, const UploadNote& note);
// For whoever is to be the only one that writes there: removes what a crash has left half written.
void remove_unfinished_notes(const std::string& state_dir);
// Those that can be read; the others are named in `problems`.
std::vector<UploadNote> read_upload_notes(const std::string& state_dir,
                                          std::vector<std::string>& problems);

}  // namespace muster
