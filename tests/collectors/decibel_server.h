// A deciBel in this process: the collector's own receiver behind its own HTTP server, with faults
// by order. Each first part of a path has a store of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "collectors/decibel_http.h"
#include "collectors/http_server.h"
#include "io/clock.h"
#include "tests/support/scratch.h"

namespace muster {

class DecibelServer {
 public:
  static constexpr const char* kToken = "0123456789abcdef0123";

  DecibelServer();

  // `place` is empty or begins with /.
  std::string url(const std::string& place) const;

  // Gives the answer to a document in the receiver's place; nothing: the receiver does.
  using Fault = std::function<std::optional<HttpAnswer>(const HttpCall&)>;
  void set_fault(Fault fault);
  // The same, after the receiver took the document: its own answer is lost.
  void set_fault_after(Fault fault);

  // All rows that a search at `place` gives.
  nlohmann::json search(const std::string& place, std::map<std::string, std::string> query);

  // Documents that came, whatever became of them.
  size_t posts();

 private:
  struct Receiver {
    std::unique_ptr<DecibelStore> store;
    std::unique_ptr<DecibelHttp> http;
  };

  DecibelHttp& http(const std::string& place);
  HttpAnswer answer(const HttpCall& call);

  Scratch scratch_;
  SystemClock clock_;
  std::mutex mutex_;
  std::map<std::string, Receiver> receivers_;
  Fault fault_;
  Fault fault_after_;
  size_t posts_ = 0;
  std::unique_ptr<HttpServer> server_;  // last: ends first
};

}  // namespace muster
