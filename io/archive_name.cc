#include "io/archive_name.h"

#include <algorithm>
#include <charconv>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kFtp = "ftp://";
constexpr std::string_view kUnix = "http+unix://";
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

bool is_http(std::string_view base) {
  return base.starts_with(kHttp) || base.starts_with(kHttps) || base.starts_with(kUnix);
}

std::string without_slash(std::string base) {
  while (base.size() > 1 && base.ends_with('/')) base.pop_back();
  return base;
}

// `name` with every part encoded by itself.
std::string encode_parts(std::string_view name) {
  std::string text;
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find('/', start), name.size());
    if (start > 0) text += '/';
    text += url_encode(name.substr(start, end - start));
    start = end + 1;
  }
  return text;
}

std::optional<std::string> invalid_part(std::string_view part) {
  if (part.empty()) return "has an empty part";
  if (part == "." || part == "..") return "has the part \"" + std::string(part) + "\"";
  if (part.size() > kArtifactPartBytesMax) return "has a part of more than 255 bytes";
  return std::nullopt;
}

std::optional<uint32_t> parse_attempt(std::string_view text) {
  uint32_t attempt = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), attempt);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || attempt == 0 || attempt > kAttemptsMax || text.starts_with('0'))
    return std::nullopt;
  return attempt;
}

// Takes the text up to the next / and that off `rest`.
std::string_view take_segment(std::string_view& rest) {
  const size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return segment;
}

}  // namespace

std::string archived_as(const std::string& artifact) {
  constexpr std::string_view kFolder = "artifacts/";
  std::string_view rest = artifact;
  while (rest.starts_with(kFolder)) rest.remove_prefix(kFolder.size());
  const bool moves =
      rest == kLogName || rest.starts_with(std::string(kLogName) + "/") || rest == "artifacts";
  return moves ? std::string(kFolder) + artifact : artifact;
}

std::optional<std::string> invalid_artifact_name(std::string_view name) {
  const auto refuse = [&](const std::string& why) {
    return "a file of an attempt may not be called " + quote_text(name) + ": it " + why;
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > kArtifactNameBytesMax) return refuse("has more than 1024 bytes");
  if (name.front() == '/') return refuse("is absolute");
  if (!is_utf8(name)) return refuse("is not UTF-8");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) return refuse("has control characters");
  size_t parts = 0;
  for (size_t start = 0; start <= name.size(); ++parts) {
    const size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    if (const auto why = invalid_part(part)) return refuse(*why);
    if (start == 0 && part == kArchiveOwnDir) return refuse("begins with the archive's own folder");
    start = end + 1;
  }
  if (parts > kArtifactDepthMax) return refuse("lies more than 16 folders deep");
  return std::nullopt;
}

std::optional<std::string> invalid_archive_name(const ArchiveName& name) {
  if (auto why = invalid_guid(name.guid)) return why;
  if (name.attempt == 0 || name.attempt > kAttemptsMax) {
    return "there is no attempt " + std::to_string(name.attempt);
  }
  return invalid_artifact_name(name.name);
}

std::optional<std::string> invalid_archive_base(const std::string& base) {
  if (base.starts_with(kFile)) {
    if (base.size() > kFile.size() && base[kFile.size()] == '/') return std::nullopt;
    return "a file:// address needs an absolute path: file:///var/lib/muster/archive";
  }
  if (const auto unix = parse_unix_url(base)) {
    if (unix->socket.starts_with('/')) return std::nullopt;
  } else if (base.starts_with(kUnix)) {
    return "http+unix:// needs the socket's absolute path with %2F for each /";
  }
  for (const std::string_view scheme : {kHttp, kHttps, kFtp}) {
    if (base.starts_with(scheme) && base.size() > scheme.size()) return std::nullopt;
  }
  return quote_text(base) +
         " is no archive: give file:///DIR, http://HOST:PORT, https://..., ftp://... or "
         "http+unix://SOCKET";
}

