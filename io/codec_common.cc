#include "io/codec_common.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include "core/guid.h"

namespace muster::wire {
namespace {

constexpr size_t kWord = sizeof(capnp::word);
constexpr size_t kScratchBytes = kMessageBytesMax;
// Touched memory that a thread keeps for its next message: as much as a full block of events takes.
// To give back less and touch it again costs more than to encode.
constexpr size_t kScratchKeptBytes = 4 << 20;
// Words that a frame may have read beyond twice its own size: empty structs count as one each.
constexpr uint64_t kTraversalSlack = 1024;
// Memory that even the smallest frame may fill.
constexpr size_t kTakenSlack = 64 << 10;

// Anonymous memory is zero and takes no room until it is touched.
struct Mapping {
  Mapping() {
    void* address = mmap(nullptr, kScratchBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) throw std::bad_alloc();
    words = static_cast<capnp::word*>(address);
  }
  ~Mapping() { munmap(words, kScratchBytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  capnp::word* words;
};

capnp::word* scratch() {
  thread_local Mapping mapping;
  return mapping.words;
}

void append_u32(std::string& out, size_t value) {
  const uint32_t number = static_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xFF);
}

}  // namespace

Reading::Reading(size_t frame_bytes)
    : taken_max_(frame_bytes * kDecodeExpansionMax + kTakenSlack) {}

void Reading::fail(std::string reason) {
  if (failed_) return;
  failed_ = true;
  // Cap'n Proto's words may quote the frame's bytes, and a reason goes back as text.
  const std::string quoted = quote_text(reason, kMessageLengthMax);
  reason_ = quoted.substr(1, quoted.size() - 2);
}

bool Reading::room(size_t count, size_t count_max, size_t bytes_each, const char* what) {
  if (count > count_max) {
    fail(std::to_string(count) + " " + what + ", and at most " + std::to_string(count_max) +
         " are allowed");
    return false;
  }
  taken_ += count * bytes_each;  // count < 2^29
  if (taken_ <= taken_max_) return true;
  fail(std::to_string(count) + " " + what + " are more than a message of this size can hold");
  return false;
}

// Eight bytes at a time while they are ASCII, which nearly all text is.
bool Reading::is_text(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (eight & 0x8080808080808080u) return is_utf8(text.substr(at));
  }
  for (; at < text.size(); ++at) {
    if (text[at] & 0x80) return is_utf8(text.substr(at));
  }
  return true;
}

void Reading::fail_not_utf8(const char* what) { fail(std::string(what) + " is not UTF-8 text"); }

void Reading::fail_missing(const char* what) { fail(std::string(what) + " is missing"); }

void Reading::fail_unknown(const char* what, unsigned value) {
  fail("unknown " + std::string(what) + " " + std::to_string(value));
}

void Reading::fail_time(int64_t us, const char* what) {
  fail(std::string(what) + " is out of range: " + std::to_string(us) + " us");
}

void read_texts(Reading& in, capnp::List<capnp::Text>::Reader from, std::vector<std::string>& to,
                const char* what, size_t count_max) {
  if (!in.room(from.size(), count_max, sizeof(std::string), what)) return;
  to.resize(from.size());
  for (unsigned i = 0; i < from.size() && !in.failed(); ++i) in.text(from[i], to[i], what);
}

void read_map(Reading& in, capnp::List<Pair>::Reader from, std::map<std::string, std::string>& to,
              const char* what) {
  if (!in.room(from.size(), kUnbounded, sizeof(std::pair<std::string, std::string>), what)) return;
  for (const Pair::Reader pair : from) {
    std::string key;
    std::string value;
    in.text(pair.getKey(), key, what);
    in.text(pair.getValue(), value, what);
    if (in.failed()) return;
    const size_t before = to.size();
    // Writers order by key.
    to.emplace_hint(to.end(), key, std::move(value));
    if (to.size() == before) return in.fail(std::string(what) + " has \"" + key + "\" twice");
  }
}

kj::ArrayPtr<capnp::word> Scratch::acquire() {
  return kj::arrayPtr(scratch(), kScratchBytes / kWord);
}

void Scratch::release(size_t bytes) {
  if (bytes <= kScratchKeptBytes) return;
  char* const first = reinterpret_cast<char*>(scratch()) + kScratchKeptBytes;
  madvise(first, kScratchBytes - kScratchKeptBytes, MADV_DONTNEED);
}

std::string flatten(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  const size_t table_bytes = (segments.size() / 2 + 1) * kWord;
  size_t bytes = table_bytes;
  for (const auto& segment : segments) bytes += segment.size() * kWord;
  std::string out;
  out.reserve(bytes);
  append_u32(out, segments.size() - 1);
  for (const auto& segment : segments) append_u32(out, segment.size());
  out.resize(table_bytes);
  for (const auto& segment : segments) {
    out.append(reinterpret_cast<const char*>(segment.begin()), segment.size() * kWord);
  }
  return out;
}

Words::Words(std::string_view frame) {
  const size_t count = frame.size() / kWord;
  const void* data = frame.data();
  if (reinterpret_cast<uintptr_t>(data) % kWord != 0) {
    copy_.resize(count);
    std::memcpy(copy_.data(), data, frame.size());
    data = copy_.data();
  }
  words_ = kj::arrayPtr(static_cast<const capnp::word*>(data), count);
}

std::optional<std::string> unfit_frame(std::string_view frame, size_t bytes_max) {
  if (frame.empty()) return "the message is empty";
  if (frame.size() > bytes_max) {
    return "the message has " + std::to_string(frame.size()) + " bytes, and at most " +
           std::to_string(bytes_max) + " are allowed";
  }
  if (frame.size() % kWord != 0) {
    return "the message has " + std::to_string(frame.size()) +
           " bytes, which is not a multiple of 8: it was cut, or is no message";
  }
  return std::nullopt;
}

capnp::ReaderOptions reader_options(size_t frame_bytes) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * (frame_bytes / kWord) + kTraversalSlack;
  options.nestingLimit = static_cast<int>(kNestingMax);
  return options;
}

}  // namespace muster::wire
