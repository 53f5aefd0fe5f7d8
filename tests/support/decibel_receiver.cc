#include "tests/support/decibel_receiver.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/archive_name.h"
#include "io/file.h"
#include "tests/support/loopback.h"

namespace muster {

using nlohmann::json;

DecibelReceiver::DecibelReceiver(const std::string& bin_dir) : port_(free_port()), house_(bin_dir) {
  EXPECT_TRUE(make_home(house_.home()).ok());
  token_file_ = house_.write("token", std::string(kToken) + "\n");
  std::filesystem::permissions(token_file_, std::filesystem::perms::owner_read);
  const std::string config = "http: 127.0.0.1:" + port_ + "\nhttp_token_file: " + token_file_ +
                             "\ndecibel: { receive: true, enabled: false }\n";
  EXPECT_TRUE(write_file_atomically(house_.home().config_file(), config).ok());
  broker_ = house_.start_broker();
  collector_ = house_.start_collector();
}

bool DecibelReceiver::occupy(const std::string& key) {
  HttpRequest request;
  request.method = "POST";
  request.url = unix_url(house_.home().http_socket()) + "/api/test-results/v1/";
  request.content_type = "application/json";
  request.idempotency_key = key;
  request.body = json{{"test_name", "occupied"}, {"guid", kOccupant}, {"passed", 1}}.dump();
  return http_.ask(std::move(request)).ok();
}

json DecibelReceiver::search(const std::string& query) {
  json rows = json::array();
  std::string before;
  for (;;) {
    HttpRequest request;
    request.url = unix_url(house_.home().http_socket()) + "/api/test-results/v1/search/?" + query +
                  "&limit=50&superseded=1" + before;
    const HttpReply reply = http_.ask(std::move(request));
    const json answer = json::parse(reply.body, nullptr, false);
    if (!reply.ok() || !answer.is_object()) return nullptr;
    for (const json& row : answer["rows"]) rows.push_back(row);
    if (!answer.contains("next")) return rows;
    before = "&before=" + std::to_string(answer["next"].get<uint64_t>());
  }
}

size_t DecibelReceiver::runs() {
  const json rows = search("projection=run.guid");
  return rows.is_null() ? 0 : rows.size();
}

}  // namespace muster
