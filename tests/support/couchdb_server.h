// The CouchDB stand-in (support/couchdb) as a process of its own on loopback: real storage,
// revisions and authentication, and faults by order.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "io/http.h"
#include "tests/support/child.h"

namespace muster {

class CouchDbServer {
 public:
  static constexpr const char* kAdmin = "admin";
  static constexpr const char* kAdminPassword = "secret";

  // Keeps what it is given under `dir`, in which its output goes to couchdb.out. `flags` are the
  // server's own. Aborts with its words when it does not come up.
  explicit CouchDbServer(std::string dir, std::vector<std::string> flags = {});

  std::string url() const { return "http://127.0.0.1:" + port_; }
  const std::string& port() const { return port_; }

  // SIGKILL; what it has written stays.
  void kill_now() { child_.reset(); }
  // On the same port.
  void start_again() { start(port_); }

  // As the administrator. The path begins with /.
  HttpReply ask(const std::string& method, const std::string& path, const std::string& body = "");
  // Replaces the rules for faults (the head of server.mjs has them): JSON.
  void set_faults(const std::string& rules);
  size_t faults_left();
  // All documents of a database but its design documents, by id, without _rev. None when there is
  // no such database.
  std::map<std::string, nlohmann::json> documents(const std::string& db);
  // Requests that it saw, as "POST /db/_bulk_docs 201"; 0 for an answer that was cut off.
  std::vector<std::string> requests();

 private:
  void start(const std::string& port);

  std::string dir_;
  std::vector<std::string> flags_;
  std::string port_;
  std::unique_ptr<Child> child_;
  HttpClient client_;
};

}  // namespace muster
