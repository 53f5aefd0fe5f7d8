// Names and addresses of what the archive holds: files of an attempt, by GUID, attempt and name.
//
// The same name leads to the same place whoever asks, so that an address can be told before there
// is anything at it:
//
//   file://DIR, ftp://HOST/DIR      BASE/GUID/ATTEMPT/NAME, GUID as percent_encode writes it
//   http://HOST:PORT, https://...   BASE/archive/v1/GUID/ATTEMPT/NAME, each percent-encoded, whole
//   http+unix://SOCKET              the same behind a Unix socket; SOCKET is its path, in which
//                                   each / is written %2F
//
// file:// addresses hold paths as they are, as everywhere in muster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/task.h"

namespace muster {

inline constexpr std::string_view kArchivePath = "/archive/v1/";
// What the archive keeps about the files of a folder lies in a folder of this name beside them.
inline constexpr std::string_view kArchiveOwnDir = ".muster";
inline constexpr std::string_view kLogName = "log";  // of each attempt's console log

// What the archive calls an attempt's artifact: its own name, but "log" is the console log's, so
// that what is called "log" or lies in a folder "log" is kept in a folder "artifacts"; and what has
// such a name, or that folder's, one folder "artifacts" deeper. No two share a name, and none has
// that of another's folder.
std::string archived_as(const std::string& artifact);

struct ArchiveName {
  std::string guid;
  uint32_t attempt = 0;
  std::string name;  // relative, with / between folders: "log", "out/report.xml"

  auto operator<=>(const ArchiveName&) const = default;
};

// Why `name` may not name a file of an attempt, as a sentence, or nothing. Refused: what is empty,
// absolute, climbs or stands still ("..", "."), has empty parts, control characters, parts of more
// than 255 bytes, more than 1024 bytes or 16 folders in all, ill-formed UTF-8, or begins with the
// archive's own folder.
std::optional<std::string> invalid_artifact_name(std::string_view name);
// The same for the whole.
std::optional<std::string> invalid_archive_name(const ArchiveName& name);

// Why nothing can be archived at `base`, as a sentence, or nothing.
std::optional<std::string> invalid_archive_base(const std::string& base);

// The address of a file, or with an empty name of the task's folder, under the archive `base`.
std::string archive_url(const std::string& base, const ArchiveName& name);

// The same without the name and password that `base` may hold: for reports and people.
std::string public_archive_url(const std::string& base, const ArchiveName& name);
std::string without_credentials(std::string url);

// `base` of the address of a log, or nothing when it has none.
std::optional<std::string> archive_base_of(const std::string& log_url);

// The path of a file:// address.
std::optional<std::string> file_url_path(std::string_view url);

// One URL path segment for any text: everything but letters, digits and -_.~ becomes %XX. Never
// cut.
std::string url_encode(std::string_view text);
// The inverse, which takes %xx too. Nothing for a broken escape.
std::optional<std::string> url_decode(std::string_view text);

// What a request to the archive over HTTP is about: the part of its target before the "?". A name
// that is empty means the folder, which has no attempt.
Result<ArchiveName> parse_archive_path(std::string_view path);

// http+unix://SOCKET/PATH taken apart; nothing for another scheme.
struct UnixUrl {
  std::string socket;
  std::string path;  // begins with /
};
std::optional<UnixUrl> parse_unix_url(const std::string& url);
std::string unix_url(const std::string& socket);  // without a path

}  // namespace muster
