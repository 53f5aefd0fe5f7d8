// One file on its way into the archive. It grows while it is carried; once nobody writes it any
// more, its length and digest close it there. What the archive has is asked for, never remembered:
// whoever takes the file up again goes on where the archive's copy ends, and so nothing is lost or
// doubled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/delivery.h"
#include "core/time.h"
#include "io/sha256.h"
#include "workers/upload_target.h"

namespace muster {

// A server that refuses a file may be set right meanwhile. When it has done so for as long as this,
// the file is given up.
inline constexpr Duration kRefusalPatience = std::chrono::hours(1);

class FileUpload {
 public:
  // `path` is the file on this machine, `name` what the archive calls it. What lies past
  // `bytes_max` is not carried.
  FileUpload(ArchiveName name, std::string path, uint64_t bytes_max)
      : name_(std::move(name)), path_(std::move(path)), bytes_max_(bytes_max) {}

  // What it needs now: nothing (it waits for more, for its next try, or for an answer), a request
  // to the target, or another call because there is more to read.
  enum class Step : uint8_t { wait, asked, again };
  // `finished`: nobody writes it any more. `done` gets the answer to what is asked for, perhaps in
  // this call, and hands it to take().
  Step step(UploadTarget& target, bool finished, Instant now, UploadTarget::Done done);

  // Takes the answer. `random`: any 64 bits, for the back-off.
  void take(const ArchiveReply& reply, Instant now, uint64_t random);

  // The file may have changed, or who writes it: step() looks again. True when it would not have.
  bool poke() { return std::exchange(idle_, false); }
  // It was written to.
  void note_growth() { caught_up_ = false; }
  // The archive has, or is being sent, all that there was when it was looked at last.
  bool caught_up() const { return caught_up_; }

  bool asking() const { return asking_; }
  bool over() const { return over_; }
  // When step() is worth a call although nothing has changed.
  std::optional<Instant> next_try() const { return next_try_; }
  // Why it does not get on, or empty.
  const std::string& fault() const { return fault_; }
  // Why it was given up: the archive cannot have it. Empty otherwise.
  const std::string& refusal() const { return refusal_; }
  // The file has grown past its limit.
  bool is_cut() const { return is_cut_; }
  const ArchiveName& name() const { return name_; }

 private:
  enum class Asked : uint8_t { look, append, complete, restart };

  void ask(Asked what);
  Step be_idle();
  Step send_more(UploadTarget& target, uint64_t end, UploadTarget::Done done);
  Step close(UploadTarget& target, uint64_t local, UploadTarget::Done done);
  // Reads on for the digest. True when it has all up to `end`.
  bool hash_up_to(uint64_t end);
  void take_fault(const ArchiveReply& reply, Instant now, uint64_t random);
  void give_up(std::string reason);

  ArchiveName name_;
  std::string path_;
  uint64_t bytes_max_;
  std::optional<uint64_t> remote_;  // bytes that the archive has; nothing: it must be asked
  bool remote_complete_ = false;
  std::string remote_digest_;
  Sha256 digest_;  // of the file's beginning
  Asked asked_ = Asked::look;
  bool asking_ = false;
  bool over_ = false;
  bool is_cut_ = false;
  bool caught_up_ = false;
  bool idle_ = false;      // there was nothing to do
  uint32_t failures_ = 0;  // in a row
  Duration gap_{0};        // of the target
  std::optional<Instant> next_try_;
  std::optional<Instant> refused_since_;  // it has done nothing but refuse since then
  std::string fault_;
  std::string refusal_;
};

}  // namespace muster
