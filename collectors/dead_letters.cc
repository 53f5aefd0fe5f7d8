#include "collectors/dead_letters.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "collectors/append_file.h"
#include "core/limits.h"
#include "io/base64.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/event_json.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::json;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The events of a letter in our own encoding: one.
std::string encode_letter(const SequencedEvent& at) {
  return encode_block(at.seq, std::vector<Event>{at.event});
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// JsonWriter writes a number that a double does not hold as a text.
std::optional<uint64_t> number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (found->is_number_unsigned()) return found->get<uint64_t>();
  if (!found->is_string()) return std::nullopt;
  const std::string text = found->get<std::string>();
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || text.size() > 19) return std::nullopt;
  return std::stoull(text);
}

}  // namespace

DeadLetters::DeadLetters(std::string file, std::string sink)
    : file_(std::move(file)), sink_(std::move(sink)) {}

Result<Done> DeadLetters::open() {
  const std::lock_guard lock(mutex_);
  if (is_open_) return Done{};
  length_ = 0;
  letters_.clear();
  if (Result<Done> made = make_dirs(parent_of(file_)); !made.ok()) return made;
  if (::access(file_.c_str(), F_OK) != 0 && errno == ENOENT) {
    is_open_ = true;
    return Done{};
  }
  const Result<std::string> text = read_file(file_, 2 * kDeadLetterBytesMax);
  if (!text.ok()) return Error{text.error()};
  size_t number = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = rest.find('\n');
    if (end == rest.npos) break;  // torn by a crash
    if (Result<Done> taken = take_line(rest.substr(0, end), ++number); !taken.ok()) return taken;
    rest.remove_prefix(end + 1);
  }
  is_open_ = true;
  return Done{};
}

Result<Done> DeadLetters::take_line(std::string_view line, size_t number) {
  const Json json = Json::parse(line, nullptr, false);
  const std::optional<uint64_t> seq = json.is_object() ? number_of(json, "seq") : std::nullopt;
  if (!seq || text_of(json, "schema") != "muster.dead_letter/1") {
    return Error{file_ + ":" + std::to_string(number) +
                 ": is no dead letter: the file is damaged; look at the line, and take it out by "
                 "hand when nothing of it can be saved"};
  }
  letters_[*seq] = {text_of(json, "log"), length_, line.size() + 1};
  length_ += line.size() + 1;
  return Done{};
}

size_t DeadLetters::count() const {
  const std::lock_guard lock(mutex_);
  return letters_.size();
}

bool DeadLetters::contains(const std::string& log_id, uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  const auto found = letters_.find(seq);
  return found != letters_.end() && found->second.log_id == log_id;
}

Result<std::vector<uint64_t>> DeadLetters::choose(const std::vector<uint64_t>& wanted) const {
  const std::lock_guard lock(mutex_);
  std::map<uint64_t, bool> chosen;
  for (const uint64_t seq : wanted) {
    if (!letters_.contains(seq)) {
      return Error{sink_ + " has no dead letter " + std::to_string(seq) +
                   "; see: muster sink dead ls " + sink_};
    }
    chosen[seq] = true;
  }
  std::vector<uint64_t> seqs;
  for (const auto& [seq, place] : letters_) {
    if (wanted.empty() || chosen.contains(seq)) seqs.push_back(seq);
  }
  return seqs;
}

Result<Done> DeadLetters::bury(const std::string& log_id, const SequencedEvent& at,
                               const std::string& answer, Instant now) {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return Error{file_ + ": the dead letters are not open"};
  if (const auto known = letters_.find(at.seq); known != letters_.end()) {
    if (known->second.log_id == log_id) return Done{};
    return Error{file_ + " holds letters of another log: move it away"};
  }
  JsonWriter head;
  head.begin_object();
  head.text("schema", "muster.dead_letter/1");
  head.text("sink", sink_);
  head.text("log", log_id);
  head.number("seq", at.seq);
  head.text("buried", format_rfc3339(now));
  head.text("answer", answer);
  head.text("block", base64_encode(encode_letter(at)));
  std::string line = head.take();  // the event is JSON already
  line += ",\"event\":" + event_to_json(at.seq, at.event) + "}\n";
  if (letters_.size() >= kDeadLettersMax || length_ + line.size() > kDeadLetterBytesMax) {
    return Error{file_ + " is full, with " + std::to_string(letters_.size()) +
                 " letters; the newest refusal: " + answer + "; see: muster sink dead ls " + sink_};
  }
  const Result<uint64_t> length = append_at(parent_of(file_), name_of(file_), length_, line, true);
  if (!length.ok()) return Error{length.error()};
  letters_[at.seq] = {log_id, *length - line.size(), line.size()};
  length_ = *length;
  return Done{};
}

Result<std::string> DeadLetters::read_line(const Place& place) const {
  const UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  std::string line(place.size, '\0');
  size_t have = 0;
  while (fd.valid() && have < line.size()) {
    const ssize_t size = ::pread(fd.get(), line.data() + have, line.size() - have,
                                 static_cast<off_t>(place.offset + have));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    have += static_cast<size_t>(size);
  }
  if (have < line.size() || !line.ends_with('\n')) {
    return Error{"cannot read " + file_ + " at byte " + std::to_string(place.offset) +
                 ": did somebody change it?"};
  }
  return line;
}

Result<std::pair<std::string, SequencedEvent>> DeadLetters::read(uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  const auto found = letters_.find(seq);
  if (found == letters_.end()) {
    return Error{sink_ + " has no dead letter " + std::to_string(seq)};
  }
  const Result<std::string> line = read_line(found->second);
  if (!line.ok()) return Error{line.error()};
  const Json json = Json::parse(*line, nullptr, false);
  const std::optional<std::string> bytes =
      json.is_object() ? base64_decode(text_of(json, "block")) : std::nullopt;
  if (bytes) {
    Result<Block> block = decode_block(*bytes);
    if (block.ok() && block->events.size() == 1 && block->first == seq) {
      return std::pair(text_of(json, "log"), SequencedEvent{seq, std::move(block->events.front())});
    }
  }
  return Error{file_ + ": the block of dead letter " + std::to_string(seq) + " is damaged"};
}

Result<Done> DeadLetters::remove(const std::vector<uint64_t>& seqs) {
  const std::lock_guard lock(mutex_);
  std::map<uint64_t, Place> kept = letters_;
  for (const uint64_t seq : seqs) kept.erase(seq);
  if (kept.size() == letters_.size()) return Done{};
  std::string text;
  for (auto& [seq, place] : kept) {
    const Result<std::string> line = read_line(place);
    if (!line.ok()) return Error{line.error()};
    place.offset = text.size();
    text += *line;
  }
  if (Result<Done> written = write_file_atomically(file_, text); !written.ok()) return written;
  letters_ = std::move(kept);
  length_ = text.size();
  return Done{};
}

std::pair<UniqueFd, uint64_t> DeadLetters::snapshot() const {
  const std::lock_guard lock(mutex_);
  if (length_ == 0) return {};
  return {UniqueFd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC)), length_};
}

}  // namespace muster
