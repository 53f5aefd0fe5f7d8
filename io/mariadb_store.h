// The ledger on a MariaDB or MySQL server. Everything of libmariadb is in this file pair.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "core/time.h"
#include "io/db_status.h"
#include "io/sql.h"

namespace muster {

struct MariadbTls {
  bool on = false;        // or there is no connection at all
  std::string ca_file;    // of who may have signed the server's certificate; empty: the system's
  std::string cert_file;  // our own, where the server wants one; with key_file
  std::string key_file;
  bool operator==(const MariadbTls&) const = default;
};

struct MariadbOptions {
  std::string host;    // a name or an address, for TCP; or empty
  std::string socket;  // else the path of a Unix socket
  uint16_t port = 3306;
  std::string database;
  std::string user;
  std::string password;
  MariadbTls tls;
  bool read_only = false;
  Duration connect_timeout = std::chrono::seconds(10);
  // A server that says nothing for so long is given up. One statement of ours is short.
  Duration answer_timeout = std::chrono::seconds(60);
  // Of one that is read_only: the server itself ends a question that takes longer. Zero: than
  // answer_timeout, after which nobody waits for it.
  Duration question_max{0};
  // Where it becomes readable a server is given up that has said nothing two seconds later.
  int stop_fd = -1;
};

// What the number of an error of MariaDB's or of MySQL's means.
DbFault mariadb_fault(unsigned error);

// For people: "mariadb://USER@HOST:PORT/DATABASE".
std::string mariadb_place(const MariadbOptions& options);

// Connects; makes the database where it is missing and we may. No error has the password in it.
//
// Outside a transaction a statement whose connection was lost is sent once more on a new one: such
// statements must be harmless when they are repeated. Not one that the server was silent about for
// answer_timeout: it may still be at it. Inside, that is an error, and the transaction
// has come to nothing or, when it was the commit that failed, has perhaps not.
std::variant<std::unique_ptr<SqlStore>, DbStatus> open_mariadb_store(const MariadbOptions& options);

}  // namespace muster
