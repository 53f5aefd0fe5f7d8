// The dead-letter file of one sink: the events that its place refused for good, until somebody
// tries them again or drops them. HOME/collector/dead/SINK.jsonl, one JSON object a line:
//
//   {"schema":"muster.dead_letter/1","sink":"couchdb","place":"http://box:5984/events",
//    "log":LOG_ID,"seq":N,"buried":TIME,"answer":"what the place said","event":{...},"block":"..."}
//
// `event` is io/event_json.h's form, for people; `block` is the event as io/codec.h encodes it, in
// base64, so that a letter can be tried again without the log.
//
// The file is the truth about what is buried: a letter is durable before the sink's cursor moves
// past its event, and an event that has a letter is not delivered by the ordinary way. So a crash
// between the two neither loses nor doubles it. A line that a crash has torn is cut off by open();
// its event comes again.
//
// What one place refused another may take: a letter of another place than the sink's keeps no event
// from it. (Letters of earlier builds name no place, and are of any.) When that place refuses the
// event too, a second line stands for the first, which goes with the next removal.
//
// In memory there is of each letter where it lies, never the file.
//
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/sink.h"
#include "core/result.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

class DeadLetters {
 public:
  // `file` and its folder need not be there. `sink` is the sink's name, `place` where its events go
  // now; empty: places are not told apart.
  DeadLetters(std::string file, std::string sink, std::string place = {});

  // Reads what is there, once; must be called before the rest, and again after an error: until it
  // went well nothing is known of any letter, and the rest is an error. Errors: the file cannot be
  // read or is damaged.
  Result<Done> open();

  const std::string& file() const { return file_; }
  // Nothing: not known.
  std::optional<uint64_t> count() const;
  bool contains(const std::string& log_id, uint64_t seq) const;
  // The numbers of the letters in ascending order: those of `wanted` or, when that is empty, all.
  // Errors: there is no such letter.
  Result<std::vector<uint64_t>> choose(const std::vector<uint64_t>& wanted) const;

  // Durable on return; what is buried already stays as it is. Errors: the disk, or kDeadLettersMax
  // or kDeadLetterBytesMax would be exceeded; then the event must wait.
  Result<Done> bury(const std::string& log_id, const SequencedEvent& event,
                    const std::string& answer, Instant now);

  // What stands in a letter.
  struct Content {
    std::string log_id;
    SequencedEvent event;
    size_t bytes = 0;  // encoded
  };
  Result<Content> read(uint64_t seq) const;

  // Takes letters away, durably; numbers without a letter are ignored.
  Result<Done> remove(const std::vector<uint64_t>& seqs);

  // The file as it is now, for a reader who takes his time, and its length. No valid descriptor:
  // there is none.
  Result<std::pair<UniqueFd, uint64_t>> snapshot() const;

 private:
  // Where a letter lies, and whose it is.
  struct Letter {
    std::string log_id;
    std::string place;
    uint64_t offset = 0;
    uint64_t size = 0;  // with the line's end
  };
  using Letters = std::map<uint64_t, Letter>;  // by the event's number

  Result<Done> read_all();
  Result<Done> take_line(std::string_view line, size_t number);
  Result<std::string> read_line(const Letter& letter) const;
  Result<uint64_t> copy_letters(Letters& kept, const std::string& to) const;
  void remove_leftovers() const;
  bool is_of_here(const Letter& letter) const;
  Error not_open() const;

  const std::string file_;
  const std::string sink_;
  const std::string place_;
  // Held while the file changes; taken before mutex_, which nobody holds for long.
  std::mutex changing_;
  mutable std::mutex mutex_;
  bool is_open_ = false;
  std::string problem_;  // why it is not
  uint64_t length_ = 0;  // of the file; what is beyond is left of a failure
  Letters letters_;
};

}  // namespace muster
