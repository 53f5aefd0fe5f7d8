#include "tests/support/couchdb_server.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/house.h"

namespace muster {

CouchDbServer::CouchDbServer(std::string dir, std::vector<std::string> flags)
    : dir_(std::move(dir)), flags_(std::move(flags)) {
  start("0");
}

void CouchDbServer::start(const std::string& port) {
  child_.reset();
  ChildSpec spec;
  spec.argv = {"/usr/bin/env", "node",    MUSTER_COUCHDB_DIR "/server.mjs",
               "--port",       port,      "--dir",
               dir_ + "/data", "--admin", std::string(kAdmin) + ":" + kAdminPassword};
  spec.argv.insert(spec.argv.end(), flags_.begin(), flags_.end());
  spec.stdout_file = dir_ + "/couchdb.out";
  spec.stderr_file = dir_ + "/couchdb.err";
  std::filesystem::remove(spec.stdout_file);  // of an earlier start
  child_ = std::make_unique<Child>(spec);
  if (!eventually([&] { return read_text(spec.stdout_file).ends_with('\n'); })) {
    std::fprintf(stderr, "the CouchDB stand-in does not come up: %s\n",
                 read_text(spec.stderr_file).c_str());
    std::abort();
  }
  const std::string said = read_text(spec.stdout_file);  // "listening PORT"
  port_ = said.substr(said.find(' ') + 1);
  port_.pop_back();
}

HttpReply CouchDbServer::ask(const std::string& method, const std::string& path,
                             const std::string& body) {
  HttpRequest request;
  request.method = method;
  request.url = url() + path;
  request.user = kAdmin;
  request.password = kAdminPassword;
  request.content_type = "application/json";
  request.body = body;
  return client_.ask(std::move(request));
}

void CouchDbServer::set_faults(const std::string& rules) { ask("PUT", "/_fault", rules); }

size_t CouchDbServer::faults_left() {
  size_t left = 0;
  for (const nlohmann::json& rule : nlohmann::json::parse(ask("GET", "/_fault").body)) {
    left += rule.value("count", 0) != 0;
  }
  return left;
}

std::map<std::string, nlohmann::json> CouchDbServer::documents(const std::string& db) {
  std::map<std::string, nlohmann::json> documents;
  const std::string page = "/" + db + "/_all_docs?include_docs=true&limit=5000";
  for (std::string begin;;) {
    const HttpReply reply = ask("GET", page + begin);
    if (!reply.ok()) return documents;
    const nlohmann::json answer = nlohmann::json::parse(reply.body);
    for (const nlohmann::json& row : answer["rows"]) {
      nlohmann::json document = row["doc"];
      begin = "&startkey=%22" + row["key"].get<std::string>() + "%22&skip=1";
      document.erase("_rev");
      documents[row["id"]] = std::move(document);
    }
    if (answer["rows"].empty()) break;
  }
  std::erase_if(documents, [](const auto& each) { return each.first.starts_with("_design/"); });
  return documents;
}

std::vector<std::string> CouchDbServer::requests() {
  std::vector<std::string> requests;
  for (const nlohmann::json& seen : nlohmann::json::parse(ask("GET", "/_log").body)) {
    requests.push_back(seen["m"].get<std::string>() + " " + seen["u"].get<std::string>() + " " +
                       (seen.contains("s") ? seen["s"].dump() : "0"));
  }
  return requests;
}

}  // namespace muster
