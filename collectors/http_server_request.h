// What the head of a request is looked at for before its body is read, and how a query is read.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/http_server.h"
#include "core/limits.h"
#include "core/result.h"

namespace httplib {
struct Request;
}

namespace muster {

inline constexpr size_t kHeadBytesMax = 64 << 10;
// A line of it with its end. httplib takes no longer one, and would call it no request.
inline constexpr size_t kHeaderBytesMax = 8 << 10;

// Whether a head keeps its bounds, seen byte by byte while httplib reads it.
class HeadBounds {
 public:
  // The next bytes of a request, from its first on. Those after the head are let through.
  void take(std::string_view bytes);
  bool passed() const { return status_ != 0; }
  // What is to be answered once a bound is passed; nothing before.
  std::optional<HttpAnswer> refusal() const;

 private:
  size_t bytes_ = 0;
  size_t lines_ = 0;
  size_t line_bytes_ = 0;
  char last_ = 0;
  bool ended_ = false;
  int status_ = 0;
};

std::string lower(std::string text);

// Whether httplib reads a body after the head of such a request.
bool has_body(const httplib::Request& request);
bool says_length(const httplib::Request& request);

// For a method that nobody answers.
std::optional<HttpAnswer> refuse_method_of(const httplib::Request& request);
// For the body that is announced, before any of it is read: httplib would inflate a megabyte into a
// gigabyte before its handler could look.
std::optional<HttpAnswer> refuse_body(const httplib::Request& request, size_t body_max);
HttpAnswer refuse_size(size_t body_max);

// The path of a target, escapes and all.
std::string path_of(std::string_view target);
// The query of a target, decoded. Errors: an escape is broken, or a word is there twice.
Result<std::map<std::string, std::string>> parse_query(std::string_view target);

}  // namespace muster
