// A real MariaDB server of a test's own, in a scratch directory, on a Unix socket and a loopback
// port.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/ledger_place.h"
#include "io/mariadb_store.h"
#include "tests/support/child.h"

namespace muster {

class MariadbServer {
 public:
  static constexpr const char* kUser = "muster";
  static constexpr const char* kPassword = "it's \"secret\" \\ ok";

  // Started, with `flags` added, when this returns; aborts the program when that fails. The data
  // lies under `parent`: in memory where nothing is said, so that its syncs cost nothing.
  explicit MariadbServer(std::vector<std::string> flags = {}, const std::string& parent = "");

  // Of kUser, who may do everything, by the socket.
  MariadbOptions options(const std::string& database = "muster") const;
  // The same by TCP.
  MariadbOptions tcp_options(const std::string& database = "muster") const;
  // A ledger on it.
  LedgerPlace place(const std::string& database = "muster") const;

  // As kUser, without a database.
  void execute(const std::string& sql) const;

  void kill_now() { child_->kill_now(); }
  // With the same data, at the same place.
  void start_again();
  // Ends every connection but the one that does it.
  void end_connections() const;

  const std::string& dir() const { return scratch_.path(); }
  pid_t pid() const { return child_->pid(); }

 private:
  void start();
  std::string socket() const { return dir() + "/s"; }

  ScratchDir scratch_;
  std::vector<std::string> flags_;
  uint16_t port_;
  std::unique_ptr<Child> child_;
};

}  // namespace muster
