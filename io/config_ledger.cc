#include "io/config_ledger.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/host_port.h"
#include "io/yaml.h"

namespace muster {
namespace {

constexpr size_t kDatabaseNameMax = 64;  // a server takes no longer ones

const KeyTable kLedger = {"the ledger's configuration",
                          {"server", "database", "user", "password", "password_file", "tls",
                           "tls_ca", "tls_cert", "tls_key"}};

// Relative paths are meant relative to the home.
std::string in_home(const Home& home, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : home.dir + "/" + path;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

void read_server(const ObjectReader& part, const Home& home, MariadbOptions& options) {
  const std::string server = part.string("server", Need::required);
  if (server.empty()) return;
  const auto parts = split_host_port(server);
  const bool is_bracketed = server.front() == '[';
  if (server.front() == '/') {
    options.socket = server;
  } else if (parts && (is_bracketed || parts->first.find(':') == std::string::npos)) {
    std::tie(options.host, options.port) = *parts;
  } else if (server.find(':') == std::string::npos) {
    options.host = server;
  } else {
    part.wrong("server", "is no HOST, HOST:PORT or /PATH of a socket, e.g. db.lab:3306");
  }
  if (is_bracketed && options.host.ends_with(']')) {
    options.host = options.host.substr(1, options.host.size() - 2);
  }
  // Passwords and results do not cross a network in the clear unless somebody says so.
  const bool is_local = !options.socket.empty() || is_loopback(options.host);
  const std::vector<std::string> words = {is_local ? "none" : "required",
                                          is_local ? "required" : "none"};
  options.tls.on = part.choice("tls", words) == "required" || part.has("tls_ca");
  options.tls.ca_file = in_home(home, part.string("tls_ca"));
  options.tls.cert_file = in_home(home, part.string("tls_cert"));
  options.tls.key_file = in_home(home, part.string("tls_key"));
  if (options.tls.cert_file.empty() != options.tls.key_file.empty()) {
    part.wrong("tls_cert", "and tls_key belong together");
  }
}

}  // namespace

void read_ledger(const ObjectReader& reader, const Home& home,
                 std::optional<LedgerServer>& ledger) {
  const YamlNode* node = reader.map("ledger");
  if (node == nullptr) return;
  const ObjectReader part(*node, kLedger, reader.scope());
  LedgerServer server;
  read_server(part, home, server.options);
  server.options.database = part.has("database") ? part.string("database") : "muster";
  const std::string& database = server.options.database;
  const bool is_identifier = !database.empty() && database.size() <= kDatabaseNameMax &&
                             std::all_of(database.begin(), database.end(), [](unsigned char c) {
                               return c < 0x80 && (std::isalnum(c) != 0 || c == '_');
                             });
  if (!is_identifier) part.wrong("database", "is made of letters, digits and _, 64 at most");
  server.options.user = part.has("user") ? part.string("user") : "muster";
  server.password = part.string("password");
  server.password_file = in_home(home, part.string("password_file"));
  if (!server.password.empty() && !server.password_file.empty()) {
    part.wrong("password", "is in password_file already: say one of them");
  }
  ledger = std::move(server);
}

const KeyTable& ledger_keys() { return kLedger; }

}  // namespace muster
