// URLs of git repositories and names of commits, as people write them: what is taken, what is
// refused, and what may be shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// Why `url` is none that git may be given, or nothing. Taken are https://, http://, ssh://, git://
// and file:// URLs, USER@HOST:PATH, and absolute paths. Whatever else git understands (ext::, other
// remote helpers, relative paths, options) is refused: it would run programs or depend on where the
// worker stands. So is a password: a source is kept with its task, where many may read it. What
// knows passwords is git on the worker. A user's name is taken, also where it may be a token.
std::optional<std::string> invalid_git_url(std::string_view url);

// Why `ref` is neither the name of a branch or tag nor a sha, or nothing. Empty is HEAD. The rules
// are those of git-check-ref-format(1), less what is of no use here (globs, "@{...}", ranges).
std::optional<std::string> invalid_git_ref(std::string_view ref);

// Whether `ref` names one commit for ever: 40 or 64 hexadecimal digits.
bool is_full_sha(std::string_view ref);
// Whether it may abbreviate one: four hexadecimal digits or more.
bool may_be_sha(std::string_view ref);

// An http(s):// URL that names a user, apart: git is told the name aside, because what is in a URL
// can be seen in process lists, and the name may be a token. Nothing: it names none, or is of
// another scheme.
struct GitUser {
  std::string url;  // without it
  std::string user;
};
std::optional<GitUser> split_git_url(std::string_view url);

// `url` without a password or token before its host, for logs, records and events.
std::string shown_git_url(std::string_view url);

// `text` in which each occurrence of `url` is shown without its password.
std::string without_password(std::string text, std::string_view url);

// Whether one of the patterns matches the whole of `url`; "*" stands for any characters. Without
// patterns everything is allowed. A URL with "/../" in it matches no pattern.
bool git_url_allowed(std::string_view url, const std::vector<std::string>& patterns);

}  // namespace muster
