// What the codec's parts share: framing, the limits of reading, and short forms for fields. Private
// to io/codec_*.cc.
//
// Every type has one pair of functions in namespace muster::wire, beside the generated types, so
// that the lists below find them:
//   void write(X::Builder to, const muster::X& from);
//   void read(Reading& in, X::Reader from, muster::X& to);
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "schemas/device.capnp.h"

namespace muster::wire {

// --- writing ---

// A text or a blob. An empty one stays absent, which reads the same.
template <typename Builder>
inline void put(Builder& to, void (Builder::*set)(capnp::Text::Reader), const std::string& from) {
  if (!from.empty()) (to.*set)(capnp::Text::Reader(from.data(), from.size()));
}
template <typename Builder>
inline void put(Builder& to, void (Builder::*set)(capnp::Data::Reader), const std::string& from) {
  if (from.empty()) return;
  (to.*set)(capnp::Data::Reader(reinterpret_cast<const capnp::byte*>(from.data()), from.size()));
}

inline void write(Pair::Builder to, const std::string& key, const std::string& value) {
  put(to, &Pair::Builder::setKey, key);
  put(to, &Pair::Builder::setValue, value);
}
template <typename Key>
inline void write(Pair::Builder to, const std::pair<Key, std::string>& from) {
  write(to, from.first, from.second);
}

// A list of structs.
template <typename Builder, typename List, typename Container>
inline void put_list(Builder& to, List (Builder::*init)(unsigned), const Container& from) {
  if (from.empty()) return;
  List list = (to.*init)(static_cast<unsigned>(from.size()));
  unsigned i = 0;
  for (const auto& element : from) write(list[i++], element);
}

// A list of texts.
template <typename Builder>
inline void put_texts(Builder& to, capnp::List<capnp::Text>::Builder (Builder::*init)(unsigned),
                      const std::vector<std::string>& from) {
  if (from.empty()) return;
  auto list = (to.*init)(static_cast<unsigned>(from.size()));
  for (unsigned i = 0; i < from.size(); ++i) {
    if (!from[i].empty()) list.set(i, capnp::Text::Reader(from[i].data(), from[i].size()));
  }
}

// Enumerations of core and of the schemas have the same values in the same order; the codec's parts
// assert it for each enumerant with this.
template <typename Wire, typename Core>
constexpr bool same(Wire wire, Core core) {
  return static_cast<unsigned>(wire) == static_cast<unsigned>(core);
}
template <typename Wire, typename Core>
constexpr Wire to_wire(Core core) {
  return static_cast<Wire>(core);
}

// --- reading ---

// No limit of its own: the frame's size bounds it.
inline constexpr size_t kUnbounded = SIZE_MAX;

// The state of decoding one frame: the first thing that was wrong, and how much more memory may be
// filled. After a failure the rest is read or skipped; nothing of it is used.
class Reading {
 public:
  explicit Reading(size_t frame_bytes);

  bool failed() const { return failed_; }
  const std::string& reason() const { return reason_; }
  void fail(std::string reason);

  // Memory that what was read so far takes, roughly.
  size_t taken() const { return taken_; }

  // Copies a text that is UTF-8, a blob.
  void text(capnp::Text::Reader from, std::string& to, const char* what) {
    if (!is_text({from.begin(), from.size()})) return fail_not_utf8(what);
    to = std::string(from.begin(), from.size());
    taken_ += from.size();
  }
  void data(capnp::Data::Reader from, std::string& to) {
    to = std::string(reinterpret_cast<const char*>(from.begin()), from.size());
    taken_ += from.size();
  }

  // Times and durations lie between 0 and kTimeUsMax, so that sums of a few cannot overflow.
  void time(int64_t from, Instant& to, const char* what) {
    if (in_range(from, what)) to = from_us(from);
  }
  void duration(int64_t from, Duration& to, const char* what) {
    if (in_range(from, what)) to = Duration(from);
  }

  // A number: neither infinite nor none at all.
  void real(double from, double& to, const char* what) {
    if (!std::isfinite(from)) return fail(std::string(what) + " is no number");
    to = from;
  }

  // An enumerant up to `last`.
  template <typename Wire, typename Core>
  void enumerant(Wire from, Core last, Core& to, const char* what) {
    if (static_cast<unsigned>(from) <= static_cast<unsigned>(last)) {
      to = static_cast<Core>(from);
    } else {
      fail_unknown(what, static_cast<unsigned>(from));
    }
  }

