#include "io/curve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/access.h"
#include "io/file.h"

namespace muster {
namespace {

constexpr size_t kKeyFileBytesMax = 1 << 10;
constexpr std::string_view kPairHead = "muster key 1";
constexpr std::string_view kPublicHead = "muster public key 1";

// Text that holds a secret, and is wiped.
struct WipedText {
  std::string text;
  ~WipedText() { ::explicit_bzero(text.data(), text.size()); }
};

unsigned digit_value(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

// The lines of a key file, one by one. The first fault is kept.
class KeyLines {
 public:
  KeyLines(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  void head(std::string_view wanted) {
    if (next() != wanted) fail("does not begin with \"" + std::string(wanted) + "\"");
  }
  std::string_view value(std::string_view key) {
    const std::string_view line = next();
    const std::string_view begin = line.substr(0, key.size() + 2);
    if (begin.starts_with(key) && begin.ends_with(": ")) return line.substr(begin.size());
    fail("needs \"" + std::string(key) + ": ...\" in line " + std::to_string(number_));
    return {};
  }
  std::string_view digits(std::string_view key) {
    const std::string_view text = value(key);
    if (invalid_public_key(text)) {
      fail("has no 64 hexadecimal digits in line " + std::to_string(number_));
    }
    return text;
  }
  void end() {
    if (!rest_.empty()) fail("goes on after line " + std::to_string(number_));
  }
  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = path_ + " is no key of muster's: it " + what;
  }
  const std::string& fault() const { return fault_; }

 private:
  std::string_view next() {
    ++number_;
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }

  const std::string& path_;
  std::string_view rest_;
  int number_ = 0;
  std::string fault_;
};

// A file that nobody but its owner may read.
Result<std::string> read_private(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Error{"cannot read the key " + path + ": " + errno_text(errno)};
  }
  if (!S_ISREG(info.st_mode)) return Error{path + " is no file, so it holds no key"};
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{path + " holds a secret key, and others than its owner may open it: chmod 600 " +
                 path};
  }
  return read_file(path, kKeyFileBytesMax);
}

// Made here and now, and not by anybody else before.
Result<Done> write_new(const std::string& path, std::string_view text, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid() && errno == EEXIST) {
    return Error{path + " is there already: take another name, or remove it first"};
  }
  if (!fd.valid()) return Error{"cannot make " + path + ": " + errno_text(errno)};
  const Result<Done> written = write_all(fd.get(), text);
  if (written.ok() && ::fsync(fd.get()) == 0) return written;
  const std::string reason = written.ok() ? errno_text(errno) : written.error();
  ::unlink(path.c_str());
  return Error{"cannot write " + path + ": " + reason};
}

}  // namespace

std::string to_hex(const SecretKey::Bytes& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

SecretKey::Bytes from_hex(std::string_view text) {
  SecretKey::Bytes bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
  }
  return bytes;
}

SecretKey::~SecretKey() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
  ::explicit_bzero(other.bytes_.data(), other.bytes_.size());
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  ::explicit_bzero(other.bytes_.data(), other.bytes_.size());
  return *this;
}

Result<KeyPair> load_key_pair(const std::string& path) {
  hide_memory();
  Result<std::string> read = read_private(path);
  if (!read) return Error{read.error()};
  const WipedText file{std::move(*read)};
  KeyLines lines(path, file.text);
  lines.head(kPairHead);
  KeyPair pair;
  pair.name = lines.value("name");
  pair.public_key = lines.digits("public");
  const std::string_view secret = lines.digits("secret");
  lines.end();
  if (invalid_key_name(pair.name)) lines.fail("has no name in line 2");
  if (!lines.fault().empty()) return Error{lines.fault()};
  pair.secret = SecretKey(from_hex(secret));
  if (public_key_of(pair.secret) != pair.public_key) {
    return Error{path +
                 " holds two keys that do not belong together: make a new one with muster "
                 "key new"};
  }
  return pair;
}

Result<std::string> load_public_key(const std::string& path) {
  const Result<std::string> text = read_file(path, kKeyFileBytesMax);
  if (!text) return text;
  KeyLines lines(path, *text);
  lines.head(kPublicHead);
  lines.value("name");
  std::string key(lines.digits("public"));
  lines.end();
  if (!lines.fault().empty()) return Error{lines.fault()};
  return key;
}

Result<Done> save_key_pair(const std::string& dir, const KeyPair& pair) {
  if (Result<Done> made = make_dirs(dir); !made) return made;
  const std::string common = "name: " + pair.name + "\npublic: " + pair.public_key + "\n";
  WipedText digits{to_hex(pair.secret.bytes())};
  WipedText secret;
  secret.text.reserve(kKeyFileBytesMax);
  secret.text.append(kPairHead).append("\n").append(common).append("secret: ");
  secret.text.append(digits.text).append("\n");
  const std::string path = dir + "/" + pair.name;
  if (Result<Done> written = write_new(path + ".key", secret.text, 0600); !written) return written;
  return write_new(path + ".pub", std::string(kPublicHead) + "\n" + common, 0644);
}

}  // namespace muster
