#include "io/config_decibel.h"

#include <algorithm>
#include <optional>

#include "core/duration_text.h"
#include "io/archive_name.h"
#include "io/file.h"

namespace muster {
namespace {

constexpr size_t kSecretBytesMax = 512;
constexpr size_t kWordBytesMax = 256;
// Of documents that were taken: longer than any timeout.

const KeyTable kDecibel = {"the configuration of deciBel",
                           {"url", "token_file", "user", "password_file", "ca_file", "kinds", "sw",
                            "team", "framework", "origin", "receive", "keep", "max", "enabled"}};

// Why no deciBel is at `url`, or nothing.
std::optional<std::string> invalid_url(std::string_view url) {
  const size_t scheme_end = url.find("://");
  const std::string_view scheme = url.substr(0, scheme_end);
  if (scheme != "http" && scheme != "https" && scheme != "http+unix") {
    return "must begin with http://, https:// or http+unix://";
  }
  const std::string_view rest = url.substr(scheme_end + 3);
  if (without_credentials(std::string(url)) != url) {
    return "must hold no name or password: say token_file, or user and password_file";
  }
  const bool plain =
      std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (rest.empty() || rest.front() == '/' || !plain) return "must be http://HOST:PORT/PATH";
  return std::nullopt;
}

std::string in_home(const Home& home, const std::string& file) {
  return file.empty() || file.front() == '/' ? file : home.dir + "/" + file;
}

std::string read_word(const ObjectReader& reader, const char* key, const std::string& fallback) {
  if (!reader.has(key)) return fallback;
  std::string word = reader.string(key);
  if (word.size() > kWordBytesMax) {
    reader.wrong(key, "may have " + std::to_string(kWordBytesMax) + " bytes");
  }
  return word;
}

void read_kinds(const ObjectReader& reader, DecibelConfig& config) {
  if (!reader.has("kinds")) return;
  config.kinds.clear();
  for (const std::string& word : reader.strings("kinds")) {
    const std::optional<TaskKind> kind = parse_task_kind(word);
    if (kind) {
      config.kinds.insert(*kind);
    } else {
      reader.wrong("kinds", "has \"" + word + "\", which is not job, verify or repair");
    }
  }
  if (config.kinds.empty()) reader.wrong("kinds", "must have at least one of job, verify, repair");
}

Result<std::string> load_secret(const std::string& file, const std::string& what) {
  if (file.empty()) return std::string();
  Result<std::string> secret = read_secret(file, kSecretBytesMax);
  if (!secret) return secret;
  const bool plain = std::none_of(secret->begin(), secret->end(),
                                  [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
  if (plain && !secret->empty() && secret->size() <= kSecretBytesMax) return secret;
  return Error{file + " holds no " + what + ": it needs one line of 1 to 512 characters"};
}

void read_retention(const ObjectReader& reader, DecibelConfig& config) {
  config.keep = reader.duration("keep", config.keep, {kDecibelKeepMin, kKeepMax});
  config.runs_max = reader.integer("max", {1, kDecibelRunsMax}, config.runs_max);
  const bool is_said = reader.has("keep") || reader.has("max");
  if (is_said && !config.receive) {
    reader.wrong(reader.has("keep") ? "keep" : "max",
                 "is for documents that are taken: say receive: true too");
  }
}

}  // namespace

void read_decibel(const ObjectReader& reader, const Home& home, DecibelConfig& config) {
  const YamlNode* node = reader.map("decibel");
  if (node == nullptr) return;
  const ObjectReader part(*node, kDecibel, reader.scope());
  config.receive = part.boolean("receive", false);
  config.enabled = part.boolean("enabled", true);
  if (part.has("url") || (config.enabled && !config.receive)) {
    config.url = part.string("url", Need::required);
    const std::optional<std::string> why = invalid_url(config.url);
    if (why && !config.url.empty()) part.wrong("url", *why);
  } else {
    config.url = unix_url(home.http_socket()) + "/api/test-results/v1/";
  }
  config.token_file = in_home(home, part.string("token_file"));
  config.user = part.string("user");
  config.password_file = in_home(home, part.string("password_file"));
  if (!config.token_file.empty() && !config.user.empty()) {
    part.wrong("user", "is for a deciBel that wants no token: say user or token_file");
  }
  config.ca_file = in_home(home, part.string("ca_file"));
  read_kinds(part, config);
  read_retention(part, config);
  config.sw = read_word(part, "sw", config.sw);
  config.team = read_word(part, "team", config.team);
  config.framework = read_word(part, "framework", config.framework);
  config.origin = read_word(part, "origin", config.origin);
}

Result<DecibelSecrets> load_decibel_secrets(const DecibelConfig& config) {
  Result<std::string> token = load_secret(config.token_file, "token");
  if (!token) return Error{token.error()};
  Result<std::string> password = load_secret(config.password_file, "password");
  if (!password) return Error{password.error()};
  return DecibelSecrets{std::move(*token), std::move(*password)};
}

const KeyTable& decibel_keys() { return kDecibel; }

}  // namespace muster