  // A struct that must be there.
  bool present(bool has, const char* what) {
    if (!has) fail_missing(what);
    return has;
  }

  // Asks for room for `count` elements. False, and a failure, when they are more than `count_max`
  // or would take more memory than a frame of this size can be worth.
  bool room(size_t count, size_t count_max, size_t bytes_each, const char* what);

  void fail_unknown(const char* what, unsigned value);

 private:
  static bool is_text(std::string_view text);
  bool in_range(int64_t us, const char* what) {
    if (us >= 0 && us <= kTimeUsMax) return true;
    fail_time(us, what);
    return false;
  }
  void fail_not_utf8(const char* what);
  void fail_missing(const char* what);
  void fail_time(int64_t us, const char* what);

  bool failed_ = false;
  std::string reason_;
  size_t taken_ = 0;
  size_t taken_max_;
};

// A list of structs.
template <typename List, typename T>
void read_list(Reading& in, const List& from, std::vector<T>& to, const char* what,
               size_t count_max = kUnbounded) {
  if (!in.room(from.size(), count_max, sizeof(T), what)) return;
  to.resize(from.size());
  for (unsigned i = 0; i < from.size() && !in.failed(); ++i) read(in, from[i], to[i]);
}

void read_texts(Reading& in, capnp::List<capnp::Text>::Reader from, std::vector<std::string>& to,
                const char* what, size_t count_max = kUnbounded);

// A map; a key that occurs twice is a failure.
void read_map(Reading& in, capnp::List<Pair>::Reader from, std::map<std::string, std::string>& to,
              const char* what);

// A union member: `has` and `get` are the generated accessors of one that holds a struct.
template <typename Reader, typename Member, typename T>
void read_member(Reading& in, const Reader& from, bool (Reader::*has)() const,
                 Member (Reader::*get)() const, T& to, const char* what) {
  if (in.present((from.*has)(), what)) read(in, (from.*get)(), to);
}

// --- framing ---

// Room for one message at a time of this thread, of the size of the largest frame and zeroed. So
// whatever may be sent is one segment, whose bytes depend on the message alone.
class Scratch {
 public:
  static kj::ArrayPtr<capnp::word> acquire();
  // After a message of `bytes` was built in it and zeroed: gives memory of large ones back.
  static void release(size_t bytes);
};

// The standard framing of a message's segments.
std::string flatten(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments);

// One frame with a Root that `fill(Root::Builder)` fills in.
template <typename Root, typename Fill>
std::string encode_frame(Fill&& fill) {
  std::string frame;
  {
    capnp::MallocMessageBuilder message(Scratch::acquire());
    fill(message.initRoot<Root>());
    frame = flatten(message.getSegmentsForOutput());
  }  // zeroes what was used of the scratch
  Scratch::release(frame.size());
  return frame;
}

// The words of a frame: in place when they are aligned, else copied.
class Words {
 public:
  explicit Words(std::string_view frame);
  kj::ArrayPtr<const capnp::word> get() const { return words_; }

 private:
  std::vector<uint64_t> copy_;
  kj::ArrayPtr<const capnp::word> words_;
};

// Checks what can be said of a frame before it is opened. Nothing: it may be.
std::optional<std::string> unfit_frame(std::string_view frame, size_t bytes_max);
capnp::ReaderOptions reader_options(size_t frame_bytes);

// Opens a frame and calls `read_root(Reading&, Root::Reader)`. The answer is why it is not a valid
// one, or nothing.
template <typename Root, typename ReadRoot>
std::optional<std::string> decode_frame(std::string_view frame, size_t bytes_max,
                                        ReadRoot&& read_root) {
  if (auto unfit = unfit_frame(frame, bytes_max)) return unfit;
  Reading in(frame.size());
  try {
    const Words words(frame);
    capnp::FlatArrayMessageReader message(words.get(), reader_options(frame.size()));
    if (message.getEnd() != words.get().end())
      return "there are bytes after the end of the message";
    read_root(in, message.getRoot<Root>());
  } catch (const kj::Exception& e) {
    in.fail(std::string("not a sound message: ") + e.getDescription().cStr());
  }
  if (in.failed()) return in.reason();
  return std::nullopt;
}

}  // namespace muster::wire
