#include "collectors/dead_letters.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "collectors/append_file.h"
#include "core/limits.h"
#include "io/base64.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/event_json.h"
#include "io/json_members.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The events of a letter in our own encoding: one.
std::string encode_letter(const SequencedEvent& at) {
  return encode_block(at.seq, std::vector<Event>{at.event});
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

// Of one letter: a block, in base64, and as JSON.
constexpr size_t kLineBytesMax = 8 * kBlockBytesMax;
constexpr size_t kChunkBytes = 256 << 10;

// Gives each whole line of `fd` to `take`, without its end; what is torn at the end is left out.
Result<Done> each_line(int fd, const std::string& file,
                       const std::function<Result<Done>(std::string_view)>& take) {
  std::string text;
  for (;;) {
    const size_t have = text.size();
    text.resize(have + kChunkBytes);
    const ssize_t size = ::read(fd, text.data() + have, kChunkBytes);
    if (size < 0 && errno != EINTR) return Error{"cannot read " + file + ": " + errno_text(errno)};
    text.resize(have + static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (size == 0) return Done{};
    size_t begin = 0;
    for (size_t end = text.find('\n', have); end != text.npos; end = text.find('\n', begin)) {
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      if (Result<Done> taken = take(line); !taken.ok()) return taken;
      begin = end + 1;
    }
    text.erase(0, begin);
    if (text.size() > kLineBytesMax) return take(text);
  }
}

}  // namespace

DeadLetters::DeadLetters(std::string file, std::string sink, std::string place)
    : file_(std::move(file)), sink_(std::move(sink)), place_(std::move(place)) {}

Result<Done> DeadLetters::open() {
  const std::lock_guard changing(changing_);
  const std::lock_guard lock(mutex_);
  if (is_open_) return Done{};
  Result<Done> read = read_all();
  is_open_ = read.ok();
  problem_ = read.ok() ? "" : read.error();
  if (!is_open_) letters_.clear();
  return read;
}

Result<Done> DeadLetters::read_all() {
  length_ = 0;
  letters_.clear();
  if (Result<Done> made = make_dirs(parent_of(file_)); !made.ok()) return made;
  remove_leftovers();
  const UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return Done{};
  if (!fd.valid()) return Error{"cannot read " + file_ + ": " + errno_text(errno)};
  size_t number = 0;
  return each_line(fd.get(), file_,
                   [&](std::string_view line) { return take_line(line, ++number); });
}

// What a crash in remove() has left. There is one collector in a home.
void DeadLetters::remove_leftovers() const {
  std::error_code ignored;
  const std::string begin = name_of(file_) + ".tmp";
  for (const auto& entry : std::filesystem::directory_iterator(parent_of(file_), ignored)) {
    const bool is_left = entry.path().filename().string().starts_with(begin);
    if (is_left) std::filesystem::remove(entry.path(), ignored);
  }
}

Result<Done> DeadLetters::take_line(std::string_view line, size_t number) {
  const Json json = Json::parse(line, nullptr, false);
  const std::optional<uint64_t> seq = json.is_object() ? number_of(json, "seq") : std::nullopt;
  if (!seq || text_of(json, "schema") != "muster.dead_letter/1") {
    return Error{file_ + ":" + std::to_string(number) +
                 ": is no dead letter: the file is damaged; stop the collector and look at the "
                 "line, and take it out by hand when nothing of it can be saved"};
  }
  letters_[*seq] = {text_of(json, "log"), text_of(json, "place"), length_, line.size() + 1};
  length_ += line.size() + 1;
  return Done{};
}

Error DeadLetters::not_open() const {
  return Error{problem_.empty() ? file_ + ": the dead letters are not open" : problem_};
}

bool DeadLetters::is_of_here(const Letter& letter) const {
  return letter.place.empty() || place_.empty() || letter.place == place_;
}

std::optional<uint64_t> DeadLetters::count() const {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return std::nullopt;
  return letters_.size();
}

bool DeadLetters::contains(const std::string& log_id, uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  const auto found = letters_.find(seq);
  return found != letters_.end() && found->second.log_id == log_id && is_of_here(found->second);
}

Result<std::vector<uint64_t>> DeadLetters::choose(const std::vector<uint64_t>& wanted) const {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return not_open();
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
  const std::lock_guard changing(changing_);
  const std::lock_guard lock(mutex_);
  if (!is_open_) return not_open();
  if (const auto known = letters_.find(at.seq); known != letters_.end()) {
    if (known->second.log_id != log_id) {
      return Error{file_ +
                   " holds letters of another log: stop the collector, move the file away, "
                   "and start it again"};
    }
    if (is_of_here(known->second)) return Done{};
  }
  JsonWriter head;
  head.begin_object();
  head.text("schema", "muster.dead_letter/1");
  head.text("sink", sink_);
  if (!place_.empty()) head.text("place", place_);
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
  letters_[at.seq] = {log_id, place_, *length - line.size(), line.size()};
  length_ = *length;
  return Done{};
}

Result<std::string> DeadLetters::read_line(const Letter& letter) const {
  const UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  std::string line(letter.size, '\0');
  size_t have = 0;
  while (fd.valid() && have < line.size()) {
    const ssize_t size = ::pread(fd.get(), line.data() + have, line.size() - have,
                                 static_cast<off_t>(letter.offset + have));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    have += static_cast<size_t>(size);
  }
  if (have < line.size() || !line.ends_with('\n')) {
    return Error{"cannot read " + file_ + " at byte " + std::to_string(letter.offset) +
                 ": did somebody change it?"};
  }
  return line;
}

Result<DeadLetters::Content> DeadLetters::read(uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return not_open();
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
      return Content{text_of(json, "log"), {seq, std::move(block->events.front())}, bytes->size()};
    }
  }
  return Error{file_ + ": the block of dead letter " + std::to_string(seq) +
               " is damaged, or a newer muster's: update this one, or see what the line says and "
               "drop it: muster sink dead drop " +
               sink_ + " " + std::to_string(seq)};
}