std::string archive_url(const std::string& base, const ArchiveName& name) {
  const std::string root = without_slash(base);
  const bool http = is_http(root);
  std::string url = root;
  if (http) {
    url += std::string(kArchivePath) + url_encode(name.guid) + "/";
  } else {
    const std::string folder = percent_encode(name.guid);
    url += "/" + (root.starts_with(kFtp) ? url_encode(folder) : folder) + "/";
  }
  if (name.name.empty()) return url;
  url += std::to_string(name.attempt) + "/";
  return url + (root.starts_with(kFile) ? name.name : encode_parts(name.name));
}

std::string public_archive_url(const std::string& base, const ArchiveName& name) {
  return archive_url(without_credentials(base), name);
}

std::string without_credentials(std::string url) {
  const size_t scheme = url.find("://");
  if (scheme == url.npos || url.starts_with(kFile)) return url;
  const size_t host = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", host), url.size());
  const size_t at = url.rfind('@', end);
  if (at != url.npos && at >= host && at < end) url.erase(host, at + 1 - host);
  return url;
}

std::optional<std::string> archive_base_of(const std::string& log_url) {
  size_t end = log_url.size();
  for (int i = 0; i < 3; ++i) {  // /GUID/ATTEMPT/log
    const size_t slash = log_url.rfind('/', end - 1);
    if (slash == log_url.npos || slash == 0) return std::nullopt;
    end = slash;
  }
  std::string base = log_url.substr(0, end);
  if (is_http(base)) {
    const std::string_view tail = kArchivePath.substr(0, kArchivePath.size() - 1);
    if (!base.ends_with(tail)) return std::nullopt;
    base.resize(base.size() - tail.size());
  }
  if (invalid_archive_base(base)) return std::nullopt;
  return base;
}

std::optional<std::string> file_url_path(std::string_view url) {
  if (!url.starts_with(kFile) || url.substr(kFile.size()).substr(0, 1) != "/") return std::nullopt;
  return std::string(url.substr(kFile.size()));
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return encoded;
}

std::optional<std::string> url_decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    unsigned int byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

Result<ArchiveName> parse_archive_path(std::string_view path) {
  if (!path.starts_with(kArchivePath)) {
    return Error{"there is nothing here but " + std::string(kArchivePath) + "GUID/ATTEMPT/NAME"};
  }
  std::string_view rest = path.substr(kArchivePath.size());
  ArchiveName name;
  const std::optional<std::string> guid = url_decode(take_segment(rest));
  if (!guid) return Error{"the GUID has a broken % escape"};
  name.guid = *guid;
  if (const auto why = invalid_guid(name.guid)) return Error{*why};
  if (rest.empty()) return name;
  const std::string_view attempt = take_segment(rest);
  const std::optional<uint32_t> number = parse_attempt(attempt);
  if (!number) return Error{quote_text(attempt) + " is no attempt: say its number"};
  name.attempt = *number;
  const std::optional<std::string> decoded = url_decode(rest);
  if (!decoded) return Error{"the name has a broken % escape"};
  name.name = *decoded;
  if (const auto why = invalid_artifact_name(name.name)) return Error{*why};
  return name;
}

std::optional<UnixUrl> parse_unix_url(const std::string& url) {
  if (!url.starts_with(kUnix)) return std::nullopt;
  const std::string_view rest = std::string_view(url).substr(kUnix.size());
  const size_t end = std::min(rest.find('/'), rest.size());
  const std::optional<std::string> socket = url_decode(rest.substr(0, end));
  if (!socket || socket->empty()) return std::nullopt;
  const std::string_view path = rest.substr(end);
  return UnixUrl{*socket, path.empty() ? "/" : std::string(path)};
}

std::string unix_url(const std::string& socket) { return std::string(kUnix) + url_encode(socket); }

}  // namespace muster
