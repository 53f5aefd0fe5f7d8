#include "core/git_url.h"

#include <algorithm>
#include <array>

#include "core/limits.h"

namespace muster {
namespace {

constexpr std::array<std::string_view, 5> kSchemes = {"https://", "http://", "ssh://", "git://",
                                                      "file://"};

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool has_control_or_blank(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

// USER@HOST:PATH or HOST:PATH, as scp takes it. "::" would name a remote helper.
bool is_scp_like(std::string_view url) {
  const size_t colon = url.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == url.size()) return false;
  if (url[colon + 1] == ':') return false;
  return url.substr(0, colon).find('/') == std::string_view::npos;
}

struct Span {
  size_t at = 0;
  size_t length = 0;
};

// Of "user:password@host:path", which ssh would take for the path of a host named "user".
std::optional<Span> password_before_host(std::string_view url) {
  if (!is_scp_like(url)) return std::nullopt;
  const size_t begin = url.find(':') + 1;
  const size_t end = std::min(url.find('/', begin), url.size());
  const size_t colon = url.substr(0, end).rfind(':');
  const size_t at = url.substr(0, colon).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::nullopt;
  return Span{begin, at - begin};
}

// The place of "user:password@" in `url`: where the password begins and how long it is.
std::optional<Span> password_in(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return password_before_host(url);
  const size_t begin = scheme + 3;
  const size_t end = std::min(url.find('/', begin), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::nullopt;
  const size_t colon = url.substr(0, at).find(':', begin);
  if (colon != std::string_view::npos) return Span{colon + 1, at - colon - 1};
  // Over http a name alone may be a token.
  if (url.substr(0, scheme).substr(0, 4) != "http") return std::nullopt;
  return Span{begin, at - begin};
}

// Whether a password stands before the host: over http, a name alone may be a token, and is taken.
bool has_password(std::string_view url) {
  const std::optional<Span> secret = password_in(url);
  if (!secret) return false;
  const size_t user = url.find("://");
  return user == std::string_view::npos || secret->at > user + 3;
}

// What stands between the user, if one is named, and the path, with the port.
std::string_view host_of(std::string_view url) {
  const size_t scheme = url.find("://");
  size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const char end_mark = scheme == std::string_view::npos ? ':' : '/';
  const size_t end = std::min(url.find(end_mark, begin), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  if (at != std::string_view::npos && at >= begin) begin = at + 1;
  return url.substr(begin, end - begin);
}

std::string unescaped(std::string_view text) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      decoded += static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

bool matches(std::string_view text, std::string_view pattern) {
  // Greedy, going back to the last star: linear for one star, never exponential.
  size_t t = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::optional<std::string> invalid_git_url(std::string_view url) {
  const std::string shown = "\"" + shown_git_url(url) + "\"";
  if (url.empty()) return "the URL of a git repository is empty";
  if (url.size() > kMessageLengthMax) return "the URL of a git repository is too long";
  if (has_control_or_blank(url)) return shown + " has blanks or control characters";
  if (url.front() == '-') return shown + " begins with \"-\", which git takes for an option";
  if (url.front() == '/') return std::nullopt;
  if (has_password(url)) {
    return shown +
           " has a password, which whoever may see the task could read: leave it out, and let the "
           "worker's user have it in git's credential store or in ~/.netrc, or have an ssh key "
           "there (ssh://USER@HOST/PATH)";
  }
  const bool known = std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view scheme) {
    return url.starts_with(scheme) && url.size() > scheme.size();
  });
  const bool is_scp = url.find("://") == std::string_view::npos && is_scp_like(url);
  const std::string_view host = host_of(url);
  const bool has_host = !host.empty() || url.starts_with("file://");
  if ((known || is_scp) && has_host && !host.starts_with('-')) return std::nullopt;
  return shown +
         " is no URL of a git repository; use https://, http://, ssh://, git:// or file://, "
         "USER@HOST:PATH, or an absolute path";
}

std::optional<std::string> invalid_git_ref(std::string_view ref) {
  if (ref.empty()) return std::nullopt;
  const std::string shown = "\"" + std::string(ref) + "\"";
  if (ref.size() > kMessageLengthMax) return "the name of a ref is too long";
  if (has_control_or_blank(ref)) return "the ref has blanks or control characters";
  if (ref.front() == '-') return shown + " begins with \"-\", which git takes for an option";
  if (ref.find_first_of("~^:?*[\\") != std::string_view::npos ||
      ref.find("..") != std::string_view::npos || ref.find("@{") != std::string_view::npos ||
      ref.find("//") != std::string_view::npos || ref.front() == '/' || ref.back() == '/' ||
      ref.back() == '.' || ref == "@" || ref.ends_with(".lock")) {
    return shown + " is not the name of a branch or tag, nor a sha";
  }
  return std::nullopt;
}

bool is_full_sha(std::string_view ref) {
  return (ref.size() == 40 || ref.size() == 64) && std::all_of(ref.begin(), ref.end(), is_hex);
}

bool may_be_sha(std::string_view ref) {
  return ref.size() >= 4 && ref.size() <= 64 && std::all_of(ref.begin(), ref.end(), is_hex);
}

std::optional<GitUser> split_git_url(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) return std::nullopt;
  const size_t begin = url.find("://") + 3;
  const size_t end = std::min(url.find('/', begin), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::nullopt;
  return GitUser{std::string(url.substr(0, begin)) + std::string(url.substr(at + 1)),
                 unescaped(url.substr(begin, at - begin))};
}

std::string shown_git_url(std::string_view url) {
  std::string shown(url);
  if (const std::optional<Span> password = password_in(url)) {
    shown.replace(password->at, password->length, "***");
  }
  return shown;
}

std::string without_password(std::string text, std::string_view url) {
  const std::optional<Span> password = password_in(url);
  if (!password || password->length == 0) return text;
  const std::string_view secret = url.substr(password->at, password->length);
  for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

bool git_url_allowed(std::string_view url, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return true;
  if (url.find("/../") != std::string_view::npos || url.ends_with("/..")) return false;
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(url, pattern); });
}

}  // namespace muster
