#include "io/config_couchdb.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <vector>

#include "io/file.h"
#include "io/host_port.h"
#include "io/yaml.h"

namespace muster {
namespace {

constexpr uint64_t kPortDefault = 5984;
constexpr size_t kPasswordBytesMax = 512;

const KeyTable kCouchDb = {"the configuration of CouchDB",
                           {"url", "db", "user", "password_file", "ca_file", "create", "enabled"}};
const KeyTable kPanotti = {"AVE's configuration of CouchDB", {"host", "port", "db", "enabled"}};

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

// "HOST", "HOST:PORT", or an address in brackets instead of HOST.
bool is_host_port(const std::string& text) {
  const size_t bracket = text.front() == '[' ? text.find(']') : 0;
  if (bracket == text.npos) return false;
  const size_t host_end = bracket == 0 ? std::min(text.find(':'), text.size()) : bracket + 1;
  if (host_end == text.size()) return true;
  const auto parts = split_host_port(text);
  return parts && parts->first.size() == host_end && parts->second != 0;
}

// Why no CouchDB is at `url`, or nothing.
std::optional<std::string> invalid_url(std::string_view url) {
  if (!is_url(url)) return "must begin with http:// or https://";
  const std::string_view rest = url.substr(url.find("//") + 2);
  if (rest.find('@') != rest.npos) {
    return "must hold no name or password: say user and password_file";
  }
  const bool plain = std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
  if (rest.empty() || !plain || !is_host_port(std::string(rest))) {
    return "must be http://HOST:PORT or https://HOST:PORT, with a port of 1 to 65535";
  }
  return std::nullopt;
}

// CouchDB's own rule.
bool is_database_name(std::string_view name) {
  constexpr std::string_view kOther = "_$()+/-";
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || kOther.find(c) != kOther.npos;
         });
}

std::string read_database(const ObjectReader& reader) {
  const std::string name = reader.string("db", Need::required);
  if (!name.empty() && !is_database_name(name)) {
    reader.wrong("db",
                 "is no name of a database: lower-case letters, digits and _$()+/-, beginning "
                 "with a letter");
  }
  return name;
}

std::string in_home(const Home& home, const std::string& file) {
  return file.empty() || file.front() == '/' ? file : home.dir + "/" + file;
}

}  // namespace

void load_panotti(const Home& home, CouchDbConfig& config, FileProblems& problems) {
  const std::string path = home.dir + "/panotti.json";
  if (::access(path.c_str(), F_OK) != 0) return;
  const FileScope scope(path, problems);
  const std::vector<YamlNode> documents = load_yaml(scope);  // which JSON is a part of
  if (documents.empty()) return;
  const ObjectReader reader(documents.front(), kPanotti, scope);
  config.enabled = reader.boolean("enabled", false);
  if (!config.enabled) return;  // AVE writes it so, with words to be replaced
  const std::string host = reader.string("host", Need::required);
  const uint64_t port = reader.integer("port", {1, 65'535}, kPortDefault);
  config.url = (is_url(host) ? host : "http://" + host) + ":" + std::to_string(port);
  const std::optional<std::string> why = invalid_url(config.url);
  if (why && !host.empty()) {
    reader.wrong("host", "is no host, without a port, which is `port`: the URL " + *why);
  }
  config.db = read_database(reader);
}

void read_couchdb(const ObjectReader& reader, const Home& home, CouchDbConfig& config) {
  const YamlNode* node = reader.map("couchdb");
  if (node == nullptr) return;
  const ObjectReader part(*node, kCouchDb, reader.scope());
  config.enabled = part.boolean("enabled", true);
  if (part.has("url") || (config.enabled && config.url.empty())) {
    config.url = part.string("url", Need::required);
    while (config.url.ends_with('/')) config.url.pop_back();
    const std::optional<std::string> why = invalid_url(config.url);
    if (why && part.has("url")) part.wrong("url", *why);
  }
  if (part.has("db") || (config.enabled && config.db.empty())) config.db = read_database(part);
  config.user = part.string("user");
  config.password_file = in_home(home, part.string("password_file"));
  if (config.user.empty() && !config.password_file.empty()) {
    part.wrong("password_file", "is whose? say user too");
  }
  config.ca_file = in_home(home, part.string("ca_file"));
  config.create = part.boolean("create", config.create);
}

Result<std::string> load_couchdb_password(const CouchDbConfig& config) {
  if (!config.ca_file.empty() && ::access(config.ca_file.c_str(), R_OK) != 0) {
    return Error{"ca_file of couchdb in muster.yaml: cannot read " + config.ca_file + ": " +
                 errno_text(errno)};
  }
  if (config.password_file.empty()) return std::string();
  const std::string key = "password_file of couchdb in muster.yaml: ";
  Result<std::string> password = read_secret(config.password_file, kPasswordBytesMax);
  if (!password) return Error{key + password.error()};
  if (!password->empty() && password->size() <= kPasswordBytesMax) return password;
  return Error{key + config.password_file + " holds no password: it needs 1 to 512 characters"};
}

const KeyTable& couchdb_keys() { return kCouchDb; }

}  // namespace muster