Result<Done> DeadLetters::remove(const std::vector<uint64_t>& seqs) {
  const std::lock_guard changing(changing_);
  std::unique_lock lock(mutex_);
  if (!is_open_) return not_open();
  Letters kept = letters_;
  for (const uint64_t seq : seqs) kept.erase(seq);
  if (kept.size() == letters_.size()) return Done{};
  lock.unlock();  // while the file is copied
  const std::string temporary = file_ + ".tmp" + std::to_string(::getpid());
  const Result<uint64_t> length = copy_letters(kept, temporary);
  lock.lock();
  if (!length.ok() || ::rename(temporary.c_str(), file_.c_str()) != 0) {
    const int why = errno;
    ::unlink(temporary.c_str());
    if (!length.ok()) return Error{length.error()};
    return Error{"cannot replace " + file_ + ": " + errno_text(why)};
  }
  letters_ = std::move(kept);
  length_ = *length;
  lock.unlock();
  return sync_dir(parent_of(file_));
}

// Durable but for its name; `kept` says where they lie there, and the result is its length.
Result<uint64_t> DeadLetters::copy_letters(Letters& kept, const std::string& to) const {
  const UniqueFd fd(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error{"cannot create " + to + ": " + errno_text(errno)};
  uint64_t length = 0;
  std::string text;
  const auto write_out = [&]() -> Result<Done> {
    const Result<Done> written = write_all(fd.get(), text);
    text.clear();
    if (!written.ok()) return Error{"cannot write " + to + ": " + written.error()};
    return Done{};
  };
  for (auto& [seq, letter] : kept) {
    const Result<std::string> line = read_line(letter);
    if (!line.ok()) return Error{line.error()};
    letter.offset = length;
    length += line->size();
    text += *line;
    if (text.size() < kChunkBytes) continue;
    if (Result<Done> written = write_out(); !written.ok()) return Error{written.error()};
  }
  if (Result<Done> written = write_out(); !written.ok()) return Error{written.error()};
  if (::fsync(fd.get()) != 0) return Error{"cannot sync " + to + ": " + errno_text(errno)};
  return length;
}

Result<std::pair<UniqueFd, uint64_t>> DeadLetters::snapshot() const {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return not_open();
  if (length_ == 0) return std::pair(UniqueFd(), uint64_t{0});
  UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error{"cannot read " + file_ + ": " + errno_text(errno)};
  return std::pair(std::move(fd), length_);
}

}  // namespace muster
