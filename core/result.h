// Result<T>: a value or the reason why there is none. The reason is a sentence for people that says
// what is wrong and where; it is returned, never thrown, for a peer's bytes and the world's
// failures.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace muster {

struct Error {
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only when ok().
  T& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only when not ok().
  const std::string& error() const {
    assert(!ok());
    return std::get_if<1>(&state_)->message;
  }

 private:
  std::variant<T, Error> state_;
};

// For what either works or fails and has no value.
struct Done {};

}  // namespace muster
