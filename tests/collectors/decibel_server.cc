#include "tests/collectors/decibel_server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/sha256.h"

namespace muster {
namespace {

// In memory where there is such a place: how durable it is is not what is tested.
std::string parent_dir() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

}  // namespace

DecibelServer::DecibelServer() : scratch_(parent_dir()) {
  HttpListen listen;
  listen.host = "127.0.0.1";
  listen.token_digest = sha256_hex(kToken);
  listen.spools = [](const std::string& path) { return path.find("/api/") != path.npos; };
  listen.spool_max = kDecibelBytesMax;
  listen.spool_dir = scratch_.path();
  auto server = HttpServer::start(listen, [this](const HttpCall& call) { return answer(call); });
  EXPECT_TRUE(server.ok()) << server.error();
  server_ = std::move(*server);
}

std::string DecibelServer::url(const std::string& place) const {
  return "http://127.0.0.1:" + std::to_string(server_->port()) + place + std::string(kDecibelPath) +
         "/";
}

void DecibelServer::set_fault(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

void DecibelServer::set_fault_after(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_after_ = std::move(fault);
}

nlohmann::json DecibelServer::search(const std::string& place,
                                     std::map<std::string, std::string> query) {
  HttpCall call;
  call.method = "GET";
  call.path = std::string(kDecibelPath) + "/search/";
  call.query = std::move(query);
  call.query.emplace("limit", "10000");
  const HttpAnswer answer = http(place).answer(call);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return nlohmann::json::parse(answer.body)["rows"];
}

size_t DecibelServer::posts() {
  const std::lock_guard lock(mutex_);
  return posts_;
}

DecibelHttp& DecibelServer::http(const std::string& place) {
  const std::lock_guard lock(mutex_);
  Receiver& receiver = receivers_[place];
  if (!receiver.http) {
    const std::string file = scratch_ / ("store" + std::to_string(receivers_.size()) + ".db");
    auto store = DecibelStore::open(file);
    EXPECT_TRUE(store.ok()) << store.error();
    receiver.store = std::move(*store);
    receiver.http = std::make_unique<DecibelHttp>(receiver.store.get(), clock_);
  }
  return *receiver.http;
}

HttpAnswer DecibelServer::answer(const HttpCall& call) {
  const bool is_post = call.method == "POST";
  Fault before, after;
  {
    const std::lock_guard lock(mutex_);
    before = is_post ? fault_ : Fault();
    after = is_post ? fault_after_ : Fault();
    posts_ += is_post ? 1 : 0;
  }
  if (before) {
    if (std::optional<HttpAnswer> fault = before(call)) return std::move(*fault);
  }
  const size_t at = std::min(call.path.find(kDecibelPath), call.path.size());
  HttpCall inner = call;
  inner.path = call.path.substr(at);
  if (inner.path.empty()) return http_refusal(404, "there is no such thing here");
  HttpAnswer answered = http(call.path.substr(0, at)).answer(inner);
  if (after) {
    if (std::optional<HttpAnswer> fault = after(call)) return std::move(*fault);
  }
  return answered;
}

}  // namespace muster
