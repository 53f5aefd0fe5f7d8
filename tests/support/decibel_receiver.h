// A house whose collector takes documents of deciBel over TCP, so that another collector can feed
// it, and be left alone by it when it is killed.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/http.h"
#include "tests/support/house.h"

namespace muster {

class DecibelReceiver {
 public:
  // Of those who may write there.
  static constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

  explicit DecibelReceiver(const std::string& bin_dir);

  const std::string& port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + port_; }
  // A file with kToken.
  const std::string& token_file() const { return token_file_; }

  void kill_now() { collector_->kill_now(); }
  void start_again() { collector_ = house_.start_collector(); }

  // Has a document of nobody's under that key: the one that comes under it is refused for good.
  // False: the receiver does not take it now.
  bool occupy(const std::string& key);
  // The task of such documents.
  static constexpr const char* kOccupant = "nobody";

  // All rows of a search, page by page, superseded runs included; null while nobody answers.
  nlohmann::json search(const std::string& query);
  // How many runs there are; 0 while nobody answers.
  size_t runs();

 private:
  const std::string port_;
  House house_;
  std::string token_file_;
  HttpClient http_;
  std::unique_ptr<Child> broker_;  // its own: a collector follows one
  std::unique_ptr<Child> collector_;
};

}  // namespace muster
