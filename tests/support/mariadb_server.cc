#include "tests/support/mariadb_server.h"

#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <variant>

#include "io/file.h"
#include "tests/support/free_port.h"
#include "tests/support/house.h"

namespace muster {
namespace {

constexpr const char* kServer = "/usr/sbin/mariadbd";

// In memory where there is such a place.
std::string fast_parent() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

std::string user() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\nis mariadb-server installed?\n", what.c_str());
  std::abort();
}

// A data directory as mariadb-install-db makes it: made once for each server program, since that
// takes longer than all else.
std::string template_dir() {
  std::error_code missing;
  const auto made = std::filesystem::last_write_time(kServer, missing);
  if (missing) give_up(std::string(kServer) + " is not there");
  const std::string dir = fast_parent() + "/muster-mariadb-" + std::to_string(::geteuid()) + "-" +
                          std::to_string(made.time_since_epoch().count());
  const std::string data = dir + "/data";
  std::filesystem::create_directories(dir);
  const UniqueFd lock(::open((dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (::flock(lock.get(), LOCK_EX) != 0) give_up(dir + " cannot be locked");
  if (std::filesystem::exists(data)) return data;
  std::filesystem::remove_all(dir + "/new");
  ChildSpec spec;
  spec.argv = {"/usr/bin/mariadb-install-db",
               "--no-defaults",
               "--user=" + user(),
               "--datadir=" + dir + "/new",
               "--auth-root-authentication-method=normal",
               "--skip-test-db",
               "--skip-name-resolve",
               "--innodb-log-file-size=8M",
               "--innodb-data-file-path=ibdata1:5M:autoextend"};
  spec.stdout_file = spec.stderr_file = dir + "/install.log";
  Child install(spec);
  if (install.wait(std::chrono::seconds(240)) != 0) give_up(read_text(spec.stdout_file));
  std::filesystem::rename(dir + "/new", data);
  return data;
}

}  // namespace

MariadbServer::MariadbServer(std::vector<std::string> flags, const std::string& parent)
    : scratch_(parent.empty() ? fast_parent() : parent),
      flags_(std::move(flags)),
      port_(find_free_port()) {
  std::filesystem::copy(template_dir(), dir() + "/data", std::filesystem::copy_options::recursive);
  std::filesystem::create_directories(dir() + "/tmp");
  std::string password;
  for (const char c : std::string(kPassword)) {
    if (c == '\'' || c == '\\') password += '\\';
    password += c;
  }
  std::ofstream(dir() + "/init.sql")
      << "CREATE USER IF NOT EXISTS '" << kUser << "'@'%' IDENTIFIED BY '" << password << "';\n"
      << "GRANT ALL ON *.* TO '" << kUser << "'@'%' WITH GRANT OPTION;\n";
  start();
}

void MariadbServer::start() {
  ChildSpec spec;
  spec.argv = {kServer,
               "--no-defaults",
               "--user=" + user(),
               "--datadir=" + dir() + "/data",
               "--socket=" + socket(),
               "--port=" + std::to_string(port_),
               "--bind-address=127.0.0.1",
               "--pid-file=" + dir() + "/pid",
               "--tmpdir=" + dir() + "/tmp",
               "--init-file=" + dir() + "/init.sql",
               "--log-error=" + dir() + "/err.log",
               "--skip-name-resolve",
               "--skip-log-bin",
               "--innodb-log-file-size=8M",
               "--innodb-data-file-path=ibdata1:5M:autoextend",
               "--innodb-buffer-pool-size=32M",
               "--performance-schema=OFF",
               "--character-set-server=latin1"};  // ours must not depend on it
  spec.argv.insert(spec.argv.end(), flags_.begin(), flags_.end());
  spec.stdout_file = spec.stderr_file = dir() + "/out.log";
  child_ = std::make_unique<Child>(spec);
  const bool answers = eventually([&] {
    return std::holds_alternative<std::unique_ptr<SqlStore>>(open_mariadb_store(options("mysql")));
  });
  if (!answers) give_up(read_text(dir() + "/out.log") + read_text(dir() + "/err.log"));
}

void MariadbServer::start_again() { start(); }

MariadbOptions MariadbServer::options(const std::string& database) const {
  MariadbOptions options;
  options.socket = socket();
  options.database = database;
  options.user = kUser;
  options.password = kPassword;
  return options;
}

MariadbOptions MariadbServer::tcp_options(const std::string& database) const {
  MariadbOptions options = this->options(database);
  options.socket.clear();
  options.host = "127.0.0.1";
  options.port = port_;
  return options;
}

LedgerPlace MariadbServer::place(const std::string& database) const {
  return {"", LedgerServer{options(database), kPassword, ""}};
}

void MariadbServer::execute(const std::string& sql) const {
  auto opened = open_mariadb_store(options("mysql"));
  auto* const store = std::get_if<std::unique_ptr<SqlStore>>(&opened);
  const DbStatus status = store == nullptr ? std::get<DbStatus>(opened) : (*store)->execute(sql);
  if (!status.ok()) give_up(sql + ": " + status.reason);
}

void MariadbServer::end_connections() const {
  auto opened = open_mariadb_store(options("mysql"));
  SqlStore& store = *std::get<std::unique_ptr<SqlStore>>(opened);
  auto ids = store.prepare(
      "SELECT id FROM information_schema.processlist WHERE user = ? AND id <> connection_id()");
  std::vector<int64_t> others;
  for ((*ids)->start({std::string_view(kUser)}); (*ids)->next();) {
    others.push_back((*ids)->integer(0));
  }
  if (const DbStatus status = (*ids)->finish(); !status.ok()) give_up(status.reason);
  for (const int64_t id : others) static_cast<void>(store.execute("KILL " + std::to_string(id)));
}

}  // namespace muster
